-- The life of a run after it has begun: its signs of life, its plan, its rejections, its ledger and counts, its failures, dead letters,
-- its end; how it is forgotten; and what the worker asks of the database beside applying.
-- Every function here locks the run's row of sync_state before it changes a count. Safe to run twice.

-- Records problems of rows in sync_errors: one open entry per row, column and code, updated when it is seen again; of rows
-- that share a key, one each.
-- Items as in sync_reject; a problem that is about no row has neither rowKey nor rowNumber.
create or replace function public.sync_record_errors(p_sync text, p_run uuid, p_type text, p_items jsonb)
returns void
language sql volatile
set search_path = ''
as $$
    with item as (
        select distinct on (subject, sharer, i.column, i.code)
               i.*, coalesce('k' || i."rowKey", 'n' || i."rowNumber"::text, '') as subject,
               case when i.code in ('duplicate_key', 'duplicate_skipped') then i."rowNumber" else 0 end as sharer
        from jsonb_to_recordset(p_items) as i ("rowKey" text, "rowNumber" integer, "column" text, header text, cell text,
                                               code text, message text, raw text, "nextAttemptAt" timestamptz)
        order by subject, sharer, i.column, i.code, i."rowNumber"
    )
    insert into public.sync_errors as e (sync, run, row_key, row_number, column_name, header, cell, error_type, code, message, raw, next_attempt_at)
    select p_sync, p_run, i."rowKey", i."rowNumber", i.column, i.header, i.cell, p_type,
           coalesce(i.code, 'unknown'), left(coalesce(i.message, ''), 2000), left(i.raw, 2000), i."nextAttemptAt"
    from item as i
    order by i.subject, i.sharer, i.column, i.code
    on conflict (sync, hashtextextended(coalesce('k' || row_key, 'n' || row_number::text, ''), 0), coalesce(column_name, ''), code,
                 (case when code in ('duplicate_key', 'duplicate_skipped') then row_number else 0 end))
        where resolved_at is null
    do update
    set run = excluded.run, row_number = excluded.row_number, header = excluded.header, cell = excluded.cell,
        error_type = excluded.error_type, message = excluded.message, raw = excluded.raw,
        next_attempt_at = excluded.next_attempt_at, last_seen = now()
$$;

-- The digest of the rows of a sync whose adoption waits (docs/PROTOCOL.md, "Hashes"); null: none does.
create or replace function public.sync_withheld_digest(p_sync text)
returns text
language sql stable
set search_path = ''
as $$
    select encode(sha256(string_agg(int8send(r.key_hash), ''::bytea order by r.key_hash)), 'hex')
    from public.sync_rows as r
    where r.sync = p_sync and r.adopt = 'ask' and r.state = 'present'
$$;

-- What waits for the approval of an adoption after a run: {"rows", "digest", "columns", "sample"}, of the ledger and the books. The
-- digest names the set of rows, as that of vanished keys does.
create or replace function public.sync_adoption(p_run uuid)
returns jsonb
language sql stable
set search_path = ''
as $$
    select jsonb_build_object(
        -- All that wait, of which a selective run saw only some: an approval is for all of them.
        'rows', (select count(*) from public.sync_rows as r where r.sync = s.sync and r.adopt = 'ask' and r.state = 'present'),
        'digest', public.sync_withheld_digest(s.sync),
        'columns', (
            select jsonb_object_agg(c.name, c.rows)
            from (select x.key as name, sum(x.value::bigint) as rows
                  from public.sync_batches as b
                  cross join lateral jsonb_each_text(b.adoption -> 'columns') as x
                  where b.run = s.id
                  group by x.key) as c),
        'sample', (
            select jsonb_agg(c.value)
            from (select x.value
                  from public.sync_batches as b
                  cross join lateral jsonb_array_elements(b.adoption -> 'sample') as x
                  where b.run = s.id
                  order by b.lo
                  limit 20) as c))
    from public.sync_state as s
    where s.id = p_run
$$;

-- Decides the adoption that the run withheld, in the name of `p_who`: whose values stay in these rows, the sheet's or the
-- database's. The next run does it. Refused when a later run found other rows to wait: no one has seen those.
create or replace function public.sync_approve_adoption(p_run uuid, p_who text, p_why text, p_adopt text)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_state public.sync_state;
    v_rows  bigint;
