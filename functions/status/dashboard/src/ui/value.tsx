// A value of the sheet or of the table: text, whatever it looks like.

import type { Value as Json } from "../api/types";
import { useText } from "../i18n";

const LONG = 120;

export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** With separators between the thousands, digit for digit as it is: `Number` would round the sixteenth. */
export function grouped(text: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(text)) return text;
  const [whole = "", ...rest] = text.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}

/** A cell's value: wrapped, and a long one shortened until it is expanded. */
export function Value({ of, isNumber = false }: { of: Json; isNumber?: boolean }) {
  const { m } = useText();
  if (of === null || of === "") return <span class="blank">{m.plan.blank}</span>;
  const text = isNumber ? grouped(asText(of)) : asText(of);
  if (text.length <= LONG) return <span class="value">{text}</span>;
  return (
    <details class="long">
      <summary>
        <span class="value">{cut(text)}…</span> <span class="link">{m.errors.showAll}</span>
      </summary>
      <span class="value">{text}</span>
    </details>
  );
}

/** Its first characters, none of them cut in half. */
function cut(text: string): string {
  return Array.from(text).slice(0, LONG).join("");
}
