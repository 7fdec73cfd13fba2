// What stands around every screen: the header with its links and settings, the place for notices.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Me } from "./api/types";
import { LANGUAGES, useText, type Language } from "./i18n";
import { chooseTheme, theme, type Theme } from "./preferences";
import type { Route } from "./routes";
import { Segments } from "./ui/basics";
import { Dialog } from "./ui/dialog";
import { Icon, Mark } from "./ui/icons";

interface Props {
  me: Me | null;
  version: string | null;
  route: Route;
  notice: { text: string; turn: number } | null;
  onLanguage: (language: Language) => void;
  onSignOut: () => void;
  children: ComponentChildren;
}

export function Frame(props: Props) {
  const { m, f } = useText();
  const [settings, setSettings] = useState(false);
  const current = (here: boolean) => (here ? { "aria-current": "page" as const } : {});
  const audit = props.route.screen === "audit";
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The fragment is the router's.
          event.preventDefault();
          document.querySelector<HTMLElement>("h1")?.focus();
        }}
      >
        {m.skipToContent}
      </a>
      <header class="top">
        <div class="bar">
          <a class="brand" href="#/">
            <Mark />
            {m.product}
          </a>
          <nav aria-label={m.nav.label}>
            <a href="#/" {...current(!audit)}>
              {m.nav.overview}
            </a>
            <a href="#/audit" {...current(audit)}>
              {m.nav.audit}
            </a>
          </nav>
          <button
            type="button"
            class="button icon-only"
            aria-haspopup="dialog"
            aria-label={m.settings.menu}
            onClick={() => setSettings(true)}
          >
            <Icon name="settings" />
          </button>
        </div>
      </header>
      <main id="main">{props.children}</main>
      <footer class="foot note">{m.settings.zone(f.zone())}</footer>
      <Notice notice={props.notice} />
      {settings && (
        <Dialog title={m.settings.menu} onClose={() => setSettings(false)}>
          <div class="stack">
            <Preferences onLanguage={props.onLanguage} />
            {props.me && (
              <section class="account">
                <p>
                  {m.settings.signedInAs(props.me.name)}{" "}
                  <span class="badge quiet">{m.role[props.me.role]}</span>
                </p>
                <button type="button" class="button" onClick={props.onSignOut}>
                  {m.settings.signOut}
                </button>
              </section>
            )}
            {props.version !== null && <p class="note">{m.settings.version(props.version)}</p>}
          </div>
        </Dialog>
      )}
    </>
  );
}

export function Preferences({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const { m, language } = useText();
  const [appearance, setAppearance] = useState<Theme>(theme);
  return (
    <div class="preferences">
      <Segments
        label={m.settings.language}
        value={language}
        options={LANGUAGES.map(({ id, name }) => ({ value: id, label: name }))}
        onChange={onLanguage}
      />
      <Segments
        label={m.settings.theme}
        value={appearance}
        options={(["auto", "light", "dark"] as const).map((value) => ({
          value,
          label: m.settings[value],
        }))}
        onChange={(chosen) => {
          chooseTheme(chosen);
          setAppearance(chosen);
        }}
      />
    </div>
  );
}

/** Stays long enough to be read; screen readers read it at once. */
function Notice({ notice }: { notice: Props["notice"] }) {
  const [shown, setShown] = useState<Props["notice"]>(null);
  useEffect(() => {
    setShown(notice);
    const timer = setTimeout(() => setShown(null), 6000);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class="toast" role="status" aria-live="polite">
      {shown && <p key={shown.turn}>{shown.text}</p>}
    </div>
  );
}