begin
    if coalesce(btrim(p_who), '') = '' or coalesce(btrim(p_why), '') = '' then
        return jsonb_build_object('outcome', 'refused', 'code', 'no_reason', 'message', 'say who approves the adoption, and why');
    elsif coalesce(p_adopt, '') not in ('sheet', 'database') then
        return jsonb_build_object('outcome', 'refused', 'code', 'bad_choice',
                                  'message', 'say whose values stay: "sheet" or "database"');
    end if;
    select * into v_state from public.sync_state as s where s.id = p_run;
    if not found then
        return jsonb_build_object('outcome', 'refused', 'code', 'no_such_run', 'message', format('there is no run %s', p_run));
    elsif v_state.adoption is null then
        return jsonb_build_object('outcome', 'refused', 'code', 'nothing_withheld',
                                  'message', format('the run %s withheld no adoption', p_run));
    end if;
    -- A run that is writing the books is let through first.
    perform from public.sync_targets as t where t.sync = v_state.sync for update;
    if public.sync_withheld_digest(v_state.sync) is distinct from v_state.adoption ->> 'digest' then
        return jsonb_build_object('outcome', 'refused', 'code', 'superseded',
                                  'message', 'other rows wait now than this run found: look at the latest run');
    end if;
    update public.sync_rows as r set adopt = p_adopt
    where r.sync = v_state.sync and r.adopt = 'ask' and r.state = 'present';
    get diagnostics v_rows = row_count;
    return jsonb_build_object('outcome', 'approved', 'sync', v_state.sync, 'approved', v_rows);
end
$$;

-- Closes the run when its plan is recorded and the ledger accounts for all that was sent; answers the run's status.
-- The caller holds the run's row. A run that is closed closes again when a failed batch of it was redriven.
create or replace function public.sync_close(p_run uuid)
returns text
language plpgsql volatile
set search_path = ''
as $$
declare
    v_state  public.sync_state;
    v_ledger record;
    v_sums   boolean;
    v_strays bigint;
    v_status text;
