// One sync: how it is, what is wrong in the sheet, its runs, and how it has been.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Redrive } from "../actions/redrive";
import { StartButton } from "../actions/start-button";
import type { OneSync, Range, Sync } from "../api/types";
import { RANGES } from "../api/types";
import * as clock from "../clock";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { usePolled } from "../poll";
import { address, type Route, type Tab } from "../routes";
import { CouldNotReach, HealthBadge, Loading, Problem, Segments, Stale } from "../ui/basics";
import { Icon } from "../ui/icons";
import { Progress } from "../ui/progress";
import { Charts } from "./charts";
import { DeliveryPanel, hasFailedBatches } from "./delivery";
import { EntryList } from "./entries";
import { History } from "./history";
import { nextRun, Reasons, SyncFacts } from "./sync-facts";
import { Breadcrumb, Title } from "./title";
import { Where } from "./where";

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

  return (
    <>
      <Breadcrumb steps={[{ name: m.nav.overview, href: "#/" }]} />
      <Title text={route.name}>
        {data && <HealthBadge health={data.sync.status} />}
        {data && <Where sync={data.sync} />}
        {data && <Actions {...data} />}
      </Title>
      {data === null && failure === null && <Loading rows={8} />}
      {data === null && failure !== null && <Problem failure={failure} retry={refresh} />}
      {data !== null && (
        <>
          <Stale failure={failure} at={at} />
          <CouldNotReach parts={data.unreachable} />
          <section class={`card sync ${data.sync.status}`}>
            <Reasons sync={data.sync} />
            {data.sync.runningRun && <Progress sync={route.name} run={data.sync.runningRun} />}
            <SyncFacts sync={data.sync} all />
          </section>
          <Lists route={route} sync={data.sync} />
          <ChartSection route={route} sync={data.sync} />
          <DeliveryPanel delivery={data.delivery} onChanged={refresh} />
        </>
      )}
    </>
  );
}

function Actions({ sync, delivery }: OneSync) {
  const { m } = useText();
  const { me } = useSigned();
  const [resending, setResending] = useState(false);
  if (!mayAct(me)) return null;
  return (
    <div class="actions">
      {hasFailedBatches(sync, delivery) && (
        <button type="button" class="button" onClick={() => setResending(true)}>
          {m.redrive.open}
        </button>
      )}
      <StartButton sync={sync.name} look="primary" />
      {resending && <Redrive sync={sync.name} onClose={() => setResending(false)} />}
    </div>
  );
}

/** The open problems and the history, one of them at a time. */
function Lists({ route, sync }: { route: SyncRoute; sync: Sync }) {
  const { m, f } = useText();
  const open = sync.openRejections + sync.openFailures;
  // The initial tab stays when the last problem is fixed while the page is open.
  const [unasked] = useState<Tab>(open > 0 ? "rejected" : "history");
  const shown = route.tab ?? unasked;
  const section = useRef<HTMLElement>(null);
  const byTab = useRef(false);

  // A link from a warning scrolls to its list; a change of tabs does not.
  useEffect(() => {
    if (route.tab === "rejected" && !byTab.current) section.current?.scrollIntoView();
    byTab.current = false;
  }, [route.tab]);

  const link = (tab: Tab, name: string, count = 0) => (
    <a
      href={address({ ...route, tab })}
      {...(shown === tab ? { "aria-current": "true" as const } : {})}
      onClick={() => {
        byTab.current = route.tab !== tab;
      }}
    >
      {name}
      {count > 0 && <span class="count">{f.count(count)}</span>}
    </a>
  );
  const runs = `${sync.lastRun?.id} ${sync.lastRun?.status}`;
  return (
    <section aria-label={m.page.tabs} ref={section} class="lists">
      <nav class="tabs" aria-label={m.page.tabs}>
        {link("rejected", m.page.rejected, open)}
        {link("history", m.page.history)}
      </nav>
      {shown === "history" ? (
        <History sync={sync.name} version={runs} />
      ) : (
        <>
          {sync.openRejections > 0 && <AfterTheFix sync={sync} />}
          <EntryList of={{ sync: sync.name, state: "open" }} version={`${sync.lastRun?.id} ${open}`} />
        </>
      )}
    </section>
  );
}

/** What happens once a cell is corrected. */
function AfterTheFix({ sync }: { sync: Sync }) {
  const text = useText();
  const { m } = text;
  const next = nextRun(text, sync);
  return (
    <div class="notice">
      <Icon name="sync" />
      <span>{next === null ? m.errors.afterFixOnDemand : m.errors.afterFix(next)}</span>
      <StartButton sync={sync.name} look="small" icon={false} />
    </div>
  );
}

/** Open where there is room; their library and data are asked for when they are. */
function ChartSection({ route, sync }: { route: SyncRoute; sync: Sync }) {
  const { m } = useText();
  const [open, setOpen] = useState(() => window.matchMedia("(min-width: 720px)").matches);
  return (
    <details class="chart-section" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{m.page.charts}</h2>
      </summary>
      {open && (
        <>
          <Segments<Range>
            label={m.page.range}
            value={route.range}
            options={RANGES.map((value) => ({ value, label: m.page.ranges[value] }))}
            onChange={(range) => location.replace(address({ ...route, range }))}
          />
          <Charts sync={route.name} range={route.range} version={sync.lastRun?.id ?? ""} />
        </>
      )}
    </details>
  );
}
