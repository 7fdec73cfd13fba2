// The rows and cells that could not be used, with the way to the cell in the spreadsheet.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Failure, type EntriesOf } from "../api/client";
import type { Entry, ErrorType } from "../api/types";
import { ERROR_TYPES } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { usePaged } from "../paged";
import { Ago, Badge, Empty, Loading, Outside, Problem, Select, useFailureText } from "../ui/basics";
import { Icon } from "../ui/icons";
import { More, Table } from "../ui/table";
import { Value } from "../ui/value";

/** Typing is over when nothing was typed for so long. */
const TYPED_MS = 300;

interface Props {
  of: EntriesOf;
  version: string;
  /** What to say when there is none, if it is not that everything is well. */
  none?: ComponentChildren;
}

export function EntryList({ of, version, none }: Props) {
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
      {list.items !== null && list.items.length > 0 && <EntryTable entries={list.items} busy={list.busy} />}
      <More {...list} />
    </>
  );
}

function EntryTable({ entries, busy }: { entries: Entry[]; busy: boolean }) {
  const { m, f } = useText();
  return (
    <Table<Entry>
      caption={m.errors.caption}
      rows={entries}
      rowKey={(entry) => String(entry.id)}
      busy={busy}
      columns={[
        { id: "cell", head: m.errors.cell, lead: true, cell: (entry) => <CellLink entry={entry} /> },
        { id: "row", head: m.errors.row, cell: (entry) => <Row entry={entry} /> },
        { id: "column", head: m.errors.column, cell: (entry) => <ColumnName entry={entry} /> },
        {
          id: "raw",
          head: m.errors.raw,
          cell: (entry) => (entry.cell === null && entry.raw === null ? m.none : <Value of={entry.raw} />),
        },
        {
          id: "problem",
          head: m.errors.problem,
          cell: (entry) => (
            <>
              <Badge tone="quiet">{m.errorType[entry.type]}</Badge>{" "}
              <CodeText code={entry.code} message={entry.message} />
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

export function CellLink({ entry }: { entry: Pick<Entry, "cell"> & { cellUrl?: string | null } }) {
  const { m } = useText();
  const { cell, cellUrl } = entry;
  if (cell === null) return <>{m.none}</>;
  if (cellUrl === null || cellUrl === undefined) return <code>{cell}</code>;
  return (
    <Outside href={cellUrl} label={m.errors.openCell(cell)}>
      <code>{cell}</code>
    </Outside>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { m } = useText();
  return (
    <>
      <span class="value key">{entry.rowKey ?? m.none}</span>
      {entry.rowNumber !== null && <span class="note">{m.errors.rowNumber(entry.rowNumber)}</span>}
    </>
  );
}

function ColumnName({ entry }: { entry: Entry }) {
  const { m } = useText();
  return (
    <>
      <span class="value">{entry.header ?? entry.column ?? m.none}</span>
      {entry.header !== null && entry.column !== null && (
        <span class="note">
          <code>{entry.column}</code>
        </span>
      )}
    </>
  );
}

/** The code in the reader's language when there is one, and the API's sentence. */
export function CodeText({ code, message }: { code: string; message: string }) {
  const { m } = useText();
  const told = m.code[code];
  return (
    <span class="problem-text" title={code}>
      {told !== undefined && <strong>{told} </strong>}
      {message}
    </span>
  );
}

function Export({ of, filter }: { of: EntriesOf; filter: { type: string; q: string } }) {
  const { m } = useText();
  const { api, notify } = useSigned();
  const words = useFailureText();
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      download(await api.csv(of, filter), `${"run" in of ? of.run : of.sync}-errors.csv`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      notify(words(error));
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