begin
    select * into v_state from public.sync_state as s where s.id = p_run;
    if v_state.status = 'superseded' or v_state.stopped or v_state.planned_at is null
       or v_state.rows_done < v_state.rows_sent then
        return v_state.status;
    end if;
    -- Every row is written: what was refused because of others is tried again.
    perform public.sync_settle(p_run);
    if v_state.keys_done < v_state.keys_vanished then
        return v_state.status;
    end if;
    select * into v_state from public.sync_state as s where s.id = p_run;
    -- Of a run that closes again after a redrive, what it found the first time stays.
    select greatest(count(*), v_state.strays) into v_strays
    from public.sync_retries as x
    where x.run = p_run and x.code <> '23505'
      and not exists (select from public.sync_rows as r
                      where r.sync = v_state.sync and r.key_hash = x.key_hash and r.row_key = x.row_key and r.said is not null);
    -- A batch of deletions that failed may be redriven, and must know then which rows were refused.
    delete from public.sync_retries as x
    where x.run = p_run
      and not exists (select from public.sync_batches as b where b.run = p_run and b.kind = 'delete' and b.outcome = 'failed');

    select coalesce(sum(b.rows) filter (where b.kind = 'upsert'), 0) as rows,
           coalesce(sum(b.rows) filter (where b.kind = 'delete'), 0) as keys,
           coalesce(sum(b.rows) filter (where b.kind = 'upsert' and b.outcome = 'failed'), 0) as failed,
           coalesce(sum(b.inserted), 0) as inserted,
           coalesce(sum(b.updated), 0) as updated,
           coalesce(bool_or(b.outcome = 'applied'), false) as any_applied
    into v_ledger
    from public.sync_batches as b
    where b.run = p_run and b.outcome <> 'pending';

    -- Promise 1, and that the counts were kept in step with the ledger: every row read ended in exactly one way.
    v_sums := v_state.total_rows = v_state.success + v_state.rejected + v_state.skipped + v_state.failed
        and v_ledger.rows = v_state.rows_sent and v_ledger.keys = v_state.keys_vanished
        and v_ledger.failed = v_state.failed
        and v_ledger.inserted = v_state.inserted and v_ledger.updated = v_state.updated;

    v_status := case
        when v_state.failed > 0 and v_state.success = 0 and not v_ledger.any_applied then 'failed'
        when v_sums and v_state.rejected = 0 and v_state.failed = 0 and v_state.keys_refused = 0
             and v_state.deletes_withheld is null and v_state.unconfirmed = 0 and v_state.withheld = 0 then 'completed'
        else 'partial'
    end;

    update public.sync_state as s
    set status = v_status,
        completed_at = clock_timestamp(),
        strays = v_strays,
        -- Everything that the sheet says was compared with the table or written by this run. Without it, what an earlier run proved stays.
        proved_at = case
            when v_status = 'completed' and s.checked_values then s.checked_at
            else (select p.proved_at from public.sync_state as p
                  where p.sync = s.sync and p.proved_at is not null and p.id <> s.id and p.started_at <= s.started_at
                  order by p.started_at desc limit 1)
        end,
        adoption = case when s.withheld > 0 then public.sync_adoption(p_run) end,
        error_details = case
            when not v_sums then jsonb_build_object(
                'type', 'unknown', 'code', 'counts_do_not_add_up',
                'message', format('%s rows were read, but %s inserted + %s updated + %s unchanged + %s rejected + %s skipped'
                                  ' + %s failed; of %s rows sent the ledger has %s, of %s keys %s',
                                  v_state.total_rows, v_state.inserted, v_state.updated, v_state.unchanged, v_state.rejected,
                                  v_state.skipped, v_state.failed, v_state.rows_sent, v_ledger.rows,
                                  v_state.keys_vanished, v_ledger.keys))
            when v_status = 'completed' then null
            else s.error_details
        end
    where s.id = p_run;

    -- A run that read everything ends the problems that it did not see, but none that a newer run saw: a run may close again
    -- long after it, by a redrive. Refusals by Postgres (their code is an SQLSTATE) only when every batch was applied: else
    -- the row may not have been tried.
    if v_state.sync_type <> 'selective' and v_status <> 'failed' then
        update public.sync_errors as e
        set resolved_at = clock_timestamp()
        where e.sync = v_state.sync and e.resolved_at is null
          and not exists (select from public.sync_state as n where n.id = e.run and n.seq > v_state.seq)
          and case e.error_type
                  when 'validation' then e.run <> p_run and (v_state.failed = 0 or e.code !~ '^[0-9A-Z]{5}$')
                  when 'conflict' then e.run <> p_run and v_state.failed = 0
                  else v_status = 'completed'
              end;
    end if;
    return v_status;
end
$$;

-- Enters an outcome into the ledger and moves the run's counts by it; answers the run's status.
-- `p_rows` are the rows that this entry accounts for. Failed or pending entries of the same stretch, of its halves or of its
-- whole hand over their rows: each row is accounted for once, however a batch was split and redriven.
create or replace function public.sync_account(
    p_run     uuid,
    p_kind    text,
    p_lo      bigint,
    p_hi      bigint,
    p_outcome text,
    p_rows    integer,
    p_counts  jsonb,
    p_error   jsonb
)
returns text
language plpgsql volatile
set search_path = ''
as $$
declare
    v_count  public.sync_batches := jsonb_populate_record(null::public.sync_batches, p_counts);
    v_whole  public.sync_batches;
    v_freed  bigint;  -- rows that failed entries hand over
    v_closed integer; -- such entries that end by it
    v_failed bigint := case p_outcome when 'failed' then p_rows else 0 end;
