// Approves the deletes that a run withheld: exactly those, once. It is the only action that loses rows, so it asks most.

import { useState } from "preact/hooks";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { runAddress } from "../routes";
import { expectRun } from "../screens/run";
import { Problem } from "../ui/basics";
import { Dialog, DialogActions } from "../ui/dialog";
import { useAction } from "./action";
import { Why } from "./why";

interface Props {
  run: string;
  /** How many rows will go; null when the run does not say. */
  rows: number | null;
  onClose: () => void;
  onApproved: () => void;
}

export function ApproveDeletes({ run, rows, onClose, onApproved }: Props) {
  const { m } = useText();
  const { api, notify } = useSigned();
  const [looked, setLooked] = useState(false);
  const [why, setWhy] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, failure, act } = useAction();

  const approve = () => {
    setTried(true);
    if (!looked || why.trim() === "") return;
    act(
      () => api.approveDeletes(run, why.trim()),
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
        <p>{m.approve.lead(rows)}</p>
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
          {busy ? m.act.working : m.approve.confirm(rows)}
        </button>
      </DialogActions>
    </Dialog>
  );
}
