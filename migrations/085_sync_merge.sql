-- The merge of rows of the sheet into their table: whose value wins, per column (DESIGN.md, "Merge"), for a whole batch at once.
-- Not here: which rows to merge, and what to do with those that Postgres refuses (087). Safe to run twice.
--
-- The statement names the columns of the target table, so it is built as text, once per batch; every name in it goes
-- through %I or %L and comes from sync_targets. Values are converted as PostgREST does it, from the JSON's text: a text
-- too long for its column is refused, not cut; arrays, enums and json are what they are there.
-- Measured on two cores shared with builds: a batch of 500 rows x 11 columns takes 55 to 85 ms of CPU, x 100 columns 210 to 330 ms.

-- The mapped columns of a sync with what the merge must know of each, in the order of `column_names` (ordinal from 0).
create or replace function public.sync_mapped_columns(p_target public.sync_targets)
returns table (
    ordinal       integer,
    name          text,
    authority     text,
    is_key        boolean,
    type_name     text, -- with its modifier; of a domain, the type beneath: the table checks the domain when it is written
    reads         text, -- a format: the typed value out of a JSON container (first %s) at a place (second %s)
    compares      text, -- a format of one value, for a type that has no useful equality
    default_value text  -- an SQL expression
)
language sql stable
set search_path = ''
as $$
    with recursive mapped as (
        select m.position::integer - 1 as ordinal, m.name, m.authority, a.attrelid, a.attnum, a.attname, a.atttypid,
               a.atttypmod, a.attidentity
        from pg_catalog.pg_class as c
        cross join unnest(p_target.column_names, p_target.authorities) with ordinality as m (name, authority, position)
        join pg_catalog.pg_attribute as a
            on a.attrelid = c.oid and a.attname = m.name and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relname = p_target.table_name
    ),
    typed (ordinal, type_oid, type_modifier) as (
        select m.ordinal, m.atttypid, m.atttypmod from mapped as m
        union all
        select d.ordinal, t.typbasetype, t.typtypmod
        from typed as d
        join pg_catalog.pg_type as t on t.oid = d.type_oid and t.typtype = 'd'
    )
    select m.ordinal, m.name, m.authority, m.name = any (p_target.key_columns), n.type_name,
           case
               when t.oid = 'jsonb'::regtype then 'nullif(%s -> %s, ''null'')'
               when t.oid = 'json'::regtype then 'nullif(%s -> %s, ''null'')::json'
               when t.typcategory = 'A' or t.typtype = 'c' then
                   '(select x.value from jsonb_to_record(jsonb_build_object(''value'', %s -> %s)) as x (value '
                   || replace(n.type_name, '%', '%%') || '))'
               -- A cast to a length cuts what is too long; writing to the column refuses it.
               when t.oid in ('text'::regtype, 'varchar'::regtype) then '(%s ->> %s)'
               when t.oid = 'bpchar'::regtype then '(%s ->> %s)::bpchar'
               when t.oid in ('bit'::regtype, 'varbit'::regtype) then '(%s ->> %s)::varbit'
               else '(%s ->> %s)::' || replace(n.type_name, '%', '%%')
           end,
           case
               when t.oid = 'json'::regtype then '(%s)::jsonb'
               -- xml has no equality; that of the geometric types compares areas or is approximate.
               when coalesce(element.oid, t.oid) in ('json'::regtype, 'xml'::regtype)
                    or coalesce(element.typcategory, t.typcategory) = 'G'
                    or coalesce(element.typtype, t.typtype) = 'c' then '(%s)::text'
               else '%s'
           end,
           case
               when m.attidentity = 'd' then
                   format('nextval(%L)', pg_get_serial_sequence(format('public.%I', p_target.table_name), m.attname))
               else coalesce(pg_get_expr(f.adbin, f.adrelid), 'null')
           end
    from mapped as m
    join typed as d using (ordinal)
    join pg_catalog.pg_type as t on t.oid = d.type_oid and t.typtype <> 'd'
    cross join lateral (select format_type(d.type_oid, d.type_modifier) as type_name) as n
    left join pg_catalog.pg_type as element on element.oid = t.typelem and t.typcategory = 'A'
    left join pg_catalog.pg_attrdef as f on f.adrelid = m.attrelid and f.adnum = m.attnum
