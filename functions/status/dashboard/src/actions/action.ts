// What every action's dialog needs: one thing at a time, and what went wrong in words.

import { useState } from "preact/hooks";
import { Failure } from "../api/client";

export interface Action {
  busy: boolean;
  failure: Failure | null;
  /** Does it; `done` gets what came of it. */
  act: <T>(deed: () => Promise<T>, done: (result: T) => void) => void;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  return {
    busy,
    failure,
    act: (deed, done) => {
      setBusy(true);
      setFailure(null);
      deed()
        .then(done, (error: unknown) => {
          if (!(error instanceof Failure)) throw error;
          setFailure(error);
        })
        .finally(() => setBusy(false));
    },
  };
}
