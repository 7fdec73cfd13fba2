// The numbers of a sync that tell how it is, on the overview and on its own screen.

import type { Reason, Sync } from "../api/types";
import { now, useSeconds } from "../clock";
import { useText } from "../i18n";
import { runAddress } from "../routes";
import { Ago, Fact, StatusBadge, type Tone } from "../ui/basics";
import { Icon } from "../ui/icons";

/** Why a sync is not healthy, in the reader's language where the code is known. */
export function Reasons({ reasons }: { reasons: Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <ul class="reasons">
      {reasons.map((reason) => (
        <li key={reason.code}>
          <Icon name="degraded" />
          <ReasonText {...reason} />
        </li>
      ))}
    </ul>
  );
}

/** The reasons whose message says more than that they are so: what the run, or the guard, said. */
const IN_ITS_OWN_WORDS = ["last_run_failed", "deletes_withheld"];

function ReasonText({ code, message, amount }: Reason) {
  const { m, f } = useText();
  const told = m.reason[code];
  if (told === undefined) return <span>{sentence(message)}</span>;
  return (
    <span>
      {typeof told === "string" ? told : told(amount ?? 0, f)}
      {IN_ITS_OWN_WORDS.includes(code) && <span class="note"> {message}</span>}
    </span>
  );
}

/** The API's messages are parts of sentences. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function SyncFacts({ sync, all = false }: { sync: Sync; all?: boolean }) {
  const { m, f } = useText();
  const { lastRun, last24h } = sync;
  const tone = (bad: boolean, how: Tone): { tone?: Tone } => (bad ? { tone: how } : {});
  return (
    <dl class="facts">
      <Fact
        name={m.sync.lastRun}
        note={
          lastRun && (
            <>
              <Ago at={lastRun.completedAt ?? lastRun.startedAt} /> · {m.type[lastRun.type]} ·{" "}
              {f.duration(lastRun.durationSeconds)}
            </>
          )
        }
      >
        {lastRun === null ? (
          m.sync.never
        ) : (
          <a class="plain" href={runAddress(lastRun.id)}>
            <StatusBadge status={lastRun.status} />
          </a>
        )}
      </Fact>
      <Fact name={m.sync.freshness} hint={m.sync.freshnessHint} note={<NextRun sync={sync} />}>
        {sync.lastCompletedRun === null ? m.sync.neverComplete : <Ago at={sync.lastCompletedRun.startedAt} />}
      </Fact>
      <Fact
        name={m.sync.proved}
        hint={m.sync.provedHint}
        note={
          sync.verification === null ? (
            m.sync.neverVerified
          ) : (
            <a href={runAddress(sync.verification.run)}>
              {m.sync.verified[sync.verification.verdict](f.count(sync.verification.differences))}{" "}
              <Ago at={sync.verification.at} />
            </a>
          )
        }
        {...tone(sync.verification?.verdict === "different", "bad")}
      >
        {sync.provedAt === null ? m.sync.neverProved : <Ago at={sync.provedAt} />}
      </Fact>
      <Fact
        name={m.sync.successRate}
        note={
          last24h.runs > 0
            ? m.sync.successHint(last24h.completed, last24h.partial, last24h.failed)
            : m.sync.noRuns
        }
        {...tone(last24h.successRate !== null && last24h.successRate < 0.99, "warn")}
        {...tone(last24h.successRate !== null && last24h.successRate < 0.5, "bad")}
      >
        {f.percent(last24h.successRate)}
      </Fact>
      <Fact
        name={m.sync.errorRate}
        note={
          <>
            {m.sync.conflicts24h}: {f.count(sync.openConflicts24h)}
          </>
        }
      >
        {f.percent(last24h.errorRate)}
      </Fact>
      <Fact
        name={m.sync.rejectedNow}
        note={
          <span class={sync.openFailures > 0 ? "alarming" : ""}>
            {m.sync.failedNow}: {f.count(sync.openFailures)}
          </span>
        }
        {...tone(sync.openRejections > 0, "warn")}
      >
        {f.count(sync.openRejections)}
      </Fact>
      {all && (
        <Fact
          name={m.sync.averageDuration}
          note={
            last24h.rowsPerSecond === null
              ? m.none
              : `${m.sync.throughput}: ${m.sync.rowsPerSecond(f.quantity(last24h.rowsPerSecond))}`
          }
        >
          {f.duration(last24h.averageSeconds)} <span class="note">/ {f.duration(last24h.p95Seconds)}</span>
        </Fact>
      )}
    </dl>
  );
}

function NextRun({ sync }: { sync: Sync }) {
  const { m, f } = useText();
  useSeconds();
  if (sync.everySeconds === null) {
    return (
      <>
        {m.sync.nextRun}: {m.sync.onDemand}
      </>
    );
  }
  const due = sync.nextRunAt !== null && Date.parse(sync.nextRunAt) <= now();
  return (
    <>
      {m.sync.nextRun}: {due ? m.sync.due : f.time(sync.nextRunAt, now())} (
      {m.sync.every(f.duration(sync.everySeconds))})
    </>
  );
}