begin
    perform from public.sync_state as s where s.id = p_run for no key update;

    -- Entries of halves, and an earlier failure of this very stretch.
    with within as (
        delete from public.sync_batches as b
        where b.run = p_run and b.kind = p_kind and b.lo >= p_lo and b.hi <= p_hi and (b.lo, b.hi) <> (p_lo, p_hi)
          and b.outcome in ('pending', 'failed')
        returning b.outcome, b.rows
    ),
    replaced as (
        select w.outcome, w.rows from within as w
        union all
        select b.outcome, b.rows
        from public.sync_batches as b
        where b.run = p_run and b.kind = p_kind and b.lo = p_lo and b.hi = p_hi
    )
    select coalesce(sum(r.rows), 0), count(*)
    into v_freed, v_closed
    from replaced as r
    where r.outcome = 'failed';

    -- The failed whole of which this is a half: the innermost one has this half's rows.
    select * into v_whole
    from public.sync_batches as b
    where b.run = p_run and b.kind = p_kind and b.lo <= p_lo and b.hi >= p_hi and (b.lo, b.hi) <> (p_lo, p_hi)
      and b.outcome = 'failed'
    order by b.lo desc, b.hi
    limit 1;
    if v_whole.rows <= p_rows - v_freed then
        delete from public.sync_batches as b
        where b.run = p_run and b.kind = p_kind and b.lo = v_whole.lo and b.hi = v_whole.hi;
        v_closed := v_closed + 1;
        v_freed := v_freed + v_whole.rows;
    elsif v_whole.rows is not null then
        update public.sync_batches as b
        set rows = b.rows - (p_rows - v_freed)
        where b.run = p_run and b.kind = p_kind and b.lo = v_whole.lo and b.hi = v_whole.hi;
        v_freed := p_rows;
    end if;

    insert into public.sync_batches as b (run, kind, lo, hi, outcome, rows, inserted, updated, unchanged, skipped, deleted,
                                          conflicts, rejected, adopted, restored, corrected, unconfirmed, withheld, adoption, error,
                                          finished_at)
    values (p_run, p_kind, p_lo, p_hi, p_outcome, p_rows, coalesce(v_count.inserted, 0), coalesce(v_count.updated, 0),
            coalesce(v_count.unchanged, 0), coalesce(v_count.skipped, 0), coalesce(v_count.deleted, 0),
            coalesce(v_count.conflicts, 0), coalesce(v_count.rejected, 0), coalesce(v_count.adopted, 0),
            coalesce(v_count.restored, 0), coalesce(v_count.corrected, 0),
            coalesce(v_count.unconfirmed, 0), coalesce(v_count.withheld, 0), nullif(v_count.adoption, 'null'), p_error,
            clock_timestamp())
    on conflict (run, kind, lo, hi) do update
    set outcome = excluded.outcome, rows = excluded.rows, inserted = excluded.inserted, updated = excluded.updated,
        unchanged = excluded.unchanged, skipped = excluded.skipped, deleted = excluded.deleted,
        conflicts = excluded.conflicts, rejected = excluded.rejected, adopted = excluded.adopted,
        restored = excluded.restored, corrected = excluded.corrected,
        unconfirmed = excluded.unconfirmed, withheld = excluded.withheld, adoption = excluded.adoption,
        error = excluded.error, finished_at = excluded.finished_at
    returning b.* into v_count;

    if p_kind = 'upsert' then
        update public.sync_state as s
        set inserted = s.inserted + v_count.inserted,
            updated = s.updated + v_count.updated,
            unchanged = s.unchanged + v_count.unchanged,
            skipped = s.skipped + v_count.skipped,
            rejected = s.rejected + v_count.rejected,
            adopted = s.adopted + v_count.adopted,
            restored = s.restored + v_count.restored,
            corrected = s.corrected + v_count.corrected,
            conflict = s.conflict + v_count.conflicts,
            withheld = s.withheld + v_count.withheld,
            failed = s.failed + v_failed - v_freed,
            rows_done = s.rows_done + p_rows - v_freed,
            batches_done = s.batches_done + 1 - v_closed,
            error_details = case p_outcome when 'failed' then p_error else s.error_details end,
            status = case s.status when 'queued' then 'in_progress' else s.status end,
            heartbeat_at = clock_timestamp()
        where s.id = p_run;
    else
        update public.sync_state as s
        set deleted = s.deleted + v_count.deleted,
            unconfirmed = s.unconfirmed + v_count.unconfirmed,
            keys_refused = s.keys_refused + v_count.rejected + v_failed - v_freed,
            keys_done = s.keys_done + p_rows - v_freed,
            batches_done = s.batches_done + 1 - v_closed,
            deletes_withheld = case p_outcome when 'withheld' then coalesce(s.deletes_withheld, p_error ->> 'message')
                                              else s.deletes_withheld end,
            error_details = case p_outcome when 'failed' then p_error else s.error_details end,
            status = case s.status when 'queued' then 'in_progress' else s.status end,
            heartbeat_at = clock_timestamp()
        where s.id = p_run;
    end if;
    return public.sync_close(p_run);
