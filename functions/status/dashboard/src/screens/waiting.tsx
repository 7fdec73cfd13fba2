// What a run left undone because it waits: deletes that were withheld or that another read must
// confirm, and rows whose adoption an operator decides.

import { useState } from "preact/hooks";
import { ApproveAdoption } from "../actions/approve-adoption";
import { ApproveDeletes, MissingRows } from "../actions/approve-deletes";
import type { Adoption, AdoptionSample, RunDetail } from "../api/types";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { Technical } from "../ui/basics";
import { Icon } from "../ui/icons";
import { SampleHead, SamplePair } from "../ui/samples";

export function Waiting({ run, onApproved }: { run: RunDetail; onApproved: () => void }) {
  return (
    <>
      {run.deletesWithheld !== null && <DeletesWithheld run={run} onApproved={onApproved} />}
      {run.adoption !== null && (
        <AdoptionWithheld run={run.id} adoption={run.adoption} onApproved={onApproved} />
      )}
      {run.unconfirmed > 0 && <Unconfirmed rows={run.unconfirmed} />}
    </>
  );
}

function DeletesWithheld({ run, onApproved }: { run: RunDetail; onApproved: () => void }) {
  const { m } = useText();
  const { me } = useSigned();
  const [open, setOpen] = useState(false);
  return (
    <section class="notice warn" aria-labelledby="withheld">
      <Icon name="degraded" />
      <div>
        <h2 class="notice-title" id="withheld">
          {m.run.withheld}
        </h2>
        <p>{run.withheldRows === null ? m.run.withheldUnknown : m.run.withheldText(run.withheldRows)}</p>
        {run.withheldRows !== null && <MissingRows run={run} rows={run.withheldRows} />}
        <Technical code="deletes_withheld" message={run.deletesWithheld} />
        {mayAct(me) && run.withheldRows !== null && (
          <button type="button" class="button" onClick={() => setOpen(true)}>
            {m.approve.open}
          </button>
        )}
      </div>
      {open && run.withheldRows !== null && (
        <ApproveDeletes
          run={run}
          rows={run.withheldRows}
          onClose={() => setOpen(false)}
          onApproved={onApproved}
        />
      )}
    </section>
  );
}

function AdoptionWithheld(props: { run: string; adoption: Adoption; onApproved: () => void }) {
  const { m } = useText();
  const { me } = useSigned();
  const [open, setOpen] = useState(false);
  const { rows } = props.adoption;
  return (
    <section class="notice warn" aria-labelledby="adoption">
      <Icon name="degraded" />
      <div class="wide">
        <h2 class="notice-title" id="adoption">
          {m.adoption.withheld}
        </h2>
        <p>{m.adoption.withheldText(rows)}</p>
        <Columns adoption={props.adoption} />
        {mayAct(me) && (
          <button type="button" class="button" onClick={() => setOpen(true)}>
            {m.adoption.open}
          </button>
        )}
      </div>
      {open && (
        <ApproveAdoption
          run={props.run}
          rows={rows}
          onClose={() => setOpen(false)}
          onApproved={props.onApproved}
        />
      )}
    </section>
  );
}

/** The columns in which rows differ, those that differ in most rows first; each with its values as far as they are known. */
function Columns({ adoption }: { adoption: Adoption }) {
  const { m } = useText();
  return (
    <div class="columns">
      {byColumn(adoption).map(({ column, rows, samples }) => (
        <details class="column" key={column} open={samples.length > 0}>
          <summary>
            <code>{column}</code> <span>{m.adoption.columnRows(rows)}</span>
            {samples.length < rows && <span class="note">{m.plan.samples(samples.length)}</span>}
          </summary>
          <ul class="samples">
            {samples.length > 0 && <SampleHead />}
            {samples.map((sample) => (
              <Sample key={sample.rowKey} sample={sample} />
            ))}
          </ul>
        </details>
      ))}
    </div>
  );
}

function Sample({ sample }: { sample: AdoptionSample }) {
  const { m } = useText();
  return (
    <li>
      <span class="at">
        <span class="value key">{sample.rowKey}</span>{" "}
        {sample.rowNumber !== null && <span class="note">{m.errors.rowNumber(sample.rowNumber)}</span>}
      </span>
      <SamplePair old={sample.old} new={sample.new} isNumber={typeof sample.old === "number"} />
    </li>
  );
}

export function byColumn({ columns, sample }: Adoption) {
  return Object.entries(columns)
    .map(([column, rows]) => ({ column, rows, samples: sample.filter((it) => it.column === column) }))
    .sort((a, b) => b.rows - a.rows || a.column.localeCompare(b.column));
}

function Unconfirmed({ rows }: { rows: number }) {
  const { m } = useText();
  return (
    <section class="notice" aria-labelledby="unconfirmed">
      <Icon name="degraded" />
      <div>
        <h2 class="notice-title" id="unconfirmed">
          {m.run.unconfirmedTitle(rows)}
        </h2>
        <p>{m.run.unconfirmedText}</p>
      </div>
    </section>
  );
}
