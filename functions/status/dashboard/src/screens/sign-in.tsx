// Sign-in with e-mail and password of Supabase Auth, or with a service token.

import { useEffect, useState } from "preact/hooks";
import { config as fetchConfig, connect, Failure } from "../api/client";
import { signIn, SignInFailure, type Session } from "../api/session";
import type { Config } from "../api/types";
import { Preferences } from "../frame";
import { useText, type Language } from "../i18n";
import { failureText } from "../i18n/code-text";
import { Icon, Mark } from "../ui/icons";

interface Props {
  config: Config | null;
  ended: boolean;
  onSession: (session: Session) => void;
  onLanguage: (language: Language) => void;
}

export function SignIn({ config, ended, onSession, onLanguage }: Props) {
  const text = useText();
  const { m } = text;
  const [chosen, setChosen] = useState<"password" | "token" | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const way = chosen ?? (config?.publishableKey === null ? "token" : "password");

  useEffect(() => {
    document.title = `${m.signIn.title} · ${m.product}`;
  }, [m]);

  const enter = async (form: FormData): Promise<void> => {
    const field = (name: string) => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    };
    setBusy(true);
    setProblem(null);
    try {
      const session = await (way === "token"
        ? withToken(field("token").trim())
        : withPassword(config, field("email").trim(), field("password")));
      onSession(session);
    } catch (error) {
      setBusy(false);
      if (error instanceof SignInFailure) setProblem(m.signIn.failed[error.reason]);
      else if (error instanceof Empty) setProblem(m.signIn.failed.empty);
      else if (error instanceof Failure) {
        setProblem(error.kind === "unauthenticated" ? m.signIn.failed.token : failureText(text, error));
      } else throw error;
    }
  };

  return (
    <main class="sign-in">
      <div class="panel">
        <p class="brand">
          <Mark />
          {m.product}
        </p>
        <h1 tabIndex={-1}>{m.signIn.title}</h1>
        <p class="lead">{ended ? m.signIn.ended : m.signIn.lead}</p>
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void enter(new FormData(event.currentTarget));
          }}
        >
          {way === "password" ? (
            <>
              <label class="field">
                <span>{m.signIn.email}</span>
                <input name="email" type="email" autocomplete="username" required />
              </label>
              <label class="field">
                <span>{m.signIn.password}</span>
                <input name="password" type="password" autocomplete="current-password" required />
              </label>
            </>
          ) : (
            <label class="field">
              <span>{m.signIn.token}</span>
              <input
                name="token"
                type="password"
                autocomplete="off"
                spellcheck={false}
                aria-describedby="token-hint"
                required
              />
              <span class="note" id="token-hint">
                {m.signIn.tokenHint}
              </span>
            </label>
          )}
          <div role="alert">
            {problem !== null && (
              <p class="form-problem">
                <Icon name="unhealthy" />
                {problem}
              </p>
            )}
          </div>
          <button type="submit" class="button primary wide" disabled={busy}>
            {busy ? m.signIn.busy : m.signIn.submit}
          </button>
        </form>
        <button
          type="button"
          class="button link"
          onClick={() => {
            setChosen(way === "token" ? "password" : "token");
            setProblem(null);
          }}
        >
          {way === "token" ? m.signIn.withPassword : m.signIn.withToken}
        </button>
      </div>
      <Preferences onLanguage={onLanguage} />
    </main>
  );
}

class Empty extends Error {}

async function withPassword(config: Config | null, email: string, password: string): Promise<Session> {
  if (email === "" || password === "") throw new Empty();
  const session = await signIn(config ?? (await knownAfterAll()), email, password);
  await accepted(session.token);
  return session;
}

/** A browser may fill in and submit the form before the configuration has arrived. */
async function knownAfterAll(): Promise<Config> {
  try {
    return await fetchConfig(AbortSignal.timeout(15_000));
  } catch {
    throw new SignInFailure("unreachable");
  }
}

async function withToken(token: string): Promise<Session> {
  if (token === "") throw new Empty();
  await accepted(token);
  return { kind: "service", token };
}

/** Nothing is kept and no screen is shown before the API has accepted the token. */
async function accepted(token: string): Promise<void> {
  await connect({ token: () => Promise.resolve(token), refused: () => Promise.resolve(null) }).me();
}
