// From which tab a sync reads, with the way there, and into which table it writes.

import type { Sync } from "../api/types";
import { useText } from "../i18n";
import { Outside } from "../ui/basics";
import { Icon } from "../ui/icons";

export function Where({ sync }: { sync: Sync }) {
  const { m } = useText();
  return (
    <p class="note where">
      {sync.spreadsheetUrl !== null ? (
        <Outside href={sync.spreadsheetUrl} label={`${m.sync.spreadsheet}: ${sync.tab ?? ""}`}>
          {sync.tab ?? m.sync.spreadsheet}
        </Outside>
      ) : (
        sync.tab
      )}
      {sync.table !== null && (
        <>
          <Icon name="arrow" /> <code>{sync.table}</code>
        </>
      )}
    </p>
  );
}
