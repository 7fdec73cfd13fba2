// Changes the breaker's mode: choose, read what that means, say why.

import { useState } from "preact/hooks";
import type { Circuit, CircuitMode } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { Problem, Technical } from "../ui/basics";
import { CircuitNote } from "../ui/circuit-note";
import { Dialog, DialogActions } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { useAction } from "./action";
import { Choices, Why } from "./why";

const MODES: readonly CircuitMode[] = ["auto", "force_open", "force_closed"];

interface Props {
  circuit: Circuit;
  onClose: () => void;
  onChanged: () => void;
}

export function ChangeCircuit({ circuit, onClose, onChanged }: Props) {
  const { m } = useText();
  const { api, notify } = useSigned();
  const [mode, setMode] = useState<CircuitMode>(circuit.mode);
  const [asked, setAsked] = useState(false);
  const [why, setWhy] = useState("");
  const [missing, setMissing] = useState(false);
  const { busy, failure, act } = useAction();

  const apply = () => {
    setMissing(why.trim() === "");
    if (why.trim() === "") return;
    act(
      () => api.circuit(mode, why.trim()),
      () => {
        notify(m.circuit.done);
        onChanged();
        onClose();
      },
    );
  };

  if (asked) {
    return (
      <Dialog title={m.circuit.question[mode]} onClose={onClose}>
        <div class="stack">
          <p class={mode === "auto" ? "lead" : "notice warn"}>
            {mode !== "auto" && <Icon name="degraded" />}
            <span>{m.circuit.confirm[mode]}</span>
          </p>
          <Why value={why} onInput={setWhy} missing={missing} />
          {failure && <Problem title={m.act.failed} failure={failure} />}
        </div>
        <DialogActions>
          <button type="button" class="button" onClick={() => setAsked(false)}>
            {m.back}
          </button>
          <button
            type="button"
            class={`button ${mode === "auto" ? "primary" : "danger"}`}
            disabled={busy}
            onClick={apply}
          >
            {busy ? m.act.working : m.circuit.apply[mode]}
          </button>
        </DialogActions>
      </Dialog>
    );
  }
  return (
    <Dialog title={m.circuit.title} onClose={onClose}>
      <div class="stack">
        <p>{m.circuit.lead}</p>
        <p>
          {m.circuit.nowIs(m.circuit.now[circuit.state], m.circuit[circuit.mode])}{" "}
          <span class="note">
            <CircuitNote circuit={circuit} />
          </span>
        </p>
        <Choices<CircuitMode>
          legend={m.circuit.mode}
          value={mode}
          options={MODES.map((value) => ({
            value,
            label: m.circuit[value],
            hint: m.circuit[`${value}Hint`],
          }))}
          onChange={setMode}
        />
        <Technical code={circuit.destination} />
      </div>
      <DialogActions>
        <button type="button" class="button" onClick={onClose}>
          {m.cancel}
        </button>
        <button
          type="button"
          class="button primary"
          disabled={mode === circuit.mode}
          onClick={() => setAsked(true)}
        >
          {m.circuit.next}
        </button>
      </DialogActions>
    </Dialog>
  );
}
