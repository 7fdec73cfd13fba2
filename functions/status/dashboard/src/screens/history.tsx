// The runs of a sync, newest first, by status, type and time.

import { useCallback, useState } from "preact/hooks";
import type { Run, RunStatus, RunType } from "../api/types";
import { RUN_STATUSES, RUN_TYPES } from "../api/types";
import { now } from "../clock";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { usePaged } from "../paged";
import { runAddress } from "../routes";
import { Empty, Loading, Problem, Select, StatusBadge, Time } from "../ui/basics";
import { More, Table } from "../ui/table";

const HOURS = [24, 7 * 24, 30 * 24] as const;
type Since = "" | `${(typeof HOURS)[number]}`;

/** `version` changes when there may be something new to show. */
export function History({ sync, version }: { sync: string; version: string }) {
  const { m, f } = useText();
  const { api } = useSigned();
  const [status, setStatus] = useState<RunStatus | "">("");
  const [type, setType] = useState<RunType | "">("");
  const [since, setSince] = useState<Since>("");
  const ask = useCallback(
    async (cursor: string | undefined, signal?: AbortSignal) => {
      const from = since === "" ? undefined : new Date(now() - Number(since) * 3_600_000).toISOString();
      const page = await api.runs(
        sync,
        { status, type, limit: 25, ...(from && { since: from }), ...(cursor && { cursor }) },
        signal,
      );
      return { items: page.runs, next: page.next };
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a new version is a reason to ask again
    [api, sync, status, type, since, version],
  );
  const list = usePaged<Run>(ask);
  const hours = (value: number) =>
    value <= 24 ? m.history.lastHours(value) : m.history.lastDays(value / 24);
  const dashed = (value: number) => (value === 0 ? <span class="zero">0</span> : f.count(value));

  return (
    <>
      <div class="filters">
        <Select<RunStatus | "">
          label={m.history.status}
          value={status}
          options={[
            { value: "", label: m.history.all },
            ...RUN_STATUSES.map((value) => ({ value, label: m.status[value] })),
          ]}
          onChange={setStatus}
        />
        <Select<RunType | "">
          label={m.history.type}
          value={type}
          options={[
            { value: "", label: m.history.all },
            ...RUN_TYPES.map((value) => ({ value, label: m.type[value] })),
          ]}
          onChange={setType}
        />
        <Select<Since>
          label={m.history.since}
          value={since}
          options={[
            { value: "", label: m.history.any },
            ...HOURS.map((value) => ({ value: String(value) as Since, label: hours(value) })),
          ]}
          onChange={setSince}
        />
      </div>
      {list.failure && <Problem failure={list.failure} retry={list.reload} />}
      {list.items === null && list.busy && <Loading rows={6} />}
      {list.items?.length === 0 && <Empty title={m.history.empty} hint={m.history.emptyHint} />}
      {list.items !== null && list.items.length > 0 && (
        <Table<Run>
          caption={m.history.caption}
          rows={list.items}
          rowKey={(run) => run.id}
          busy={list.busy}
          columns={[
            {
              id: "status",
              head: m.history.status,
              lead: true,
              cell: (run) => (
                <a
                  class="plain"
                  href={runAddress(run.id)}
                  aria-label={`${m.status[run.status]}, ${f.dateTime(run.startedAt)}`}
                >
                  <StatusBadge status={run.status} />
                </a>
              ),
            },
            { id: "started", head: m.history.started, cell: (run) => <Time at={run.startedAt} /> },
            { id: "type", head: m.history.type, cell: (run) => m.type[run.type] },
            {
              id: "duration",
              head: m.history.duration,
              number: true,
              cell: (run) => f.duration(run.durationSeconds),
            },
            {
              id: "read",
              head: m.history.read,
              number: true,
              cell: (run) => f.count(run.totalRows),
            },
            {
              id: "changed",
              head: m.history.changed,
              number: true,
              cell: (run) => dashed(run.inserted + run.updated + run.deleted),
            },
            {
              id: "problems",
              head: m.history.problems,
              number: true,
              cell: (run) => dashed(run.rejected + run.failed),
            },
            {
              id: "by",
              head: m.history.by,
              cell: (run) => <span class="clip">{run.triggeredBy ?? m.none}</span>,
            },
          ]}
        />
      )}
      <More {...list} />
    </>
  );
}
