// One sync: how it is, how it has been, its runs, and the rows of the sheet that it cannot use.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Redrive } from "../actions/redrive";
import { StartRun } from "../actions/start-run";
import type { Range, Sync } from "../api/types";
import { RANGES } from "../api/types";
import * as clock from "../clock";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { usePolled } from "../poll";
import { address, type Route, type Tab } from "../routes";
import { CouldNotReach, HealthBadge, Loading, Outside, Problem, Segments, Stale } from "../ui/basics";
import { Icon } from "../ui/icons";
import { Progress } from "../ui/progress";
import { Charts } from "./charts";
import { DeliveryPanel } from "./delivery";
import { EntryList } from "./entries";
import { History } from "./history";
import { Reasons, SyncFacts } from "./sync-facts";
import { Breadcrumb, Title } from "./title";

type SyncRoute = Extract<Route, { screen: "sync" }>;

export function SyncScreen({ route }: { route: SyncRoute }) {
  const { m } = useText();
  const { api, notify } = useSigned();
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const one = await api.sync(route.name, signal);
      clock.set(one.now);
      return one;
    },
    [api, route.name],
  );
  const { data, failure, at, refresh } = usePolled(ask, (it) => it.sync.runningRun !== null);

  // When a run ends, say so; lists and charts are asked for again.
  const lastRun = data?.sync.lastRun ?? null;
  const ended = useRef<string | null>(null);
  useEffect(() => {
    if (lastRun?.completedAt == null) return;
    if (ended.current !== null && ended.current !== lastRun.id) {
      notify(m.progress.ended(route.name, m.status[lastRun.status]));
    }
    ended.current = lastRun.id;
  }, [lastRun, notify, m, route.name]);

  const show = (change: Partial<SyncRoute>) => {
    location.replace(address({ ...route, ...change }));
  };

  return (
    <>
      <Breadcrumb steps={[{ name: m.nav.overview, href: "#/" }]} />
      <Title text={route.name}>
        {data && <HealthBadge health={data.sync.status} />}
        {data && <Where sync={data.sync} />}
        {data && <Actions sync={data.sync} />}
      </Title>
      {data === null && failure === null && <Loading rows={8} />}
      {data === null && failure !== null && <Problem failure={failure} retry={refresh} />}
      {data !== null && (
        <>
          <Stale failure={failure} at={at} />
          <CouldNotReach parts={data.unreachable} />
          <section class={`card sync ${data.sync.status}`}>
            <Reasons reasons={data.sync.reasons} />
            {data.sync.runningRun && <Progress sync={route.name} run={data.sync.runningRun} />}
            <SyncFacts sync={data.sync} all />
          </section>
          <DeliveryPanel delivery={data.delivery} onChanged={refresh} />
          <section aria-labelledby="charts">
            <div class="section-head">
              <h2 id="charts">{m.page.charts}</h2>
              <Segments<Range>
                label={m.page.range}
                value={route.range}
                options={RANGES.map((value) => ({ value, label: m.page.ranges[value] }))}
                onChange={(range) => show({ range })}
              />
            </div>
            <Charts sync={route.name} range={route.range} version={data.sync.lastRun?.id ?? ""} />
          </section>
          <section aria-label={m.page.tabs}>
            <Tabs route={route} openRejections={data.sync.openRejections + data.sync.openFailures} />
            {route.tab === "history" ? (
              <History sync={route.name} version={`${data.sync.lastRun?.id} ${data.sync.lastRun?.status}`} />
            ) : (
              <EntryList
                of={{ sync: route.name, state: "open" }}
                version={`${data.sync.lastRun?.id} ${data.sync.openRejections}`}
              />
            )}
          </section>
        </>
      )}
    </>
  );
}

function Where({ sync }: { sync: Sync }) {
  const { m } = useText();
  return (
    <p class="where">
      {sync.spreadsheetUrl !== null ? (
        <Outside href={sync.spreadsheetUrl} label={`${m.sync.spreadsheet}: ${sync.tab ?? ""}`}>
          {sync.tab ?? m.sync.spreadsheet}
        </Outside>
      ) : (
        sync.tab
      )}
      {sync.table !== null && (
        <>
          <Icon name="arrow" /> <code>{sync.table}</code>
        </>
      )}
    </p>
  );
}

function Actions({ sync }: { sync: Sync }) {
  const { m } = useText();
  const { me } = useSigned();
  const [open, setOpen] = useState<"start" | "redrive" | null>(null);
  if (!mayAct(me)) return null;
  const close = () => setOpen(null);
  return (
    <div class="actions">
      <button type="button" class="button" onClick={() => setOpen("redrive")}>
        {m.redrive.open}
      </button>
      <button type="button" class="button primary" onClick={() => setOpen("start")}>
        <Icon name="sync" />
        {m.start.open}
      </button>
      {open === "start" && <StartRun sync={sync.name} onClose={close} />}
      {open === "redrive" && <Redrive sync={sync.name} onClose={close} />}
    </div>
  );
}

function Tabs({ route, openRejections }: { route: SyncRoute; openRejections: number }) {
  const { m, f } = useText();
  const link = (tab: Tab, name: string, count?: number) => (
    <a href={address({ ...route, tab })} {...(route.tab === tab ? { "aria-current": "true" as const } : {})}>
      {name}
      {count !== undefined && count > 0 && <span class="count">{f.count(count)}</span>}
    </a>
  );
  return (
    <nav class="tabs" aria-label={m.page.tabs}>
      {link("history", m.page.history)}
      {link("rejected", m.page.rejected, openRejections)}
    </nav>
  );
}
