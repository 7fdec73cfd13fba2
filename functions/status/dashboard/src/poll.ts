// Polls the API: every second or two while a run is in progress, seldom otherwise,
// not at all while the page is hidden. The last answer stays on the screen while the server cannot be reached.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api/client";

const RUNNING_MS = 1_000;
const IDLE_MS = 5_000;
const IDLE_MAX_MS = 30_000;
const FAILED_MAX_MS = 30_000;

/** Milliseconds until the next request, after `quiet` answers in a row without a run in progress, or `failures` failed ones. */
export function pause(running: boolean, quiet: number, failures: number): number {
  if (failures > 0) return Math.min(RUNNING_MS * 2 ** failures, FAILED_MAX_MS);
  if (running) return RUNNING_MS;
  return Math.min(IDLE_MS * 2 ** Math.floor(quiet / 6), IDLE_MAX_MS);
}

export interface Polled<T> {
  data: T | null;
  /** The last question's failure; with data it means that the data is old. */
  failure: Failure | null;
  /** When the data came, by this machine's clock. */
  at: number;
  /** Asks now. */
  refresh: () => void;
}

/** Polls with `ask`; starts over when `ask` is another function, so give it a stable one. */
export function usePolled<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  running: (data: T) => boolean,
): Polled<T> {
  const [state, setState] = useState<Omit<Polled<T>, "refresh">>({ data: null, failure: null, at: 0 });
  const now = useRef<() => void>(() => undefined);
  const isRunning = useRef(running);
  isRunning.current = running;

  useEffect(() => {
    const ended = new AbortController();
    const over = () => ended.signal.aborted;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let quiet = 0;
    let failures = 0;
    setState({ data: null, failure: null, at: 0 });

    const question = async (): Promise<void> => {
      clearTimeout(timer);
      if (busy || over()) return;
      busy = true;
      let runs = false;
      try {
        const data = await ask(ended.signal);
        runs = isRunning.current(data);
        quiet = runs ? 0 : quiet + 1;
        failures = 0;
        setState({ data, failure: null, at: Date.now() });
      } catch (error) {
        if (over()) return;
        if (!(error instanceof Failure)) throw error;
        failures += 1;
        setState((known) => ({ ...known, failure: error }));
      } finally {
        busy = false;
      }
      // The page is hidden: the next request is sent when it is shown.
      if (!over() && !document.hidden) {
        timer = setTimeout(() => void question(), pause(runs, quiet, failures));
      }
    };

    const look = (): void => {
      if (document.hidden) return;
      quiet = 0;
      void question();
    };
    now.current = look;
    void question();
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", look);
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("online", look);
    };
  }, [ask]);

  return { ...state, refresh: useCallback(() => now.current(), []) };
}
