// Between the sheet and the table: the breaker, the queue, the dead letters.

import { useState } from "preact/hooks";
import { ChangeCircuit } from "../actions/circuit";
import type { Circuit, Delivery } from "../api/types";
import { now } from "../clock";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { Badge, Elapsed, Fact, type Tone } from "../ui/basics";
import type { IconName } from "../ui/icons";

const CIRCUIT: Record<Circuit["state"], { tone: Tone; icon: IconName }> = {
  closed: { tone: "good", icon: "healthy" },
  half_open: { tone: "warn", icon: "running" },
  open: { tone: "bad", icon: "unhealthy" },
};

export function DeliveryPanel({ delivery, onChanged }: { delivery: Delivery; onChanged: () => void }) {
  const { m, f } = useText();
  const { circuit, queue, deadLetters } = delivery;
  const oldest = queue?.oldestMessageSeconds ?? null;
  const dead = deadLetters?.messages ?? 0;
  return (
    <section class="card delivery" aria-labelledby="delivery">
      <h2 id="delivery">{m.delivery.title}</h2>
      <dl class="facts">
        <Fact name={m.delivery.circuit} note={circuit && <CircuitNote circuit={circuit} />}>
          {circuit === null ? (
            m.unknown
          ) : (
            <>
              <Badge {...CIRCUIT[circuit.state]} title={m.delivery.stateHint[circuit.state]}>
                {m.delivery.state[circuit.state]}
              </Badge>
              <CircuitControl circuit={circuit} onChanged={onChanged} />
            </>
          )}
        </Fact>
        <Fact name={m.delivery.queue} note={queue && m.delivery.inFlight(queue.inFlight)}>
          {queue === null ? m.unknown : f.count(queue.waiting)}
        </Fact>
        <Fact
          name={m.delivery.oldest}
          note={oldest === null && queue !== null ? m.delivery.noneWaiting : undefined}
        >
          {queue === null ? m.unknown : f.duration(oldest)}
        </Fact>
        <Fact
          name={m.delivery.deadLetters}
          note={deadLetters && (dead > 0 ? m.delivery.needRedrive : m.delivery.empty)}
          {...(dead > 0 ? { tone: "bad" as const } : {})}
        >
          {deadLetters === null ? m.unknown : f.count(dead)}
        </Fact>
      </dl>
    </section>
  );
}

function CircuitNote({ circuit }: { circuit: Circuit }) {
  const { m, f } = useText();
  return (
    <>
      {circuit.mode !== "auto" && <strong>{m.delivery.forced[circuit.mode]} </strong>}
      {circuit.since !== null && <Elapsed since={circuit.since} around={m.delivery.since} />}
      {circuit.state === "open" && circuit.until !== null && (
        <span> · {m.delivery.until(f.time(circuit.until, now()))}</span>
      )}
      {circuit.why !== null && <span class="why"> · {m.delivery.why[circuit.why] ?? circuit.why}</span>}
    </>
  );
}

function CircuitControl({ circuit, onChanged }: { circuit: Circuit; onChanged: () => void }) {
  const { m } = useText();
  const { me } = useSigned();
  const [open, setOpen] = useState(false);
  if (!mayAct(me)) return null;
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-label={`${m.delivery.control}: ${m.delivery.circuit}`}
        onClick={() => setOpen(true)}
      >
        {m.delivery.control}
      </button>
      {open && <ChangeCircuit circuit={circuit} onClose={() => setOpen(false)} onChanged={onChanged} />}
    </>
  );
}
