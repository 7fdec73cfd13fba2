-- Plans and verifications: what a run would do, and whether the table equals the sheet. Nothing here writes to a target table
-- or to the tables of the runs; only sync_plans is written, where plans are kept for those who asked for one.
-- Not here: whose value wins. The decisions are those of sync_merge, word for word. Safe to run twice.

-- Whether what sync_rows holds under the sync's name is about the definition's table and key. Otherwise a run would forget it
-- first (sync_begin).
create or replace function public.sync_remembers(p_sync text, p_definition jsonb)
returns boolean
language sql stable
set search_path = ''
as $$
    select exists (
        select
        from public.sync_targets as t
        cross join public.sync_target(p_sync, p_definition, null) as d
        where t.sync = p_sync and (t.table_name, t.key_columns) = (d.table_name, d.key_columns) and t.carry_from is null)
$$;

-- What a plan must know of the database before it compares anything: {"problems", "known", "presentRows", "running", "needsValue"}.
-- `known`: as sync_remembers; without it every row of the table that the sheet has too is adopted.
-- `needsValue`: the columns without a value for which no row can be inserted. (PostgREST's OpenAPI root lists identity, serial and
-- generated columns as required too, so it cannot tell.)
create or replace function public.sync_inspect(p_sync text, p_definition jsonb)
returns jsonb
language sql stable
set search_path = ''
as $$
    with known as (
        select public.sync_remembers(p_sync, p_definition) as answer
    )
    select jsonb_build_object(
        'problems', public.sync_definition_problems(p_definition, p_sync),
        'keyForms', coalesce((select jsonb_agg(f.form order by f.place) from public.sync_key_forms(p_definition) as f), '[]'),
        'limits', public.sync_limits(public.sync_target(p_sync, p_definition, null)),
        'strays', public.sync_last_strays(p_sync),
        'known', known.answer,
        'presentRows', (select count(*) from public.sync_rows as r
                        where known.answer and r.sync = p_sync and r.state = 'present'),
        'approvedDeletes', public.sync_approved_deletes(p_sync),
        'running', (select s.id
                    from public.sync_targets as t
                    join public.sync_state as s on s.id = t.run
                    where t.sync = p_sync and s.status in ('queued', 'in_progress')),
        'needsValue', (
            select coalesce(jsonb_agg(r.name order by r.place), '[]') from public.sync_required_columns(public.sync_table(p_definition ->> 'table')) as r))
    from known
$$;

-- The decisions of the merge, described: sync_decided_sql and one more expression, `described`, which has a row for each row of the
-- batch with its act and, in `columns`, every column in which sheet and table differ: old, new, what the merge does with it
-- (`outcome`: write, keep or conflict) and, where it leaves the table's value, `why`.
create or replace function public.sync_described_sql(p_target public.sync_targets, p_keep integer[])
returns text
language sql stable
set search_path = ''
as $fn$
    with mapped as (
        select c.*,
               format('coalesce(d.keep @> %L, false)', c.ordinal) as keeps,
               case when c.authority = 'database' then 'false' else format('d.write_%s and d.act not in (''skip'', ''claim'')', c.ordinal) end as writes
        from public.sync_mapped_columns(p_target) as c
        where not c.is_key
    )
    select public.sync_decided_sql(p_target, p_keep) || format($sql$
, described as (
    select d.*, coalesce(x.columns, '[]') as columns
    from decided as d
    left join %1$s as t on t.ctid = d.place_in_table and t.tableoid = d.part
    cross join lateral (
        select jsonb_agg(jsonb_build_object(
                   'column', c.name, 'old', public.sync_shown(c.old), 'new', public.sync_shown(c.new),
                   'outcome', case when c.in_conflict then 'conflict' when c.writes then 'write' else 'keep' end,
                   'why', case
                       when c.writes then null
                       when d.act = 'skip' then 'row_left_alone'
                       when d.act = 'claim' then 'other_sync'
                       when c.name = any (d.withheld) then 'adoption_withheld'
                       when c.authority = 'database' then 'database_owned'
                       when c.keeps then 'blank_keeps'
                       when c.in_conflict then 'conflict'
                       else 'edited_in_database'
                   end) order by c.ordinal) as columns
        from (
            select v.*, d.act not in ('skip', 'claim') and coalesce(v.name = any (d.conflicts), false) as in_conflict
            from (values %2$s) as v (ordinal, name, authority, differs, writes, keeps, old, new)
        ) as c
        where d.found and (c.differs or c.in_conflict)
    ) as x
)
$sql$,
        public.sync_table_sql(p_target.table_name),
        coalesce(
            string_agg(
                format('(%s, %L, %L, %s is distinct from %s, %s, %s, to_jsonb(t.%I), to_jsonb(d.sheet_%s))',
                       m.ordinal, m.name, m.authority, format(m.compares, format('t.%I', m.name)),
                       format(m.compares, format('d.sheet_%s', m.ordinal)), m.writes, m.keeps, m.name, m.ordinal),
                ', ' order by m.ordinal),
            '(0, '''', '''', false, false, false, null::jsonb, null::jsonb)'))
    from mapped as m
