import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { format } from "../src/format";
import { preferred } from "../src/i18n";
import * as codesEn from "../src/i18n/codes.en";
import * as codesJa from "../src/i18n/codes.ja";
import { en } from "../src/i18n/en";
import { ja } from "../src/i18n/ja";
import { entryText, failureText, runErrorText } from "../src/i18n/code-text";
import { Failure } from "../src/api/client";

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
const byCode = (name: string) =>
  /^(reason|failure\.code|run\.outcome|audit\.(action|detail)|unreachable)\./.test(name);

test("every text is there in both languages", () => {
  expect(names(ja).filter((name) => !byCode(name))).toEqual(names(en).filter((name) => !byCode(name)));
});

test("no text is empty", () => {
  for (const texts of [en, ja]) {
    for (const name of names(texts)) {
      const text: unknown = name
        .split(".")
        .reduce((at: unknown, part) => (at as Record<string, unknown>)[part], texts);
      const shown: unknown =
        typeof text === "function"
          ? (text as (...values: unknown[]) => unknown)(2, name.startsWith("reason.") ? format("ja") : 3, "x")
          : Array.isArray(text)
            ? text.join("")
            : text;
      expect(shown, name).toMatch(/\S/);
    }
  }
});

test("English knows one from many", () => {
  expect(en.plan.summary(1, 1)).toBe("1 of 1 row will change.");
  expect(en.plan.summary(1200, 4000)).toBe("1,200 of 4,000 rows will change.");
});

test("the browser's first language that we speak is taken", () => {
  expect(preferred(["fr", "ja-JP", "en"])).toBe("ja");
  expect(preferred(["en-GB", "ja"])).toBe("en");
  expect(preferred(["fr"])).toBe("en");
});

const file = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");

/** The part of a text from the one mark to the other. */
function between(text: string, start: string, end: string): string {
  const from = text.indexOf(start);
  expect(from, `there is no ${start}`).toBeGreaterThanOrEqual(0);
  return text.slice(from + start.length, text.indexOf(end, from + start.length));
}

/** What stands in quotes after each `opening`. */
const quoted = (text: string, opening: RegExp) => [...text.matchAll(opening)].map((found) => found[1] ?? "");

/** The names in backticks in the first column of a table. */
function firstColumn(text: string): string[] {
  const rows = text.split("\n").filter((line) => line.startsWith("| "));
  return rows.flatMap((line) => quoted(line.split("|")[1] ?? "", /`([^`]+)`/g));
}

const BOTH = [
  ["en", en, codesEn],
  ["ja", ja, codesJa],
] as const;

const rejections = () =>
  quoted(
    between(file("shared/src/mapping/rejection.rs"), "const fn as_str", "impl fmt::Display"),
    /=> "([a-z_]+)"/g,
  );

/** Codes of the same files that are returned to the caller or kept with a batch: no row, cell or run has them. */
const ANSWERS = ["no_such_run", "no_reason", "withheld"];

/** The codes that SQL records with a row, a cell or a batch. */
function recorded(): string[] {
  const files = ["086_sync_merge", "087_sync_deletes", "088_sync_apply"];
  const deadLetters = between(
    file("migrations/089_sync_lifecycle.sql"),
    "public.sync_dead_letters(",
    "\n$$;",
  );
  const sql = files.map((name) => file(`migrations/${name}.sql`)).join("") + deadLetters;
  // The winner's name is put into this one.
  const winners = ["sheet", "database"].map((winner) => `'conflict', 'conflict_${winner}_won'`);
  expect(sql).toContain("'conflict', 'conflict_%1$s_won'");
  const whole = sql.replace("'conflict', 'conflict_%1$s_won'", winners.join(" "));
  return quoted(whole, /(?<!-> )'(?:code|conflict)', '([a-z_]+)'/g).filter((code) => !ANSWERS.includes(code));
}

const guide = () => file("docs/TROUBLESHOOTING_GUIDE.md");

test.each(BOTH)("every code of a cell or row has a text, %s", (_, _m, { codes }) => {
  expect(rejections().length).toBeGreaterThan(25);
  expect(new Set(recorded()).size).toBeGreaterThan(8);
  const ofPostgres = quoted(between(guide(), "## A run is `partial`", "\n## "), /`(2[23][0-9A-Z]{3})`/g);
  expect(ofPostgres.length).toBeGreaterThan(2);
  const all = [...new Set([...rejections(), ...recorded(), ...ofPostgres])];
  expect(all.filter((code) => codes[code] === undefined)).toEqual([]);
});

test("both languages have the same codes of cells and rows, and none that nothing gives", () => {
  expect(Object.keys(codesJa.codes).sort()).toEqual(Object.keys(codesEn.codes).sort());
  const all = [...rejections(), ...recorded()];
  const named = Object.keys(codesJa.codes).filter((code) => !code.startsWith("2"));
  expect(named.filter((code) => !all.includes(code))).toEqual([]);
});

test("a text about runs is of a code that a run can fail with", () => {
  const ofRuns = firstColumn(between(guide(), "## A run is `failed`", "\n## "));
  expect(ofRuns.length).toBeGreaterThan(20);
  const ofSql = quoted(file("migrations/084_sync_begin.sql"), /'code', '([a-z_]+)'/g);
  const unknown = Object.keys(codesJa.runCodes).filter((code) => ![...ofRuns, ...ofSql].includes(code));
  expect(unknown).toEqual([]);
});

test("every code of the API has a text", () => {
  const ofApi = quoted(
    between(file("functions/status/src/error.rs"), "fn code(&self)", "impl IntoResponse"),
    /=> "([a-z_]+)"/g,
  );
  expect(ofApi.length).toBeGreaterThan(10);
  for (const [, m] of BOTH) {
    expect(ofApi.filter((code) => m.failure.code[code] === undefined)).toEqual([]);
    expect(Object.keys(m.failure.code).filter((code) => !ofApi.includes(code))).toEqual([]);
  }
});

test("every health reason has a Japanese text", () => {
  const reasons = quoted(
    between(file("functions/status/src/health.rs"), "pub fn judge", "#[cfg(test)]"),
    /add\(\s*Status::\w+,\s*"([a-z_]+)"/g,
  );
  expect(reasons.length).toBeGreaterThan(12);
  expect(Object.keys(ja.reason).sort()).toEqual([...new Set(reasons)].sort());
});

test("Japanese texts have English only in the technical information", () => {
  const japanese = { language: "ja", m: ja, f: format("ja") } as const;
  const shown = [
    entryText(ja, codesJa, "23999", true),
    entryText(ja, codesJa, "http_503", false),
    runErrorText(japanese, codesJa, { code: "bad_definition", message: "the definition is bad" }, 0),
    runErrorText(japanese, codesJa, { code: "23514", message: "Supabase refused sync_apply" }, 40),
    failureText(japanese, new Failure("refused", "made_up", "it was refused")),
    failureText(japanese, new Failure("broken", "supabase_unavailable", "Supabase does not answer")),
  ];
  expect(shown.join("")).not.toMatch(/refused|the |does not/);
  expect(shown[1]).toContain("http_503");
  expect(shown[3]).toContain("40行");
  // A constraint that a whole batch broke names no cell that could be put right.
  expect(entryText(ja, codesJa, "23514", true)).toContain("値を直してください");
  expect(entryText(ja, codesJa, "23514", false)).toContain("シートの修正は不要です");
  const sentences = [...Object.values(codesJa.codes), ...Object.values(codesJa.runCodes)];
  expect(sentences.filter((text) => !/[。）]$/.test(text))).toEqual([]);
});
