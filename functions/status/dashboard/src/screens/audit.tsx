// Who did what, when and why.

import { useCallback } from "preact/hooks";
import type { AuditEntry } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { usePaged } from "../paged";
import { syncAddress } from "../routes";
import { Empty, Loading, Problem, Time } from "../ui/basics";
import { More, Table } from "../ui/table";
import { asText, Value } from "../ui/value";
import { Title } from "./title";

export function Audit() {
  const { m } = useText();
  const { api } = useSigned();
  const ask = useCallback(
    async (cursor: string | undefined, signal?: AbortSignal) => {
      const page = await api.audit(cursor, signal);
      return { items: page.entries, next: page.next };
    },
    [api],
  );
  const list = usePaged<AuditEntry>(ask);
  return (
    <>
      <Title text={m.audit.title}>
        <p class="lead">{m.audit.lead}</p>
      </Title>
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
              cell: (entry) => <Details of={entry.details} />,
            },
          ]}
        />
      )}
      <More {...list} />
    </>
  );
}

/** Names and values one below the other. */
function Details({ of }: { of: AuditEntry["details"] }) {
  const { m } = useText();
  if (of === null) return <>{m.none}</>;
  if (typeof of !== "object" || Array.isArray(of)) return <Value of={of} />;
  const members = Object.entries(of).filter(([, value]) => value !== null);
  if (members.length === 0) return <>{m.none}</>;
  return (
    <ul class="details">
      {members.map(([name, value]) => (
        <li key={name}>
          <code>{name}</code> <span class="value">{asText(value)}</span>
        </li>
      ))}
    </ul>
  );
}