end
$$;

-- Fails a run at once: whatever is still under way of it is superseded. A run that has closed stays as it is.
create or replace function public.sync_stop(p_run uuid, p_error jsonb)
returns text
language plpgsql volatile
set search_path = ''
as $$
declare
    v_status text;
begin
    update public.sync_state as s
    set status = 'failed', stopped = true, completed_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
        error_details = p_error
    where s.id = p_run and s.status in ('queued', 'in_progress', 'failed');
    delete from public.sync_retries as x where x.run = p_run;
    select s.status into v_status from public.sync_state as s where s.id = p_run;
    return v_status;
end
$$;

-- Records what the mapping could not use (docs/PROTOCOL.md). Counts nothing: the plan says how many there are.
create or replace function public.sync_reject(p_run uuid, p_rejections jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_sync text;
begin
    if jsonb_array_length(p_rejections) > 1000 then
        raise invalid_parameter_value using message = 'at most 1000 rejections a call';
    end if;
    update public.sync_state as s
    set status = 'in_progress', heartbeat_at = clock_timestamp()
    where s.id = p_run and s.status in ('queued', 'in_progress')
    returning s.sync into v_sync;
    if not found then
        return jsonb_build_object('recorded', 0);
    end if;
    perform public.sync_record_errors(v_sync, p_run, 'validation', p_rejections);
    return jsonb_build_object('recorded', jsonb_array_length(p_rejections));
end
$$;

-- Records what was read and sent (docs/PROTOCOL.md); the second time it changes nothing.
create or replace function public.sync_planned(p_run uuid, p_plan jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_status text;
begin
    -- As sync_apply does it: no newer run begins while rows are tried again.
    perform from public.sync_targets as t where t.run = p_run for share;
    update public.sync_state as s
    set status = 'in_progress',
        planned_at = clock_timestamp(),
        heartbeat_at = clock_timestamp(),
        total_rows = (p_plan ->> 'rowsRead')::bigint,
        rejected = s.rejected + coalesce((p_plan ->> 'rowsRejected')::bigint, 0),
        skipped = s.skipped + coalesce((p_plan ->> 'rowsSkipped')::bigint, 0),
        unchanged = s.unchanged + coalesce((p_plan ->> 'rowsUnchanged')::bigint, 0),
        rows_sent = coalesce((p_plan ->> 'rowsSent')::bigint, 0),
        keys_vanished = coalesce((p_plan ->> 'keysVanished')::bigint, 0),
        batches_total = coalesce((p_plan ->> 'upsertBatches')::integer, 0) + coalesce((p_plan ->> 'deleteBatches')::integer, 0),
        deletes_withheld = p_plan ->> 'deletesWithheld',
        keys_unreadable = coalesce((p_plan ->> 'keysUnreadable')::bigint, 0),
        keyless_rows = coalesce((p_plan ->> 'keylessRows')::bigint, 0),
        unmatched_rows = coalesce((p_plan ->> 'unmatchedRows')::bigint, 0),
        read_complete = coalesce((p_plan ->> 'readComplete')::boolean, false),
        checked_at = (p_plan #>> '{check,at}')::timestamptz,
        checked_values = coalesce((p_plan #>> '{check,values}')::boolean, false),
        checked_whole = coalesce((p_plan #>> '{check,whole}')::boolean, false),
        vanished = nullif(p_plan -> 'vanished', 'null') || jsonb_build_object('sample', array(
            select r.row_key
            from public.sync_rows as r
            where r.sync = s.sync and r.state = 'present'
              and r.key_hash = any (array(select k::bigint from jsonb_array_elements_text(p_plan #> '{vanished,sample}') as k))
            order by r.row_key)),
        metadata = s.metadata || coalesce(nullif(p_plan -> 'metadata', 'null'), '{}')
    where s.id = p_run and s.status in ('queued', 'in_progress') and s.planned_at is null;
    if found then
        -- What is written from here on is the sync's own, which the drift triggers (sync_drift_triggers) do not note.
        perform set_config('sheetsync.writes', 'on', true);
        delete from public.sync_touched as x
        using public.sync_targets as t
        where t.run = p_run and x.table_name = t.table_name
          and x.at < clock_timestamp() - make_interval(secs => 3600 + 2 * (
              select max(o.reconcile_seconds) from public.sync_targets as o where o.table_name = t.table_name));
        v_status := public.sync_close(p_run);
    else
        select s.status into v_status from public.sync_state as s where s.id = p_run;
    end if;
    return jsonb_build_object('status', v_status);
end
$$;

-- Counts a failed attempt at a batch, the fifth or a final one for good; or fails the run itself (docs/PROTOCOL.md).
create or replace function public.sync_fail(p_run uuid, p_batch jsonb, p_error jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_state    public.sync_state;
    v_kind     text := p_batch ->> 'kind';
    v_lo       bigint := p_batch ->> 'lo';
    v_hi       bigint := p_batch ->> 'hi';
    v_final    boolean := coalesce((p_error ->> 'final')::boolean, false);
    v_error    jsonb := p_error - 'final';
    v_type     text := coalesce(p_error ->> 'type', 'unknown');
    v_covered  int8multirange;
    v_applied  bigint;
    v_attempts integer;
    v_status   text;
begin
    perform from public.sync_targets as t where t.run = p_run for share;
    select * into v_state from public.sync_state as s where s.id = p_run for no key update;
    if not found then
        return jsonb_build_object('attempts', 0, 'final', v_final, 'runStatus', null);
    end if;

    if p_batch is null or p_batch = 'null' then
        if v_state.status in ('queued', 'in_progress') then
            perform public.sync_record_errors(v_state.sync, p_run, v_type, jsonb_build_array(v_error));
        end if;
        v_status := public.sync_stop(p_run, v_error);
        return jsonb_build_object('attempts', 1, 'final', true, 'runStatus', v_status);
    end if;

    select range_agg(int8range(b.lo, b.hi)), coalesce(sum(b.rows), 0)
    into v_covered, v_applied
    from public.sync_batches as b
    where b.run = p_run and b.kind = v_kind and b.lo < v_hi and b.hi > v_lo and b.outcome in ('applied', 'withheld');
    -- Too late, or a lost answer: the batch was applied, or its run is over.
    if v_state.stopped or v_state.status = 'superseded' or v_covered @> int8range(v_lo, v_hi) then
        return jsonb_build_object('attempts', 0, 'final', v_final, 'runStatus', v_state.status);
    end if;

    insert into public.sync_batches as b (run, kind, lo, hi, outcome, attempts, error)
    values (p_run, v_kind, v_lo, v_hi, 'pending', 1, v_error)
    on conflict (run, kind, lo, hi) do update set attempts = b.attempts + 1, error = excluded.error
    returning b.attempts into v_attempts;

    v_final := v_final or v_attempts >= 5;
    if v_final then
        perform public.sync_record_errors(v_state.sync, p_run, v_type, jsonb_build_array(v_error));
        v_status := public.sync_account(p_run, v_kind, v_lo, v_hi, 'failed',
                                        greatest((p_batch ->> 'rows')::integer - v_applied, 0)::integer, '{}', v_error);
    else
        update public.sync_state as s set status = 'in_progress' where s.id = p_run and s.status = 'queued';
        v_status := case v_state.status when 'queued' then 'in_progress' else v_state.status end;
    end if;
    return jsonb_build_object('attempts', v_attempts, 'final', v_final, 'runStatus', v_status);
end
$$;

-- A sign of life of a run whose sheet is being read; the first makes it in_progress. Answers the run's status: a scheduler
-- that hears 'superseded' or 'failed' stops reading.
create or replace function public.sync_heartbeat(p_run uuid)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_status text;
begin
    update public.sync_state as s
    set status = 'in_progress', heartbeat_at = clock_timestamp()
    where s.id = p_run and s.status in ('queued', 'in_progress')
    returning s.status into v_status;
    if not found then
        select s.status into v_status from public.sync_state as s where s.id = p_run;
    end if;
    return jsonb_build_object('status', v_status);
end
$$;

-- Tells open runs of their batches that lie among the dead letters: SQS itself moves a message that was received too often,
-- and a worker may die between moving a batch to the dead-letter queue and recording it in its run. Without this such a run would never end.
-- p_letters: [{"run", "kind", "lo", "hi", "rows", "reason"}]. Repeatable: what the ledger has is not counted again, so a batch
-- that was redriven meanwhile keeps what became of it.
create or replace function public.sync_dead_letters(p_letters jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_letter record;
    v_recorded integer := 0;
begin
    if jsonb_array_length(p_letters) > 1000 then
        raise invalid_parameter_value using message = 'at most 1000 dead letters a call';
    end if;
    for v_letter in
        select distinct on (l.run, l.kind, l.lo, l.hi) l.*
        from jsonb_to_recordset(p_letters) as l (run uuid, kind text, lo bigint, hi bigint, rows bigint, reason text)
        join public.sync_state as s on s.id = l.run and s.status in ('queued', 'in_progress')
        where l.kind in ('upsert', 'delete') and l.lo < l.hi
        order by l.run, l.kind, l.lo, l.hi
    loop
        if not exists (
            select
            from public.sync_batches as b
            where b.run = v_letter.run and b.kind = v_letter.kind and b.lo < v_letter.hi and b.hi > v_letter.lo
              and b.outcome in ('applied', 'withheld', 'failed')
        ) then
            perform public.sync_fail(
                v_letter.run,
                jsonb_build_object('kind', v_letter.kind, 'lo', v_letter.lo, 'hi', v_letter.hi, 'rows', v_letter.rows),
                jsonb_build_object('type', 'unknown', 'code', 'dead_letter', 'final', true,
                                   'message', 'a batch is among the dead letters: ' || coalesce(v_letter.reason, 'no reason given')));
            v_recorded := v_recorded + 1;
        end if;
    end loop;
    return jsonb_build_object('told', v_recorded);
end
$$;

-- Forgets a sync's runs that began longer ago than so many days, with their batches and errors. What is open stays: a run
-- that has not ended, a run with an error that is not resolved; and so do the current run and the last complete one. At
-- most 1000 runs a call, so that it never takes long.
create or replace function public.sync_prune(p_sync text, p_days integer default 90)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_runs   integer;
    v_errors integer;
begin
    if p_days is null or p_days < 1 then
        raise invalid_parameter_value using message = 'keep runs for at least a day';
    end if;
    -- Errors that were resolved long ago go by themselves: their run may have to stay for another of its errors.
    delete from public.sync_errors as e
    where e.sync = p_sync and e.resolved_at < now() - make_interval(days => p_days);
    get diagnostics v_errors = row_count;
    -- Those of rows that are still in the sheet are tried every few hours; without an entry a row is simply tried.
    delete from public.sync_refusals as x
    where x.sync = p_sync and x.tried_at < now() - interval '1 day';

    delete from public.sync_state as s
    where s.id in (
        select o.id
        from public.sync_state as o
        where o.sync = p_sync
          and o.started_at < now() - make_interval(days => p_days)
          and o.status not in ('queued', 'in_progress')
          and not exists (select from public.sync_targets as t where t.sync = o.sync and t.run = o.id)
          and not exists (select from public.sync_errors as e where e.run = o.id and e.resolved_at is null)
          and o.id is distinct from (
              select g.id
              from public.sync_state as g
              where g.sync = p_sync and g.status = 'completed' and g.sync_type <> 'selective'
              order by g.started_at desc
              limit 1)
        order by o.started_at
        limit 1000);
    get diagnostics v_runs = row_count;
    return jsonb_build_object('runs', v_runs, 'errors', v_errors);
end
$$;

-- Answers when a batch could be applied. It asks for a lock on rows, of which there are none, because a database that is
-- read-only (disk full) refuses that (25006) as it would refuse a batch.
create or replace function public.sync_ping()
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '5s'
as $$
begin
    perform from public.sync_targets as t where false for key share;
    return '{"outcome": "ready"}';
end
$$;

-- After DDL, PostgREST goes on with what it knew of the schema until it is notified.
create or replace function public.sync_reload_schema()
returns jsonb
language sql volatile
set search_path = ''
as $$
    select pg_catalog.pg_notify('pgrst', 'reload schema');
    select '{"outcome": "asked"}'::jsonb;
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_record_errors, sync_withheld_digest, sync_adoption, sync_approve_adoption, sync_close, sync_account, sync_stop,
    sync_reject, sync_planned, sync_fail, sync_heartbeat, sync_dead_letters, sync_prune, sync_ping, sync_reload_schema
}'); end $$;

notify pgrst, 'reload schema';
