// What a run would do: how many rows, which values, what would be rejected.

import type { Plan, PlanColumn, PlanRejection, Sample } from "../api/types";
import { useText } from "../i18n";
import { CellLink, CodeText } from "../screens/entries";
import { Badge, type Tone } from "../ui/basics";
import { Icon } from "../ui/icons";
import { Table } from "../ui/table";
import { Value } from "../ui/value";

const COUNTS = ["insert", "update", "delete", "unchanged", "reject", "skip", "conflict", "adopt"] as const;
const TONE: Record<Sample["outcome"], Tone> = { write: "info", keep: "quiet", conflict: "warn" };

export function PlanView({ plan }: { plan: Plan }) {
  const { m, f } = useText();
  const changes = plan.insert + plan.update + plan.delete;
  const columns = plan.columns.filter((column) => column.changes > 0 || column.conflicts > 0);
  return (
    <div class="stack plan">
      <p class="lead" role="status">
        {changes === 0 ? m.plan.nothing : m.plan.summary(changes)} {m.plan.read(plan.rowsRead)}
      </p>
      <dl class="facts small">
        {COUNTS.map((name) => (
          <div class="fact" key={name}>
            <dt>{m.plan[name]}</dt>
            <dd class={plan[name] === 0 ? "zero" : ""}>{f.count(plan[name])}</dd>
          </div>
        ))}
      </dl>
      {plan.deletesWithheld !== null && (
        <div class="notice warn">
          <Icon name="degraded" />
          <div>
            <p class="notice-title">{m.plan.withheld}</p>
            <p>{plan.deletesWithheld}</p>
          </div>
        </div>
      )}
      {plan.warnings.length > 0 && (
        <section>
          <h3>{m.plan.warnings}</h3>
          <ul class="reasons">
            {plan.warnings.map((warning) => (
              <li key={`${warning.code} ${warning.column}`}>
                <Icon name="degraded" />
                <span>{warning.message}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {columns.length > 0 && (
        <section>
          <h3>{m.plan.changes}</h3>
          {columns.map((column) => (
            <ColumnChanges key={column.column} column={column} />
          ))}
        </section>
      )}
      {plan.rejections.length > 0 && (
        <section>
          <h3>
            {m.plan.rejections}{" "}
            {plan.reject > plan.rejections.length && (
              <span class="note">{m.plan.rejectionsMore(plan.rejections.length, plan.reject)}</span>
            )}
          </h3>
          <Rejections rejections={plan.rejections} />
        </section>
      )}
      <p class="note">{m.start.readAt(f.dateTime(plan.readAt))}</p>
    </div>
  );
}

function ColumnChanges({ column }: { column: PlanColumn }) {
  const { m, f } = useText();
  return (
    <details class="column" open={column.samples.length > 0}>
      <summary>
        <strong class="value">{column.header ?? column.column}</strong> <code>{column.column}</code>{" "}
        <Badge tone="info">{m.plan.columnChanges(column.changes)}</Badge>
        {column.conflicts > 0 && <Badge tone="warn">{m.plan.columnConflicts(column.conflicts)}</Badge>}
        {column.samples.length < column.changes + column.conflicts && (
          <span class="note">{m.plan.samples(column.samples.length)}</span>
        )}
      </summary>
      <ul class="samples">
        {column.samples.map((sample) => (
          <li key={`${sample.rowKey} ${sample.cell}`}>
            <span class="at">
              <span class="value key">{sample.rowKey}</span>{" "}
              <span class="note">
                {sample.cell ?? (sample.rowNumber === null ? "" : f.count(sample.rowNumber))}
              </span>
            </span>
            <span class="old">
              <span class="visually-hidden">{m.plan.old}: </span>
              <Value of={sample.old} />
            </span>
            <Icon name="arrow" />
            <span class="new">
              <span class="visually-hidden">{m.plan.new}: </span>
              <Value of={sample.new} />
            </span>
            {sample.outcome !== "write" && (
              <Badge tone={TONE[sample.outcome]}>{m.plan.outcome[sample.outcome]}</Badge>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Rejections({ rejections }: { rejections: PlanRejection[] }) {
  const { m } = useText();
  return (
    <Table<PlanRejection>
      caption={m.plan.rejections}
      rows={rejections}
      rowKey={(entry) => `${entry.cell} ${entry.rowNumber} ${entry.code}`}
      columns={[
        { id: "cell", head: m.errors.cell, lead: true, cell: (entry) => <CellLink entry={entry} /> },
        {
          id: "row",
          head: m.errors.row,
          cell: (entry) => <span class="value key">{entry.rowKey ?? m.none}</span>,
        },
        { id: "raw", head: m.errors.raw, cell: (entry) => <Value of={entry.raw} /> },
        {
          id: "problem",
          head: m.errors.problem,
          cell: (entry) => <CodeText code={entry.code} message={entry.message} />,
        },
      ]}
    />
  );
}