$fn$;

-- Runs a statement of described rows for a batch and gathers what it answers. Rows whose values do not convert are found by
-- halving, as sync_apply_isolated finds them, and come back as refusals. It writes nothing.
create or replace function public.sync_describe(
    p_target    public.sync_targets,
    p_statement text,
    p_items     jsonb[],
    out rows    jsonb,
    out refused jsonb[]
)
language plpgsql stable
set search_path = ''
set enable_seqscan = off -- as for sync_merge: look each row up by its key
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set enable_memoize = off
as $$
declare
    v_middle     integer := cardinality(p_items) / 2;
    v_left       record;
    v_right      record;
    v_code       text;
    v_message    text;
    v_column     text;
    v_constraint text;
begin
    rows := '[]';
    refused := '{}';
    if cardinality(p_items) = 0 then
        return;
    end if;
    begin
        execute p_statement into rows using p_target.sync, p_target.run, p_items;
        rows := coalesce(rows, '[]');
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if cardinality(p_items) = 1 then
            get stacked diagnostics v_code = returned_sqlstate, v_message = message_text,
                                    v_column = column_name, v_constraint = constraint_name;
            refused := array[public.sync_refusal(p_target, 'upsert', p_items[1], null, jsonb_build_object(
                'code', v_code, 'message', v_message, 'column', v_column, 'constraint', v_constraint))];
            return;
        end if;
        select * into v_left from public.sync_describe(p_target, p_statement, p_items[:v_middle]);
        select * into v_right from public.sync_describe(p_target, p_statement, p_items[v_middle + 1:]);
        rows := v_left.rows || v_right.rows;
        refused := v_left.refused || v_right.refused;
    end;
end
$$;

-- The target of a plan: the definition's, under a name that sync_rows does not know if what it remembers does not count.
create or replace function public.sync_plan_target(p_sync text, p_definition jsonb)
returns public.sync_targets
language sql stable
set search_path = ''
as $$
    select d.*
    from public.sync_target(case when public.sync_remembers(p_sync, p_definition) then p_sync else '' end,
                            p_definition, gen_random_uuid()) as d
$$;

-- What sync_apply would do with a batch (docs/PROTOCOL.md, "Plans"). The batch is really applied, by the code of sync_apply, in
-- a subtransaction that always ends by being taken back: so what Postgres would refuse is known, by whatever constraint,
-- trigger or type. All that stays are gaps in sequences.
-- `p_vanished`: how many keys vanished in all; `p_failed`: whether an upsert batch would fail, which withholds deletes;
-- `p_approved`: whether exactly these keys are what a person approved. The approval is not used up by it.
create or replace function public.sync_preview(
    p_definition jsonb,
    p_batch      jsonb,
    p_vanished   bigint default 0,
    p_failed     boolean default false,
    p_approved   boolean default false
)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_fault    text := public.sync_batch_fault(p_batch);
    v_target   public.sync_targets;
    v_items    jsonb[];
    v_withheld text;
    v_counts   jsonb := '{}';
    v_refused  jsonb[] := '{}';
    v_hopeless text;
    v_rows     jsonb := '[]';
