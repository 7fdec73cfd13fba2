// What is on call opens first: is everything well, and if not, what is wrong.

import { useCallback } from "preact/hooks";
import { StartButton } from "../actions/start-button";
import type { Sync } from "../api/types";
import * as clock from "../clock";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { usePolled } from "../poll";
import { syncAddress } from "../routes";
import { CouldNotReach, Empty, HealthBadge, Loading, Problem, Stale } from "../ui/basics";
import { Progress } from "../ui/progress";
import { DeliveryPanel, isStopped } from "./delivery";
import { Reasons, SyncFacts } from "./sync-facts";
import { Title } from "./title";
import { Where } from "./where";

export function Overview() {
  const { m } = useText();
  const { api } = useSigned();
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const overview = await api.overview(signal);
      clock.set(overview.now);
      return overview;
    },
    [api],
  );
  const { data, failure, at, refresh } = usePolled(ask, (it) =>
    it.syncs.some((sync) => sync.runningRun !== null),
  );
  // What concerns every sync stands before them; while it is well, behind them.
  const stopped = data !== null && isStopped(data.delivery);

  return (
    <>
      <Title text={m.overview.title}>{data && <p class="lead">{sentence(data.syncs, m.overview)}</p>}</Title>
      {data === null && failure === null && <Loading rows={6} />}
      {data === null && failure !== null && <Problem failure={failure} retry={refresh} />}
      {data !== null && (
        <>
          <Stale failure={failure} at={at} />
          <CouldNotReach parts={data.unreachable} />
          {stopped && <DeliveryPanel delivery={data.delivery} onChanged={refresh} />}
          <section aria-labelledby="syncs">
            <h2 id="syncs">{m.overview.syncs}</h2>
            {data.syncs.length === 0 && <Empty title={m.overview.empty} hint={m.overview.emptyHint} />}
            <ul class="syncs">
              {worstFirst(data.syncs).map((sync) => (
                <li key={sync.name}>
                  <SyncCard sync={sync} />
                </li>
              ))}
            </ul>
          </section>
          {!stopped && <DeliveryPanel delivery={data.delivery} onChanged={refresh} />}
        </>
      )}
    </>
  );
}

function SyncCard({ sync }: { sync: Sync }) {
  return (
    <article class={`card sync ${sync.status}`}>
      <header>
        <HealthBadge health={sync.status} />
        <h3>
          <a href={syncAddress(sync.name)}>{sync.name}</a>
        </h3>
        <Where sync={sync} />
        <StartButton sync={sync.name} look="small" />
      </header>
      <Reasons sync={sync} />
      {sync.runningRun && <Progress sync={sync.name} run={sync.runningRun} />}
      <SyncFacts sync={sync} />
    </article>
  );
}

const RANK = { unhealthy: 0, degraded: 1, unknown: 2, healthy: 3 } as const;

function worstFirst(syncs: Sync[]): Sync[] {
  return [...syncs].sort((a, b) => RANK[a.status] - RANK[b.status] || a.name.localeCompare(b.name));
}

function sentence(syncs: Sync[], m: ReturnType<typeof useText>["m"]["overview"]): string {
  const bad = syncs.filter((sync) => sync.status === "degraded" || sync.status === "unhealthy").length;
  if (syncs.length === 0) return "";
  if (bad > 0) return m.attention(bad, syncs.length);
  return syncs.some((sync) => sync.status === "unknown") ? m.unknown : m.allHealthy(syncs.length);
}
