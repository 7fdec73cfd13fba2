// Starts a run: choose what, see what it would do, then do it.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Failure, type RunRequest } from "../api/client";
import type { DryRun, Plan } from "../api/types";
import { useSigned } from "../context";
import { expectRun } from "../expected";
import { useText } from "../i18n";
import { runAddress } from "../routes";
import { Loading, Problem } from "../ui/basics";
import { Dialog, DialogActions } from "../ui/dialog";
import { useAction } from "./action";
import { PlanView } from "./plan-view";
import { Choices, Why } from "./why";

type Type = RunRequest["type"];
const TYPES: readonly Type[] = ["manual", "full", "selective"];

export function StartRun({ sync, onClose }: { sync: string; onClose: () => void }) {
  const { m } = useText();
  const { api, notify } = useSigned();
  const [type, setType] = useState<Type>("manual");
  const [typedKeys, setTypedKeys] = useState("");
  const [keysMissing, setKeysMissing] = useState(false);
  const [why, setWhy] = useState("");
  const [planId, setPlanId] = useState<string | null>(null);
  // One click is one run, however often its request has to be sent.
  const idempotencyKey = useRef(crypto.randomUUID());
  const { busy, failure, act } = useAction();

  const keys = keysOf(typedKeys);
  const request: RunRequest = type === "selective" ? { type, keys } : { type };
  const note = why.trim() === "" ? {} : { why: why.trim() };
  const complete = (): boolean => {
    const missing = type === "selective" && keys.length === 0;
    setKeysMissing(missing);
    return !missing;
  };
  const preview = () => {
    if (complete())
      act(
        () => api.preview(sync, request),
        (accepted) => setPlanId(lastSegment(accepted.location)),
      );
  };
  const start = () => {
    if (!complete()) return;
    act(
      () => api.start(sync, { ...request, ...note }, idempotencyKey.current),
      (accepted) => {
        notify(m.start.started);
        expectRun(accepted.run);
        onClose();
        location.hash = runAddress(accepted.run);
      },
    );
  };

  if (planId !== null) {
    return (
      <Dialog title={m.start.previewTitle(sync)} onClose={onClose} wide>
        <Preview id={planId} />
        {failure && <Problem title={m.act.failed} failure={failure} />}
        <DialogActions>
          <button type="button" class="button" onClick={() => setPlanId(null)}>
            {m.back}
          </button>
          <button type="button" class="button" onClick={onClose}>
            {m.close}
          </button>
          <button type="button" class="button primary" disabled={busy} onClick={start}>
            {busy ? m.start.starting : m.start.confirm}
          </button>
        </DialogActions>
      </Dialog>
    );
  }
  return (
    <Dialog title={m.start.title(sync)} onClose={onClose}>
      <div class="stack">
        <Choices<Type>
          legend={m.start.type}
          value={type}
          options={TYPES.map((value) => ({ value, label: m.type[value], hint: m.start.hint[value] }))}
          onChange={setType}
        />
        {type === "selective" && (
          <Keys value={typedKeys} count={keys.length} missing={keysMissing} onInput={setTypedKeys} />
        )}
        <Why value={why} onInput={setWhy} missing={false} optional />
        {failure && <Problem title={m.act.failed} failure={failure} />}
      </div>
      <DialogActions>
        <button type="button" class="button" disabled={busy} onClick={start}>
          {m.start.now}
        </button>
        <button type="button" class="button primary" disabled={busy} onClick={preview}>
          {busy ? m.act.working : m.start.preview}
        </button>
      </DialogActions>
    </Dialog>
  );
}

function Keys(props: { value: string; count: number; missing: boolean; onInput: (value: string) => void }) {
  const { m } = useText();
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{m.start.keys}</label>
      <textarea
        id={id}
        rows={5}
        spellcheck={false}
        value={props.value}
        aria-describedby={`${id}-hint`}
        aria-invalid={props.missing}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <span
        id={`${id}-hint`}
        class={props.missing ? "field-problem" : "note"}
        role={props.missing ? "alert" : undefined}
      >
        {props.missing ? m.start.keysNeeded : m.start.keysCount(props.count)}
      </span>
    </div>
  );
}

/** One key a line; a key may hold commas and spaces. */
export function keysOf(text: string): string[] {
  const keys = text.split(/\r?\n/).map((line) => line.trim());
  return [...new Set(keys.filter((key) => key !== ""))];
}

export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

interface Planned {
  plan: Plan;
  tabUrl: string | null;
}

/** Waits for the plan and shows it. */
function Preview({ id }: { id: string }) {
  const { m } = useText();
  const { api } = useSigned();
  const [found, setFound] = useState<Planned | { failure: Failure } | null>(null);

  useEffect(() => {
    const gone = new AbortController();
    setFound(null);
    awaitPlan((signal) => api.plan(id, signal), gone.signal).then(setFound, (error: unknown) => {
      if (gone.signal.aborted) return;
      if (!(error instanceof Failure)) throw error;
      setFound({ failure: error });
    });
    return () => gone.abort();
  }, [api, id]);

  if (found === null) {
    return (
      <>
        <p role="status">{m.start.previewing}</p>
        <Loading rows={4} />
      </>
    );
  }
  return "plan" in found ? (
    <PlanView {...found} />
  ) : (
    <Problem title={m.start.failed} failure={found.failure} />
  );
}

/** The scheduler begins a plan some moments after it was asked for; until then there is none to be found. */
const BEGINS_WITHIN_MS = 30_000;

async function awaitPlan(
  ask: (signal: AbortSignal) => Promise<DryRun>,
  signal: AbortSignal,
): Promise<Planned> {
  const asked = Date.now();
  for (;;) {
    const dryRun = await ask(signal).catch((error: unknown) => {
      const notYet = error instanceof Failure && error.kind === "not_found";
      if (notYet && Date.now() - asked < BEGINS_WITHIN_MS) return null;
      throw error;
    });
    if (dryRun?.plan) return { plan: dryRun.plan, tabUrl: dryRun.tabUrl };
    if (dryRun?.status === "failed") {
      throw new Failure("refused", dryRun.error?.code ?? "unknown", dryRun.error?.message ?? "");
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    signal.throwIfAborted();
  }
}
