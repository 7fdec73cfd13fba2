// One run: what became of every row, its batches, its errors.

import { useCallback } from "preact/hooks";
import { Failure } from "../api/client";
import type { RunDetail } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { usePolled } from "../poll";
import { address, syncAddress } from "../routes";
import { Empty, Fact, Loading, Problem, Stale, StatusBadge, Time } from "../ui/basics";
import { Icon } from "../ui/icons";
import { Progress } from "../ui/progress";
import { Batches } from "./batches";
import { Counts } from "./counts";
import { EntryList } from "./entries";
import { Breadcrumb, Title } from "./title";
import { VerificationCard } from "./verification";
import { Waiting } from "./waiting";

const runs = (run: RunDetail) => run.status === "queued" || run.status === "in_progress";

/** Runs that were asked for: the scheduler begins one some moments later, and until then there is none to be found. */
const expected = new Map<string, number>();
const BEGINS_WITHIN_MS = 30_000;

/** Tells this screen that the run is about to begin. */
export function expectRun(id: string): void {
  expected.set(id, Date.now());
}

const isExpected = (id: string) => Date.now() - (expected.get(id) ?? 0) < BEGINS_WITHIN_MS;

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
                <Time at={run.startedAt} />
              </Fact>
              <Fact name={m.run.ended}>
                <Time at={run.completedAt} />
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
          {runs(run) && (
            <section class="card">
              <Progress sync={run.sync} run={asRunning(run)} link={false} />
            </section>
          )}
          <Counts run={run} running={runs(run)} />
          {run.verification !== null && <VerificationCard verification={run.verification} />}
          <section aria-labelledby="errors">
            <h2 id="errors">{m.run.errors}</h2>
            <EntryList
              of={{ run: run.id }}
              version={`${run.status} ${run.rejected} ${run.failed} ${run.conflicts}`}
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
        <a href={address({ screen: "sync", name: sync, tab: "rejected", range: "24h" })}>
          {m.errors.elsewhereLink}
        </a>
      </p>
    </Empty>
  );
}

function RunError({ run }: { run: RunDetail }) {
  const { m } = useText();
  if (run.error === null) return null;
  return (
    <section class="notice bad" aria-labelledby="run-error">
      <Icon name="unhealthy" />
      <div>
        <h2 class="notice-title" id="run-error">
          {m.run.error}
        </h2>
        <p>{run.error.message}</p>
        <p class="note">
          <code>{run.error.code}</code>
        </p>
      </div>
    </section>
  );
}

/** What a run under way tells about its progress, as the API computes it for a sync. */
function asRunning(run: RunDetail) {
  const planned = run.plannedAt !== null && run.rowsSent > 0;
  return { ...run, percent: planned ? (100 * run.rowsDone) / run.rowsSent : null, secondsLeft: null };
}