$$;

-- The expression of a JSON object of the given columns, out of the array `p_values` in the order of the definition.
-- In pieces, because a function takes a hundred arguments at most.
create or replace function public.sync_object_sql(p_values text, p_ordinals integer[], p_names text[])
returns text
language sql immutable
set search_path = ''
as $$
    with piece as (
        select (c.position - 1) / 50 as number,
               format('jsonb_build_object(%s)',
                      string_agg(format('%L, %s -> %s', c.name, p_values, c.ordinal), ', ' order by c.position)) as expression
        from unnest(p_ordinals, p_names) with ordinality as c (ordinal, name, position)
        group by 1
    )
    select coalesce(string_agg(p.expression, ' || ' order by p.number), '''{}''::jsonb') from piece as p
$$;

-- Locks the rows of the table that the batch is about, in the order of their row keys: two batches cannot deadlock.
-- Key columns are never updated, so the lock lets the table's foreign keys be checked meanwhile.
create or replace function public.sync_lock_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    select format('select 1 from unnest($1) as b (item) join public.%I as t on %s'
                  ' order by b.item ->> ''k'' collate "C" for no key update of t',
                  p_target.table_name,
                  string_agg(format('t.%I = ', c.name) || format(c.reads, 'b.item -> ''v''', c.ordinal), ' and '
                             order by c.ordinal))
    from public.sync_mapped_columns(p_target) as c
    where c.is_key
$$;

-- What the merge decides, as the start of a statement: common table expressions, the last of which, `decided`, has a row for
-- each row of the batch: what is done with it (`act`), into which columns the sheet's value is written (`write_N`), and which
-- are in conflict. It writes nothing, so the preview of a plan (091) decides by the very same text.
-- Parameters: $1 the sync, $3 the rows (jsonb[]). `p_keep`: the ordinals of the columns that some row of the batch keeps as
-- they are (a blank cell with blank = "keep").
create or replace function public.sync_decided_sql(p_target public.sync_targets, p_keep integer[])
returns text
language plpgsql stable
set search_path = ''
as $fn$
declare
    -- Pieces of the statement, each about all columns.
    v_object      text; -- the sheet's values by column name
    v_sheet       text; -- sheet_N: the sheet's value
    v_types       text; -- {name: type}
    v_same_key    text;
    v_merge_names text; -- the columns for which a base matters
    v_writes      text; -- write_N: whether the sheet's value is written over the table's
    v_any_write   text;
    v_conflicts   text; -- the name of each column in conflict, or null
    v_told        text;
    v_restores    text := 'false';
    v_left_alone  text;
