// A table that becomes a list of cards on a phone. The roles are written out, because browsers drop a table's meaning
// when style sheets lay it out in another way.

import type { ComponentChildren } from "preact";
import { useText } from "../i18n";

export interface Column<T> {
  id: string;
  head: string;
  number?: boolean;
  /** Is left out of a card when it says nothing. */
  nil?: (row: T) => boolean;
  /** Stands first on a card, without its name. */
  lead?: boolean;
  cell: (row: T) => ComponentChildren;
}

export function Table<T>(props: {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  busy?: boolean;
}) {
  return (
    <table role="table" aria-busy={props.busy === true}>
      <caption class="visually-hidden">{props.caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {props.columns.map((column) => (
            <th
              key={column.id}
              role="columnheader"
              scope="col"
              class={column.number === true ? "number" : ""}
            >
              {column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.rows.map((row) => (
          <tr role="row" key={props.rowKey(row)}>
            {props.columns.map((column) => (
              <td
                key={column.id}
                role="cell"
                data-label={column.head}
                class={classes(
                  `c-${column.id}`,
                  column.number === true && "number",
                  column.lead === true && "lead",
                  column.nil?.(row) === true && "nil",
                )}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function classes(...names: (string | false)[]): string {
  return names.filter((name) => name !== false).join(" ");
}

/** The button below a list that has more pages. */
export function More({ hasMore, busy, more }: { hasMore: boolean; busy: boolean; more: () => void }) {
  const { m } = useText();
  if (!hasMore) return null;
  return (
    <div class="more">
      <button type="button" class="button" disabled={busy} onClick={more}>
        {busy ? m.loading : m.more}
      </button>
    </div>
  );
}
