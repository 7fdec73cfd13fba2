// One run: what became of every row, its batches, its errors.

import { useCallback, useEffect, useState } from "preact/hooks";
import { Redrive } from "../actions/redrive";
import { Failure } from "../api/client";
import type { Entry, RunDetail } from "../api/types";
import { mayAct, useSigned } from "../context";
import { isExpected } from "../expected";
import { useText } from "../i18n";
import { useCodes } from "../i18n/codes";
import { runErrorText } from "../i18n/code-text";
import { usePolled } from "../poll";
import { problemsAddress, syncAddress } from "../routes";
import { Empty, Fact, Loading, Problem, Stale, StatusBadge, Technical, Time } from "../ui/basics";
import { Icon } from "../ui/icons";
import { Progress } from "../ui/progress";
import { Batches } from "./batches";
import { Counts } from "./counts";
import { hasFailedBatches } from "./delivery";
import { EntryList } from "./entries";
import { Breadcrumb, Title } from "./title";
import { VerificationCard } from "./verification";
import { Waiting } from "./waiting";

const runs = (run: RunDetail) => run.status === "queued" || run.status === "in_progress";

export function RunScreen({ id }: { id: string }) {
  const { m, f } = useText();
  const { api } = useSigned();
  const ask = useCallback(
    async (signal: AbortSignal) => {
      try {
        return { run: await api.run(id, signal) };
      } catch (error) {
        if (error instanceof Failure && error.kind === "not_found" && isExpected(id)) return { run: null };
        throw error;
      }
    },
    [api, id],
  );
  const { data, failure, at, refresh } = usePolled(ask, (it) => it.run === null || runs(it.run));
  const run = data?.run ?? null;

  return (
    <>
      <Breadcrumb
        steps={[
          { name: m.nav.overview, href: "#/" },
          ...(run === null ? [] : [{ name: run.sync, href: syncAddress(run.sync) }]),
        ]}
      />
      <Title text={run === null ? m.run.title : m.run.of(run.sync)}>
        {run && <StatusBadge status={run.status} />}
        {run && <p class="note">{m.statusHint[run.status]}</p>}
      </Title>
      {data?.run === null && <p role="status">{m.start.starting}</p>}
      {run === null && failure === null && <Loading rows={8} />}
      {run === null && failure !== null && <Problem failure={failure} retry={refresh} />}
      {run !== null && (
        <>
          <Stale failure={failure} at={at} />
          <section class="card">
            <dl class="facts">
              <Fact name={m.run.started} note={m.type[run.type]}>
                <Time at={run.startedAt} exact />
              </Fact>
              <Fact name={m.run.ended}>
                <Time at={run.completedAt} exact />
              </Fact>
              <Fact name={m.run.duration}>{f.duration(run.durationSeconds)}</Fact>
              <Fact name={m.run.by}>
                <span class="value">{run.triggeredBy ?? m.none}</span>
              </Fact>
            </dl>
            <p class="note id">
              <code>{run.id}</code>
            </p>
          </section>
          {run.error !== null && <RunError run={run} />}
          <Waiting run={run} onApproved={refresh} />
          {run.runningRun !== null && (
            <section class="card">
              <Progress sync={run.sync} run={run.runningRun} link={false} />
            </section>
          )}
          <Counts run={run} running={runs(run)} />
          {run.verification !== null && <VerificationCard verification={run.verification} />}
          <section aria-labelledby="errors">
            <h2 id="errors">{m.run.errors}</h2>
            <EntryList
              of={{ run: run.id }}
              version={`${run.status} ${run.rejected} ${run.failed} ${run.conflicts}`}
              besides={(entry) => isOfTheRun(entry, run)}
              {...(run.rejected + run.failed > 0 && { none: <Elsewhere sync={run.sync} /> })}
            />
          </section>
          <Batches run={run} running={runs(run)} />
        </>
      )}
    </>
  );
}

/** The run met errors, and none of them is listed with it any more. */
function Elsewhere({ sync }: { sync: string }) {
  const { m } = useText();
  return (
    <Empty title={m.errors.elsewhere} hint={m.errors.elsewhereHint}>
      <p>
        <a href={problemsAddress(sync)}>{m.errors.elsewhereLink}</a>
      </p>
    </Empty>
  );
}

/** Whether it says of no row and no cell what the run's own error says above. */
function isOfTheRun(entry: Entry, run: RunDetail): boolean {
  return entry.rowKey === null && entry.cell === null && entry.code === run.error?.code;
}

function RunError({ run }: { run: RunDetail }) {
  const text = useText();
  const codes = useCodes();
  const { m } = text;
  if (run.error === null) return null;
  return (
    <section class="notice bad" aria-labelledby="run-error">
      <Icon name="unhealthy" />
      <div>
        <h2 class="notice-title" id="run-error">
          {m.run.error}
        </h2>
        <p>{runErrorText(text, codes, run.error, run.failed)}</p>
        <Technical code={run.error.code} message={run.error.message} />
        {run.failed > 0 && <Resend run={run} />}
      </div>
    </section>
  );
}

/** Offers to resend what this run could not write, unless a newer run has done it. */
function Resend({ run }: { run: RunDetail }) {
  const { m } = useText();
  const { me, api } = useSigned();
  const [isOffered, setOffered] = useState(false);
  const [open, setOpen] = useState(false);
  const canAct = mayAct(me);
  useEffect(() => {
    if (!canAct) return;
    const gone = new AbortController();
    api.sync(run.sync, gone.signal).then(
      ({ sync, delivery }) => setOffered(sync.lastRun?.id === run.id && hasFailedBatches(sync, delivery)),
      (error: unknown) => {
        // The screen of the sync offers it as well.
        if (!gone.signal.aborted && !(error instanceof Failure)) throw error;
      },
    );
    return () => gone.abort();
  }, [api, canAct, run.sync, run.id, run.failed]);

  if (!isOffered) return null;
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        {m.redrive.open}
      </button>
      {open && <Redrive sync={run.sync} run={run.id} onClose={() => setOpen(false)} />}
    </>
  );
}
