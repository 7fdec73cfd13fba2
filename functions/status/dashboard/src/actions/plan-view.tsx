// What a run would do: how many rows, which values, what would be rejected.

import type { ComponentChildren } from "preact";
import type { Plan, PlanColumn, PlanRejection, Sample } from "../api/types";
import { useText, type Text } from "../i18n";
import { useCodes } from "../i18n/codes";
import { runErrorText } from "../i18n/code-text";
import { CellLink, CodeText, Place } from "../screens/entries";
import { Badge, Technical, type Tone } from "../ui/basics";
import { Icon } from "../ui/icons";
import { SampleHead, SamplePair } from "../ui/samples";
import { Table } from "../ui/table";
import { Value } from "../ui/value";

const COUNTS = [
  "insert",
  "update",
  "delete",
  "unchanged",
  "reject",
  "skip",
  "failed",
  "conflict",
  "adopt",
] as const;
const TONE: Record<Sample["outcome"], Tone> = { write: "info", keep: "quiet", conflict: "warn" };

/** `tabUrl`: where the cells are; null when no run has read the tab yet. */
export function PlanView({ plan, tabUrl }: { plan: Plan; tabUrl: string | null }) {
  const text = useText();
  const codes = useCodes();
  const { m, f } = text;
  const columns = plan.columns.filter((column) => column.changes > 0 || column.conflicts > 0);
  return (
    <div class="stack plan">
      <p class="lead" role="status">
        {plan.fails === null && summary(text, plan)}
      </p>
      {plan.fails !== null && (
        <Warned title={m.plan.fails} message={plan.fails.message} code={plan.fails.code} tone="bad">
          {runErrorText(text, codes, plan.fails, 0)}
        </Warned>
      )}
      <dl class="facts small">
        {COUNTS.map((name) => (
          <div class="fact" key={name}>
            <dt>{m.plan[name]}</dt>
            <dd class={plan[name] === 0 ? "zero" : ""}>{f.count(plan[name])}</dd>
          </div>
        ))}
      </dl>
      {plan.deletesWithheld !== null && (
        <Warned title={m.plan.withheld} message={plan.deletesWithheld} code="deletes_withheld" tone="warn">
          {m.plan.withheldText}
        </Warned>
      )}
      {plan.warnings.length > 0 && (
        <section>
          <h3>{m.plan.warnings}</h3>
          <ul class="reasons">
            {plan.warnings.map((warning) => (
              <li key={`${warning.code} ${warning.column}`}>
                <Icon name="degraded" />
                <span lang="en">{warning.message}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {columns.length > 0 && (
        <section>
          <h3>{m.plan.changes}</h3>
          {columns.map((column) => (
            <ColumnChanges key={column.column} column={column} tabUrl={tabUrl} />
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
          <Rejections rejections={plan.rejections} tabUrl={tabUrl} />
        </section>
      )}
      <p class="note">{m.start.readAt(f.dateTime(plan.readAt))}</p>
    </div>
  );
}

/** How much changes. Deleted rows are none of those that were read, and nothing is only good news without errors. */
function summary({ m }: Text, plan: Plan): string {
  const changes = plan.insert + plan.update;
  if (plan.delete > 0) return m.plan.summaryPlain(changes + plan.delete);
  return changes === 0 ? m.plan.nothing(plan.reject + plan.failed) : m.plan.summary(changes, plan.rowsRead);
}

function Warned(props: {
  title: string;
  message: string;
  code: string;
  tone: "warn" | "bad";
  children: ComponentChildren;
}) {
  return (
    <div class={`notice ${props.tone}`}>
      <Icon name="degraded" />
      <div>
        <p class="notice-title">{props.title}</p>
        <p>{props.children}</p>
        <Technical code={props.code} message={props.message} />
      </div>
    </div>
  );
}

const at = (tabUrl: string | null, cell: string | null) =>
  tabUrl === null || cell === null ? null : `${tabUrl}&range=${cell}`;

/** The types whose values have separators between the thousands. */
const isNumber = (type: string) => type === "integer" || type === "decimal";

function ColumnChanges({ column, tabUrl }: { column: PlanColumn; tabUrl: string | null }) {
  const { m } = useText();
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
        {column.samples.length > 0 && <SampleHead />}
        {column.samples.map((sample) => (
          <li key={`${sample.rowKey} ${sample.cell}`}>
            <span class="at">
              <span class="value key">{sample.rowKey}</span>{" "}
              <span class="note">
                <CellLink cell={sample.cell} url={at(tabUrl, sample.cell)} short />
              </span>
            </span>
            <SamplePair old={sample.old} new={sample.new} isNumber={isNumber(column.type)} />
            {sample.outcome !== "write" && (
              <Badge tone={TONE[sample.outcome]}>{m.plan.outcome[sample.outcome]}</Badge>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Rejections({ rejections, tabUrl }: { rejections: PlanRejection[]; tabUrl: string | null }) {
  const { m } = useText();
  return (
    <Table<PlanRejection>
      caption={m.plan.rejections}
      rows={rejections}
      rowKey={(entry) => `${entry.cell} ${entry.rowNumber} ${entry.code}`}
      columns={[
        {
          id: "cell",
          head: m.errors.cell,
          lead: true,
          cell: (entry) => <Place entry={{ ...entry, cellUrl: at(tabUrl, entry.cell) }} />,
        },
        { id: "raw", head: m.errors.raw, cell: (entry) => <Value of={entry.raw} /> },
        {
          id: "problem",
          head: m.errors.problem,
          cell: (entry) => <CodeText of={entry} />,
        },
      ]}
    />
  );
}
