// What the codes of rows, cells and runs say. They are most of all texts and no first screen shows one, so they are loaded
// when the first code is shown.

import { useEffect, useState } from "preact/hooks";
import { useText, type Language } from ".";

export interface Codes {
  /** What is wrong with a row or cell. */
  codes: Record<string, string>;
  /** Why a run stopped. */
  runCodes: Record<string, string>;
}

const LOAD: Record<Language, () => Promise<Codes>> = {
  en: () => import("./codes.en"),
  ja: () => import("./codes.ja"),
};
const loaded = new Map<Language, Codes>();

/** Null for the moment until they are there. */
export function useCodes(): Codes | null {
  const { language } = useText();
  const [here, setHere] = useState<{ language: Language; codes: Codes } | null>(null);
  const known = loaded.get(language) ?? (here?.language === language ? here.codes : null);
  const isMissing = known === null;
  useEffect(() => {
    if (!isMissing) return;
    LOAD[language]().then(
      (codes) => {
        loaded.set(language, codes);
        setHere({ language, codes });
      },
      // Without the texts there is still the code.
      () => setHere({ language, codes: { codes: {}, runCodes: {} } }),
    );
  }, [language, isMissing]);
  return known;
}
