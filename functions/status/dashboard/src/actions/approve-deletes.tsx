// Approves the deletes that a run withheld: exactly those, once. It is the only action that loses rows, so it asks most.

import { useState } from "preact/hooks";
import type { RunDetail } from "../api/types";
import { useSigned } from "../context";
import { expectRun } from "../expected";
import { useText } from "../i18n";
import { runAddress } from "../routes";
import { Outside, Problem } from "../ui/basics";
import { Dialog, DialogActions } from "../ui/dialog";
import { useAction } from "./action";
import { Why } from "./why";

interface Props {
  run: RunDetail;
  /** How many rows an approval deletes. */
  rows: number;
  onClose: () => void;
  onApproved: () => void;
}

export function ApproveDeletes({ run, rows, onClose, onApproved }: Props) {
  const { m } = useText();
  const { api, notify } = useSigned();
  // Without its definition a sync deletes nothing.
  const policy = run.deletePolicy ?? "ignore";
  const [looked, setLooked] = useState(false);
  const [why, setWhy] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, failure, act } = useAction();

  const approve = () => {
    setTried(true);
    if (!looked || why.trim() === "") return;
    act(
      () => api.approveDeletes(run.id, why.trim()),
      ({ approved, run: started }) => {
        notify(m.approve.done(approved));
        onApproved();
        onClose();
        if (started !== null) {
          expectRun(started);
          location.hash = runAddress(started);
        }
      },
    );
  };

  return (
    <Dialog title={m.approve.title} onClose={onClose}>
      <div class="stack">
        <p>{m.approve.lead[policy](rows)}</p>
        <MissingRows run={run} rows={rows} />
        <div class="field">
          <label class="check">
            <input
              type="checkbox"
              checked={looked}
              onChange={(event) => setLooked(event.currentTarget.checked)}
            />
            <span>{m.approve.check}</span>
          </label>
          {tried && !looked && (
            <span class="field-problem" role="alert">
              {m.approve.checkNeeded}
            </span>
          )}
        </div>
        <Why value={why} onInput={setWhy} missing={tried && why.trim() === ""} />
        {failure && <Problem title={m.act.failed} failure={failure} />}
      </div>
      <DialogActions>
        <button type="button" class="button" onClick={onClose}>
          {m.cancel}
        </button>
        <button type="button" class="button danger" disabled={busy} onClick={approve}>
          {busy ? m.act.working : m.approve.confirm[policy](rows)}
        </button>
      </DialogActions>
    </Dialog>
  );
}

/** The rows that are missing from the sheet, as many as the run has kept, and the way to the spreadsheet. */
export function MissingRows({ run, rows }: { run: RunDetail; rows: number }) {
  const { m } = useText();
  const { vanishedSample: keys, spreadsheetUrl } = run;
  return (
    <div class="missing">
      {keys.length > 0 && (
        <ul class="keys" aria-label={m.approve.rows}>
          {keys.map((key) => (
            <li class="value key" key={key}>
              {key}
            </li>
          ))}
          {rows > keys.length && <li class="note">{m.approve.more(rows - keys.length)}</li>}
        </ul>
      )}
      {spreadsheetUrl !== null && <Outside href={spreadsheetUrl}>{m.run.sheetLink}</Outside>}
    </div>
  );
}