begin
    if v_fault is not null then
        return jsonb_build_object('outcome', 'malformed', 'error', v_fault);
    end if;
    v_target := public.sync_plan_target(p_batch ->> 'sync', p_definition);
    if p_batch ->> 'kind' = 'upsert' then
        v_items := array(
            select r.item from jsonb_array_elements(p_batch -> 'rows') as r (item) order by r.item ->> 'k' collate "C");
    end if;
    v_target.seq := coalesce((select t.seq from public.sync_targets as t where t.sync = v_target.sync), 0) + 1;

    begin
        -- A run that is never seen, for what refers to it.
        insert into public.sync_state (id, sync, seq, read_complete, sync_type, status, keys_vanished, failed, vanished, present_rows)
        select v_target.run, v_target.sync, v_target.seq, true, 'manual', 'in_progress', p_vanished, p_failed::integer,
               case when p_approved then public.sync_approved_deletes(v_target.sync) end,
               (select count(*) from public.sync_rows as r where r.sync = v_target.sync and r.state = 'present'
                                                              and p_batch ->> 'kind' = 'delete');
        if p_batch ->> 'kind' = 'delete' then
            v_withheld := public.sync_deletes_withheld(v_target, v_target.run, jsonb_array_length(p_batch -> 'keys'));
        end if;
        v_target.layout := public.sync_layout(v_target);
        if v_withheld is null and p_batch ->> 'kind' = 'delete' then
            perform public.sync_use_approval(v_target.run);
            select a.counts, a.refused into v_counts, v_refused
            from public.sync_apply_deletes(v_target, v_target.run,
                                           array(select k::bigint from jsonb_array_elements_text(p_batch -> 'keys') as k)) as a;
        elsif v_withheld is null then
            select a.counts, a.refused, a.hopeless into v_counts, v_refused, v_hopeless
            from public.sync_apply_isolated(v_target, v_target.run, 'upsert', v_items, p_batch -> 'letters', '{trial}') as a;
        end if;
        raise exception using errcode = 'SY002', message = 'a trial is always taken back';
    exception when sqlstate 'SY002' then
        null;
    end;

    if v_withheld is not null or v_hopeless is not null then
        v_counts := '{}';
    elsif p_batch ->> 'kind' = 'upsert' then
        select t.rows into v_rows
        from public.sync_describe(
            v_target,
            public.sync_described_sql(v_target, public.sync_kept_columns(v_items)) || $sql$
select jsonb_agg(jsonb_build_object('k', t.row_key, 'n', t.row_number, 'act', t.act, 'adopts', t.adopts, 'columns', t.columns)
                 order by t.row_key collate "C")
from described as t
where t.act <> 'leave' or t.adopts or t.columns <> '[]'
$sql$,
            array(select i.item
                  from unnest(v_items) as i (item)
                  where not exists (select from unnest(v_refused) as f (refusal) where f.refusal ->> 'rowKey' = i.item ->> 'k'))) as t;
    end if;
    return jsonb_build_object('outcome', case when v_withheld is not null then 'withheld'
                                              when v_hopeless is not null then 'failed'
                                              else 'previewed' end,
                              'error', coalesce(v_withheld, v_hopeless),
                              'inserted', 0, 'updated', 0, 'unchanged', 0, 'skipped', 0, 'deleted', 0, 'conflicts', 0,
                              'adopted', 0, 'restored', 0, 'corrected', 0, 'unconfirmed', 0, 'withheld', 0, 'rows', v_rows, 'refused', to_jsonb(v_refused))
           || (v_counts - 'adoption') || jsonb_build_object('rejected', cardinality(v_refused));
end
$$;

