// What every screen of a signed-in user needs.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "./api/client";
import type { Me } from "./api/types";

export interface Signed {
  api: Api;
  /** Null until the API has said who that is: screens need not wait for it. */
  me: Me | null;
  /** Shows a short notice, which screen readers read out. */
  notify: (notice: string) => void;
}

const Context = createContext<Signed | null>(null);
export const SignedProvider = Context.Provider;

export function useSigned(): Signed {
  const signed = useContext(Context);
  if (signed === null) throw new Error("used outside of a signed-in screen");
  return signed;
}

/** Whether to offer actions. The server asks again: hiding is courtesy, not protection. */
export const mayAct = (me: Me | null): boolean => me?.role === "operator";
