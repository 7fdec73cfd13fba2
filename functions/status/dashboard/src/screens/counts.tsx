// Promise 1 on a screen: every row that was read ended as exactly one of these, and the sum is shown.

import type { Run } from "../api/types";
import { useText } from "../i18n";
import { Fact } from "../ui/basics";
import { Icon } from "../ui/icons";

export const PARTS = ["inserted", "updated", "unchanged", "rejected", "skipped", "failed"] as const;
const BESIDES = [
  "restored",
  "corrected",
  "deleted",
  "unconfirmed",
  "conflicts",
  "adopted",
  "withheld",
  "keysVanished",
  "keysUnreadable",
  "rowsSent",
] as const;

export function Counts({ run, running }: { run: Run; running: boolean }) {
  const { m, f } = useText();
  const sum = PARTS.reduce((total, part) => total + run[part], 0);
  // Keys whose deletes are on hold are missing too, though the run handed none of them on.
  const besides = { ...run, keysVanished: run.withheldRows ?? run.keysVanished };
  const names = {
    restored: m.run.restored,
    corrected: m.run.corrected,
    deleted: m.run.deleted,
    unconfirmed: m.run.unconfirmed,
    conflicts: m.run.conflicts,
    adopted: m.run.adopted,
    withheld: m.run.adoptionsWithheld,
    keysVanished: m.run.vanished,
    keysUnreadable: m.run.unreadable,
    rowsSent: m.run.sent,
  };
  return (
    <section class="card counts" aria-labelledby="counts">
      <h2 id="counts">{m.run.counts}</h2>
      <Bar run={run} />
      <dl class="facts small">
        {PARTS.map((part) => (
          <div class="fact" key={part}>
            <dt>
              <span class={`swatch part-${part}`} />
              {m.run[part]}
            </dt>
            <dd class={run[part] === 0 ? "zero" : ""}>{f.count(run[part])}</dd>
          </div>
        ))}
      </dl>
      <p class="sum">
        {running ? (
          m.run.notYet
        ) : sum === run.totalRows ? (
          <>
            <Icon name="healthy" /> {m.run.addsUp(f.count(run.totalRows))}
          </>
        ) : (
          <strong>
            <Icon name="degraded" /> {m.run.doesNotAddUp(f.count(sum), f.count(run.totalRows))}
          </strong>
        )}
      </p>
      <h3>{m.run.besides}</h3>
      <dl class="facts small">
        {BESIDES.map((part) => (
          <Fact key={part} name={names[part]}>
            <span class={besides[part] === 0 ? "zero" : ""}>{f.count(besides[part])}</span>
          </Fact>
        ))}
      </dl>
    </section>
  );
}

/** The shares as one bar; a part that is there is never too thin to be seen. */
function Bar({ run }: { run: Run }) {
  const all = Math.max(1, run.totalRows);
  const widths = PARTS.map((part) => (run[part] === 0 ? 0 : Math.max(0.6, (100 * run[part]) / all)));
  const scale =
    100 /
    Math.max(
      100,
      widths.reduce((a, b) => a + b, 0),
    );
  let x = 0;
  return (
    <svg class="bar" aria-hidden="true" focusable="false">
      <rect class="part-rest" width="100%" height="100%" />
      {PARTS.map((part, index) => {
        const width = (widths[index] ?? 0) * scale;
        const at = x;
        x += width;
        return (
          width > 0 && (
            <rect key={part} class={`part-${part}`} x={`${at}%`} width={`${width}%`} height="100%" />
          )
        );
      })}
    </svg>
  );
}
