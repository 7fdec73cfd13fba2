// What a code of the API says to a person, in the reader's language.

import type { Failure } from "../api/client";
import type { RunError } from "../api/types";
import type { Text } from ".";
import type { Codes } from "./codes";
import type { Messages } from "./en";

/**
 * What is wrong with a row or a cell, or, without a place, with a whole batch: then no cell is at fault, whatever Postgres
 * called it. Nothing yet while the texts are being loaded.
 */
export function entryText(m: Messages, known: Codes | null, code: string, hasPlace: boolean): string {
  if (known === null) return "";
  if (!hasPlace) return m.codeOther.delivery(code);
  const other = /^[0-9A-Z]{5}$/.test(code) ? m.codeOther.sqlstate : m.codeOther.delivery;
  return known.codes[code] ?? other(code);
}

/** Why a run stopped or left rows out, and what to do. */
export function runErrorText(
  { m, language }: Text,
  known: Codes | null,
  error: Pick<RunError, "code" | "message">,
  failedRows: number,
): string {
  if (known === null) return "";
  const text = known.runCodes[error.code];
  if (text !== undefined) return text;
  if (failedRows > 0) return m.runFailedRows(failedRows);
  // Only English is what the API speaks.
  return language === "en" ? error.message : m.runCodeOther(error.code);
}

/** What a failure means. */
export function failureText({ m }: Text, { kind, code }: Failure): string {
  if (kind !== "refused" && kind !== "broken") return m.failure[kind];
  return m.failure[kind](m.failure.code[code] ?? m.failure.other(code));
}
