// The batches of a run, as the ledger holds them.

import { useState } from "preact/hooks";
import { Failure } from "../api/client";
import type { Batch, RunDetail } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { Badge, Empty, Problem, Time, type Tone } from "../ui/basics";
import { More, Table } from "../ui/table";

const TONES: Record<string, Tone> = { applied: "good", failed: "bad", withheld: "warn" };

export function Batches({ run, running }: { run: RunDetail; running: boolean }) {
  const { m, f } = useText();
  const { api } = useSigned();
  const [further, setFurther] = useState<{ batches: Batch[]; next: string | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const next = further === null ? run.batchesNext : further.next;
  const batches = [...run.batches, ...(further?.batches ?? [])];

  const more = async (): Promise<void> => {
    if (next === null) return;
    setBusy(true);
    setFailure(null);
    try {
      const page = await api.batches(run.id, next);
      setFurther({ batches: [...(further?.batches ?? []), ...page.batches], next: page.batchesNext });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <section aria-labelledby="batches">
      <h2 id="batches">
        {m.run.batches}{" "}
        <span class="note">
          {f.count(run.batchesDone)} / {f.count(run.batchesTotal)}
        </span>
      </h2>
      {batches.length === 0 &&
        (running || run.batchesTotal > 0 ? (
          <Empty title={m.run.batch.pending} />
        ) : (
          <Empty title={m.run.batch.empty} hint={m.run.batch.emptyHint} />
        ))}
      {batches.length > 0 && (
        <Table<Batch>
          caption={m.run.batch.caption}
          rows={batches}
          rowKey={(batch) => `${batch.kind} ${batch.lo}`}
          columns={[
            {
              id: "outcome",
              head: m.run.batch.outcome,
              lead: true,
              cell: (batch) => (
                <Badge tone={TONES[batch.outcome] ?? "quiet"}>
                  {m.run.outcome[batch.outcome] ?? batch.outcome}
                </Badge>
              ),
            },
            { id: "kind", head: m.run.batch.kind, cell: (batch) => m.run.batch[batch.kind] },
            ...(["rows", "inserted", "updated", "unchanged", "deleted", "rejected", "attempts"] as const).map(
              (name) => ({
                id: name,
                head: m.run.batch[name],
                number: true,
                nil: (batch: Batch) => batch[name] === 0,
                cell: (batch: Batch) => (
                  <span class={batch[name] === 0 ? "zero" : ""}>{f.count(batch[name])}</span>
                ),
              }),
            ),
            {
              id: "finished",
              head: m.run.batch.finished,
              cell: (batch) => (
                <>
                  <Time at={batch.finishedAt} />
                  {batch.error !== null && <BatchError error={batch.error} />}
                </>
              ),
            },
          ]}
        />
      )}
      {failure && <Problem failure={failure} />}
      <More hasMore={next !== null} busy={busy} more={() => void more()} />
    </section>
  );
}

function BatchError({ error }: { error: string }) {
  const { m } = useText();
  return (
    <details class="technical">
      <summary>{m.technical}</summary>
      <span lang="en">{error}</span>
    </details>
  );
}
