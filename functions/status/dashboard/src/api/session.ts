// Who is signed in: a user of Supabase Auth, whose token is renewed before it ends, or the holder of a service token.
// Kept in the tab's sessionStorage, so that it is gone when the tab is.

import type { Config } from "./types";
import { Failure, type Access } from "./client";

const KEY = "sheetsync.session";
/** A token is renewed so long before it ends. */
const MARGIN_MS = 60_000;

export type Session =
  { kind: "service"; token: string } | { kind: "user"; token: string; refreshToken: string; endsAt: number };

interface Grant {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

/** Reads what an earlier page of this tab left. */
export function remembered(storage: Storage = sessionStorage): Session | null {
  try {
    const found = JSON.parse(storage.getItem(KEY) ?? "null") as Session | null;
    return found !== null && typeof found.token === "string" && found.token !== "" ? found : null;
  } catch {
    return null;
  }
}

export function remember(session: Session | null, storage: Storage = sessionStorage): void {
  if (session === null) storage.removeItem(KEY);
  else storage.setItem(KEY, JSON.stringify(session));
}

/** Why Supabase Auth refused a sign-in. */
export class SignInFailure extends Error {
  constructor(readonly reason: "credentials" | "unreachable" | "not_configured" | "too_many") {
    super(reason);
    this.name = "SignInFailure";
  }
}

export function signIn(config: Config, email: string, password: string): Promise<Session> {
  return grant(config, "password", { email, password });
}

async function grant(
  config: Config,
  type: "password" | "refresh_token",
  body: Record<string, string>,
): Promise<Session> {
  if (config.publishableKey === null) throw new SignInFailure("not_configured");
  let response: Response;
  try {
    response = await fetch(`${config.supabaseUrl.replace(/\/$/, "")}/auth/v1/token?grant_type=${type}`, {
      method: "POST",
      headers: { "content-type": "application/json", apikey: config.publishableKey },
      body: JSON.stringify(body),
      credentials: "omit",
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw new SignInFailure("unreachable");
  }
  if (response.status === 429) throw new SignInFailure("too_many");
  if (response.status >= 500) throw new SignInFailure("unreachable");
  if (!response.ok) throw new SignInFailure("credentials");
  const granted = (await response.json()) as Grant;
  return {
    kind: "user",
    token: granted.access_token,
    refreshToken: granted.refresh_token,
    endsAt: Date.now() + granted.expires_in * 1000,
  };
}

/**
 * A session's tokens for the API. A user's token is renewed by one request at a time, however many screens ask for it.
 * `ended` is called once when there is none to be had any more.
 */
export class Tokens implements Access {
  #session: Session;
  #renewal: Promise<string | null> | null = null;

  constructor(
    session: Session,
    private readonly config: () => Config | null,
    private readonly changed: (session: Session) => void,
    private readonly ended: () => void,
    private readonly now: () => number = Date.now,
  ) {
    this.#session = session;
  }

  async token(): Promise<string | null> {
    const session = this.#session;
    if (session.kind === "service" || session.endsAt - this.now() > MARGIN_MS) return session.token;
    try {
      return (await this.#renewed()) ?? session.token;
    } catch (error) {
      if (session.endsAt > this.now()) return session.token;
      throw error;
    }
  }

  async refused(token: string): Promise<string | null> {
    if (this.#session.token !== token) return this.#session.token;
    const renewed = this.#session.kind === "user" ? await this.#renewed() : null;
    if (renewed === null) this.ended();
    return renewed;
  }

  #renewed(): Promise<string | null> {
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  async #renew(): Promise<string | null> {
    const config = this.config();
    if (this.#session.kind !== "user") return null;
    if (config === null) throw new Failure("offline", "offline", "the server cannot be reached");
    try {
      this.#session = await grant(config, "refresh_token", { refresh_token: this.#session.refreshToken });
    } catch (error) {
      // Unreachable is not refused: the token at hand may still be good, and the session is not over.
      if (error instanceof SignInFailure && error.reason !== "credentials") {
        throw new Failure("offline", "auth_unreachable", "Supabase Auth cannot be reached");
      }
      return null;
    }
    this.changed(this.#session);
    return this.#session.token;
  }
}
