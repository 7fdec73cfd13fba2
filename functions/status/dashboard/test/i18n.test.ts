import { expect, test } from "vitest";
import { format } from "../src/format";
import { preferred } from "../src/i18n";
import { en } from "../src/i18n/en";
import { ja } from "../src/i18n/ja";

/** The names of all texts, `nav.overview` for example. */
function names(texts: object, path = ""): string[] {
  return Object.entries(texts).flatMap(([name, text]: [string, unknown]) => {
    const here = `${path}${name}`;
    return typeof text === "object" && text !== null && !Array.isArray(text)
      ? names(text, `${here}.`)
      : [here];
  });
}

/** What is translated by the API's codes: a language may know more of them than another. */
const byCode = (name: string) => /^(code|reason|run\.outcome|audit\.action|unreachable)\./.test(name);

test("every text is there in both languages", () => {
  expect(names(ja).filter((name) => !byCode(name))).toEqual(names(en).filter((name) => !byCode(name)));
});

test("no text is empty", () => {
  for (const texts of [en, ja]) {
    for (const name of names(texts)) {
      const text: unknown = name
        .split(".")
        .reduce((at: unknown, part) => (at as Record<string, unknown>)[part], texts);
      const told: unknown =
        typeof text === "function"
          ? (text as (...values: unknown[]) => unknown)(2, name.startsWith("reason.") ? format("ja") : 3, "x")
          : Array.isArray(text)
            ? text.join("")
            : text;
      expect(told, name).toMatch(/\S/);
    }
  }
});

test("English knows one from many", () => {
  expect(en.plan.summary(1)).toBe("1 row would change.");
  expect(en.plan.summary(1200)).toBe("1,200 rows would change.");
});

test("the browser's first language that we speak is taken", () => {
  expect(preferred(["fr", "ja-JP", "en"])).toBe("ja");
  expect(preferred(["en-GB", "ja"])).toBe("en");
  expect(preferred(["fr"])).toBe("en");
});
