// A run in progress. The bar moves as often as the API is asked; screen readers hear of every tenth part.

import { useEffect, useRef, useState } from "preact/hooks";
import type { RunningRun } from "../api/types";
import { now, secondsSince, useSeconds } from "../clock";
import { useText } from "../i18n";
import { runAddress } from "../routes";
import { Ago, Badge } from "./basics";

/** Milliseconds without a heartbeat after which the screen says so. */
const QUIET_SECONDS = 30;

export function Progress({ sync, run, link = true }: { sync: string; run: RunningRun; link?: boolean }) {
  const { m, f } = useText();
  useSeconds();
  const planned = run.plannedAt !== null;
  // The API's percent is out of a hundred; until the run is planned the total is unknown.
  const percent = run.percent === null ? null : Math.min(100, Math.max(0, run.percent));
  const quiet = secondsSince(run.heartbeatAt);
  return (
    <div class="progress">
      <div class="progress-head">
        <Badge tone="info" icon="running">
          {planned ? m.progress.applying : m.progress.reading}
        </Badge>
        <span>
          {m.type[run.type]} · <Ago at={run.startedAt} around={m.progress.started} />
        </span>
        {link && (
          <a href={runAddress(run.id)} aria-label={`${m.progress.open} (${sync})`}>
            {m.progress.open}
          </a>
        )}
      </div>
      <progress
        max={100}
        {...(percent === null ? {} : { value: percent })}
        aria-label={m.progress.label(sync)}
      />
      <div class="progress-foot">
        <strong>{percent === null ? " " : f.percent(percent / 100)}</strong>
        <span>{planned && m.progress.rows(f.count(run.rowsDone), f.count(run.rowsSent))}</span>
        <span>{planned && m.progress.batches(f.count(run.batchesDone), f.count(run.batchesTotal))}</span>
        <span class="left">
          {quiet > QUIET_SECONDS
            ? m.progress.quiet(f.duration(Math.floor(quiet)))
            : timeLeft(run.secondsLeft, (text) => m.progress.left(text), m.progress.finishing, f.duration)}
        </span>
      </div>
      <Announcer sync={sync} percent={percent} />
    </div>
  );
}

/** Rounded as people would: "about 3 min 17 s left" is too exact. */
export function timeLeft(
  seconds: number | null,
  left: (duration: string) => string,
  finishing: string,
  duration: (seconds: number) => string,
): string {
  if (seconds === null) return "";
  if (seconds < 2) return finishing;
  const step = seconds < 20 ? 1 : seconds < 60 ? 5 : seconds < 600 ? 30 : 60;
  return left(duration(Math.ceil(seconds / step) * step));
}

function Announcer({ sync, percent }: { sync: string; percent: number | null }) {
  const { m, f } = useText();
  const [spoken, setSpoken] = useState("");
  const last = useRef({ tenth: -1, at: 0 });
  useEffect(() => {
    if (percent === null) return;
    const tenth = Math.floor(percent / 10);
    // A screen reader needs a few seconds for a sentence.
    if (tenth === last.current.tenth || now() - last.current.at < 3000) return;
    last.current = { tenth, at: now() };
    setSpoken(m.progress.announce(sync, f.percent(tenth / 10)));
  }, [sync, percent, m, f]);
  return (
    <p class="visually-hidden" role="status">
      {spoken}
    </p>
  );
}
