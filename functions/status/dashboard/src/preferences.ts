// Language and appearance: chosen once on a device, otherwise what the browser asks for.

import { preferred, type Language } from "./i18n";

export type Theme = "auto" | "light" | "dark";
const LANGUAGE = "sheetsync.language";
const THEME = "sheetsync.theme";

export function language(): Language {
  const chosen = read(LANGUAGE);
  return chosen === "ja" || chosen === "en" ? chosen : preferred(navigator.languages);
}

export function chooseLanguage(chosen: Language): void {
  write(LANGUAGE, chosen);
}

export function theme(): Theme {
  const chosen = read(THEME);
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

export function chooseTheme(chosen: Theme): void {
  write(THEME, chosen);
  applyTheme(chosen);
}

/** Charts are drawn on a canvas, which does not follow style sheets: they listen for `sheetsync-theme`. */
export function applyTheme(chosen: Theme): void {
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  window.dispatchEvent(new Event("sheetsync-theme"));
}

// A browser may forbid storage; then a choice lasts as long as the page.
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}
