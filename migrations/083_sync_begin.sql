-- sync_begin: opens a run, after holding its definition against the database.
-- Not here: what happens to the run's batches (087) and how it closes (088). Safe to run twice.

-- What in a definition does not fit the database, as [{"code", "column", "message"}]; an empty array when it fits.
-- Each message is for the person who can mend it: it names the thing and the fix.
create or replace function public.sync_definition_problems(p_definition jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_table   text := p_definition ->> 'table';
    v_oid     oid;
    v_keys    text[] := array(select jsonb_array_elements_text(p_definition -> 'keyColumns'));
    v_columns text[] := array(select c ->> 'name' from jsonb_array_elements(p_definition -> 'columns') as c);
    v_policy  text := coalesce(p_definition #>> '{deletes,policy}', 'ignore');
    v_delete  text := p_definition #>> '{deletes,column}';
    v_problems jsonb;
begin
    select c.oid into v_oid
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relname = v_table and c.relkind in ('r', 'p');
    if v_oid is null then
        return jsonb_build_array(jsonb_build_object(
            'code', 'no_such_table', 'column', null,
            'message', format('there is no table %s in the schema public: create it, or correct "table" in the definition',
                              coalesce(v_table, '(none)'))));
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
        'authorities', array(select coalesce(c ->> 'authority', 'merge') from jsonb_array_elements(p_definition -> 'columns') as c),
        'mapping_version', p_definition -> 'mappingVersion',
        'mode', coalesce(p_definition ->> 'mode', 'upsert'),
        'on_conflict', coalesce(p_definition ->> 'onConflict', 'sheet'),
        'delete_policy', coalesce(p_definition #>> '{deletes,policy}', 'ignore'),
        'delete_column', p_definition #> '{deletes,column}',
        'guard_rows', coalesce((p_definition #>> '{deletes,guardRows}')::integer, 10),
        'guard_percent', coalesce((p_definition #>> '{deletes,guardPercent}')::numeric, 15),
        'run', p_run,
        'seq', 1,
        'created_at', now(),
        'updated_at', clock_timestamp()))
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
    p_stall_seconds integer default 900
)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_target     public.sync_targets;
    v_known      boolean;
    v_current    public.sync_state;
    v_problems   jsonb;
    v_superseded uuid;
    v_present    bigint;
    v_status     text;
    v_seq        bigint;
begin
    -- First begins of a new sync have no row of sync_targets to wait for: they wait here.
    perform pg_advisory_xact_lock(hashtextextended('sync_begin ' || p_sync, 0));

    select s.status into v_status from public.sync_state as s where s.id = p_run;
    if found then
        return jsonb_build_object('outcome', 'duplicate', 'run', p_run, 'status', v_status);
    end if;

    if p_type = 'scheduled' and p_every_seconds is not null and exists (
        select
        from public.sync_state as s
        where s.sync = p_sync and s.sync_type = 'scheduled'
          and s.started_at > clock_timestamp() - make_interval(secs => p_every_seconds)
    ) then
        return jsonb_build_object('outcome', 'not_due');
    end if;

    if p_definition is null then
        insert into public.sync_state (id, sync, sync_type, status, triggered_by, keys, started_at, heartbeat_at)
        values (p_run, p_sync, p_type, 'queued', p_triggered_by, p_keys, clock_timestamp(), clock_timestamp());
        return jsonb_build_object('outcome', 'begun', 'run', p_run, 'seq', 0, 'superseded', null, 'presentRows', 0);
    end if;

    -- Waits for every batch in flight: what they write is committed before the new run reads a digest (promise 3).
    select * into v_target from public.sync_targets as t where t.sync = p_sync for update;
    v_known := found;

    select * into v_current
    from public.sync_state as s
    where s.id = v_target.run and s.status in ('queued', 'in_progress')
      and s.heartbeat_at > clock_timestamp() - make_interval(secs => p_stall_seconds);
    if found then
        return jsonb_build_object('outcome', 'busy', 'run', v_current.id, 'seq', v_current.seq);
    end if;

    v_problems := public.sync_definition_problems(p_definition);
    if v_problems <> '[]' then
        insert into public.sync_state (id, sync, sync_type, status, stopped, triggered_by, keys, mapping_version,
                                       started_at, heartbeat_at, completed_at, error_details)
        values (p_run, p_sync, p_type, 'failed', true, p_triggered_by, p_keys, p_definition ->> 'mappingVersion',
                clock_timestamp(), clock_timestamp(), clock_timestamp(),
                jsonb_build_object('type', 'validation', 'code', 'definition_refused',
                                   'message', v_problems #>> '{0,message}', 'problems', v_problems));
        return jsonb_build_object('outcome', 'refused', 'run', p_run, 'problems', v_problems);
    end if;

    -- Another table or key: what was remembered is about other rows. Forget it, so that the rows that are there are
    -- adopted, and none is deleted for having "vanished" under its old key (promise 6).
    if v_known and (v_target.table_name <> p_definition ->> 'table'
                    or v_target.key_columns <> array(select jsonb_array_elements_text(p_definition -> 'keyColumns'))) then
        delete from public.sync_rows as r where r.sync = p_sync;
    end if;

    -- Why it never ended stays with it: nobody else will say so, and its counts do not add up.
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

    insert into public.sync_targets as t
    select d.* from public.sync_target(p_sync, p_definition, p_run) as d
    on conflict (sync) do update
    set table_name = excluded.table_name, key_columns = excluded.key_columns, column_names = excluded.column_names,
        authorities = excluded.authorities, mapping_version = excluded.mapping_version, mode = excluded.mode,
        on_conflict = excluded.on_conflict, delete_policy = excluded.delete_policy,
        delete_column = excluded.delete_column, guard_rows = excluded.guard_rows,
        guard_percent = excluded.guard_percent, run = excluded.run, seq = t.seq + 1, updated_at = clock_timestamp()
    returning t.seq into v_seq;

    select count(*) into v_present from public.sync_rows as r where r.sync = p_sync and r.state = 'present';

    insert into public.sync_state (id, sync, seq, sync_type, status, triggered_by, keys, mapping_version, present_rows,
                                   started_at, heartbeat_at)
    values (p_run, p_sync, v_seq, p_type, 'queued', p_triggered_by, p_keys, p_definition ->> 'mappingVersion', v_present,
            clock_timestamp(), clock_timestamp());

    return jsonb_build_object('outcome', 'begun', 'run', p_run, 'seq', v_seq,
                              'superseded', v_superseded, 'presentRows', v_present,
                              'approvedDeletes', public.sync_approved_deletes(p_sync));
end
$$;

revoke all on function public.sync_definition_problems(jsonb) from public, anon, authenticated;
revoke all on function public.sync_target(text, jsonb, uuid) from public, anon, authenticated;
revoke all on function public.sync_begin(text, uuid, jsonb, text, text, text[], integer, integer)
    from public, anon, authenticated;
grant execute on function public.sync_definition_problems(jsonb) to service_role;
grant execute on function public.sync_target(text, jsonb, uuid) to service_role;
grant execute on function public.sync_begin(text, uuid, jsonb, text, text, text[], integer, integer) to service_role;

notify pgrst, 'reload schema';
