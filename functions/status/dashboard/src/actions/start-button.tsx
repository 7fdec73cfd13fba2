// The button that starts a run of a sync, with its dialog, for those who may.

import { useState } from "preact/hooks";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { Icon } from "../ui/icons";
import { StartRun } from "./start-run";

interface Props {
  sync: string;
  /** `primary` where the whole screen is about the sync; `small` beside it. */
  look: "primary" | "small";
  /** Whether its picture is shown. */
  icon?: boolean;
}

export function StartButton({ sync, look, icon = true }: Props) {
  const { m } = useText();
  const { me } = useSigned();
  const [open, setOpen] = useState(false);
  if (!mayAct(me)) return null;
  return (
    <>
      <button
        type="button"
        class={`button ${look}`}
        // Several syncs, or several such buttons, are on the screen.
        {...(look === "small" ? { "aria-label": `${m.start.open} (${sync})` } : {})}
        onClick={() => setOpen(true)}
      >
        {icon && <Icon name="sync" />}
        {m.start.open}
      </button>
      {open && <StartRun sync={sync} onClose={() => setOpen(false)} />}
    </>
  );
}
