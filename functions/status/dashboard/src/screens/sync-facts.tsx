// The numbers of a sync that say how it is, on the overview and on its own screen.

import type { Reason, Sync } from "../api/types";
import { now, useSeconds } from "../clock";
import { useText, type Text } from "../i18n";
import { problemsAddress, runAddress } from "../routes";
import { Ago, Fact, StatusBadge, Technical, type Tone } from "../ui/basics";
import { Icon } from "../ui/icons";

/** Why a sync is not healthy, in the reader's language where the code is known, each with the way to its list or run. */
export function Reasons({ sync }: { sync: Sync }) {
  const { m } = useText();
  if (sync.reasons.length === 0) return null;
  return (
    <ul class="reasons">
      {sync.reasons.map((reason) => {
        const link = linkOf(reason.code, sync);
        return (
          <li key={reason.code}>
            <Icon name="degraded" />
            <span>
              <ReasonText {...reason} />{" "}
              {link && (
                <a class="to" href={link.address} aria-label={`${m.reasonLink[link.to]} (${sync.name})`}>
                  {m.reasonLink[link.to]}
                </a>
              )}
              <TechnicalReason {...reason} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** Where one sees what a reason is about, and acts on it. */
function linkOf(code: string, sync: Sync): { to: "list" | "run"; address: string } | null {
  const run = (id: string | undefined) =>
    id === undefined ? null : ({ to: "run", address: runAddress(id) } as const);
  switch (code) {
    case "open_rejections":
    case "open_failures":
      return { to: "list", address: problemsAddress(sync.name) };
    case "last_run_failed":
    case "last_run_partial":
    case "deletes_withheld":
    case "deletes_unconfirmed":
    case "adoption_withheld":
    case "dead_letters":
      return run(sync.lastRun?.id);
    case "run_stalled":
      return run(sync.runningRun?.id);
    case "verification_differs":
      return run(sync.verification?.run);
    default:
      return null;
  }
}

function ReasonText({ code, message, amount }: Reason) {
  const { m, f } = useText();
  const reason = m.reason[code];
  if (reason === undefined) return <>{sentence(message)}</>;
  return <>{typeof reason === "string" ? reason : reason(amount ?? 0, f)}</>;
}

/** The reasons whose message says more than that they are so: what the run, or the guard, said. */
const SAYS_MORE = ["last_run_failed", "deletes_withheld"];

function TechnicalReason({ code, message }: Reason) {
  const { m } = useText();
  if (m.reason[code] === undefined || !SAYS_MORE.includes(code)) return null;
  return <Technical code={code} message={message} />;
}

/** The API's messages are parts of sentences. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?。…]$/.test(whole) ? whole : `${whole}.`;
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
              <Ago at={lastRun.completedAt ?? lastRun.startedAt} /> · {m.type[lastRun.type]}
              {lastRun.durationSeconds !== null && ` · ${f.duration(lastRun.durationSeconds)}`}
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
      <Fact name={m.sync.errorRate} note={m.sync.conflicts24h(f.count(sync.openConflicts24h))}>
        {f.percent(last24h.errorRate)}
      </Fact>
      <Fact
        name={m.sync.rejectedNow}
        note={
          <span class={sync.openFailures > 0 ? "alarming" : ""}>
            {m.sync.failedNow(f.count(sync.openFailures))}
          </span>
        }
        {...tone(sync.openRejections > 0, "warn")}
      >
        {sync.openRejections === 0 ? (
          f.count(0)
        ) : (
          <a class="plain" href={problemsAddress(sync.name)}>
            {f.count(sync.openRejections)}
          </a>
        )}
      </Fact>
      {all && (
        <Fact
          name={m.sync.runTime}
          note={
            last24h.rowsPerSecond === null ? m.none : m.sync.rowsPerSecond(f.quantity(last24h.rowsPerSecond))
          }
        >
          {f.duration(last24h.medianSeconds)} <span class="note">/ {f.duration(last24h.p95Seconds)}</span>
        </Fact>
      )}
    </dl>
  );
}

/** When a sync runs next; null: it only runs when it is started by hand. */
export function nextRun({ m, f }: Text, sync: Sync): string | null {
  if (sync.everySeconds === null) return null;
  const isDue = sync.nextRunAt !== null && Date.parse(sync.nextRunAt) <= now();
  return isDue ? m.sync.due : f.time(sync.nextRunAt, now());
}

function NextRun({ sync }: { sync: Sync }) {
  const text = useText();
  const { m, f } = text;
  useSeconds();
  const next = nextRun(text, sync);
  return <>{next === null ? m.sync.onDemand : m.sync.next(next, f.duration(sync.everySeconds))}</>;
}
