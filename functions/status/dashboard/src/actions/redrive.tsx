// Puts failed batches (dead letters) back into the queue: first counted, then confirmed.

import { useId, useState } from "preact/hooks";
import type { RedriveRequest } from "../api/client";
import type { Redriven } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { Fact, Problem, Select } from "../ui/basics";
import { Dialog, DialogActions } from "../ui/dialog";
import { useAction } from "./action";
import { Why } from "./why";

type Older = "0" | "3600" | "86400";

export function Redrive({ sync, run, onClose }: { sync: string; run?: string; onClose: () => void }) {
  const { m } = useText();
  const { api, notify } = useSigned();
  const [older, setOlder] = useState<Older>("0");
  const [limit, setLimit] = useState("");
  const [why, setWhy] = useState("");
  const [missing, setMissing] = useState(false);
  const [counted, setCounted] = useState<Redriven | null>(null);
  const [done, setDone] = useState<Redriven | null>(null);
  const { busy, failure, act } = useAction();
  const limitId = useId();

  const request = (dryRun: boolean): RedriveRequest => ({
    dryRun,
    why,
    ...(run !== undefined && { run }),
    ...(older !== "0" && { olderThanSeconds: Number(older) }),
    ...(Number(limit) > 0 && { limit: Number(limit) }),
  });
  const count = () => act(() => api.redrive(sync, request(true)), setCounted);
  const go = () => {
    setMissing(why.trim() === "");
    if (why.trim() === "") return;
    act(
      () => api.redrive(sync, request(false)),
      (result) => {
        notify(m.redrive.result(result.redriven, result.superseded));
        setDone(result);
      },
    );
  };

  if (done !== null) {
    return (
      <Dialog title={m.redrive.resultTitle} onClose={onClose}>
        <p class="lead" role="status">
          {m.redrive.result(done.redriven, done.superseded)}
        </p>
        <Result of={done} names={{ ...m.redrive, ...m.redrive.done }} />
        <DialogActions>
          <button type="button" class="button primary" onClick={onClose}>
            {m.close}
          </button>
        </DialogActions>
      </Dialog>
    );
  }
  if (counted !== null) {
    // Outdated ones are removed, which is something to do as well.
    const nothing = counted.redriven + counted.superseded === 0;
    return (
      <Dialog title={m.redrive.counted} onClose={onClose}>
        <div class="stack">
          {counted.redriven === 0 && (
            <p class="lead" role="status">
              {nothing ? m.redrive.nothing : m.redrive.onlyOutdated}
            </p>
          )}
          <Result of={counted} names={m.redrive} />
          {!nothing && <Why value={why} onInput={setWhy} missing={missing} />}
          {failure && <Problem title={m.act.failed} failure={failure} />}
        </div>
        <DialogActions>
          <button type="button" class="button" onClick={() => setCounted(null)}>
            {m.back}
          </button>
          {!nothing && (
            <button type="button" class="button primary" disabled={busy} onClick={go}>
              {busy ? m.act.working : m.redrive.go(counted.redriven, counted.superseded)}
            </button>
          )}
        </DialogActions>
      </Dialog>
    );
  }
  return (
    <Dialog title={m.redrive.title(sync)} onClose={onClose}>
      <div class="stack">
        <p>{m.redrive.lead}</p>
        <Select<Older>
          label={m.redrive.older}
          value={older}
          options={[
            { value: "0", label: m.redrive.olderAny },
            { value: "3600", label: m.redrive.olderHour },
            { value: "86400", label: m.redrive.olderDay },
          ]}
          onChange={setOlder}
        />
        <div class="field inline">
          <label for={limitId}>{m.redrive.limit}</label>
          <input
            id={limitId}
            type="number"
            min={1}
            inputMode="numeric"
            value={limit}
            placeholder={m.redrive.limitHint}
            onInput={(event) => setLimit(event.currentTarget.value)}
          />
        </div>
        {failure && <Problem title={m.act.failed} failure={failure} />}
      </div>
      <DialogActions>
        <button type="button" class="button" onClick={onClose}>
          {m.cancel}
        </button>
        <button type="button" class="button primary" disabled={busy} onClick={count}>
          {busy ? m.act.working : m.redrive.count}
        </button>
      </DialogActions>
    </Dialog>
  );
}

const COUNTS = ["matched", "redriven", "superseded", "malformed", "left"] as const;

function Result({ of, names }: { of: Redriven; names: Record<(typeof COUNTS)[number], string> }) {
  const { f } = useText();
  return (
    <dl class="facts small">
      {COUNTS.map((name) => (
        <Fact key={name} name={names[name]}>
          <span class={of[name] === 0 ? "zero" : ""}>{f.count(of[name])}</span>
        </Fact>
      ))}
    </dl>
  );
}
