// The rows and cells that could not be used, with the way to the cell in the spreadsheet.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Failure, type EntriesOf } from "../api/client";
import type { Entry, ErrorType } from "../api/types";
import { ERROR_TYPES } from "../api/types";
import { mayAct, useSigned } from "../context";
import { useText } from "../i18n";
import { useCodes } from "../i18n/codes";
import { entryText, failureText } from "../i18n/code-text";
import { usePaged } from "../paged";
import { Ago, Badge, Empty, Loading, Outside, Problem, Select, Technical } from "../ui/basics";
import { Icon } from "../ui/icons";
import { More, Table } from "../ui/table";
import { Value } from "../ui/value";
import { sentence } from "./sync-facts";

/** Typing is over when nothing was typed for so long. */
const TYPED_MS = 300;

interface Props {
  of: EntriesOf;
  version: string;
  /** What to say when there is none, if it is not that everything is well. */
  none?: ComponentChildren;
  /** Those that are shown elsewhere on the screen. */
  besides?: (entry: Entry) => boolean;
}

export function EntryList({ of, version, none, besides }: Props) {
  const { m } = useText();
  const { api } = useSigned();
  const [type, setType] = useState<ErrorType | "">("");
  const [typed, setTyped] = useState("");
  const [q, setQ] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setQ(typed.trim()), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const whose = JSON.stringify(of);
  const ask = useCallback(
    async (cursor: string | undefined, signal?: AbortSignal) => {
      const filter = { type, q, limit: 50, ...(cursor && { cursor }) };
      const page = await api.entries(JSON.parse(whose) as EntriesOf, filter, signal);
      return { items: page.errors, next: page.next };
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a new version is a reason to ask again
    [api, whose, type, q, version],
  );
  const list = usePaged<Entry>(ask);
  const filtered = type !== "" || q !== "";
  const now = "sync" in of;
  const shown = list.items?.filter((entry) => besides?.(entry) !== true) ?? [];

  return (
    <>
      <div class="filters">
        <Select<ErrorType | "">
          label={m.errors.type}
          value={type}
          options={[
            { value: "", label: m.errors.all },
            ...ERROR_TYPES.map((value) => ({ value, label: m.errorType[value] })),
          ]}
          onChange={setType}
        />
        <label class="field inline grow">
          <span>{m.errors.search}</span>
          <input
            type="search"
            value={typed}
            placeholder={m.errors.searchHint}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <Export of={of} filter={{ type, q }} />
      </div>
      {list.failure && <Problem failure={list.failure} retry={list.reload} />}
      {list.items === null && list.busy && <Loading rows={6} />}
      {list.items?.length === 0 &&
        (filtered ? (
          <Empty title={m.errors.noMatch} hint={m.errors.noMatchHint} />
        ) : (
          (none ?? (
            <Empty
              title={now ? m.errors.emptyNow : m.errors.empty}
              hint={now ? m.errors.emptyNowHint : m.errors.emptyHint}
            />
          ))
        ))}
      {list.items !== null && list.items.length > 0 && shown.length === 0 && (
        <p class="note">{m.errors.onlyThat}</p>
      )}
      {shown.length > 0 && <EntryTable entries={shown} busy={list.busy} />}
      <More {...list} />
    </>
  );
}

function EntryTable({ entries, busy }: { entries: Entry[]; busy: boolean }) {
  const { m, f } = useText();
  // A badge on every line that says the same on every line says nothing.
  const isMixed = entries.some((entry) => entry.type !== entries[0]?.type);
  return (
    <Table<Entry>
      caption={m.errors.caption}
      rows={entries}
      rowKey={(entry) => String(entry.id)}
      busy={busy}
      columns={[
        { id: "cell", head: m.errors.cell, lead: true, cell: (entry) => <Place entry={entry} /> },
        {
          id: "raw",
          head: m.errors.raw,
          nil: hasNoCell,
          cell: (entry) => (hasNoCell(entry) ? m.none : <Value of={entry.raw} />),
        },
        {
          id: "problem",
          head: m.errors.problem,
          cell: (entry) => (
            <>
              {isMixed && <Badge tone="quiet">{m.errorType[entry.type]}</Badge>} <CodeText of={entry} />
            </>
          ),
        },
        {
          id: "seen",
          head: m.errors.seen,
          cell: (entry) => (
            <>
              <Ago at={entry.firstSeen} />
              {entry.resolvedAt !== null && (
                <span class="note">
                  <Ago at={entry.resolvedAt} around={m.errors.resolved} />
                </span>
              )}
              {entry.resolvedAt === null && entry.nextAttemptAt !== null && (
                <span class="note">{m.errors.nextAttempt(f.dateTime(entry.nextAttemptAt))}</span>
              )}
            </>
          ),
        },
      ]}
    />
  );
}

const hasNoCell = (entry: Entry) => entry.cell === null && entry.raw === null;

/** The link that opens the cell, named as what one does with it. */
export function CellLink(props: { cell: string | null; url: string | null; short?: boolean }) {
  const { m } = useText();
  const { cell, url, short = false } = props;
  if (cell === null) return null;
  if (url === null) return <code>{cell}</code>;
  return (
    <Outside href={url} label={m.errors.openCell(cell)}>
      {short ? <code>{cell}</code> : m.errors.openCell(cell)}
    </Outside>
  );
}

type Placed = Pick<Entry, "header" | "column" | "rowKey" | "rowNumber" | "cell"> &
  Partial<Pick<Entry, "cellUrl">>;

function hasPlace({ header, column, rowKey, rowNumber, cell }: Placed): boolean {
  return [header, column, rowKey, rowNumber, cell].some((it) => it !== null);
}

/** Where it is: header, row key and row, and the way there. Only who can act wants to know the table's column. */
export function Place({ entry }: { entry: Placed }) {
  const { m } = useText();
  const { me } = useSigned();
  const { header, column, rowKey, rowNumber, cell, cellUrl } = entry;
  const named = header ?? column;
  if (named === null && rowKey === null && rowNumber === null && cell === null)
    return <>{m.errors.noPlace}</>;
  return (
    <span class="place">
      <span>
        {named !== null && <strong class="value">{named}</strong>}{" "}
        {rowKey !== null && <span class="value key">{rowKey}</span>}
      </span>
      <CellLink cell={cell} url={cellUrl ?? null} />
      {((cell === null && rowNumber !== null) || (mayAct(me) && header !== null && column !== null)) && (
        <span class="note">
          {cell === null && rowNumber !== null && m.errors.rowNumber(rowNumber)}{" "}
          {mayAct(me) && header !== null && column !== null && <code>{column}</code>}
        </span>
      )}
    </span>
  );
}

/** What the code says in the reader's language; in English with the API's sentence, which knows what was expected. */
export function CodeText({ of }: { of: Placed & Pick<Entry, "code" | "message"> }) {
  const { m, language } = useText();
  const { code, message } = of;
  const explanation = entryText(m, useCodes(), code, hasPlace(of));
  if (language !== "en") {
    return (
      <span class="problem-text">
        {explanation}
        <Technical code={code} message={message} />
      </span>
    );
  }
  return (
    <span class="problem-text">
      <strong>{explanation}</strong> {sentence(message)}
    </span>
  );
}

function Export({ of, filter }: { of: EntriesOf; filter: { type: string; q: string } }) {
  const text = useText();
  const { m } = text;
  const { api, notify } = useSigned();
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      download(await api.csv(of, filter), `${"run" in of ? of.run : of.sync}-errors.csv`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      notify(failureText(text, error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" class="button" disabled={busy} onClick={() => void save()}>
      <Icon name="download" />
      {busy ? m.errors.exporting : m.errors.export}
    </button>
  );
}

/** A plain link could not carry the token. */
function download(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
