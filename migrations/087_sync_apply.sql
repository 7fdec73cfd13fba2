-- sync_apply: one batch, in one transaction, whatever was delivered before, twice, late or at the same time.
-- Not here: whose value wins (085), what may be deleted (086), how a run closes (088). Safe to run twice.

-- What is wrong with a message, or null. Checked before anything is converted: a fault of the message must not look like
-- a row that Postgres refuses. Never repeats the message's content (promise 9).
create or replace function public.sync_batch_fault(p_batch jsonb)
returns text
language plpgsql immutable
set search_path = ''
as $$
declare
    v_kind    text := p_batch ->> 'kind';
    v_lo      bigint;
    v_hi      bigint;
    v_columns integer;
    v_fault   text;
begin
    v_fault := case
        when jsonb_typeof(p_batch) is distinct from 'object' then 'the batch is not an object'
        when p_batch -> 'v' is distinct from '1' then 'the batch is not of version 1'
        when v_kind is null or v_kind not in ('upsert', 'delete') then 'kind is neither upsert nor delete'
        when jsonb_typeof(p_batch -> 'sync') is distinct from 'string' then 'sync is missing'
        when pg_input_is_valid(p_batch ->> 'run', 'uuid') is not true then 'run is not a uuid'
        when pg_input_is_valid(p_batch ->> 'lo', 'bigint') is not true
             or pg_input_is_valid(p_batch ->> 'hi', 'bigint') is not true then 'lo or hi is not an integer'
        when (p_batch ->> 'lo')::bigint >= (p_batch ->> 'hi')::bigint then 'lo is not below hi'
        when v_kind = 'delete' and jsonb_typeof(p_batch -> 'keys') is distinct from 'array' then 'keys is not an array'
        when v_kind = 'upsert' and jsonb_typeof(p_batch -> 'columns') is distinct from 'array' then 'columns is not an array'
        when v_kind = 'upsert' and jsonb_typeof(p_batch -> 'rows') is distinct from 'array' then 'rows is not an array'
    end;
    if v_fault is not null then
        return v_fault;
    end if;
    v_lo := p_batch ->> 'lo';
    v_hi := p_batch ->> 'hi';

    if v_kind = 'delete' then
        select case
            when not bool_and(case when pg_input_is_valid(k.key #>> '{}', 'bigint')
                                   then (k.key #>> '{}')::bigint >= v_lo and (k.key #>> '{}')::bigint < v_hi
                              end is true)
                then 'a key is not an integer from lo to hi'
            when count(*) <> count(distinct k.key) then 'a key comes twice'
        end
        into v_fault
        from jsonb_array_elements(p_batch -> 'keys') as k (key);
        return v_fault;
    end if;

    v_columns := jsonb_array_length(p_batch -> 'columns');
    select case
        when not bool_and(jsonb_typeof(r.item) = 'object') then 'a row is not an object'
        when not bool_and(jsonb_typeof(f.k) is not distinct from 'string') then 'a row has no key'
        when not bool_and(case when pg_input_is_valid(f.h, 'bigint') then f.h::bigint >= v_lo and f.h::bigint < v_hi end is true)
            then 'a row''s key hash is not an integer from lo to hi'
        when not bool_and(pg_input_is_valid(f.c, 'bigint') is true) then 'a row''s content hash is not an integer'
        when not bool_and(pg_input_is_valid(f.n, 'integer') is not false) then 'a row''s number is not an integer'
        when not bool_and(case jsonb_typeof(f.v) when 'array' then jsonb_array_length(f.v) = v_columns end is true)
            then 'a row has not as many values as there are columns'
        when not bool_and(case jsonb_typeof(f.keep)
                              when 'array' then not exists (
                                  select from jsonb_array_elements(f.keep) as k (ordinal)
                                  where case when pg_input_is_valid(k.ordinal #>> '{}', 'integer')
                                             then (k.ordinal #>> '{}')::integer between 0 and v_columns - 1
                                        end is not true)
                          end is not false) then 'keep is not a list of columns'
        when count(*) <> count(distinct f.k) then 'a row key comes twice'
    end
    into v_fault
    from jsonb_array_elements(p_batch -> 'rows') as r (item)
    cross join lateral (
        select r.item -> 'k' as k, r.item ->> 'h' as h, r.item ->> 'c' as c, r.item ->> 'n' as n,
               r.item -> 'v' as v, r.item -> 'keep' as keep
        offset 0
    ) as f;
    return v_fault;
end
$$;

-- A refusal by Postgres as an entry of sync_errors. Only the primary message: the detail repeats the whole row.
create or replace function public.sync_refusal(
    p_target     public.sync_targets,
    p_kind       text,
    p_item       jsonb,
    p_code       text,
    p_message    text,
    p_column     text,
    p_constraint text
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_column text := nullif(p_column, '');
    v_raw    text;
begin
    if p_kind = 'delete' then
        return jsonb_build_object('rowKey', p_item #>> '{}', 'column', null, 'code', p_code, 'message', p_message);
    end if;

    -- A value that does not convert (class 22) and a constraint on one column do not name the column: find it.
    if v_column is null and p_code like '22%' then
        select c.name into v_column
        from public.sync_mapped_columns(p_target) as c
        where jsonb_typeof(p_item -> 'v' -> c.ordinal) not in ('null', 'array', 'object')
          and not pg_input_is_valid(p_item -> 'v' ->> c.ordinal, c.type_name)
        order by c.ordinal
        limit 1;
    elsif v_column is null and p_constraint <> '' then
        select a.attname into v_column
        from pg_catalog.pg_class as r
        join pg_catalog.pg_constraint as k on k.conrelid = r.oid and k.conname = p_constraint and cardinality(k.conkey) = 1
        join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum = k.conkey[1]
        where r.relnamespace = 'public'::regnamespace and r.relname = p_target.table_name;
    end if;
    v_raw := p_item -> 'v' ->> (array_position(p_target.column_names, v_column) - 1);

    return jsonb_build_object('rowKey', p_item ->> 'k', 'rowNumber', p_item -> 'n', 'column', v_column,
                              'code', p_code, 'message', p_message, 'raw', v_raw);
end
$$;

-- Applies the items (rows, or row keys to delete) and leaves out those that Postgres refuses, found by halving: each try is
-- a subtransaction, so a good row never waits for a bad one (promise 4). Only errors of the row itself are caught; a
-- deadlock, a timeout or a missing column is not the row's fault and ends the call.
-- Refusals of a fifth of the rows mean that the schema is wrong, not the rows: raises SY001, and the caller takes all back.
-- A trial (091), which takes all back anyway, is told so in `hopeless`, with the refusals until then.
drop function if exists public.sync_apply_isolated(public.sync_targets, uuid, text, jsonb[]); -- without p_is_trial
create or replace function public.sync_apply_isolated(
    p_target    public.sync_targets,
    p_run       uuid,
    p_kind      text,
    p_items     jsonb[],
    p_is_trial  boolean default false,
    out counts  jsonb,
    out refused jsonb[],
    out hopeless text
)
language plpgsql volatile
set search_path = ''
as $$
declare
    v_all        integer := cardinality(p_items);
    -- The stretches still to do, as a stack.
    v_from       integer[] := array[1];
    v_to         integer[] := array[v_all];
    v_first      integer;
    v_last       integer;
    v_middle     integer;
    v_lock_sql   text;
    v_merge_sql  text;
    v_some       jsonb;
    v_code       text;
    v_message    text;
    v_column     text;
    v_constraint text;
begin
    counts := '{}';
    refused := '{}';
    if v_all = 0 then
        return;
    end if;
    perform public.sync_check_columns(p_target);

    if p_kind = 'upsert' then
        v_lock_sql := public.sync_lock_sql(p_target);
        v_merge_sql := public.sync_merge_sql(p_target, array(
            select distinct k.ordinal::integer
            from unnest(p_items) as i (item)
            cross join lateral jsonb_array_elements_text(i.item -> 'keep') as k (ordinal)));
    end if;
    -- A constraint that waits for the commit would refuse the whole batch.
    set constraints all immediate;

    while cardinality(v_from) > 0 loop
        v_first := v_from[cardinality(v_from)];
        v_last := v_to[cardinality(v_to)];
        v_from := trim_array(v_from, 1);
        v_to := trim_array(v_to, 1);
        begin
            if p_kind = 'upsert' then
                v_some := public.sync_merge(p_target, p_run, p_items[v_first:v_last], v_lock_sql, v_merge_sql);
            else
                v_some := public.sync_delete_rows(
                    p_target, p_run, array(select i.item #>> '{}' from unnest(p_items[v_first:v_last]) as i (item)));
            end if;
            select jsonb_object_agg(s.key, s.value::bigint + coalesce((counts ->> s.key)::bigint, 0))
            into counts
            from jsonb_each_text(v_some) as s;
        exception
            when data_exception or integrity_constraint_violation or cardinality_violation or raise_exception
                 or program_limit_exceeded then
                if v_first < v_last then
                    v_middle := (v_first + v_last) / 2;
                    v_from := v_from || array[v_middle + 1, v_first];
                    v_to := v_to || array[v_last, v_middle];
                else
                    get stacked diagnostics v_code = returned_sqlstate, v_message = message_text,
                                            v_column = column_name, v_constraint = constraint_name;
                    refused := refused || public.sync_refusal(p_target, p_kind, p_items[v_first], v_code, v_message,
                                                              v_column, v_constraint);
                end if;
        end;
        if p_kind = 'upsert' and cardinality(refused) >= 10 and cardinality(refused) * 5 > v_all then
            select format('Postgres refused more than a fifth of %s rows, so it is the schema or the mapping that is wrong;'
                          ' most often: %s%s', v_all, r.refusal ->> 'code', ' in the column ' || (r.refusal ->> 'column'))
            into v_message
            from unnest(refused) as r (refusal)
            group by r.refusal ->> 'code', r.refusal ->> 'column'
            order by count(*) desc
            limit 1;
            if p_is_trial then
                hopeless := v_message;
                return;
            end if;
            raise exception using errcode = 'SY001', message = v_message;
        end if;
    end loop;
end
$$;

-- Locks the run's row, last and for a moment, so that the batch can be accounted for. Whoever did a part of it since this
-- call looked into the ledger (p_covered) has accounted for that part: then the call has to be repeated.
create or replace function public.sync_lock_account(p_run uuid, p_kind text, p_lo bigint, p_hi bigint, p_covered int8multirange)
returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    perform from public.sync_state as s where s.id = p_run for no key update;
    if exists (
        select from public.sync_batches as b
        where b.run = p_run and b.kind = p_kind and b.lo < p_hi and b.hi > p_lo and b.outcome in ('applied', 'withheld')
          and not coalesce(p_covered @> int8range(b.lo, b.hi), false)
    ) then
        raise serialization_failure using message = 'a part of this batch was applied at the same time: repeat the call';
    end if;
end
$$;

-- Applies one batch (docs/PROTOCOL.md).
create or replace function public.sync_apply(p_batch jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_fault   text;
    v_run     uuid;
    v_kind    text;
    v_lo      bigint;
    v_hi      bigint;
    v_target  public.sync_targets;
    v_state   public.sync_state;
    v_covered int8multirange;
    v_before  jsonb; -- counts of what the ledger covers
    v_items   jsonb[];
    v_rows    integer;
    v_reason  text;
    v_outcome text := 'applied';
    v_counts  jsonb := '{}';
    v_refused jsonb[] := '{}';
    v_status  text;
begin
    v_fault := public.sync_batch_fault(p_batch);
    if v_fault is not null then
        return jsonb_build_object('outcome', 'malformed', 'error', v_fault);
    end if;
    v_run := p_batch ->> 'run';
    v_kind := p_batch ->> 'kind';
    v_lo := p_batch ->> 'lo';
    v_hi := p_batch ->> 'hi';

    if not pg_try_advisory_xact_lock(hashtextextended(format('sync_apply %s %s %s %s', v_run, v_kind, v_lo, v_hi), 0)) then
        return jsonb_build_object('outcome', 'in_progress');
    end if;

    -- Waits for a begin in flight, and makes the next one wait: from here on no newer run can begin (promise 3).
    select * into v_target from public.sync_targets as t where t.sync = p_batch ->> 'sync' for share;
    if not found then
        return jsonb_build_object('outcome', 'malformed', 'error', 'the sync is unknown: no run of it has begun here');
    end if;
    select * into v_state from public.sync_state as s where s.id = v_run and s.sync = v_target.sync;
    if not found then
        return jsonb_build_object('outcome', 'malformed', 'error', 'the run is unknown, or of another sync');
    end if;
    if v_target.run <> v_run or v_state.stopped or v_state.status = 'superseded' then
        return jsonb_build_object('outcome', 'superseded', 'runStatus', v_state.status);
    end if;

    -- The ledger (promise 2). Halves of this batch, or a whole of which this is a half, may have been applied.
    select range_agg(int8range(b.lo, b.hi)),
           jsonb_build_object('inserted', sum(b.inserted), 'updated', sum(b.updated), 'unchanged', sum(b.unchanged),
                              'skipped', sum(b.skipped), 'deleted', sum(b.deleted), 'conflicts', sum(b.conflicts),
                              'rejected', sum(b.rejected), 'adopted', sum(b.adopted))
    into v_covered, v_before
    from public.sync_batches as b
    where b.run = v_run and b.kind = v_kind and b.lo < v_hi and b.hi > v_lo and b.outcome in ('applied', 'withheld');

    if v_kind = 'upsert' then
        if array(select jsonb_array_elements_text(p_batch -> 'columns')) <> v_target.column_names then
            return jsonb_build_object('outcome', 'malformed', 'runStatus', v_state.status,
                                      'error', 'the columns are not those of the run''s definition');
        end if;
        v_items := array(
            select r.item
            from jsonb_array_elements(p_batch -> 'rows') as r (item)
            where v_covered is null or not v_covered @> (r.item ->> 'h')::bigint
            order by r.item ->> 'k' collate "C");
    else
        v_items := array(
            select k.key
            from jsonb_array_elements(p_batch -> 'keys') as k (key)
            where v_covered is null or not v_covered @> (k.key #>> '{}')::bigint);
    end if;
    v_rows := cardinality(v_items);
    if v_covered is not null and (v_rows = 0 or v_covered @> int8range(v_lo, v_hi)) then
        return v_before || jsonb_build_object('outcome', 'duplicate', 'runStatus', v_state.status);
    end if;

    if v_kind = 'delete' then
        if v_state.planned_at is null or v_state.rows_done < v_state.rows_sent then
            return jsonb_build_object('outcome', 'waiting', 'runStatus', v_state.status);
        end if;
        v_reason := public.sync_deletes_withheld(v_target, v_run, v_rows);
        if v_reason is not null then
            perform public.sync_lock_account(v_run, v_kind, v_lo, v_hi, v_covered);
            v_status := public.sync_account(v_run, v_kind, v_lo, v_hi, 'withheld', v_rows, '{}',
                                            jsonb_build_object('code', 'withheld', 'message', v_reason));
            return jsonb_build_object('outcome', 'withheld', 'error', v_reason, 'runStatus', v_status);
        end if;
        perform public.sync_use_approval(v_run);
        v_items := public.sync_present_keys(v_target.sync, v_items);
    end if;

    begin
        select a.counts, a.refused into v_counts, v_refused
        from public.sync_apply_isolated(v_target, v_run, v_kind, v_items) as a;
    exception when sqlstate 'SY001' then
        v_outcome := 'failed';
        get stacked diagnostics v_reason = message_text;
    end;

    if v_outcome = 'failed' then
        perform public.sync_record_errors(v_target.sync, v_run, 'database', jsonb_build_array(
            jsonb_build_object('code', 'batch_refused', 'message', v_reason)));
        perform public.sync_lock_account(v_run, v_kind, v_lo, v_hi, v_covered);
        v_status := public.sync_account(v_run, v_kind, v_lo, v_hi, 'failed', v_rows, '{}',
                                        jsonb_build_object('code', 'batch_refused', 'message', v_reason));
        v_status := public.sync_stop(v_run, jsonb_build_object('type', 'database', 'code', 'batch_refused', 'message', v_reason));
        return jsonb_build_object('outcome', 'failed', 'error', v_reason, 'runStatus', v_status);
    end if;

    if cardinality(v_refused) > 0 then
        perform public.sync_record_errors(v_target.sync, v_run,
                                          case v_kind when 'upsert' then 'validation' else 'database' end,
                                          to_jsonb(v_refused));
        -- Tried again on every run until Postgres takes it.
        update public.sync_rows as r
        set content_hash = null, last_run = v_run, updated_at = now()
        from unnest(v_refused) as f (refusal)
        where v_kind = 'upsert' and r.sync = v_target.sync and r.row_key = f.refusal ->> 'rowKey'
          and r.content_hash is not null;
        v_counts := v_counts || jsonb_build_object('rejected', cardinality(v_refused));
    end if;
    -- A row that was applied is no longer refused.
    if v_kind = 'upsert' and exists (
        select from public.sync_errors as e
        where e.sync = v_target.sync and e.resolved_at is null and e.error_type = 'validation' and e.code ~ '^[0-9A-Z]{5}$'
    ) then
        update public.sync_errors as e
        set resolved_at = now()
        from unnest(v_items) as i (item)
        where e.sync = v_target.sync and e.resolved_at is null and e.error_type = 'validation'
          and e.code ~ '^[0-9A-Z]{5}$' and e.row_key = i.item ->> 'k'
          and not exists (select from unnest(v_refused) as f (refusal) where f.refusal ->> 'rowKey' = e.row_key);
    end if;
    if v_kind = 'delete' then
        -- Keys that sync_rows does not have as present: deleted before, or not this sync's.
        v_counts := v_counts || jsonb_build_object(
            'skipped', coalesce((v_counts ->> 'skipped')::integer, 0) + greatest(v_rows - cardinality(v_items), 0));
    end if;

    perform public.sync_lock_account(v_run, v_kind, v_lo, v_hi, v_covered);
    v_status := public.sync_account(v_run, v_kind, v_lo, v_hi, 'applied', v_rows, v_counts, null);

    return jsonb_build_object('outcome', 'applied', 'inserted', 0, 'updated', 0, 'unchanged', 0, 'skipped', 0, 'deleted', 0,
                              'conflicts', 0, 'rejected', 0, 'adopted', 0, 'runStatus', v_status)
        || coalesce((select jsonb_build_object('runSeconds', extract(epoch from s.completed_at - s.started_at))
                     from public.sync_state as s
                     where s.id = v_run and s.status in ('completed', 'partial', 'failed')), '{}')
        || v_counts;
end
$$;

revoke all on function public.sync_batch_fault(jsonb) from public, anon, authenticated;
revoke all on function public.sync_refusal(public.sync_targets, text, jsonb, text, text, text, text)
    from public, anon, authenticated;
revoke all on function public.sync_apply_isolated(public.sync_targets, uuid, text, jsonb[], boolean) from public, anon, authenticated;
revoke all on function public.sync_lock_account(uuid, text, bigint, bigint, int8multirange) from public, anon, authenticated;
revoke all on function public.sync_apply(jsonb) from public, anon, authenticated;
grant execute on function public.sync_batch_fault(jsonb) to service_role;
grant execute on function public.sync_refusal(public.sync_targets, text, jsonb, text, text, text, text) to service_role;
grant execute on function public.sync_apply_isolated(public.sync_targets, uuid, text, jsonb[], boolean) to service_role;
grant execute on function public.sync_lock_account(uuid, text, bigint, bigint, int8multirange) to service_role;
grant execute on function public.sync_apply(jsonb) to service_role;

notify pgrst, 'reload schema';