begin
    with mapped as (
        select c.*,
               c.authority <> 'database' and not c.is_key as is_written,
               case when c.ordinal = any (p_keep) then format('s.keep @> %L', c.ordinal) end as keeps,
               format(c.compares, format('s.sheet_%s', c.ordinal)) as sheet,
               format(c.compares, format('t.%I', c.name)) as live,
               format(c.compares, format(c.reads, 'y.turned', quote_literal(c.name))) as was
        from public.sync_mapped_columns(p_target) as c
    ),
    -- DESIGN.md, "Merge". `turned` holds the base's values of the columns in which the sheet no longer says what it
    -- said. Without a base (a row or a column that is new to the sync) the sheet wins.
    ruled as (
        select m.*,
               case m.authority
                   when 'sheet' then 'true'
                   else format(
                       'case when m.settled then false'
                       ' when y.turned ? %1$L then %2$s'
                       ' else m.told -> %1$L is distinct from m.base -> %1$L end',
                       m.name,
                       case p_target.on_conflict
                           when 'sheet' then 'true'
                           else format('%s is not distinct from %s', m.live, m.was)
                       end)
               end as sheet_wins,
               format('y.turned ? %L and %s is distinct from %s and %s is distinct from %s',
                      m.name, m.live, m.was, m.live, m.sheet) as in_conflict
        from mapped as m
    )
    select
        public.sync_object_sql('b.v', array_agg(r.ordinal order by r.ordinal), array_agg(r.name order by r.ordinal)),
        string_agg(format(r.reads || ' as sheet_%s', 'b.v', r.ordinal, r.ordinal), ', ' order by r.ordinal),
        jsonb_object_agg(r.name, r.type_name)::text,
        string_agg(format('t.%I = s.sheet_%s', r.name, r.ordinal), ' and ' order by r.ordinal) filter (where r.is_key),
        coalesce(string_agg(quote_literal(r.name), ', ') filter (where r.is_written and r.authority = 'merge'), 'null'),
        coalesce(string_agg(
            format('m.found and %s%s is distinct from %s and %s as write_%s',
                   r.keeps || ' is not true and ', r.live, r.sheet, r.sheet_wins, r.ordinal),
            ', ' order by r.ordinal) filter (where r.is_written), 'false as write_none'),
        coalesce(string_agg(format('j.write_%s', r.ordinal), ' or ' order by r.ordinal) filter (where r.is_written), 'false'),
        coalesce(string_agg(
            format('case when %s%s then %L end', r.keeps || ' is not true and ', r.in_conflict, r.name),
            ', ' order by r.ordinal) filter (where r.is_written and r.authority = 'merge'), 'null'),
        -- A kept cell repeats what it said before, or says nothing.
        coalesce('case when s.keep is null then s.said else s.said - ' || k.list
                 || ' || coalesce((select jsonb_object_agg(x.name, r.base -> x.name) from unnest(' || k.list
                 || ') as x (name) where r.base ? x.name), ''{}'') end', 's.said')
    into v_object, v_sheet, v_types, v_same_key, v_merge_names, v_writes, v_any_write, v_conflicts, v_told
    from ruled as r
    cross join (
        select 'array[' || string_agg(format('case when %s then %L end', x.keeps, x.name), ', ') || ']::text[]' as list
        from ruled as x
        where x.keeps is not null
    ) as k
    group by k.list;

    -- Only what this sync deleted comes back; a row that people deleted in the application stays deleted.
    if p_target.delete_policy = 'soft' then
        v_restores := format('t.ctid is not null and r.state = ''deleted'' and t.%I is not null', p_target.delete_column);
    end if;
    v_left_alone := case p_target.mode
        when 'insert_only' then 't.ctid is not null and r.state is distinct from ''deleted'''
        when 'update_only' then 't.ctid is null'
        else 'false'
    end;

    return format($sql$
with batch as materialized (
    select i.item ->> 'k' as row_key, (i.item ->> 'h')::bigint as key_hash, (i.item ->> 'c')::bigint as content_hash,
           (i.item ->> 'n')::integer as row_number, nullif(i.item -> 'keep', '[]') as keep, i.item -> 'v' as v
    from unnest($3) as i (item)
),
sheet as materialized (
    select b.row_key, b.key_hash, b.content_hash, b.row_number, b.keep, %1$s as said, %2$s
    from batch as b
),
judged as (
    select s.*, m.told, m.base, m.found, t.ctid as place, t.tableoid as part, f.conflicts,
           case when cardinality(f.conflicts) > 0 then to_jsonb(t) end as live,
           %3$s as restores,
           %4$s as left_alone,
           %5$s
    from sheet as s
    left join public.sync_rows as r on r.sync = $1 and r.row_key = s.row_key
    left join public.%6$I as t on %7$s
    cross join lateral (
        -- The concatenation unpacks the base once, not once per column.
        select e.told, e.base, e.base = e.told as settled, t.ctid is not null as found
        from (select %8$s as told, r.base || '{}' as base offset 0) as e
        offset 0
    ) as m
    cross join lateral (
        select jsonb_object_agg(x.key, x.value) as turned
        from jsonb_each(m.base) as x
        where m.found and not m.settled
          and x.key in (%9$s) and x.value is distinct from m.told -> x.key
          -- A base that the column's type no longer takes counts as none.
          and (jsonb_typeof(x.value) in ('array', 'object', 'null')
               or pg_input_is_valid(x.value #>> '{}', %10$L::jsonb ->> x.key))
    ) as y
    cross join lateral (
        select case when y.turned is not null then array_remove(array[%11$s]::text[], null) end as conflicts offset 0
    ) as f
),
decided as materialized (
    select j.*,
           case
               when j.left_alone then 'skip'
               when not j.found then 'insert'
               when j.restores or %12$s then 'update'
               else 'leave'
           end as act,
           j.found and not j.left_alone and j.base is null as adopts
    from judged as j
)
$sql$,
        v_object, v_sheet, v_restores, v_left_alone,        --  1 to  4
        v_writes, p_target.table_name, v_same_key, v_told,  --  5 to  8
        v_merge_names, v_types, v_conflicts, v_any_write);  --  9 to 12
end
$fn$;

-- The merge statement of a sync, which does what sync_decided_sql decides: one answer row of counts. Parameters as there,
-- and $2 the run.
create or replace function public.sync_merge_sql(p_target public.sync_targets, p_keep integer[])
returns text
language plpgsql stable
set search_path = ''
as $fn$
declare
    v_names       text;
    v_inserts     text;
    v_assignments text;
    v_update      text := 'select 1 where false';
begin
    select string_agg(format('%I', c.name), ', ' order by c.ordinal),
           string_agg(case when c.ordinal = any (p_keep)
                               then format('case when d.keep @> %1$L then %2$s else d.sheet_%1$s end', c.ordinal, c.default_value)
                           else format('d.sheet_%s', c.ordinal)
                      end, ', ' order by c.ordinal),
           string_agg(format('%1$I = case when d.write_%2$s then d.sheet_%2$s else t.%1$I end', c.name, c.ordinal),
                      ', ' order by c.ordinal) filter (where c.authority <> 'database' and not c.is_key)
    into v_names, v_inserts, v_assignments
    from public.sync_mapped_columns(p_target) as c;

    if p_target.delete_policy = 'soft' then
        v_assignments := concat_ws(', ', v_assignments,
            format('%1$I = case when d.restores then null else t.%1$I end', p_target.delete_column));
    end if;
    if v_assignments is not null then
        v_update := format(
            'update public.%I as t set %s from decided as d'
            ' where d.act = ''update'' and t.ctid = d.place and t.tableoid = d.part returning 1',
            p_target.table_name, v_assignments);
    end if;

    return public.sync_decided_sql(p_target, p_keep) || format($sql$
, updated as (%1$s),
inserted as (
    insert into public.%2$I (%3$s)
    select %4$s from decided as d where d.act = 'insert' order by d.row_key collate "C"
    returning 1
),
remembered as (
    insert into public.sync_rows as r (sync, row_key, key_hash, content_hash, base, state, last_run)
    select $1, d.row_key, d.key_hash, d.content_hash, case when d.act = 'skip' then d.base else d.told end, 'present', $2
    from decided as d
    order by d.row_key collate "C"
    on conflict (sync, row_key) do update
    set key_hash = excluded.key_hash, content_hash = excluded.content_hash, base = excluded.base,
        state = excluded.state, last_run = excluded.last_run, updated_at = now()
    where r.content_hash is distinct from excluded.content_hash or r.state <> excluded.state
       or r.key_hash <> excluded.key_hash or r.base is distinct from excluded.base
),
noted as (
    -- A conflict is settled when it is noted: it informs, nobody has to do anything.
    insert into public.sync_errors (sync, run, row_key, row_number, column_name, error_type, code, message, raw, resolved_at)
    select $1, $2, d.row_key, d.row_number, c.name, 'conflict', 'conflict_%5$s_won',
           format('sheet and database were both changed since the last sync: the sheet says %%s, the database said %%s; the %5$s won',
                  coalesce(left(d.told ->> c.name, 400), 'nothing'), coalesce(left(d.live ->> c.name, 400), 'nothing')),
           left(d.told ->> c.name, 2000), now()
    from decided as d
    cross join lateral unnest(d.conflicts) as c (name)
    where d.act <> 'skip'
)
select count(*) filter (where d.act = 'insert') as inserted,
       count(*) filter (where d.act = 'update') as updated,
       count(*) filter (where d.act = 'leave') as unchanged,
       count(*) filter (where d.act = 'skip') as skipped,
       count(*) filter (where d.adopts) as adopted,
       coalesce(sum(cardinality(d.conflicts)) filter (where d.act <> 'skip'), 0) as conflicts,
       count(*) filter (where d.act in ('insert', 'update'))
           - (select count(*) from inserted) - (select count(*) from updated) as unwritten
from decided as d
$sql$,
        v_update, p_target.table_name, v_names, v_inserts, p_target.on_conflict);
end
$fn$;

-- Fails with the SQLSTATE of a missing table or column when the table has changed since the run began: no row is at fault.
-- Until the transaction ends the table stays as it was found: the statements are built from the catalogue in several looks at
-- it, and one that no longer saw a column would leave it out, in silence.
create or replace function public.sync_check_columns(p_target public.sync_targets)
returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    v_missing text;
begin
    execute format('lock table public.%I in row exclusive mode', p_target.table_name);
    select string_agg(n.name, ', ') into v_missing
    from unnest(p_target.column_names) as n (name)
    where not exists (select from public.sync_mapped_columns(p_target) as c where c.name = n.name);
    if v_missing is not null then
        raise undefined_column using message =
            format('the table %s has no column %s any more: restore it, or remove it from the definition', p_target.table_name, v_missing);
    end if;
end
$$;

-- Merges the rows, all or none, and answers the counts. Errors are the caller's.
create or replace function public.sync_merge(
    p_target    public.sync_targets,
    p_run       uuid,
    p_rows      jsonb[],
    p_lock_sql  text,
    p_merge_sql text
)
returns jsonb
language plpgsql volatile
set search_path = ''
-- Some hundred rows against a table of any size, whose statistics may be old: look each one up by its key. Otherwise a first
-- load, of which the planner knows nothing yet, reads the whole table for every batch.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set enable_memoize = off
as $$
declare
    v_counts record;
begin
    -- In a statement of its own, so that the merge's snapshot is newer than the locks.
    execute p_lock_sql using p_rows;
    execute p_merge_sql into v_counts using p_target.sync, p_run, p_rows;
    -- A trigger that answers null, or a second writer: what was counted did not happen (promise 1).
    if v_counts.unwritten <> 0 then
        raise raise_exception using message = 'the row was not written: a trigger of the table left it out without an error';
    end if;
    return to_jsonb(v_counts) - 'unwritten';
end
$$;

revoke all on function public.sync_mapped_columns(public.sync_targets) from public, anon, authenticated;
revoke all on function public.sync_object_sql(text, integer[], text[]) from public, anon, authenticated;
revoke all on function public.sync_lock_sql(public.sync_targets) from public, anon, authenticated;
revoke all on function public.sync_decided_sql(public.sync_targets, integer[]) from public, anon, authenticated;
revoke all on function public.sync_merge_sql(public.sync_targets, integer[]) from public, anon, authenticated;
revoke all on function public.sync_check_columns(public.sync_targets) from public, anon, authenticated;
revoke all on function public.sync_merge(public.sync_targets, uuid, jsonb[], text, text) from public, anon, authenticated;
grant execute on function public.sync_mapped_columns(public.sync_targets) to service_role;
grant execute on function public.sync_object_sql(text, integer[], text[]) to service_role;
grant execute on function public.sync_lock_sql(public.sync_targets) to service_role;
grant execute on function public.sync_decided_sql(public.sync_targets, integer[]) to service_role;
grant execute on function public.sync_merge_sql(public.sync_targets, integer[]) to service_role;
grant execute on function public.sync_check_columns(public.sync_targets) to service_role;
grant execute on function public.sync_merge(public.sync_targets, uuid, jsonb[], text, text) to service_role;

notify pgrst, 'reload schema';
