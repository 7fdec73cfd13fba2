// Between the sheet and the table: the circuit breaker, the queue, the failed batches. They are those of all syncs.

import { useState } from "preact/hooks";
import { ChangeCircuit } from "../actions/circuit";
import type { Circuit, Delivery, Sync } from "../api/types";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { Badge, Fact, type Tone } from "../ui/basics";
import { CircuitNote } from "../ui/circuit-note";
import type { IconName } from "../ui/icons";

const CIRCUIT: Record<Circuit["state"], { tone: Tone; icon: IconName }> = {
  closed: { tone: "good", icon: "healthy" },
  half_open: { tone: "warn", icon: "running" },
  open: { tone: "bad", icon: "unhealthy" },
};

/** Whether the circuit breaker is anything but closed by itself. */
export function isStopped({ circuit }: Delivery): boolean {
  return circuit !== null && (circuit.state !== "closed" || circuit.mode !== "auto");
}

/** Whether failed batches of this sync can be resent. The queue is everybody's; what a newer run left behind is outdated. */
export function hasFailedBatches(sync: Sync, { deadLetters }: Delivery): boolean {
  return (sync.lastRun?.failed ?? 0) > 0 && deadLetters?.messages !== 0;
}

/** In full for those who can act on it, and when something is wrong; else one line. */
export function DeliveryPanel({ delivery, onChanged }: { delivery: Delivery; onChanged: () => void }) {
  const { me } = useSigned();
  const isWrong = isStopped(delivery) || (delivery.deadLetters?.messages ?? 0) > 0;
  return isWrong || mayAct(me) ? (
    <Panel delivery={delivery} onChanged={onChanged} />
  ) : (
    <Line circuit={delivery.circuit} />
  );
}

function Line({ circuit }: { circuit: Circuit | null }) {
  const { m } = useText();
  return (
    <section class="delivery-line" aria-label={m.delivery.title}>
      {m.delivery.title} {circuit === null ? m.unknown : <State circuit={circuit} />}
    </section>
  );
}

function State({ circuit }: { circuit: Circuit }) {
  const { m } = useText();
  return (
    <Badge {...CIRCUIT[circuit.state]} title={m.delivery.stateHint[circuit.state]}>
      {m.delivery.state[circuit.state]}
    </Badge>
  );
}

function Panel({ delivery, onChanged }: { delivery: Delivery; onChanged: () => void }) {
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
              <State circuit={circuit} />
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
