// Decides the adoption that a run withheld: whose values stay in rows that the table had before the sync and that differ.

import { useState } from "preact/hooks";
import type { Keep } from "../api/types";
import { useSigned } from "../context";
import { expectRun } from "../expected";
import { useText } from "../i18n";
import { runAddress } from "../routes";
import { Problem } from "../ui/basics";
import { Dialog, DialogActions } from "../ui/dialog";
import { useAction } from "./action";
import { Choices, Why } from "./why";

const SIDES: readonly Keep[] = ["sheet", "database"];

interface Props {
  run: string;
  /** How many rows wait. */
  rows: number;
  onClose: () => void;
  onApproved: () => void;
}

export function ApproveAdoption({ run, rows, onClose, onApproved }: Props) {
  const { m } = useText();
  const { api, notify } = useSigned();
  // Neither is chosen beforehand: a wrong choice loses values.
  const [keep, setKeep] = useState<Keep | "">("");
  const [why, setWhy] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, failure, act } = useAction();

  const approve = () => {
    setTried(true);
    if (keep === "" || why.trim() === "") return;
    act(
      () => api.approveAdoption(run, keep, why.trim()),
      ({ approved, run: started }) => {
        notify(m.adoption.done(approved));
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
    <Dialog title={m.adoption.title} onClose={onClose}>
      <div class="stack">
        <p>{m.adoption.lead(rows)}</p>
        <div class="field">
          <Choices<Keep | "">
            legend={m.adoption.keep}
            value={keep}
            options={SIDES.map((value) => ({
              value,
              label: m.adoption[value],
              hint: m.adoption[`${value}Hint`],
            }))}
            onChange={setKeep}
          />
          {tried && keep === "" && (
            <span class="field-problem" role="alert">
              {m.adoption.keepNeeded}
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
        <button
          type="button"
          class={`button ${keep === "sheet" ? "danger" : "primary"}`}
          disabled={busy}
          onClick={approve}
        >
          {busy ? m.act.working : m.adoption.confirm[keep === "" ? "none" : keep](rows)}
        </button>
      </DialogActions>
    </Dialog>
  );
}
