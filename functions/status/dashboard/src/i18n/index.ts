// Which language, and its texts and formats together. Screens get both from useText().

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { format, type Format } from "../format";
import { en, type Messages } from "./en";
import { ja } from "./ja";

export type Language = "ja" | "en";
export const LANGUAGES: readonly { id: Language; name: string }[] = [
  { id: "ja", name: "日本語" },
  { id: "en", name: "English" },
];

export interface Text {
  language: Language;
  m: Messages;
  f: Format;
}

export function text(language: Language): Text {
  const m = language === "ja" ? ja : en;
  return { language, m, f: format(language) };
}

/** The first of the browser's languages that we speak; English if none is. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    if (/^ja\b/i.test(language)) return "ja";
    if (/^en\b/i.test(language)) return "en";
  }
  return "en";
}

const Context = createContext<Text>(text("en"));
export const TextProvider = Context.Provider;
export const useText = (): Text => useContext(Context);
