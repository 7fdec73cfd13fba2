// Who did what, when and why.

import { useCallback, useState } from "preact/hooks";
import type { AuditEntry, Value as Json } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import type { Messages } from "../i18n/en";
import { usePaged } from "../paged";
import { runAddress, syncAddress } from "../routes";
import { Empty, Loading, Problem, Time } from "../ui/basics";
import { More, Table } from "../ui/table";
import { asText, Value } from "../ui/value";
import { Title } from "./title";

export function Audit() {
  const { m } = useText();
  const { api } = useSigned();
  const [previews, setPreviews] = useState(false);
  const ask = useCallback(
    async (cursor: string | undefined, signal?: AbortSignal) => {
      const page = await api.audit(previews, cursor, signal);
      return { items: page.entries, next: page.next };
    },
    [api, previews],
  );
  const list = usePaged<AuditEntry>(ask);
  return (
    <>
      <Title text={m.audit.title}>
        <p class="lead">{m.audit.lead}</p>
      </Title>
      <label class="check">
        <input
          type="checkbox"
          checked={previews}
          onChange={(event) => setPreviews(event.currentTarget.checked)}
        />
        <span>{m.audit.previews}</span>
      </label>
      {list.failure && <Problem failure={list.failure} retry={list.reload} />}
      {list.items === null && list.busy && <Loading rows={6} />}
      {list.items?.length === 0 && <Empty title={m.audit.empty} hint={m.audit.emptyHint} />}
      {list.items !== null && list.items.length > 0 && (
        <Table<AuditEntry>
          caption={m.audit.caption}
          rows={list.items}
          rowKey={(entry) => String(entry.id)}
          busy={list.busy}
          columns={[
            {
              id: "what",
              head: m.audit.what,
              lead: true,
              cell: (entry) => m.audit.action[entry.action] ?? entry.action,
            },
            { id: "when", head: m.audit.when, cell: (entry) => <Time at={entry.at} /> },
            {
              id: "who",
              head: m.audit.who,
              cell: (entry) => <span class="value">{entry.who}</span>,
            },
            {
              id: "sync",
              head: m.audit.sync,
              cell: (entry) =>
                entry.sync === null ? m.none : <a href={syncAddress(entry.sync)}>{entry.sync}</a>,
            },
            {
              id: "why",
              head: m.audit.why,
              cell: (entry) => (entry.why === "" ? m.none : <span class="value">{entry.why}</span>),
            },
            {
              id: "details",
              head: m.audit.details,
              cell: (entry) => <Details of={entry.details} isPreview={entry.action === "plan"} />,
            },
          ]}
        />
      )}
      <More {...list} />
    </>
  );
}

/** Names and values one below the other. */
function Details({ of, isPreview }: { of: AuditEntry["details"]; isPreview: boolean }) {
  const { m } = useText();
  if (of === null) return <>{m.none}</>;
  if (typeof of !== "object" || Array.isArray(of)) return <Value of={of} />;
  const members = Object.entries(of).filter(
    // A preview is no run, and is kept for a day only.
    ([name, value]) => value !== null && !(isPreview && name === "run"),
  );
  if (members.length === 0) return <>{m.none}</>;
  return (
    <ul class="details">
      {members.map(([name, value]) => (
        <li key={name}>
          <Detail name={name} value={value} />
        </li>
      ))}
    </ul>
  );
}

/** The known ones in the reader's words, a run as the way there. */
function Detail({ name, value }: { name: string; value: Json }) {
  const { m } = useText();
  const text = asText(value);
  if (name === "run") return <a href={runAddress(text)}>{m.audit.run}</a>;
  const translated = inWords(m, name, text);
  if (translated !== undefined) return <>{translated}</>;
  return (
    <>
      {m.audit.detail[name] ?? <code>{name}</code>} <span class="value">{text}</span>
    </>
  );
}

/** What a detail says that has one of a few values. */
function inWords(m: Messages, name: string, value: string): string | undefined {
  const of = (words: Record<string, unknown>) => {
    const translated = words[value];
    return typeof translated === "string" ? translated : undefined;
  };
  if (name === "type") return of(m.type);
  if (name === "mode")
    return of({
      auto: m.circuit.auto,
      force_open: m.circuit.force_open,
      force_closed: m.circuit.force_closed,
    });
  if (name === "adopt") return of({ sheet: m.adoption.sheet, database: m.adoption.database });
  return undefined;
}
