-- The tables of Sheetsync: what a sync is, its runs, the ledger of batches, what was last applied, what went wrong.
-- Not here: the functions that read and write them, which follow by subject. Safe to run twice.

-- Lets service_role alone call the functions with these names: Supabase grants every new function to its other roles, too.
create or replace function public.sync_only_service_role(p_names text[])
returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname = any (p_names)
    loop
        execute format('revoke all on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;
do $$ begin perform public.sync_only_service_role('{sync_only_service_role}'); end $$;

-- One row for a sync: the definition of its current run. Every name of a table or column that a function
-- puts into SQL comes from here, never from a message. `sync_begin` holds this row `for update`, `sync_apply`
-- holds it `for share`: so a batch of an older run is either committed before a newer run begins, or refused (promise 3).
create table if not exists public.sync_targets (
    sync            text primary key check (sync ~ '^[a-z][a-z0-9_-]{0,62}$'),
    table_name      text not null,
    key_columns     text[] not null check (cardinality(key_columns) > 0),
    column_names    text[] not null check (cardinality(column_names) > 0),
    headers         text[],
    authorities     text[] not null check (authorities <@ array['merge', 'sheet', 'database']),
    mapping_version text not null,
    mode            text not null check (mode in ('upsert', 'insert_only', 'update_only')),
    on_conflict     text not null check (on_conflict in ('sheet', 'database')),
    delete_policy   text not null check (delete_policy in ('ignore', 'soft', 'hard')),
    delete_column   text check (delete_policy <> 'soft' or delete_column is not null),
    mark_columns    text[] not null default '{}',
    guard_rows      integer not null check (guard_rows >= 0),
    guard_percent   numeric not null check (guard_percent between 0 and 100),
    confirm_deletes integer not null default 2 check (confirm_deletes between 1 and 10),
    adopt           text not null default 'ask' check (adopt in ('ask', 'sheet', 'database')),
    precedence      integer not null default 0,
    rename_by       text[] not null default '{}' check (rename_by <@ column_names),
    on_missing      text not null default 'restore' check (on_missing in ('restore', 'respect')),
    reconcile_seconds integer not null default 3600 check (reconcile_seconds >= 0),
    verify_seconds  integer not null default 86400 check (verify_seconds >= 0),
    layout          integer not null default 0,
    carry_from      text[],
    statements      jsonb,
    fingerprint     text,
    run             uuid not null,
    seq             bigint not null,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    check (cardinality(authorities) = cardinality(column_names)),
    check (key_columns <@ column_names)
);
comment on table public.sync_targets is 'One row per sync: target table, keys, column policies, and the current run.';
comment on column public.sync_targets.headers is 'The header of the sheet that feeds each of column_names, as the definition writes it; null: not known.';
comment on column public.sync_targets.authorities is 'Whose value wins, per entry of column_names: merge, sheet or database.';
comment on column public.sync_targets.run is 'The current run; batches of any other run are superseded.';
comment on column public.sync_targets.mark_columns is 'The columns by which this sync ever marked rows of its table as deleted.';
comment on column public.sync_targets.confirm_deletes is 'A key is deleted when so many complete reads in a row missed it.';
comment on column public.sync_targets.adopt is 'Whose values stay in rows that differ and that this sync never wrote; ask: withheld until approved.';
comment on column public.sync_targets.precedence is 'Of two syncs that feed the same row of one table, the higher feeds it.';
comment on column public.sync_targets.rename_by is 'Unique columns by which a row with a new key is known to be a row whose key is gone.';
comment on column public.sync_targets.on_missing is 'What happens to a row that this sync wrote and that the table no longer has.';
comment on column public.sync_targets.reconcile_seconds is 'The columns that the sheet owns are compared with the table at least this often.';
comment on column public.sync_targets.verify_seconds is 'Sheet and table are compared in full this often; 0: never.';
comment on column public.sync_targets.layout is 'The entry of sync_layouts that new bases are written in.';
comment on column public.sync_targets.statements is 'The statements of a batch (sync_statements), built when a run begins; they hold while the fingerprint does.';
comment on column public.sync_targets.fingerprint is 'Of all that the statements were built from: the definition, the table''s columns, the layouts.';
comment on column public.sync_targets.carry_from is 'The former key columns, while sync_rows is still kept by them (sync_carry); null otherwise.';

-- One row for a list of mapped columns that a sync had, with their types: it says what the elements of sync_rows.said and
-- stored are about. A base survives a change of the mapping; a column that is new, or whose type changed, has none.
create table if not exists public.sync_layouts (
    sync   text not null,
    layout integer not null,
    names  text[] not null,
    types  text[] not null,
    primary key (sync, layout),
    check (cardinality(names) = cardinality(types))
);
comment on table public.sync_layouts is 'Which columns the bases in sync_rows are about.';

-- One row for a run. Promise 1: at the end
--     total_rows = inserted + updated + unchanged + rejected + skipped + failed.
create table if not exists public.sync_state (
    id               uuid primary key,
    sync             text not null,
    seq              bigint,
    sync_type        text not null check (sync_type in ('scheduled', 'manual', 'selective', 'full')),
    status           text not null check (status in
                         ('queued', 'in_progress', 'completed', 'partial', 'failed', 'superseded')),
    stopped          boolean not null default false,
    triggered_by     text,
    nonce            text,
    keys             text[],
    mapping_version  text,
    started_at       timestamptz not null default now(),
    planned_at       timestamptz,
    heartbeat_at     timestamptz not null default now(),
    completed_at     timestamptz,
    total_rows       bigint not null default 0,
    inserted         bigint not null default 0,
    updated          bigint not null default 0,
    unchanged        bigint not null default 0,
    success          bigint not null generated always as (inserted + updated + unchanged) stored,
    rejected         bigint not null default 0,
    skipped          bigint not null default 0,
    failed           bigint not null default 0,
    adopted          bigint not null default 0,
    restored         bigint not null default 0,
    corrected        bigint not null default 0,
    conflict         bigint not null default 0,
    deleted          bigint not null default 0,
    rows_sent        bigint not null default 0,
    rows_done        bigint not null default 0,
    keys_vanished    bigint not null default 0,
    keys_done        bigint not null default 0,
    keys_refused     bigint not null default 0,
    unconfirmed      bigint not null default 0,
    withheld         bigint not null default 0,
    keys_unreadable  bigint not null default 0,
    keyless_rows     bigint not null default 0,
    unmatched_rows   bigint not null default 0,
    read_complete    boolean not null default false,
    strays           bigint not null default 0,
    checked_at       timestamptz,
    checked_values   boolean not null default false,
    checked_whole    boolean not null default false,
    proved_at        timestamptz,
    verification     jsonb,
    deletes_withheld text,
    vanished         jsonb,
    adoption         jsonb,
    batches_total    integer not null default 0,
    batches_done     integer not null default 0,
    present_rows     bigint not null default 0,
    error_details    jsonb,
    metadata         jsonb not null default '{}',
    reported_at      timestamptz,
    report_claimed_at timestamptz
) with (fillfactor = 50); -- every batch updates its run's row: leave room on the page for it
comment on table public.sync_state is 'One row per run of a sync, with its counts.';
comment on column public.sync_state.seq is 'Rises by one per run of a sync; null: the run never began (no usable definition).';
comment on column public.sync_state.stopped is 'Failed at once, not by accounting: its batches are superseded. A failed batch of a run that was not stopped can be redriven.';
comment on column public.sync_state.total_rows is 'Rows with content that were read from the sheet.';
comment on column public.sync_state.failed is 'Rows of batches that failed for good and were not redriven.';
comment on column public.sync_state.adopted is 'Rows that were in the table before this sync knew them; also in inserted, updated or unchanged.';
comment on column public.sync_state.restored is 'Rows that were missing in the table and were inserted again; also in inserted.';
comment on column public.sync_state.corrected is 'Rows in which a column that the sheet owns had been changed in the table; also in updated.';
comment on column public.sync_state.checked_at is 'When the books were compared with the table; null: they were not.';
comment on column public.sync_state.checked_values is 'The values of the columns that the sheet owns were compared too, not only the keys.';
comment on column public.sync_state.checked_whole is 'All rows were compared, not only those that the drift triggers (sync_drift_triggers) noted.';
comment on column public.sync_state.proved_at is 'When sheet and table were last proved to be equal, by this run or an earlier one.';
comment on column public.sync_state.verification is 'What the comparison of sheet and table in full found, if this run made one (docs/PROTOCOL.md).';
comment on column public.sync_state.rows_done is 'Rows sent that the ledger accounts for, applied or failed.';
comment on column public.sync_state.keys_done is 'Vanished keys that the ledger accounts for.';
comment on column public.sync_state.keys_refused is 'Vanished keys that could not be deleted: refused by Postgres, or their batch failed.';
comment on column public.sync_state.nonce is 'The invocation that began the run: a repeated call of the same one is the same begin.';
comment on column public.sync_state.unconfirmed is 'Vanished keys whose deletion waits for another complete read.';
comment on column public.sync_state.withheld is 'Rows whose adoption waits for approval; also in skipped.';
comment on column public.sync_state.keys_unreadable is 'Rows with content whose key could not be read: each may be any row.';
comment on column public.sync_state.keyless_rows is 'Rows with content and a blank key: a row that is gone may be one of them.';
comment on column public.sync_state.unmatched_rows is 'Rejected rows with a key that the books do not have: a row that is gone may be one of them.';
comment on column public.sync_state.read_complete is 'The whole tab was read at rest and every key could be read.';
comment on column public.sync_state.strays is 'Rows with a new key that are not in the table: refused by Postgres for themselves: a row that is gone may be one of them.';
comment on column public.sync_state.adoption is 'What waits for approval: rows, digest of their keys, counts by column, samples. Null: nothing.';
comment on column public.sync_state.deletes_withheld is 'Why vanished rows were not deleted.';
comment on column public.sync_state.vanished is 'The keys that the sheet no longer had: how many, the digest of their set, some of them. Null: none, or the sheet moved.';
comment on column public.sync_state.reported_at is 'The completed_at of which CloudWatch knows; a run that closes again has another.';
comment on column public.sync_state.report_claimed_at is 'When a tick took the run to report it; another may take it a minute later.';
comment on column public.sync_state.batches_done is 'Entries of the ledger that are done; exceeds batches_total when a batch was split.';
comment on column public.sync_state.present_rows is 'Rows of this sync in the table when the run began: what the delete guard is a percentage of.';

create index if not exists sync_state_by_start on public.sync_state (sync, started_at desc);
create index if not exists sync_state_proved on public.sync_state (sync, started_at desc) where proved_at is not null;
create index if not exists sync_state_checked on public.sync_state (sync, started_at desc) where checked_values;
create index if not exists sync_state_verified on public.sync_state (sync, started_at desc) where verification is not null;
create index if not exists sync_state_open on public.sync_state (sync) where status in ('queued', 'in_progress');
-- A run closes in many places (its last batch, its plan, a refusal, a stop, a run that takes over, a redrive): the tick asks the
-- tables once for all of them, so that no way to end is silent.
create index if not exists sync_state_unreported on public.sync_state (completed_at)
    where completed_at is not null and reported_at is distinct from completed_at;

-- Who approved a deletion that had been withheld. It holds for exactly the set of keys that the digest names, for one run.
create table if not exists public.sync_approvals (
    id          bigint generated always as identity primary key,
    sync        text not null,
    run         uuid not null references public.sync_state (id) on delete cascade,
    count       bigint not null check (count > 0),
    digest      text not null,
    who         text not null,
    why         text not null check (why <> ''),
    approved_at timestamptz not null default now(),
    expires_at  timestamptz not null,
    used_by     uuid references public.sync_state (id) on delete set null,
    used_at     timestamptz
);
comment on table public.sync_approvals is 'Deletions that were withheld and that a person approved, once and for exactly one set of keys.';
comment on column public.sync_approvals.run is 'The run whose deletion was withheld.';
comment on column public.sync_approvals.digest is 'Of the set of key hashes (docs/PROTOCOL.md, "Hashes").';
comment on column public.sync_approvals.used_by is 'The run that deleted them; null: not used yet.';

create index if not exists sync_approvals_by_set on public.sync_approvals (sync, digest);

-- The ledger: one row for a batch. It is written in the transaction that applies the batch, so that a message may be
-- delivered any number of times (promise 2). Stretches [lo, hi) of one run and kind nest or are apart, never overlap in part.
create table if not exists public.sync_batches (
    run         uuid not null references public.sync_state (id) on delete cascade,
    kind        text not null check (kind in ('upsert', 'delete')),
    lo          bigint not null,
    hi          bigint not null,
    outcome     text not null check (outcome in ('pending', 'applied', 'withheld', 'failed')),
    rows        integer not null default 0,
    inserted    integer not null default 0,
    updated     integer not null default 0,
    unchanged   integer not null default 0,
    skipped     integer not null default 0,
    deleted     integer not null default 0,
    conflicts   integer not null default 0,
    rejected    integer not null default 0,
    adopted     integer not null default 0,
    restored    integer not null default 0,
    corrected   integer not null default 0,
    unconfirmed integer not null default 0,
    withheld    integer not null default 0,
    adoption    jsonb,
    attempts    integer not null default 0,
    error       jsonb,
    created_at  timestamptz not null default now(),
    finished_at timestamptz,
    primary key (run, kind, lo, hi),
    check (lo < hi)
);
comment on table public.sync_batches is 'The ledger: one row per batch of a run, with its outcome and counts.';
comment on column public.sync_batches.outcome is 'pending: attempts were counted, nothing was applied yet.';
comment on column public.sync_batches.adoption is 'Of the rows withheld: how many differ in each column, and the first of them. Null: none.';
comment on column public.sync_batches.rows is 'Rows (or vanished keys) that this entry accounts for; rows that a half had applied before count there.';

-- The books: what was last applied, per row of a sync. No value of a row is kept, only 64-bit hashes: per column of the layout
-- what the sheet said (`said`) and, where it differs, what the table held after the write (`stored`).
create table if not exists public.sync_rows (
    sync          text not null, -- of sync_targets; a foreign key would be checked once per row
    key_hash      bigint not null,
    row_key       text collate "C" not null,
    content_hash  bigint,
    layout        integer not null default 0,
    said          bigint[],
    stored        bigint[],
    state         text not null check (state in ('present', 'claimed', 'deleted', 'absent')),
    adopt         text check (adopt in ('ask', 'sheet', 'database')),
    missing_count smallint,
    missing_seq   bigint,
    missing_since timestamptz,
    is_former     boolean,
    last_seq      bigint not null,
    primary key (sync, key_hash, row_key) include (content_hash, state)
);
comment on table public.sync_rows is 'The books: what was last applied, per row; the base of the merge, and the hashes that changes are found by.';
comment on column public.sync_rows.row_key is 'The key in the canonical text of the table''s column types; of several columns their JSON array.';
comment on column public.sync_rows.content_hash is 'Of the row as it was last applied; null: the row must be sent again.';
comment on column public.sync_rows.said is 'Per column of the layout, the hash of the sheet''s value when last applied, as the column''s type; element null: no base. Null: this sync never wrote the row, and never deletes it (promise 6).';
comment on column public.sync_rows.stored is 'Per column, the hash of what the table held after the write where that is not `said` (a trigger, a default); null: the same.';
comment on column public.sync_rows.state is 'present; claimed: another sync feeds the row, this one has it too; deleted: soft-deleted by this sync; absent: gone from the sheet, left in the table.';
comment on column public.sync_rows.adopt is 'ask: the row differs from the table and waits for approval; sheet or database: what was approved.';
comment on column public.sync_rows.missing_count is 'How many complete reads in a row missed the key, up to the run missing_seq; the first at missing_since.';
comment on column public.sync_rows.is_former is 'Still entered under the former key of the sync (sync_carry).';
comment on column public.sync_rows.last_seq is 'The run that last changed this entry.';

-- A sync that is newer than the last analyze would be taken for one row, and its rows be scanned instead of looked up (seen:
-- 20 s instead of 1 s for 10,000 rows). Without statistics every sync is taken for a 200th of the table.
alter table public.sync_rows alter column sync set statistics 0;

-- Rows of a run that Postgres refused because of other rows, or whose key is new. The first are tried again, all together, before
-- the run closes; while one of the others may be a row that is gone, under a new key, nothing is deleted. Removed with the run's end.
create table if not exists public.sync_retries (
    run        uuid not null references public.sync_state (id) on delete cascade,
    key_hash   bigint not null,
    row_key    text collate "C" not null,
    item       jsonb not null,
    letters    jsonb,
    code       text not null,
    blocked_by text collate "C",
    blocked_on jsonb,
    settled    boolean not null default false,
    primary key (run, key_hash) -- a row key may be too long for an index
);
comment on table public.sync_retries is 'Rows that were refused because of other rows, or under a new key, until their run closes.';
comment on column public.sync_retries.item is 'The row as its message carried it.';
comment on column public.sync_retries.letters is 'The letters of the sheet''s columns, as its message carried them.';
comment on column public.sync_retries.settled is 'Tried together with the others, since the table last changed by a deletion.';
comment on column public.sync_retries.blocked_on is 'The columns of the unique index by which that row is in the way, as an array; null or JSON''s null: not known.';
comment on column public.sync_retries.blocked_by is 'The row key of the row that holds the value which must be unique; null: not known.';

-- One row for a row of the sheet that Postgres refused for what it is by itself. As long as neither the row nor the table nor the
-- definition changes, scheduled runs repeat the refusal and try the row at growing intervals only (sync_known_refusals). A row that is refused for the
-- sake of others, or by a trigger, has none: every run tries it.
create table if not exists public.sync_refusals (
    sync         text not null,
    key_hash     bigint not null,
    row_key      text collate "C" not null,
    content_hash bigint not null,
    fingerprint  text not null,
    refusal      jsonb not null,
    attempts     integer not null,
    tried_at     timestamptz not null,
    next_at      timestamptz not null,
    primary key (sync, key_hash) -- a row key may be too long for an index
);
comment on table public.sync_refusals is 'Rows that Postgres refused for what they are, and when they are tried again.';
comment on column public.sync_refusals.content_hash is 'Of the row that was refused.';
comment on column public.sync_refusals.fingerprint is 'Of the table''s definition and the sync''s (sync_refusal_fingerprint) at that time.';
comment on column public.sync_refusals.refusal is 'The refusal as sync_errors has it.';
comment on column public.sync_refusals.attempts is 'How often it was tried, unchanged.';

-- One row for a rejection, a conflict or a failure.
create table if not exists public.sync_errors (
    id          bigint generated always as identity primary key,
    sync        text not null,
    run         uuid not null references public.sync_state (id) on delete cascade,
    row_key     text,
    row_number  integer,
    column_name text,
    header      text,
    cell        text,
    error_type  text not null check (error_type in
                    ('validation', 'conflict', 'database', 'network', 'rate_limit', 'permission', 'unknown')),
    code        text not null,
    message     text not null,
    raw         text,
    next_attempt_at timestamptz,
    first_seen  timestamptz not null default now(),
    last_seen   timestamptz not null default now(),
    resolved_at timestamptz
);
comment on table public.sync_errors is 'Rejections, conflicts and failures; open while resolved_at is null.';
comment on column public.sync_errors.run is 'The run that saw it last.';
comment on column public.sync_errors.code is 'A word in lower case from the mapping or the worker, or the SQLSTATE of a refusal by Postgres.';
comment on column public.sync_errors.next_attempt_at is 'A scheduled run tries the row again from then on, unless it changes before; null: every run does, or nothing is to be tried.';

-- One open entry for one problem: seen again, it is updated. The hash keeps long row keys out of the index.
-- Rows that share a key are a problem each, with their own cells.
create unique index if not exists sync_errors_open on public.sync_errors (
    sync,
    hashtextextended(coalesce('k' || row_key, 'n' || row_number::text, ''), 0),
    coalesce(column_name, ''),
    code,
    (case when code in ('duplicate_key', 'duplicate_skipped') then row_number else 0 end)
) where resolved_at is null;
create index if not exists sync_errors_by_run on public.sync_errors (run, id);
create index if not exists sync_errors_by_time on public.sync_errors (sync, last_seen desc);
-- The series of statistics counts problems by when they were first seen.
create index if not exists sync_errors_by_first_seen on public.sync_errors (sync, first_seen);

-- The keys of rows that others than Sheetsync updated or deleted, for tables that have the drift triggers (sync_drift_triggers). Only
-- added to and pruned, so that no writer waits for another.
create table if not exists public.sync_touched (
    id         bigint generated always as identity primary key,
    table_name text not null,
    row_key    text collate "C",
    at         timestamptz not null default clock_timestamp()
);
comment on table public.sync_touched is 'Rows that others than Sheetsync wrote, noted by the drift triggers; kept for some hours.';
comment on column public.sync_touched.row_key is 'As in sync_rows; null: the table was truncated.';
create index if not exists sync_touched_by_table on public.sync_touched (table_name, at);

-- Plans that a caller requested from the scheduler. They hold values of the sheet, so only the service reads them.
create table if not exists public.sync_plans (
    id           uuid primary key,
    sync         text not null,
    status       text not null default 'running' check (status in ('running', 'done', 'failed')),
    requested_by text,
    started_at   timestamptz not null default now(),
    finished_at  timestamptz,
    error        jsonb,
    plan         jsonb,
    check ((status = 'done') = (plan is not null) and (status = 'failed') = (error is not null))
);
comment on table public.sync_plans is 'One row per plan (dry run) that was asked for; kept for seven days.';
create index if not exists sync_plans_by_start on public.sync_plans (started_at);

-- Who did what, when and why, through the status API. Entries are only ever added: no role may change or delete one.
create table if not exists public.sync_audit (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default clock_timestamp(),
    who     text not null,
    action  text not null check (action ~ '^[a-z_]+$'),
    sync    text,
    why     text not null default '',
    details jsonb not null default '{}'
);
comment on table public.sync_audit is 'One row for each action of a person or a service token, written before the action is done.';
comment on column public.sync_audit.who is 'The e-mail address (or id) in the person''s token, or the fingerprint of a service token.';
comment on column public.sync_audit.action is 'start_run, plan, approve_deletes, approve_adoption, redrive, set_circuit.';

-- Supabase grants everything on new tables to its roles: take it back, then give service_role what it needs. There is no policy for
-- anybody else: rejected cells and row keys are read through the status API, which checks READER_CLAIM. Through PostgREST every
-- signed-in user of the project would read them, also an anonymous one.
alter table public.sync_targets enable row level security;
alter table public.sync_layouts enable row level security;
alter table public.sync_state enable row level security;
alter table public.sync_approvals enable row level security;
alter table public.sync_batches enable row level security;
alter table public.sync_rows enable row level security;
alter table public.sync_retries enable row level security;
alter table public.sync_refusals enable row level security;
alter table public.sync_errors enable row level security;
alter table public.sync_touched enable row level security;
alter table public.sync_plans enable row level security;
alter table public.sync_audit enable row level security;

revoke all on public.sync_targets, public.sync_layouts, public.sync_state, public.sync_approvals, public.sync_batches, public.sync_rows,
    public.sync_retries, public.sync_refusals, public.sync_errors, public.sync_touched, public.sync_plans
    from public, anon, authenticated;
grant select, insert, update, delete
    on public.sync_targets, public.sync_layouts, public.sync_state, public.sync_approvals, public.sync_batches, public.sync_rows,
    public.sync_retries, public.sync_refusals, public.sync_errors, public.sync_touched, public.sync_plans
    to service_role;
revoke all on public.sync_audit from public, anon, authenticated, service_role;
grant select, insert on public.sync_audit to service_role;

notify pgrst, 'reload schema';
