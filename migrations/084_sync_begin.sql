-- sync_begin: opens a run, after holding its definition against the database.
-- Not here: what happens to the run's batches (sync_apply) and how it closes (sync_close). Safe to run twice.

-- What the columns of a sync's table can hold, as the catalogue says (docs/PROTOCOL.md, "Limits"): {"column": {"type", "required",
-- "form", …}}; a column that holds all that is mapped for it is left out. The scheduler rejects what Postgres would refuse, cell by
-- cell, so the answer has only what is certain: lengths and `required` count when a value is written, which in other modes than upsert, in
-- columns that the database owns, or where its rows are adopted as they are, it may not be. A trigger before the write may give a
-- column that is not null its value.
create or replace function public.sync_limits(p_target public.sync_targets)
returns jsonb
language sql stable
set search_path = ''
as $$
    with mapped as (
        select m.position as place, m.name, c.type_oid, c.modifier,
               p_target.mode = 'upsert' and p_target.adopt <> 'database'
                   and (m.authority <> 'database' or m.name = any (p_target.key_columns)) as is_written,
               c.domain_not_null or c.not_null and not g.has_trigger as is_required
        from public.sync_columns(public.sync_table(p_target.table_name)) as c
        join unnest(p_target.column_names, p_target.authorities) with ordinality as m (name, authority, position) using (name)
        cross join (select public.sync_has_row_trigger(public.sync_table(p_target.table_name)) as has_trigger) as g
    ),
    limited as (
        select m.place, m.name, m.is_required and m.is_written as is_required, format_type(m.type_oid, m.modifier) as type_name,
               case
                   when e.oid in ('varchar'::regtype, 'bpchar'::regtype) and m.modifier >= 4 and m.is_written then
                       jsonb_build_object('form', 'characters', 'length', m.modifier - 4)
                   when e.oid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then
                       jsonb_build_object('form', 'integer', 'bits', e.typlen * 8)
                   -- The modifier: precision in the upper 16 bits, scale in 11 bits with a sign.
                   when e.oid = 'numeric'::regtype and m.modifier >= 4 then
                       jsonb_build_object('form', 'numeric', 'precision', ((m.modifier - 4) >> 16) & 65535,
                                          'scale', (((m.modifier - 4) & 2047) # 1024) - 1024)
                   when e.typtype = 'e' then
                       jsonb_build_object('form', 'labels', 'labels', (
                           select jsonb_agg(l.enumlabel order by l.enumsortorder) from pg_catalog.pg_enum as l where l.enumtypid = e.oid))
                   when e.oid = 'uuid'::regtype then jsonb_build_object('form', 'uuid')
                   else jsonb_build_object('form', 'any')
               end as form
        from mapped as m
        join pg_catalog.pg_type as t on t.oid = m.type_oid
        join pg_catalog.pg_type as e on e.oid = case when t.typcategory = 'A' then t.typelem else t.oid end
    )
    select coalesce(jsonb_object_agg(l.name, l.form || jsonb_build_object('type', l.type_name, 'required', l.is_required)), '{}')
    from limited as l
    where l.is_required or l.form <> '{"form": "any"}'
$$;

-- What in a definition does not fit the database, as [{"code", "column", "message"}]; an empty array when it fits.
-- Each message is for the person who can fix it: it names the thing and the fix.
create or replace function public.sync_definition_problems(p_definition jsonb, p_sync text default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_table   text := p_definition ->> 'table';
    v_oid     regclass;
    v_keys    text[] := array(select jsonb_array_elements_text(p_definition -> 'keyColumns'));
    v_columns text[] := array(select c ->> 'name' from jsonb_array_elements(p_definition -> 'columns') as c);
    v_policy  text := coalesce(p_definition #>> '{deletes,policy}', 'ignore');
    v_delete  text := p_definition #>> '{deletes,column}';
    v_rename  text[] := array(select jsonb_array_elements_text(coalesce(nullif(p_definition -> 'renameBy', 'null'), '[]')));
    v_problems jsonb;
begin
    select c.oid into v_oid
    from pg_catalog.pg_class as c
    where c.oid = public.sync_table(v_table) and c.relkind in ('r', 'p');
    if v_oid is null and public.sync_kind_of(v_table) is not null then
        return jsonb_build_array(jsonb_build_object(
            'code', 'not_a_table', 'column', null,
            'message', format('%s is %s, and a sync can only write to a table: write the table behind it as "table" in the definition',
                              v_table, public.sync_kind_of(v_table))));
    elsif v_oid is null then
        return jsonb_build_array(jsonb_build_object(
            'code', 'no_such_table', 'column', null,
            'message', format('there is no table %s in the schema %s: create it, or correct "table" in the definition',
                              coalesce(v_table, '(none)'), public.sync_schema())));
    end if;

    with attribute as (
        select a.attnum, a.attname::text as name, a.attgenerated <> '' or a.attidentity = 'a' as generated, a.atttypid
        from pg_catalog.pg_attribute as a
        where a.attrelid = v_oid and a.attnum > 0 and not a.attisdropped
    ),
    problem (rank, code, column_name, message) as (
        select 1, 'no_such_column', c.name,
               format('the table %s has no column %s: apply the migration that adds it, or remove it from the definition',
                      v_table, c.name)
        from unnest(v_columns) as c (name)
        where not exists (select from attribute as a where a.name = c.name)
        union all
        select 2, 'generated_column', a.name,
               format('the database computes the column %s itself: remove it from the definition', a.name)
        from attribute as a
        where a.generated and a.name = any (v_columns)
        union all
        select 3, 'key_column_unmapped', k.name,
               format('the key column %s is fed by no column of the sheet: map it, or choose another key', k.name)
        from unnest(v_keys) as k (name)
        where k.name <> all (v_columns)
        union all
        select 3, 'key_column_unmapped', null, 'the definition names no key column'
        where cardinality(v_keys) = 0
        union all
        -- Without it one row of the sheet could be two rows of the table, and every rule of the merge would be ambiguous.
        select 4, 'key_not_unique', null,
               format('nothing keeps %s unique in the table %s: create a unique index on it', array_to_string(v_keys, ', '), v_table)
        where cardinality(v_keys) > 0
          and v_keys <@ array(select a.name from attribute as a)
          and not exists (
              select
              from pg_catalog.pg_index as i
              where i.indrelid = v_oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
                and (select array_agg(a.name)
                     from unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
                     join attribute as a using (attnum)
                     where k.position <= i.indnkeyatts) <@ v_keys)
        union all
        select 4, 'key_type', f.name, f.problem
        from public.sync_key_forms(p_definition) as f
        where f.problem is not null
        union all
        select 4, 'type_pair', t.name, t.problem
        from public.sync_type_problems(p_definition) as t
        union all
        select 6, 'required_column_unfed', u.name,
               format('the column %s must have a value and has no default, and no column of the sheet feeds it: map it, or give it a default',
                      u.name)
        from public.sync_unfed_columns(p_definition) as u
        where u.name <> all (v_keys)
        union all
        -- Which row another sync feeds is known by its row key; with another key it is another text.
        select 4, 'key_differs', null,
               format('the sync %s feeds the table %s by the key %s, this one by %s: two syncs of one table need the same key, in the same order',
                      o.sync, v_table, array_to_string(o.key_columns, ', '), array_to_string(v_keys, ', '))
        from public.sync_targets as o
        where o.table_name = v_table and o.sync is distinct from p_sync and o.sync is distinct from p_definition ->> 'renamedFrom'
          and o.key_columns <> v_keys
        union all
        select 5, 'rename_by_unmapped', r.name,
               format('the column %s in rename_by is fed by no column of the sheet, or belongs to the key: name other mapped columns', r.name)
        from unnest(v_rename) as r (name)
        where r.name <> all (v_columns) or r.name = any (v_keys)
        union all
        select 5, 'rename_by_not_unique', null,
               format('nothing keeps %s unique in the table %s: create a unique index on it, or leave out rename_by',
                      array_to_string(v_rename, ', '), v_table)
        where cardinality(v_rename) > 0 and v_rename <@ v_columns
          and not exists (
              select
              from pg_catalog.pg_index as i
              where i.indrelid = v_oid and i.indisunique and i.indisvalid and i.indexprs is null
                and (select array_agg(a.name)
                     from unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
                     join attribute as a using (attnum)
                     where k.position <= i.indnkeyatts) <@ v_rename)
        union all
        select 5, 'no_delete_column', v_delete,
               format('soft deletes need a column of type timestamptz, timestamp or date; %s has no such column %s',
                      v_table, coalesce(v_delete, '(none given)'))
        where v_policy = 'soft'
          and not exists (
              select from attribute as a
              where a.name = v_delete and not a.generated
                and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype))
        union all
        select 6, 'delete_column_mapped', v_delete,
               format('the column %s marks deleted rows, so the sheet cannot feed it too: remove it from the columns', v_delete)
        where v_policy = 'soft' and v_delete = any (v_columns)
        union all
        select 7, 'no_privilege', null,
               format('the role %s may not %s the table %s: grant it', current_user, lower(p.privilege), v_table)
        from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as p (privilege)
        where (p.privilege <> 'DELETE' or v_policy = 'hard')
          and not has_table_privilege(v_oid, p.privilege)
    )
    select coalesce(jsonb_agg(jsonb_build_object('code', p.code, 'column', p.column_name, 'message', p.message)
                              order by p.rank, p.column_name), '[]')
    into v_problems
    from problem as p;
    return v_problems;
end
$$;

-- A definition as the row of sync_targets that a run of it writes. It is not written here: a preview needs it just so.
create or replace function public.sync_target(p_sync text, p_definition jsonb, p_run uuid)
returns public.sync_targets
language sql stable
set search_path = ''
as $$
    select jsonb_populate_record(null::public.sync_targets, jsonb_build_object(
        'sync', p_sync,
        'table_name', p_definition -> 'table',
        'key_columns', p_definition -> 'keyColumns',
        'column_names', jsonb_path_query_array(p_definition, '$.columns[*].name'),
        'headers', array(select c ->> 'header' from jsonb_array_elements(p_definition -> 'columns') as c),
        'authorities', array(select coalesce(c ->> 'authority', 'merge') from jsonb_array_elements(p_definition -> 'columns') as c),
        'mapping_version', p_definition -> 'mappingVersion',
        'mode', coalesce(p_definition ->> 'mode', 'upsert'),
        'on_conflict', coalesce(p_definition ->> 'onConflict', 'sheet'),
        'delete_policy', coalesce(p_definition #>> '{deletes,policy}', 'ignore'),
        'delete_column', p_definition #> '{deletes,column}',
        -- Also those of before: a row may be marked still when the definition says something else.
        'mark_columns', array(
            select p_definition #>> '{deletes,column}' where p_definition #>> '{deletes,policy}' = 'soft'
            union
            select unnest(t.mark_columns) from public.sync_targets as t where t.sync = p_sync and t.table_name = p_definition ->> 'table'),
        'guard_rows', coalesce((p_definition #>> '{deletes,guardRows}')::integer, 10),
        'guard_percent', coalesce((p_definition #>> '{deletes,guardPercent}')::numeric, 15),
        'confirm_deletes', coalesce((p_definition ->> 'confirmDeletes')::integer, 2),
        'adopt', coalesce(p_definition ->> 'adopt', 'ask'),
        'precedence', coalesce((p_definition ->> 'precedence')::integer, 0),
        'rename_by', coalesce(nullif(p_definition -> 'renameBy', 'null'), '[]'),
        'on_missing', coalesce(p_definition ->> 'onMissing', 'restore'),
        'reconcile_seconds', coalesce((p_definition ->> 'reconcileSeconds')::integer, 3600),
        'verify_seconds', coalesce((p_definition ->> 'verifySeconds')::integer, 86400),
        'layout', 0,
        'run', p_run,
        'seq', 1,
        'created_at', now(),
        'updated_at', clock_timestamp()))
$$;

-- Carries the books of a sync over to its new name, with its runs and problems.
create or replace function public.sync_rename(p_from text, p_to text)
returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    update public.sync_targets as t set sync = p_to where t.sync = p_from;
    update public.sync_layouts as l set sync = p_to where l.sync = p_from;
    update public.sync_rows as r set sync = p_to where r.sync = p_from;
    update public.sync_state as s set sync = p_to where s.sync = p_from;
    update public.sync_errors as e set sync = p_to where e.sync = p_from;
    update public.sync_refusals as x set sync = p_to where x.sync = p_from;
    update public.sync_approvals as a set sync = p_to where a.sync = p_from;
end
$$;

-- The sync's current run while it makes progress; else a row of nulls.
create or replace function public.sync_running(p_sync text, p_stall_seconds integer)
returns public.sync_state
language sql stable
set search_path = ''
as $$
    select s.*
    from public.sync_targets as t
    join public.sync_state as s on s.id = t.run
    where t.sync = p_sync and s.status in ('queued', 'in_progress')
      and s.heartbeat_at > clock_timestamp() - make_interval(secs => p_stall_seconds)
$$;

-- The key forms of a sync that has begun. That the mapping's types fit was checked when it began; the form follows from the
-- column's own type.
create or replace function public.sync_target_forms(p_target public.sync_targets)
returns table (place bigint, name text, form text)
language sql stable
set search_path = ''
as $$
    select k.position, k.name,
           case t.type_oid
               when 'bpchar'::regtype then 'char'
               when 'uuid'::regtype then 'uuid'
               when 'smallint'::regtype then 'integer'
               when 'integer'::regtype then 'integer'
               when 'bigint'::regtype then 'integer'
               when 'numeric'::regtype then 'decimal'
               when 'boolean'::regtype then 'boolean'
               when 'date'::regtype then 'date'
               when 'time'::regtype then 'time'
               when 'timestamptz'::regtype then 'timestamp'
               else 'text'
           end
    from unnest(p_target.key_columns) with ordinality as k (name, position)
    join public.sync_columns(public.sync_table(p_target.table_name)) as t using (name)
$$;

-- An expression of the row key of the table's row `p_row`, in the canonical text that sync_rows has it in.
create or replace function public.sync_row_key_sql(p_target public.sync_targets, p_row text)
returns text
language sql stable
set search_path = ''
as $$
    with part as (
        select f.place,
               replace(case f.form
                           when 'decimal' then 'trim_scale(%)::text'
                           when 'date' then 'to_char(%, ''YYYY-MM-DD'')'
                           when 'timestamp' then
                               '(to_char(% at time zone ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS'')'
                               ' || coalesce(''.'' || nullif(rtrim(to_char(% at time zone ''UTC'', ''US''), ''0''), ''''), '''') || ''Z'')'
                           else '(%)::text'
                       end, '%', format('%s.%I', p_row, f.name)) as expression
        from public.sync_target_forms(p_target) as f
    )
    select case count(*)
               when 1 then min(p.expression)
               -- Compact, as the scheduler writes it: Postgres would put a space behind each comma.
               else format('''['' || concat_ws('','', %s) || '']''', string_agg(format('to_jsonb(%s)::text', p.expression), ', ' order by p.place))
           end
    from part as p
$$;

-- The number of the last run before `p_before` (null: of all) that saw the whole sheet and withheld no deletion. Null: there is none.
create or replace function public.sync_last_complete(p_sync text, p_before bigint)
returns bigint
language sql stable
set search_path = ''
as $$
    select max(s.seq)
    from public.sync_state as s
    where s.sync = p_sync and (p_before is null or s.seq < p_before)
      and s.read_complete and s.deletes_withheld is null and s.status in ('completed', 'partial')
$$;

-- The strays that the last complete run read, as {"keylessRows", "unmatchedRows"}: more of them now may be rows whose key is missing for
-- the moment, or another. Null: there is no such run yet.
create or replace function public.sync_last_strays(p_sync text)
returns jsonb
language sql stable
set search_path = ''
as $$
    select jsonb_build_object('keylessRows', s.keyless_rows, 'unmatchedRows', s.unmatched_rows)
    from public.sync_state as s
    where s.sync = p_sync and s.seq = public.sync_last_complete(p_sync, null)
$$;

-- The layout that new bases of the sync are written in, entered in sync_layouts if it is new.
create or replace function public.sync_layout(p_target public.sync_targets)
returns integer
language plpgsql volatile
set search_path = ''
as $$
declare
    v_names  text[];
    v_types  text[];
    v_layout integer;
begin
    select array_agg(c.name order by c.ordinal), array_agg(c.hash_kind order by c.ordinal)
    into v_names, v_types
    from public.sync_mapped_columns(p_target) as c;
    select l.layout into v_layout
    from public.sync_layouts as l
    where l.sync = p_target.sync and l.names = v_names and l.types = v_types;
    if not found then
        insert into public.sync_layouts as n (sync, layout, names, types)
        select p_target.sync, coalesce(max(l.layout), 0) + 1, v_names, v_types
        from public.sync_layouts as l
        where l.sync = p_target.sync
        returning n.layout into v_layout;
    end if;
    return v_layout;
end
$$;

-- The answer `begun` for a run that has just begun, or whose first answer was lost.
create or replace function public.sync_begun(p_state public.sync_state, p_superseded uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    return (select jsonb_build_object(
               'outcome', 'begun', 'run', p_state.id, 'seq', coalesce(p_state.seq, 0), 'superseded', p_superseded,
               'presentRows', p_state.present_rows,
               'approvedDeletes', case when p_state.seq is not null then public.sync_approved_deletes(p_state.sync) end,
               'keyForms', coalesce((select jsonb_agg(f.form order by f.place) from public.sync_target_forms(t) as f), '[]'),
               'limits', coalesce(public.sync_limits(t), '{}'),
               'strays', public.sync_last_strays(p_state.sync),
               'verifyDue', coalesce(public.sync_verify_due(t), false),
               'carry', case when t.carry_from is not null then jsonb_build_object(
                   'from', t.carry_from,
                   'rows', (select count(*) from public.sync_rows as r where r.sync = t.sync and r.is_former)) end)
    from (select) as one
    left join public.sync_targets as t on t.sync = p_state.sync and p_state.seq is not null);
end
$$;

-- How many scheduled runs of the sync in a row, up to now, failed by a fault that passes: network, quota, Google or Supabase down, a
-- tab that shrank while it was read.
create or replace function public.sync_passing_failures(p_sync text)
returns integer
language sql stable
set search_path = ''
as $$
    with recent as (
        select row_number() over (order by s.started_at desc) as place,
               s.status = 'failed' and (coalesce(s.error_details ->> 'type', '') in ('network', 'rate_limit')
                                        or coalesce(s.error_details ->> 'code', '') = 'tab_shrank') as passes
        from (select x.started_at, x.status, x.error_details
              from public.sync_state as x
              where x.sync = p_sync and x.sync_type = 'scheduled'
              order by x.started_at desc
              limit 8) as s
    )
    select coalesce(min(r.place) filter (where not r.passes) - 1, count(*))::integer
    from recent as r
$$;

-- How long after the begin of the last scheduled run the next one is due: `every`; or, after the end of one that met a fault that
-- passes, a growing pause.
create or replace function public.sync_pause_seconds(p_sync text, p_every_seconds integer)
returns integer
language sql stable
set search_path = ''
as $$
    select least(p_every_seconds, ('{60,120,300,600,1200,1800,3600}'::integer[])[least(f.failures, 7)])
    from (select public.sync_passing_failures(p_sync) as failures) as f
$$;

-- Opens a run (docs/PROTOCOL.md). Begins of one sync follow one another; each waits for the batches that are being applied.
create or replace function public.sync_begin(
    p_sync          text,
    p_run           uuid,
    p_definition    jsonb,
    p_type          text,
    p_triggered_by  text,
    p_keys          text[] default null,
    p_every_seconds integer default null,
    p_stall_seconds integer default 900,
    p_nonce         text default null
)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_from       text := p_definition ->> 'renamedFrom';
    v_target     public.sync_targets;
    v_keys       text[];
    v_known      boolean;
    v_current    public.sync_state;
    v_problems   jsonb;
    v_superseded uuid;
    v_present    bigint;
    v_fingerprint text;
    v_pause       integer;
    -- What `sheetsync status` needs to say that a sync is overdue or stuck, without its definition.
    v_rhythm      jsonb := case when p_every_seconds is null then '{}'
                                else jsonb_build_object('everySeconds', p_every_seconds, 'stallSeconds', p_stall_seconds) end;
begin
    -- First begins of a new sync have no row of sync_targets to wait for: they wait here.
    perform pg_advisory_xact_lock(hashtextextended('sync_begin ' || p_sync, 0));

    select * into v_current from public.sync_state as s where s.id = p_run;
    if found then
        -- The same invocation asks again because it got no answer: its run has begun. Not once it has read anything: Lambda may deliver
        -- an event twice under one id, and two must not plan one run.
        if v_current.nonce = p_nonce and v_current.status = 'queued' and v_current.planned_at is null then
            return public.sync_begun(v_current, null);
        end if;
        return jsonb_build_object('outcome', 'duplicate', 'run', p_run, 'status', v_current.status);
    end if;

    -- A tick comes a little early or late: half a tick of slack, so that "5m" is not every other time six minutes.
    v_pause := public.sync_pause_seconds(p_sync, p_every_seconds);
    if p_type = 'scheduled' and p_every_seconds is not null and exists (
        select
        from public.sync_state as s
        where s.sync = p_sync and s.sync_type = 'scheduled'
          -- A pause begins when the fault was met: a run may try for minutes before it gives up.
          and case when v_pause < p_every_seconds then coalesce(s.completed_at, s.started_at) else s.started_at end
              > clock_timestamp() - make_interval(secs => greatest(v_pause - 30, v_pause / 2.0))
    ) then
        return jsonb_build_object('outcome', 'not_due');
    end if;

    if p_definition is null then
        insert into public.sync_state (id, sync, sync_type, status, triggered_by, nonce, keys, started_at, heartbeat_at)
        values (p_run, p_sync, p_type, 'queued', p_triggered_by, p_nonce, p_keys, clock_timestamp(), clock_timestamp())
        returning * into v_current;
        return public.sync_begun(v_current, null);
    end if;

    -- Before any lock: a tick must not wait for the batches of a run that makes progress.
    v_current := public.sync_running(p_sync, p_stall_seconds);
    if v_current.id is not null then
        return jsonb_build_object('outcome', 'busy', 'run', v_current.id, 'seq', v_current.seq);
    end if;

    if v_from is not null and not exists (select from public.sync_targets as t where t.sync = p_sync) then
        perform pg_advisory_xact_lock(hashtextextended('sync_begin ' || v_from, 0));
        perform from public.sync_targets as t where t.sync = v_from for update;
        if found then
            v_current := public.sync_running(v_from, p_stall_seconds);
            if v_current.id is not null then
                return jsonb_build_object('outcome', 'busy', 'run', v_current.id, 'seq', v_current.seq);
            end if;
            perform public.sync_rename(v_from, p_sync);
        end if;
    end if;

    -- Waits for every batch in flight: what they write is committed before the new run reads a digest (promise 3).
    select * into v_target from public.sync_targets as t where t.sync = p_sync for update;
    v_known := found;
    v_current := public.sync_running(p_sync, p_stall_seconds);
    if v_current.id is not null then
        return jsonb_build_object('outcome', 'busy', 'run', v_current.id, 'seq', v_current.seq);
    end if;

    v_problems := public.sync_definition_problems(p_definition, p_sync);
    if v_problems <> '[]' then
        insert into public.sync_state (id, sync, sync_type, status, stopped, triggered_by, nonce, keys, mapping_version,
                                       started_at, heartbeat_at, completed_at, metadata, error_details)
        values (p_run, p_sync, p_type, 'failed', true, p_triggered_by, p_nonce, p_keys, p_definition ->> 'mappingVersion',
                clock_timestamp(), clock_timestamp(), clock_timestamp(), v_rhythm,
                jsonb_build_object('type', 'validation', 'code', 'definition_refused',
                                   'message', v_problems #>> '{0,message}', 'problems', v_problems));
        return jsonb_build_object('outcome', 'refused', 'run', p_run, 'problems', v_problems);
    end if;

    -- Another table: what was remembered is about other rows, so it is forgotten; rows that are there are adopted, none is
    -- deleted for having "vanished" (promise 6). Another key of the same table: the books are carried over (sync_carry). If the key
    -- changes once more before that is done, it is not known which entry is kept by which key: forgotten too.
    v_keys := array(select jsonb_array_elements_text(p_definition -> 'keyColumns'));
    if v_known and (v_target.table_name <> p_definition ->> 'table'
                    or v_target.key_columns <> v_keys and v_target.carry_from is not null) then
        delete from public.sync_rows as r where r.sync = p_sync;
        v_target.carry_from := null;
    elsif v_known and v_target.key_columns <> v_keys then
        update public.sync_rows as r set is_former = true where r.sync = p_sync;
        if found then
            v_target.carry_from := v_target.key_columns;
        end if;
    end if;

    -- Why it never ended stays with it: nothing else says so, and its counts do not add up.
    with stalled as (
        update public.sync_state as s
        set status = 'superseded', completed_at = clock_timestamp(),
            error_details = coalesce(s.error_details, jsonb_build_object(
                'type', 'unknown', 'code', 'stalled',
                'message', 'no progress since ' || to_char(s.heartbeat_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC: '
                    || case
                           when s.planned_at is null then 'its scheduler ended before the plan was recorded'
                           else format('%s of %s rows sent and %s of %s vanished keys were never answered for',
                                       s.rows_sent - s.rows_done, s.rows_sent, s.keys_vanished - s.keys_done, s.keys_vanished)
                       end
                    || '; the run that took over finds again what is missing'))
        where s.sync = p_sync and s.status in ('queued', 'in_progress')
          and (s.id = v_target.run or s.heartbeat_at <= clock_timestamp() - make_interval(secs => p_stall_seconds))
        returning s.id, s.started_at
    )
    select s.id into v_superseded from stalled as s order by s.id = v_target.run desc nulls last, s.started_at desc limit 1;
    -- They hold values of the sheet, and they are not tried again.
    delete from public.sync_retries as x using public.sync_state as s where s.id = x.run and s.sync = p_sync;

    insert into public.sync_targets as t
    select d.* from public.sync_target(p_sync, p_definition, p_run) as d
    on conflict (sync) do update
    set table_name = excluded.table_name, key_columns = excluded.key_columns, column_names = excluded.column_names,
        headers = excluded.headers, authorities = excluded.authorities, mapping_version = excluded.mapping_version, mode = excluded.mode,
        on_conflict = excluded.on_conflict, delete_policy = excluded.delete_policy,
        delete_column = excluded.delete_column, mark_columns = excluded.mark_columns, guard_rows = excluded.guard_rows,
        guard_percent = excluded.guard_percent, confirm_deletes = excluded.confirm_deletes, adopt = excluded.adopt,
        precedence = excluded.precedence, rename_by = excluded.rename_by, on_missing = excluded.on_missing,
        reconcile_seconds = excluded.reconcile_seconds, verify_seconds = excluded.verify_seconds, carry_from = v_target.carry_from,
        run = excluded.run, seq = t.seq + 1, updated_at = clock_timestamp()
    returning t.* into v_target;
    v_target.layout := public.sync_layout(v_target);
    v_fingerprint := public.sync_fingerprint(v_target);
    update public.sync_targets as t
    set layout = v_target.layout, fingerprint = v_fingerprint,
        statements = case when t.fingerprint = v_fingerprint then t.statements else public.sync_statements(v_target, '{}') end
    where t.sync = p_sync;

    select count(*) into v_present from public.sync_rows as r where r.sync = p_sync and r.state = 'present';

    insert into public.sync_state (id, sync, seq, sync_type, status, triggered_by, nonce, keys, mapping_version, present_rows,
                                   started_at, heartbeat_at, metadata)
    values (p_run, p_sync, v_target.seq, p_type, 'queued', p_triggered_by, p_nonce, p_keys, p_definition ->> 'mappingVersion', v_present,
            clock_timestamp(), clock_timestamp(), v_rhythm)
    returning * into v_current;
    return public.sync_begun(v_current, v_superseded);
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_limits, sync_definition_problems, sync_target, sync_rename, sync_running, sync_target_forms, sync_row_key_sql,
    sync_last_complete, sync_last_strays, sync_layout, sync_begun, sync_passing_failures, sync_pause_seconds, sync_begin
}'); end $$;

notify pgrst, 'reload schema';
