// A list that the server gives in pages. While another filter is being asked for, the old list stays, marked as busy.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api/client";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Paged<T> {
  /** Null until the first page is there. */
  items: T[] | null;
  hasMore: boolean;
  busy: boolean;
  failure: Failure | null;
  more: () => void;
  reload: () => void;
}

interface State<T> {
  items: T[] | null;
  next: string | null;
  busy: boolean;
  failure: Failure | null;
}

/** Asks for the first page, and again from the start when `ask` is another function. */
export function usePaged<T>(
  ask: (cursor: string | undefined, signal?: AbortSignal) => Promise<Page<T>>,
): Paged<T> {
  const [state, setState] = useState<State<T>>({ items: null, next: null, busy: true, failure: null });
  const [turn, setTurn] = useState(0);
  const current = useRef(ask);
  current.current = ask;

  useEffect(() => {
    const ended = new AbortController();
    setState((known) => ({ ...known, busy: true, failure: null }));
    ask(undefined, ended.signal).then(
      (page) => setState({ ...page, busy: false, failure: null }),
      (error: unknown) => {
        if (!ended.signal.aborted)
          setState((known) => ({ ...known, busy: false, failure: asFailure(error) }));
      },
    );
    return () => ended.abort();
  }, [ask, turn]);

  const { next } = state;
  const more = useCallback(() => {
    if (next === null) return;
    setState((known) => ({ ...known, busy: true, failure: null }));
    ask(next).then(
      (page) => {
        // Another list may have been asked for meanwhile.
        if (current.current !== ask) return;
        setState((known) => ({
          items: [...(known.items ?? []), ...page.items],
          next: page.next,
          busy: false,
          failure: null,
        }));
      },
      (error: unknown) => setState((known) => ({ ...known, busy: false, failure: asFailure(error) })),
    );
  }, [ask, next]);

  return {
    items: state.items,
    hasMore: next !== null,
    busy: state.busy,
    failure: state.failure,
    more,
    reload: useCallback(() => setTurn((n) => n + 1), []),
  };
}

/** Failures are shown; anything else is a fault of ours and is not hidden. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}