-- Compares the rows of a batch with the table: {"rows": those that differ, "refused", "keys"}. `keys` are the key values of the
-- rows that the table has, as the table shows them; sync_verify_table shows them the same way. Of a row that differs:
-- its act and columns as in sync_preview, `applied` (what it says was applied before), `deleted` (in the table it is marked as
-- deleted), `refusal` (the SQLSTATE with which Postgres refused it last).
create or replace function public.sync_verify(p_definition jsonb, p_batch jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
set statement_timeout = '30s'
as $fn$
declare
    v_fault  text := public.sync_batch_fault(p_batch);
    v_target public.sync_targets;
    v_items  jsonb[];
    v_result record;
begin
    if v_fault is not null then
        return jsonb_build_object('outcome', 'malformed', 'error', v_fault);
    end if;
    v_target := public.sync_plan_target(p_batch ->> 'sync', p_definition);
    v_items := array(
        select r.item from jsonb_array_elements(p_batch -> 'rows') as r (item) order by r.item ->> 'k' collate "C");
    select t.rows, t.refused into v_result
    from public.sync_describe(
        v_target,
        public.sync_described_sql(v_target, public.sync_kept_columns(v_items)) || format($sql$
select jsonb_agg(jsonb_build_object(
           'key', x.key,
           'row', case when d.act in ('insert', 'update', 'skip') or d.columns <> '[]' or x.deleted then jsonb_build_object(
               'k', d.row_key, 'n', d.row_number, 'act', d.act, 'columns', d.columns, 'deleted', x.deleted,
               'applied', coalesce(r.content_hash = d.content_hash, false),
               'refusal', (
                   select e.code
                   from public.sync_errors as e
                   where e.sync = $1 and e.resolved_at is null and e.error_type = 'validation' and e.code ~ '^[0-9A-Z]{5}$'
                     and hashtextextended(coalesce('k' || e.row_key, 'n' || e.row_number::text, ''), 0)
                         = hashtextextended('k' || d.row_key, 0)
                     and e.row_key = d.row_key
                   limit 1)) end) order by d.row_key collate "C")
from described as d
left join public.sync_rows as r on r.sync = $1 and r.key_hash = d.key_hash and r.row_key = d.row_key
left join %1$s as t on t.ctid = d.place_in_table and t.tableoid = d.part
cross join lateral (select case when d.found then %2$s end as key, d.found and %3$s as deleted) as x
$sql$,
            public.sync_table_sql(v_target.table_name),
            public.sync_key_sql(v_target),
            public.sync_marked_sql(v_target)),
        v_items) as t;
    return jsonb_build_object(
        'outcome', 'verified',
        'keys', jsonb_path_query_array(v_result.rows, '$[*].key ? (@ != null)'),
        'rows', jsonb_path_query_array(v_result.rows, '$[*].row ? (@ != null)'),
        'refused', to_jsonb(v_result.refused));
end
$fn$;

-- An expression of the key of the table's row `t`, as text.
create or replace function public.sync_key_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    select format('jsonb_build_array(%s)::text', string_agg(format('t.%I', k.name), ', ' order by k.position))
    from unnest(p_target.key_columns) with ordinality as k (name, position)
$$;

-- A page of what sync_rows remembers: {"rows": [[key hash, state, key in the table or null, marked as deleted there]], "next"}.
-- Called again with `next` until that is null.
create or replace function public.sync_verify_remembered(p_sync text, p_definition jsonb, p_after text, p_limit integer)
returns jsonb
language plpgsql stable
set search_path = ''
set statement_timeout = '30s'
set enable_seqscan = off -- as for sync_merge: look each row up by its key
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $fn$
declare
    v_target public.sync_targets := public.sync_plan_target(p_sync, p_definition);
    v_answer jsonb;
begin
    execute (
        select format($sql$
with page as materialized (
    select r.row_key, r.key_hash, r.state
    from public.sync_rows as r
    where r.sync = $1 and ($2 is null or (r.key_hash, r.row_key) > (split_part($2, ':', 1)::bigint, substr($2, strpos($2, ':') + 1)))
    order by r.key_hash, r.row_key
    limit $3
)
select jsonb_build_object(
    'rows', coalesce(jsonb_agg(jsonb_build_array(p.key_hash, p.state, case when t.ctid is not null then %1$s end,
                                                 t.ctid is not null and %2$s)), '[]'),
    'next', case when count(*) = $3 then (array_agg(p.key_hash || ':' || p.row_key order by p.key_hash desc, p.row_key desc))[1] end)
from page as p
left join %3$s as t on %4$s
$sql$,
            public.sync_key_sql(v_target),
            public.sync_marked_sql(v_target),
            public.sync_table_sql(v_target.table_name),
            public.sync_same_key_sql(v_target, 't', 'p.row_key'))
    ) into v_answer using v_target.sync, p_after, p_limit;
    return v_answer;
end
$fn$;

-- A page of the table's keys, in their order: {"keys": [text], "next"}. Called again with `next` until that is null.
create or replace function public.sync_verify_table(p_sync text, p_definition jsonb, p_after jsonb, p_limit integer)
returns jsonb
language plpgsql stable
set search_path = ''
set statement_timeout = '30s'
as $fn$
declare
    v_target public.sync_targets := public.sync_plan_target(p_sync, p_definition);
    v_answer jsonb;
begin
    execute (
        select format($sql$
with page as (
    select %1$s as key, row_number() over (order by %2$s) as place
    from %3$s as t
    where $1 is null or (%2$s) > (%4$s)
    order by %2$s
    limit $2
)
select jsonb_build_object('keys', coalesce(jsonb_agg(p.key order by p.place), '[]'),
                          'next', case when count(*) = $2 then (array_agg(p.key order by p.place desc))[1]::jsonb end)
from page as p
$sql$,
            public.sync_key_sql(v_target),
            string_agg(format('t.%I', c.name), ', ' order by k.position),
            public.sync_table_sql(v_target.table_name),
            string_agg(format(c.reads, '$1', k.position - 1), ', ' order by k.position))
        from unnest(v_target.key_columns) with ordinality as k (name, position)
        join public.sync_mapped_columns(v_target) as c using (name)
    ) into v_answer using p_after, p_limit;
    return v_answer;
end
$fn$;

-- Enters a plan that is being made: {"outcome": "begun"}, or "duplicate" when this id was entered before. Removes old plans, and
-- ends those that have run for longer than a function can.
create or replace function public.sync_plan_begin(p_id uuid, p_sync text, p_requested_by text)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
begin
    delete from public.sync_plans as p where p.started_at < now() - interval '7 days';
    update public.sync_plans as p
    set status = 'failed', finished_at = now(),
        error = jsonb_build_object('code', 'interrupted', 'message', 'the function that made this plan did not come to its end; ask again')
    where p.status = 'running' and p.started_at < now() - interval '15 minutes';

    insert into public.sync_plans (id, sync, requested_by) values (p_id, p_sync, p_requested_by) on conflict (id) do nothing;
    return jsonb_build_object('outcome', case when found then 'begun' else 'duplicate' end);
end
$$;

-- Ends a plan: with the plan itself, or with the error that kept it from being made. Ended once, it stays as it is.
create or replace function public.sync_plan_end(p_id uuid, p_plan jsonb, p_error jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
begin
    update public.sync_plans as p
    set status = case when p_error is null then 'done' else 'failed' end,
        finished_at = now(), plan = case when p_error is null then p_plan end, error = p_error
    where p.id = p_id and p.status = 'running';
    return jsonb_build_object('ended', found);
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_remembers, sync_inspect, sync_described_sql, sync_describe, sync_plan_target, sync_preview, sync_verify, sync_key_sql,
    sync_verify_remembered, sync_verify_table, sync_plan_begin, sync_plan_end
}'); end $$;

notify pgrst, 'reload schema';
