// The page's frame: who is signed in, which language, which screen.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { config as fetchConfig, connect, Failure } from "./api/client";
import { remember, remembered, Tokens, type Session } from "./api/session";
import type { Config, Me } from "./api/types";
import { SignedProvider, type Signed } from "./context";
import { Frame } from "./frame";
import { text, TextProvider, type Language } from "./i18n";
import { chooseLanguage, language as preferredLanguage } from "./preferences";
import { parse, place, type Route } from "./routes";
import { Audit } from "./screens/audit";
import { Nowhere } from "./screens/nowhere";
import { Overview } from "./screens/overview";
import { RunScreen } from "./screens/run";
import { SignIn } from "./screens/sign-in";
import { SyncScreen } from "./screens/sync";
import { Problem } from "./ui/basics";

export function App() {
  const [language, setLanguage] = useState<Language>(preferredLanguage);
  const [config, setConfig] = useState<Config | null>(null);
  const [session, setSession] = useState<Session | null>(() => remembered());
  const [ended, setEnded] = useState(false);
  const texts = useMemo(() => text(language), [language]);

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  useEffect(() => {
    const gone = new AbortController();
    // Without it only the sign-in by e-mail is missing, and that says so.
    fetchConfig(gone.signal).then(setConfig, () => undefined);
    return () => gone.abort();
  }, []);

  const enter = useCallback((entered: Session) => {
    remember(entered);
    setEnded(false);
    setSession(entered);
  }, []);
  const leave = useCallback((because: "asked" | "ended") => {
    remember(null);
    setEnded(because === "ended");
    setSession(null);
  }, []);

  return (
    <TextProvider value={texts}>
      {session === null ? (
        <SignIn
          config={config}
          ended={ended}
          onSession={enter}
          onLanguage={(chosen) => {
            chooseLanguage(chosen);
            setLanguage(chosen);
          }}
        />
      ) : (
        <SignedIn
          session={session}
          config={config}
          onEnd={leave}
          onLanguage={(chosen) => {
            chooseLanguage(chosen);
            setLanguage(chosen);
          }}
        />
      )}
    </TextProvider>
  );
}

interface SignedInProps {
  session: Session;
  config: Config | null;
  onEnd: (because: "asked" | "ended") => void;
  onLanguage: (language: Language) => void;
}

function SignedIn({ session, config, onEnd, onLanguage }: SignedInProps) {
  const known = useRef(config);
  known.current = config;
  const api = useMemo(
    () =>
      connect(
        new Tokens(
          session,
          () => known.current,
          (renewed) => remember(renewed),
          () => onEnd("ended"),
        ),
      ),
    [session, onEnd],
  );
  const [me, setMe] = useState<Me | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [notice, setNotice] = useState<{ text: string; turn: number } | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const gone = new AbortController();
    setFailure(null);
    api.me(gone.signal).then(setMe, (error: unknown) => {
      if (!gone.signal.aborted && error instanceof Failure) setFailure(error);
    });
    return () => gone.abort();
  }, [api, turn]);

  const notify = useCallback(
    (message: string) => setNotice((last) => ({ text: message, turn: (last?.turn ?? 0) + 1 })),
    [],
  );
  const signed = useMemo<Signed>(() => ({ api, me, notify }), [api, me, notify]);
  const route = useRoute();
  useFocusOnArrival(place(route));

  return (
    <Frame
      me={me}
      version={config?.version ?? null}
      route={route}
      notice={notice}
      onLanguage={onLanguage}
      onSignOut={() => onEnd("asked")}
    >
      {failure !== null ? (
        <Problem failure={failure} retry={() => setTurn((n) => n + 1)} />
      ) : (
        <SignedProvider value={signed}>
          <Screen route={route} key={place(route)} />
        </SignedProvider>
      )}
    </Frame>
  );
}

function Screen({ route }: { route: Route }) {
  switch (route.screen) {
    case "overview":
      return <Overview />;
    case "sync":
      return <SyncScreen route={route} />;
    case "run":
      return <RunScreen id={route.id} />;
    case "audit":
      return <Audit />;
    case "nowhere":
      return <Nowhere />;
  }
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parse(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** On another place the focus goes to its heading, as the browser does for a new page; not on the first one. */
function useFocusOnArrival(where: string): void {
  const last = useRef<string | null>(null);
  useEffect(() => {
    if (last.current !== null && last.current !== where) {
      window.scrollTo(0, 0);
      document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    }
    last.current = where;
  }, [where]);
}
