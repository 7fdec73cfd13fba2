// What the circuit breaker does, since when and why.

import type { Circuit } from "../api/types";
import { now } from "../clock";
import { useText } from "../i18n";
import { Elapsed } from "./basics";

export function CircuitNote({ circuit }: { circuit: Circuit }) {
  const { m, f } = useText();
  const { state, mode, since, until, why } = circuit;
  return (
    <>
      {mode === "auto" ? m.delivery.stateHint[state] : <strong>{m.delivery.forced[mode]}</strong>}
      {since !== null && (
        <>
          {" "}
          (<Elapsed since={since} around={m.delivery.since} />)
        </>
      )}
      {mode === "auto" && state === "open" && until !== null && (
        <> {m.delivery.until(f.time(until, now()))}</>
      )}
      {why !== null && <span class="why"> {m.circuit.why(m.delivery.why[why] ?? why)}</span>}
    </>
  );
}
