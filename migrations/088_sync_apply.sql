-- sync_apply: one batch, in one transaction, whatever was delivered before, twice, late or at the same time.
-- Not here: whose value wins (sync_merge), what may be deleted (sync_apply_deletes), how a run closes (sync_close). Safe to run twice.

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

-- Whether an error is the row's own, so that it is rejected and the others go on: everything but what is known to be the
-- platform's, or a schema that has changed. What a trigger of the table raises is the row's, whatever SQLSTATE it chose; an
-- error of the platform inside a trigger is not. `p_context`: where it happened; our statements begin with a mark.
create or replace function public.sync_is_row_fault(p_code text, p_context text)
returns boolean
language sql immutable
set search_path = ''
as $$
    select case
        when p_code like 'SY%' then false
        when left(p_code, 2) in ('08', '25', '40', '53', '57', '58') or p_code = '55P03'
            then c.is_in_trigger and split_part(p_context, E'\n', 1) ~ ' at (RAISE|ASSERT)$'
        when left(p_code, 2) = '42' then c.is_in_trigger
        else true
    end
    from (
        select strpos(p_context, '/* sheetsync */') > 0 and split_part(p_context, '/* sheetsync */', 1) ~ ' function ' as is_in_trigger
    ) as c
$$;

-- Whether an error of a row may be gone when other rows have been written: a unique value, a reference, a trigger that looks at them.
create or replace function public.sync_depends_on_others(p_code text)
returns boolean
language sql immutable
set search_path = ''
as $$
    select p_code in ('23505', '23503', '23P01') or p_code like 'P0%'
$$;

-- The row key of the table's row that holds the values which this item needs for itself, by the name of the unique index; null when
-- that is not known. `p_detail`: what Postgres says of the values, where it was tried (`Key (a, b)=(1, 2) already exists.`): a trigger
-- may have made others of the sheet's.
create or replace function public.sync_blocker(p_target public.sync_targets, p_item jsonb, p_constraint text, p_detail text)
returns text
language plpgsql stable
set search_path = ''
as $$
declare
    v_names  text;
    v_stored text[];
    v_same   text;
    v_where  text;
    v_answer text;
begin
    select string_agg(quote_ident(u.name), ', ' order by u.place) into v_names
    from public.sync_unique_columns(p_target) as u
    where u.constraint_name = p_constraint;
    v_stored := array[regexp_replace(split_part(p_detail, '(' || v_names || ')=(', 2), '\)[^)]*$', '')];
    if v_names like '%, %' then
        v_stored := string_to_array(v_stored[1], ', ');
    end if;
    select string_agg(case
                          -- Of several columns, a value with a comma looks like two.
                          when cardinality(v_stored) = cardinality(string_to_array(v_names, ', '))
                              then format('t.%I = %L::%s', u.name, v_stored[u.place], c.type_name)
                          else format('t.%I = %s', u.name, format(c.reads, '$1 -> ''v''', c.ordinal))
                      end, ' and ' order by u.place), min(u.predicate)
    into v_same, v_where
    from public.sync_unique_columns(p_target) as u
    join public.sync_mapped_columns(p_target) as c on c.name = u.name
    where u.constraint_name = p_constraint;
    if v_same is null then
        return null;
    end if;
    execute format('select %s from (select * from %s%s) as t where %s limit 1', public.sync_row_key_sql(p_target, 't'),
                   public.sync_table_sql(p_target.table_name), ' where ' || v_where, v_same)
        into v_answer using p_item;
    return v_answer;
exception when data_exception then
    return null;
end
$$;

-- What a constraint of the sync's table, a unique index of it, or a check of a domain of its columns is about; no row when there is none
-- of this name. `columns`: in the order of the constraint, of a domain the one column whose value is refused. `calls_functions`: it may
-- look at anything.
create or replace function public.sync_constraint(p_target public.sync_targets, p_item jsonb, p_error jsonb)
returns table (kind text, columns text[], comment text, definition text, referenced text, calls_functions boolean)
language plpgsql stable
set search_path = ''
as $$
declare
    v_name  text := nullif(p_error ->> 'constraint', '');
    v_own   regclass := public.sync_table(p_target.table_name);
    v_table oid; -- or the partition that refuses the row
begin
    if v_name is null then
        return;
    elsif coalesce(p_error ->> 'domain', '') <> '' then
        return query
        select 'domain', array[u.name], obj_description(k.oid, 'pg_constraint'), pg_get_constraintdef(k.oid), null::text,
               exists (select from pg_catalog.pg_depend as x
                       where x.classid = 'pg_constraint'::regclass and x.objid = k.oid and x.refclassid = 'pg_proc'::regclass)
        from unnest(p_target.column_names) with ordinality as u (name, position)
        join public.sync_columns(v_own) as c using (name)
        join pg_catalog.pg_type as t on t.oid = any (c.domains) and t.typname = p_error ->> 'domain'
        join pg_catalog.pg_constraint as k on k.contypid = t.oid and k.conname = v_name
        order by public.sync_fits(p_item -> 'v' ->> (u.position::integer - 1), c.declared), u.position
        limit 1;
        return;
    end if;

    select coalesce(min(i.inhrelid), v_own) into v_table
    from pg_catalog.pg_class as c
    join pg_catalog.pg_inherits as i on i.inhrelid = c.oid
    where c.relname = p_error ->> 'table' and c.relispartition and v_own in (select r.relid from pg_catalog.pg_partition_ancestors(c.oid) as r);
    return query
    select case k.contype when 'c' then 'check' when 'f' then 'foreign key' when 'x' then 'exclusion' else 'unique' end,
           n.columns, obj_description(k.oid, 'pg_constraint'), pg_get_constraintdef(k.oid),
           (select case when r.relnamespace = public.sync_schema() then r.relname::text else r.oid::regclass::text end
            from pg_catalog.pg_class as r where r.oid = k.confrelid),
           exists (select from pg_catalog.pg_depend as x
                   where x.classid = 'pg_constraint'::regclass and x.objid = k.oid and x.refclassid = 'pg_proc'::regclass)
    from pg_catalog.pg_constraint as k
    cross join lateral (
        select array_agg(a.attname::text order by m.place) as columns
        from unnest(k.conkey) with ordinality as m (attnum, place)
        join pg_catalog.pg_attribute as a on a.attrelid = v_table and a.attnum = m.attnum
    ) as n
    where k.conrelid = v_table and k.conname = v_name and n.columns is not null;
    if found then
        return;
    end if;
    -- An index that is no constraint, or one over expressions.
    return query
    select case when i.indisexclusion then 'exclusion' else 'unique' end, n.columns, obj_description(x.oid, 'pg_class'),
           pg_get_indexdef(x.oid), null::text, true
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as x on x.oid = i.indexrelid
    cross join lateral (
        select array_agg(distinct a.attname::text) as columns
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = x.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = v_table
          and d.refobjsubid > 0
    ) as n
    where i.indrelid = v_table and x.relname = v_name and n.columns is not null;
end
$$;

-- Whether a text is a value of a type, its domains' checks included; a check that fails by itself says no.
create or replace function public.sync_fits(p_text text, p_type oid)
returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
    return pg_input_is_valid(p_text, format_type(p_type, null));
exception when others then
    return false;
end
$$;

-- Where a refusal points to: the cell of the column, or where that is not fed by the sheet, of the row's key; with its header.
create or replace function public.sync_cell(p_target public.sync_targets, p_letters jsonb, p_column text, p_row_number text)
returns jsonb
language sql immutable
set search_path = ''
as $$
    select jsonb_build_object('cell', (p_letters ->> o.place - 1) || p_row_number, 'header', p_target.headers[o.place])
    from (
        select coalesce(array_position(p_target.column_names, p_column), array_position(p_target.column_names, p_target.key_columns[1])) as place
    ) as o
$$;

-- Whether the table has the row of this item.
create or replace function public.sync_has_row(p_target public.sync_targets, p_row_key text)
returns boolean
language plpgsql stable
set search_path = ''
as $$
declare
    v_has boolean;
begin
    execute format('select exists (select from %s as t where %s)', public.sync_table_sql(p_target.table_name), public.sync_same_key_sql(p_target, 't', '$1'))
        into v_has using p_row_key;
    return v_has;
exception when data_exception then
    return false;
end
$$;

-- A refusal by Postgres as an entry of sync_errors, in words that name the cell and what is in the way. Of Postgres's own text only the
-- primary message: the detail repeats the whole row. `p_error`: {"code", "message", "column", "constraint", "table", "domain",
-- "inFunction"}; `p_letters`: the sheet's column letters, per mapped column. With `retry`: the row is tried again before its run closes.
-- With `waits`: it is refused for what it is by itself, so that only another row, table or definition helps.
create or replace function public.sync_refusal(p_target public.sync_targets, p_kind text, p_item jsonb, p_letters jsonb, p_error jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_code     text := p_error ->> 'code';
    v_name     text := nullif(p_error ->> 'constraint', '');
    v_column   text := nullif(p_error ->> 'column', '');
    v_message  text := p_error ->> 'message';
    v_blocker  text;
    v_ordinal  integer;
    v_kind     text;    -- of the constraint, as sync_constraint says
    v_columns  text[];
    v_comment  text;
    v_rule     text;
    v_referenced text;
    v_calls    boolean;
    v_named    text;    -- `check constraint "x" on a, b`
    v_value    text;
    v_is_alone boolean; -- nothing but the row's own values has a say
    v_has_row  boolean; -- the table has the row; null: not looked up
    v_meets_others boolean := false; -- the rule looks at several columns
    v_is_ours  boolean := coalesce(p_error ->> 'table', '') in ('', p_target.table_name) or exists (
        select
        from pg_catalog.pg_class as part
        cross join lateral pg_catalog.pg_partition_ancestors(part.oid) as r
        where part.relname = p_error ->> 'table' and part.relispartition and r.relid = (select public.sync_table(p_target.table_name)));
begin
    if p_kind = 'delete' then
        return jsonb_build_object('rowKey', p_item ->> 'k', 'column', null, 'code', v_code, 'message', v_message);
    end if;

    if not v_is_ours then
        -- A trigger wrote to another table.
        v_column := null;
        v_message := format('%s (in the table %s, which a trigger writes to)', v_message, p_error ->> 'table');
    elsif v_column is null and v_code like '22%' then
        -- A value that does not convert does not name its column: find it.
        select c.name into v_column
        from public.sync_mapped_columns(p_target) as c
        where jsonb_typeof(p_item -> 'v' -> c.ordinal) not in ('null', 'array', 'object')
          and not pg_input_is_valid(p_item -> 'v' ->> c.ordinal, c.type_name)
          -- A text is a value of json with its quotes only.
          and not pg_input_is_valid((p_item -> 'v' -> c.ordinal)::text, c.type_name)
        order by c.ordinal
        limit 1;
        v_is_alone := v_column is not null;
    elsif v_code = '23502' and v_column is null and coalesce(p_error ->> 'domain', '') <> '' then
        select c.name into v_column
        from public.sync_mapped_columns(p_target) as c
        join public.sync_columns(public.sync_table(p_target.table_name)) as a using (name)
        join pg_catalog.pg_type as t on t.oid = a.declared and t.typtype = 'd'
        where p_item -> 'v' -> c.ordinal = 'null'
        order by t.typname = p_error ->> 'domain' desc, c.ordinal
        limit 1;
    end if;

    if v_is_ours and v_name is not null then
        select k.kind, k.columns, k.comment, k.definition, k.referenced, k.calls_functions
        into v_kind, v_columns, v_comment, v_rule, v_referenced, v_calls
        from public.sync_constraint(p_target, p_item, p_error) as k;
        if found then
            -- The first that the sheet feeds; else the first.
            select n.name into v_column
            from unnest(v_columns) with ordinality as n (name, place)
            where v_column is null or n.name = v_column
            order by n.name = any (p_target.column_names) desc, n.place
            limit 1;
            v_named := format('%s constraint "%s" on %s', replace(v_kind, 'domain', 'check'), v_name, array_to_string(v_columns, ', '));
        end if;
    end if;

    -- Both rows are named: this one, and the one that is in its way or missing.
    if v_code = '23505' then
        v_blocker := case when p_error ? 'blockedBy' then p_error ->> 'blockedBy' else public.sync_blocker(p_target, p_item, v_name, p_error ->> 'detail') end;
        if v_named is not null then
            v_message := format('%s must be unique%s (%s)', array_to_string(v_columns, ', '),
                                case when v_blocker <> p_item ->> 'k' then format(': the row %s has this value', v_blocker) else '' end,
                                v_named);
        end if;
    elsif v_code = '23503' and v_named is not null then
        select string_agg(coalesce(p_item -> 'v' ->> (array_position(p_target.column_names, n.name) - 1), '?'), ', ' order by n.place)
        into v_value
        from unnest(v_columns) with ordinality as n (name, place);
        v_message := format('there is no row %s in the table %s (%s)', left(v_value, 200), v_referenced, v_named);
    elsif v_code = '23514' and v_named is not null then
        v_message := case
            when v_comment is not null then format('refused by the %s', v_named)
            else format('the row does not satisfy the %s: %s', v_named, left(v_rule, 300))
        end;
    elsif v_code = '23P01' and v_named is not null then
        v_message := format('another row is in the way (%s)', v_named);
    elsif v_code = '23502' and v_column is not null then
        v_message := format('the column %s must have a value', v_column);
    end if;
    -- Who made the rule may have said in words what it is for.
    if v_named is not null and v_comment is not null then
        v_message := v_comment || ' – ' || v_message;
    end if;

    if v_is_ours and v_code = '23502' and v_column = any (p_target.column_names) then
        v_is_alone := not public.sync_has_row_trigger(public.sync_table(p_target.table_name));
    elsif v_code = '23514' and v_named is not null and v_columns <@ p_target.column_names and not v_calls then
        -- A trigger may compute what is checked. And a check of several columns may meet values that the table has in the others.
        v_is_alone := v_kind = 'domain' or not public.sync_has_row_trigger(public.sync_table(p_target.table_name));
        v_meets_others := v_kind <> 'domain' and cardinality(v_columns) > 1;
    end if;
    v_is_alone := coalesce(v_is_alone, false) and p_error -> 'inFunction' is distinct from 'true';
    if v_is_alone then
        v_has_row := public.sync_has_row(p_target, p_item ->> 'k');
        -- Where an edit in the database would win, the value may need no writing any more.
        v_is_alone := not v_has_row or p_target.on_conflict = 'sheet' and not v_meets_others;
    end if;

    v_ordinal := array_position(p_target.column_names, v_column) - 1;
    return jsonb_build_object('rowKey', p_item ->> 'k', 'rowNumber', p_item -> 'n', 'column', v_column,
                              'code', v_code, 'message', v_message, 'raw', p_item -> 'v' ->> v_ordinal,
                              'h', p_item -> 'h', 'retry', public.sync_depends_on_others(v_code), 'blockedBy', v_blocker,
                              'blockedOn', case when v_blocker is not null then to_jsonb(v_columns) end, 'waits', v_is_alone,
                              'hasRow', v_has_row)
        || public.sync_cell(p_target, p_letters, v_column, p_item ->> 'n');
end
$$;

-- What a refusal follows from, beside the row: the definition of the sync, and the table's columns, checks, types and triggers. Another
-- one, and the row is tried again.
create or replace function public.sync_refusal_fingerprint(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    with recursive own (oid) as materialized (
        select public.sync_table(p_target.table_name)
    ),
    used (oid) as (
        select a.atttypid from own as o join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
        union
        select x.oid
        from used as u
        join pg_catalog.pg_type as t on t.oid = u.oid
        cross join lateral (values (t.typbasetype), (case when t.typcategory = 'A' then t.typelem else 0 end)) as x (oid)
        where x.oid <> 0
    )
    select md5(concat_ws('|',
        to_jsonb(p_target) - '{run,seq,created_at,updated_at,statements,fingerprint,layout,carry_from,headers}'::text[],
        (select string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attnotnull, pg_get_expr(f.adbin, f.adrelid)), ',' order by a.attnum)
         from own as o
         join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
         left join pg_catalog.pg_attrdef as f on f.adrelid = o.oid and f.adnum = a.attnum),
        (select string_agg(k.conname || pg_get_constraintdef(k.oid), ',' order by k.oid)
         from pg_catalog.pg_constraint as k
         where k.conrelid in (select o.oid from own as o) or k.contypid in (select u.oid from used as u)),
        (select string_agg(concat_ws(' ', t.oid, t.typnotnull, t.typtypmod, t.typdefault), ',' order by t.oid)
         from pg_catalog.pg_type as t where t.oid in (select u.oid from used as u) and t.typtype = 'd'),
        (select string_agg(e.enumlabel, ',' order by e.oid) from pg_catalog.pg_enum as e where e.enumtypid in (select u.oid from used as u)),
        (select string_agg(concat_ws(' ', g.tgenabled, pg_get_triggerdef(g.oid), md5(p.prosrc)), ',' order by g.oid)
         from pg_catalog.pg_trigger as g
         join pg_catalog.pg_proc as p on p.oid = g.tgfoid
         where g.tgrelid in (select o.oid from own as o) and not g.tgisinternal)))
$$;

-- How long after so many attempts at a row that stays the same the next one is: 5 minutes, then twice as long each time, 6 hours at most.
create or replace function public.sync_refusal_pause(p_attempts integer)
returns interval
language sql immutable
set search_path = ''
as $$
    select least(interval '5 minutes' * 2 ^ least(p_attempts - 1, 10), interval '6 hours')
$$;

-- Of the rows of a batch those that a scheduled run does not try, because they were refused for what they are and nothing has changed
-- since: `repeated`, their refusals. The others are `tried`. Half a tick of slack, as for `every`.
create or replace function public.sync_known_refusals(
    p_target     public.sync_targets,
    p_items      jsonb[],
    p_letters    jsonb,
    out tried    jsonb[],
    out repeated jsonb[]
)
language sql stable
set search_path = ''
as $$
    select coalesce(array_agg(i.item order by i.place) filter (where x.refusal is null), '{}'),
           coalesce(array_agg(x.refusal || public.sync_cell(p_target, p_letters, x.refusal ->> 'column', i.item ->> 'n')
                              || jsonb_build_object('rowNumber', i.item -> 'n')
                              order by i.place) filter (where x.refusal is not null), '{}')
    from unnest(p_items) with ordinality as i (item, place)
    left join public.sync_refusals as x
        on x.sync = p_target.sync and x.key_hash = (i.item ->> 'h')::bigint and x.row_key = i.item ->> 'k'
        and x.content_hash = (i.item ->> 'c')::bigint and x.fingerprint = (select public.sync_refusal_fingerprint(p_target))
        and x.next_at > clock_timestamp() + interval '30 seconds'
        -- Of a row that came into the table or left it since, other values may be written.
        and public.sync_has_row(p_target, x.row_key) = (x.refusal -> 'hasRow')::boolean
$$;

-- Remembers what was refused of the rows of a batch that were tried; answers the refusals with `nextAttemptAt` where they wait.
create or replace function public.sync_remember_refusals(p_target public.sync_targets, p_items jsonb[], p_refused jsonb[])
returns jsonb[]
language plpgsql volatile
set search_path = ''
as $$
declare
    v_fingerprint text := public.sync_refusal_fingerprint(p_target);
    v_now         timestamptz := clock_timestamp();
begin
    delete from public.sync_refusals as x
    using unnest(p_refused) as f (refusal)
    where x.sync = p_target.sync and x.key_hash = (f.refusal ->> 'h')::bigint and f.refusal -> 'waits' is distinct from 'true';
    insert into public.sync_refusals as x (sync, key_hash, row_key, content_hash, fingerprint, refusal, attempts, tried_at, next_at)
    select distinct on ((i.item ->> 'h')::bigint)
           p_target.sync, (i.item ->> 'h')::bigint, i.item ->> 'k', (i.item ->> 'c')::bigint, v_fingerprint, f.refusal, 1, v_now,
           v_now + public.sync_refusal_pause(1)
    from unnest(p_refused) as f (refusal)
    join unnest(p_items) as i (item) on i.item ->> 'k' = f.refusal ->> 'rowKey'
    where f.refusal -> 'waits' = 'true'
    order by (i.item ->> 'h')::bigint, i.item ->> 'k'
    on conflict (sync, key_hash) do update
    set row_key = excluded.row_key, content_hash = excluded.content_hash, fingerprint = excluded.fingerprint, refusal = excluded.refusal,
        tried_at = excluded.tried_at,
        (attempts, next_at) = (
            select n.attempts, v_now + public.sync_refusal_pause(n.attempts)
            from (select case
                             when (x.row_key, x.content_hash, x.fingerprint) = (excluded.row_key, excluded.content_hash, excluded.fingerprint)
                                 then x.attempts + 1
                             else 1
                         end as attempts) as n);
    update public.sync_refusals as x
    set refusal = x.refusal || jsonb_build_object('nextAttemptAt', x.next_at)
    from unnest(p_refused) as f (refusal)
    where x.sync = p_target.sync and x.key_hash = (f.refusal ->> 'h')::bigint;
    return array(
        select f.refusal || coalesce(jsonb_build_object('nextAttemptAt', x.next_at), '{}')
        from unnest(p_refused) with ordinality as f (refusal, place)
        left join public.sync_refusals as x
            on x.sync = p_target.sync and x.key_hash = (f.refusal ->> 'h')::bigint and x.row_key = f.refusal ->> 'rowKey'
        order by f.place);
end
$$;

-- Puts rows into an order in which each finds the unique values free that it needs: the row that holds a value goes before the one
-- that takes it. `blocked`: rows whose value is held by a row that is not among them, that two of them want, or that refer to a row
-- which is nowhere, as [{"place", "by", "code", "constraint"}]; whatever waits for such a row is blocked too, so that none of them
-- has to be found by trying. `has_circle`: some rows wait for each other; they are last.
create or replace function public.sync_arrange(
    p_target       public.sync_targets,
    p_items        jsonb[],
    out ordered    integer[],
    out blocked    jsonb,
    out has_circle boolean
)
language plpgsql stable
set search_path = ''
as $$
declare
    v_count   integer := cardinality(p_items);
    v_index   record;
    v_edge    record;
    v_edges   integer := 0;
    v_from    integer[] := '{}';                          -- per edge: the row that waits; negative: for its parent, in any order
    v_next    integer[] := '{}';                          -- per edge: the next edge of the same holder
    v_first   integer[] := array_fill(0, array[v_count]); -- per row: the first edge of which it is the holder
    v_waits   integer[] := array_fill(0, array[v_count]); -- per row: how many rows it waits for; -1: blocked or placed
    v_queue   integer[] := '{}';
    v_head    integer := 1;
    v_row     integer;
    v_at      integer;
begin
    ordered := '{}';
    blocked := '[]';
    for v_index in
        select u.constraint_name, min(u.predicate) as predicate, case count(*) when 1 then min(u.name) end as only_column,
               string_agg(format('t.%I = %s', u.name, format(c.reads, 'i.item -> ''v''', c.ordinal)), ' and ' order by u.place) as same,
               string_agg(format('(i.item -> ''v'' -> %s)', c.ordinal), ', ' order by u.place) as wanted
        from public.sync_unique_columns(p_target) as u
        join public.sync_mapped_columns(p_target) as c on c.name = u.name
        where u.is_immediate
        group by u.index_oid, u.constraint_name
    loop
        for v_edge in execute format($sql$
            with item as materialized (
                select i.place::integer, i.item, i.item ->> 'k' as row_key, jsonb_build_array(%1$s) as wanted
                from unnest($1) with ordinality as i (item, place)
            ),
            held as materialized (
                select i.place, i.wanted, %2$s as holder
                from item as i
                join (select * from %3$s%4$s) as t on %5$s
                where jsonb_path_exists(i.wanted, '$[*] ? (@ != null)')
            ),
            -- Two rows of the sheet want one value: who holds it keeps it, else the first.
            rival as (
                select i.place, first_value(i.row_key) over w as winner, row_number() over w as turn
                from item as i
                left join held as h on h.place = i.place and h.holder = i.row_key
                where jsonb_path_exists(i.wanted, '$[*] ? (@ != null)')
                window w as (partition by i.wanted order by h.place is not null desc, i.place)
            )
            select h.place, h.holder as blocker, o.place as holder_place, o.wanted is not distinct from h.wanted as is_kept, false as is_rival
            from held as h
            join item as i on i.place = h.place
            left join item as o on o.row_key = h.holder
            where h.holder is distinct from i.row_key
            union all
            select r.place, r.winner, null::integer, true, true from rival as r where r.turn > 1
            $sql$, v_index.wanted, public.sync_row_key_sql(p_target, 't'), public.sync_table_sql(p_target.table_name),
            ' where ' || v_index.predicate, v_index.same)
            using p_items
        loop
            if v_edge.holder_place is null or v_edge.is_kept then
                if v_waits[v_edge.place] >= 0 then
                    v_waits[v_edge.place] := -1;
                    v_queue := v_queue || v_edge.place;
                    blocked := blocked || jsonb_build_object('place', v_edge.place, 'by', v_edge.blocker, 'code', '23505',
                                                             'constraint', v_index.constraint_name, 'column', v_index.only_column,
                                                             'rival', v_edge.is_rival);
                end if;
            else
                v_edges := v_edges + 1;
                v_from[v_edges] := v_edge.place;
                v_next[v_edges] := v_first[v_edge.holder_place];
                v_first[v_edge.holder_place] := v_edges;
                if v_waits[v_edge.place] >= 0 then
                    v_waits[v_edge.place] := v_waits[v_edge.place] + 1;
                end if;
            end if;
        end loop;
    end loop;

    -- A reference to a row that is not there, unless it comes with these rows. Circles of references are none: they are checked
    -- when all rows are written.
    for v_index in
        select k.conname as constraint_name, k.confrelid::regclass::text as referenced, k.confrelid = k.conrelid as is_own,
               string_agg(format('t.%I = %s', f.attname, format(c.reads, 'i.item -> ''v''', c.ordinal)), ' and ' order by n.place) as same,
               string_agg(format('i.item -> ''v'' -> %s', c.ordinal), ', ' order by n.place) as wanted,
               string_agg(format('i.item -> ''v'' -> %s', array_position(p_target.column_names, f.attname::text) - 1), ', ' order by n.place) as own
        from pg_catalog.pg_class as r
        join pg_catalog.pg_constraint as k on k.conrelid = r.oid and k.contype = 'f'
        cross join lateral unnest(k.conkey, k.confkey) with ordinality as n (here, there, place)
        join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum = n.here
        join pg_catalog.pg_attribute as f on f.attrelid = k.confrelid and f.attnum = n.there
        join public.sync_mapped_columns(p_target) as c on c.name = a.attname
        where r.oid = (select public.sync_table(p_target.table_name))
        group by k.oid, k.conname, k.confrelid, k.conrelid, k.conkey
        having count(*) = cardinality(k.conkey)
           and (k.confrelid <> k.conrelid or bool_and(f.attname::text = any (p_target.column_names)))
           and has_table_privilege(k.confrelid, 'select')
    loop
        for v_edge in execute format($sql$
            with item as materialized (
                select i.place::integer, i.item, i.item ->> 'k' as row_key, jsonb_build_array(%1$s) as wanted, jsonb_build_array(%2$s) as own
                from unnest($1) with ordinality as i (item, place)
            )
            select i.place, o.place as holder_place
            from item as i
            left join item as o on %3$s and o.own = i.wanted and o.place <> i.place
            where not jsonb_path_exists(i.wanted, '$[*] ? (@ == null)') and i.own is distinct from i.wanted
              and not exists (select from %4$s as t where %5$s)
            $sql$, v_index.wanted, case when v_index.is_own then v_index.own else 'null' end,
            case when v_index.is_own then 'true' else 'false' end, v_index.referenced, v_index.same)
            using p_items
        loop
            if v_edge.holder_place is null and v_waits[v_edge.place] >= 0 then
                v_waits[v_edge.place] := -1;
                v_queue := v_queue || v_edge.place;
                blocked := blocked || jsonb_build_object('place', v_edge.place, 'by', null, 'code', '23503', 'constraint', v_index.constraint_name);
            elsif v_edge.holder_place is not null then
                -- Blocked if the parent is, but not in need of any order.
                v_edges := v_edges + 1;
                v_from[v_edges] := -v_edge.place;
                v_next[v_edges] := v_first[v_edge.holder_place];
                v_first[v_edge.holder_place] := v_edges;
            end if;
        end loop;
    end loop;

    -- What waits for a blocked row is blocked by it.
    while v_head <= cardinality(v_queue) loop
        v_row := v_queue[v_head];
        v_head := v_head + 1;
        v_at := v_first[v_row];
        while v_at > 0 loop
            if v_waits[abs(v_from[v_at])] >= 0 then
                v_waits[abs(v_from[v_at])] := -1;
                v_queue := v_queue || abs(v_from[v_at]);
                blocked := blocked || jsonb_build_object('place', abs(v_from[v_at]), 'by', p_items[v_row] ->> 'k',
                                                         'code', case when v_from[v_at] < 0 then '23503' else '23505' end, 'constraint', null);
            end if;
            v_at := v_next[v_at];
        end loop;
    end loop;

    -- Rows that wait for nothing, then those that waited for them.
    v_queue := array(select w.place::integer from unnest(v_waits) with ordinality as w (waits, place) where w.waits = 0 order by w.place);
    v_head := 1;
    while v_head <= cardinality(v_queue) loop
        v_row := v_queue[v_head];
        v_head := v_head + 1;
        v_waits[v_row] := -1;
        v_at := v_first[v_row];
        while v_at > 0 loop
            if v_from[v_at] > 0 and v_waits[v_from[v_at]] > 0 then
                v_waits[v_from[v_at]] := v_waits[v_from[v_at]] - 1;
                if v_waits[v_from[v_at]] = 0 then
                    v_queue := v_queue || v_from[v_at];
                end if;
            end if;
            v_at := v_next[v_at];
        end loop;
    end loop;
    ordered := v_queue || array(select w.place::integer from unnest(v_waits) with ordinality as w (waits, place) where w.waits > 0 order by w.place);
    has_circle := cardinality(ordered) > cardinality(v_queue);
end
$$;

-- One try at a batch: all of its rows or none. Constraints that can wait do so until all rows are written.
create or replace function public.sync_attempt(
    p_target     public.sync_targets,
    p_run        uuid,
    p_kind       text,
    p_items      jsonb[],
    p_is_circle  boolean,
    p_statements jsonb
)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_counts jsonb;
begin
    set constraints all deferred;
    if p_kind = 'delete' then
        select public.sync_delete_rows(p_target, array_agg(i.item ->> 'k'), array_agg((i.item ->> 'h')::bigint)) into v_counts
        from unnest(p_items) as i (item);
    elsif p_is_circle then
        v_counts := public.sync_merge_parked(p_target, p_run, p_items, public.sync_kept_columns(p_items), p_statements);
    else
        v_counts := public.sync_merge(p_target, p_run, p_items, p_statements);
    end if;
    set local search_path to default; -- as in sync_merge
    set constraints all immediate;
    set local search_path to '';
    return v_counts;
end
$$;

-- The columns that some row of a batch keeps as they are.
create or replace function public.sync_kept_columns(p_items jsonb[])
returns integer[]
language sql immutable
set search_path = ''
as $$
    select array(select distinct k.ordinal::integer
                 from unnest(p_items) as i (item)
                 cross join lateral jsonb_array_elements_text(i.item -> 'keep') as k (ordinal))
$$;

-- Adds up what tries answered: counts are summed, lists joined.
create or replace function public.sync_add_counts(p_one jsonb, p_other jsonb)
returns jsonb
language sql immutable
set search_path = ''
as $$
    select coalesce(jsonb_object_agg(k.key, case
               when jsonb_typeof(p_one -> k.key) = 'number' or jsonb_typeof(p_other -> k.key) = 'number'
                   then to_jsonb(coalesce((p_one ->> k.key)::bigint, 0) + coalesce((p_other ->> k.key)::bigint, 0))
               when jsonb_typeof(p_one -> k.key) = 'array' or jsonb_typeof(p_other -> k.key) = 'array'
                   then coalesce(nullif(p_one -> k.key, 'null'), '[]') || coalesce(nullif(p_other -> k.key, 'null'), '[]')
               when jsonb_typeof(p_one -> k.key) = 'object' and jsonb_typeof(p_other -> k.key) = 'object'
                   then public.sync_add_counts(p_one -> k.key, p_other -> k.key)
               else coalesce(nullif(p_one -> k.key, 'null'), p_other -> k.key)
           end), '{}')
    from (select jsonb_object_keys(p_one) union select jsonb_object_keys(p_other)) as k (key)
$$;

-- Applies the items (rows, or row keys to delete) and leaves out those that Postgres refuses, found by halving: each try is
-- a subtransaction, so a good row never waits for a bad one (promise 4). Only errors of the row itself are caught; a
-- deadlock, a timeout or a missing column is not the row's fault and ends the call.
-- Rows that depend on each other are put into order, and those refused because of others are tried once more at the end.
-- Values of a fifth of the rows that do not convert mean that the schema is wrong, not the rows: raises SY001, and the caller
-- takes all back. A trial (sync_preview), which takes all back anyway, gets the reason in `hopeless`, with the refusals until then.
create or replace function public.sync_apply_isolated(
    p_target    public.sync_targets,
    p_run       uuid,
    p_kind      text,
    p_items     jsonb[],
    p_letters   jsonb default null,
    p_options   text[] default '{}', -- trial: answer `hopeless`; acts: answer what was done per row; together: arrange first
    out counts  jsonb,
    out refused jsonb[],
    out hopeless text
)
language plpgsql volatile
set search_path = ''
as $$
declare
    v_items      jsonb[] := p_items;
    v_all        integer := cardinality(p_items);
    -- The stretches still to do, as a stack.
    v_from       integer[] := array[1];
    v_to         integer[] := array[v_all];
    v_first      integer;
    v_last       integer;
    v_middle     integer;
    v_arranges   boolean := p_kind = 'upsert' and 'together' = any (p_options); -- the next step puts them into order
    v_arranged   boolean := p_kind <> 'upsert';                                 -- that was done, or is no use
    v_is_circle  boolean := false;
    v_is_last    boolean := 'together' = any (p_options); -- these have been tried before
    v_is_few     boolean;
    v_rivals     jsonb[] := '{}';
    v_place      record;
    v_statements jsonb := '{}';
    v_keep       integer[];
    v_some       jsonb;
    v_code       text;
    v_message    text;
    v_column     text;
    v_constraint text;
    v_context    text;
    v_table      text;
    v_domain     text;
    v_detail     text;
    v_function   boolean; -- the error came out of a trigger, or of a function that a constraint calls
    v_waiting    jsonb[] := '{}'; -- items refused because of others
    v_refusals   jsonb[] := '{}'; -- their refusals
    v_unfit      integer := 0;    -- rows refused for what they are by themselves, in a column's type
begin
    counts := '{}';
    refused := '{}';
    if v_all = 0 then
        return;
    end if;
    perform public.sync_check_columns(p_target);

    if p_kind = 'upsert' then
        v_keep := public.sync_kept_columns(p_items);
        v_statements := case
            when v_keep = '{}' and p_target.fingerprint = public.sync_fingerprint(p_target) then p_target.statements
            else public.sync_statements(p_target, v_keep)
        end || case when 'acts' = any (p_options) then '{"acts": true}' else '{}' end::jsonb;
    end if;

    loop
        if v_arranges then
            v_arranges := false;
            v_arranged := true;
            select a.ordered, a.blocked, a.has_circle into v_place from public.sync_arrange(p_target, v_items) as a;
            for v_some in select b.value from jsonb_array_elements(v_place.blocked) as b loop
                -- Few enough to be tried alone: a trigger may make the parent, or keep a value that would have been in the way.
                if v_is_last and (v_some -> 'rival' = 'true' or jsonb_array_length(v_place.blocked) <= 50) then
                    v_rivals := v_rivals || v_items[(v_some ->> 'place')::integer];
                    continue;
                end if;
                v_waiting := v_waiting || v_items[(v_some ->> 'place')::integer];
                v_refusals := v_refusals || (
                    public.sync_refusal(p_target, p_kind, v_items[(v_some ->> 'place')::integer], p_letters, jsonb_build_object(
                        'code', v_some -> 'code', 'constraint', v_some -> 'constraint',
                        'message', case
                            when v_some ->> 'constraint' is null then format('the row waits for the row %s, which is refused', v_some ->> 'by')
                            when v_some ->> 'code' = '23503' then format('insert or update violates foreign key constraint "%s"', v_some ->> 'constraint')
                            else format('duplicate key value violates unique constraint "%s"', v_some ->> 'constraint')
                        end) || case when v_some ->> 'code' = '23505' or v_some ->> 'constraint' is null
                                     then jsonb_build_object('blockedBy', v_some -> 'by', 'column', v_some -> 'column') else '{}' end));
            end loop;
            v_items := array(select v_items[o.place] from unnest(v_place.ordered) with ordinality as o (place, turn) order by o.turn);
            v_is_circle := v_place.has_circle;
            v_from := case when cardinality(v_items) > 0 then array[1] else '{}' end;
            v_to := case when cardinality(v_items) > 0 then array[cardinality(v_items)] else '{}' end;
        end if;
        if cardinality(v_from) = 0 and cardinality(v_rivals) > 0 then
            -- Rows that seem to be in the way of others, or that want a value which another was to have: it may be refused for
            -- something else.
            v_items := v_rivals;
            v_rivals := '{}';
            v_from := array(select generate_series(cardinality(v_items), 1, -1));
            v_to := v_from;
        end if;
        exit when cardinality(v_from) = 0 and (v_is_last or p_kind <> 'upsert' or cardinality(v_waiting) = 0);
        if cardinality(v_from) = 0 then
            -- What was refused because of others, once more, now that these are written. Of many rows that a trigger refused none: it is
            -- not known whether it looks at other rows at all.
            v_is_last := true;
            v_is_few := cardinality(v_waiting) <= 50;
            select coalesce(array_agg(w.item) filter (where v_is_few or w.refusal ->> 'code' like '23%'), '{}'),
                   refused || coalesce(array_agg(w.refusal) filter (where not v_is_few and w.refusal ->> 'code' not like '23%'), '{}')
            into v_items, refused
            from unnest(v_waiting, v_refusals) as w (item, refusal);
            v_waiting := '{}';
            v_refusals := '{}';
            v_arranges := true;
            continue;
        end if;
        v_first := v_from[cardinality(v_from)];
        v_last := v_to[cardinality(v_to)];
        v_from := trim_array(v_from, 1);
        v_to := trim_array(v_to, 1);
        begin
            v_some := public.sync_attempt(p_target, p_run, p_kind, v_items[v_first:v_last], v_is_circle, v_statements);
            refused := refused || array(
                select r.value || public.sync_cell(p_target, p_letters, r.value ->> 'column', r.value ->> 'rowNumber')
                from jsonb_array_elements(v_some -> 'refused') as r);
            counts := public.sync_add_counts(counts, v_some - 'refused');
        exception
            when others or assert_failure or query_canceled then
                get stacked diagnostics v_code = returned_sqlstate, v_message = message_text, v_column = column_name,
                                        v_constraint = constraint_name, v_context = pg_exception_context, v_table = table_name,
                                        v_domain = pg_datatype_name, v_detail = pg_exception_detail;
                if v_code = '42501' and not public.sync_is_row_fault(v_code, v_context) then
                    if 'trial' = any (p_options) then
                        hopeless := v_message;
                        return;
                    end if;
                    raise exception using errcode = 'SY001', message = v_message || ': grant it to service_role';
                elsif not public.sync_is_row_fault(v_code, v_context) then
                    raise;
                elsif not v_arranged and v_code in ('23505', '23503', '23P01') then
                    v_arranges := true;
                elsif v_first < v_last then
                    v_arranged := true;
                    v_middle := (v_first + v_last) / 2;
                    v_from := v_from || array[v_middle + 1, v_first];
                    v_to := v_to || array[v_last, v_middle];
                else
                    v_function := strpos(split_part(v_context, '/* sheetsync */', 1), ' function ') > 0;
                    v_some := public.sync_refusal(p_target, p_kind, v_items[v_first], p_letters, jsonb_build_object(
                        'code', v_code, 'message', v_message, 'column', v_column, 'constraint', v_constraint, 'table', v_table,
                        'domain', v_domain, 'detail', v_detail, 'inFunction', v_function));
                    if public.sync_depends_on_others(v_code) and p_kind = 'upsert' then
                        v_waiting := v_waiting || v_items[v_first];
                        v_refusals := v_refusals || v_some;
                    else
                        refused := refused || v_some;
                        -- Of a row that was refused before, it was known. Such rows come alone where all others are unchanged.
                        v_unfit := v_unfit + (v_code ~ '^(22|54)' and not v_function and not exists (
                            select
                            from public.sync_refusals as x
                            where x.sync = p_target.sync and x.key_hash = (v_items[v_first] ->> 'h')::bigint
                              and x.row_key = v_items[v_first] ->> 'k'))::integer;
                    end if;
                end if;
        end;
        -- Circles only as a whole: in halves of them the rows would be in each other's way.
        v_is_circle := false;
        if p_kind = 'upsert' and v_unfit >= 10 and v_unfit * 5 > v_all then
            select format('Postgres could not take the values of more than a fifth of %s rows, so it is the schema or the mapping that is wrong;'
                          ' most often: %s%s', v_all, r.refusal ->> 'code', ' in the column ' || (r.refusal ->> 'column'))
            into v_message
            from unnest(refused) as r (refusal)
            group by r.refusal ->> 'code', r.refusal ->> 'column'
            order by count(*) desc
            limit 1;
            if 'trial' = any (p_options) then
                hopeless := v_message;
                return;
            end if;
            raise exception using errcode = 'SY001', message = v_message;
        end if;
    end loop;
    refused := refused || v_refusals;
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
    v_tried   jsonb[];
    v_repeated jsonb[] := '{}'; -- refusals of rows that are not tried this time
    v_status  text;
begin
    v_fault := public.sync_batch_fault(p_batch);
    if v_fault is not null then
        return jsonb_build_object('outcome', 'malformed', 'error', v_fault);
    end if;
    -- The drift triggers (sync_drift_triggers) note what others write.
    perform set_config('sheetsync.writes', 'on', true);
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
                              'rejected', sum(b.rejected), 'adopted', sum(b.adopted),
                              'restored', sum(b.restored), 'corrected', sum(b.corrected),
                              'unconfirmed', sum(b.unconfirmed), 'withheld', sum(b.withheld))
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
        v_reason := public.sync_deletes_withheld(v_target, v_run, v_rows, array(
            select (i.item #>> '{}')::bigint from unnest(v_items) as i (item)));
        if v_reason is not null then
            perform public.sync_lock_account(v_run, v_kind, v_lo, v_hi, v_covered);
            v_status := public.sync_account(v_run, v_kind, v_lo, v_hi, 'withheld', v_rows, '{}',
                                            jsonb_build_object('code', 'withheld', 'message', v_reason));
            return jsonb_build_object('outcome', 'withheld', 'error', v_reason, 'runStatus', v_status);
        end if;
        perform public.sync_use_approval(v_run);
    end if;

    -- Whoever asks for a run, or drives a batch again, wants the rows to be tried.
    v_tried := v_items;
    if v_kind = 'upsert' and v_state.sync_type = 'scheduled'
       and exists (select from public.sync_refusals as x where x.sync = v_target.sync)
       and not exists (select from public.sync_batches as b
                       where b.run = v_run and b.kind = v_kind and b.lo < v_hi and b.hi > v_lo and b.outcome = 'failed') then
        select r.tried, r.repeated into v_tried, v_repeated
        from public.sync_known_refusals(v_target, v_items, p_batch -> 'letters') as r;
    end if;
    begin
        if v_kind = 'upsert' then
            select a.counts, a.refused into v_counts, v_refused
            from public.sync_apply_isolated(v_target, v_run, v_kind, v_tried, p_batch -> 'letters') as a;
        else
            select a.counts, a.refused into v_counts, v_refused
            from public.sync_apply_deletes(v_target, v_run, array(select (i.item #>> '{}')::bigint from unnest(v_items) as i (item))) as a;
        end if;
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

    if cardinality(v_refused) > 0 and v_kind = 'upsert' then
        v_refused := public.sync_remember_refusals(v_target, v_tried, v_refused);
    end if;
    v_refused := v_refused || v_repeated;
    if cardinality(v_refused) > 0 then
        perform public.sync_record_errors(v_target.sync, v_run,
                                          case v_kind when 'upsert' then 'validation' else 'database' end,
                                          to_jsonb(v_refused));
        v_counts := v_counts || jsonb_build_object('rejected', cardinality(v_refused));
    end if;
    if cardinality(v_refused) > 0 and v_kind = 'upsert' then
        -- Sent again on every run until Postgres takes it.
        update public.sync_rows as r
        set content_hash = null, last_seq = v_target.seq
        from unnest(v_refused) as f (refusal)
        where r.sync = v_target.sync and r.key_hash = (f.refusal ->> 'h')::bigint and r.row_key = f.refusal ->> 'rowKey'
          and r.content_hash is not null;
        -- And once more in this run, when all others are written.
        insert into public.sync_retries as x (run, key_hash, row_key, item, letters, code, blocked_by, blocked_on, settled)
        select v_run, (f.refusal ->> 'h')::bigint, f.refusal ->> 'rowKey', i.item, p_batch -> 'letters', f.refusal ->> 'code', f.refusal ->> 'blockedBy',
               f.refusal -> 'blockedOn', f.refusal -> 'retry' is distinct from 'true'
        from unnest(v_refused) as f (refusal)
        join unnest(v_items) as i (item) on i.item ->> 'k' = f.refusal ->> 'rowKey'
        where f.refusal -> 'retry' = 'true'
           or f.refusal ->> 'code' ~ '^[0-9A-Z]{5}$' and not exists (
               select from public.sync_rows as r
               where r.sync = v_target.sync and r.key_hash = (f.refusal ->> 'h')::bigint and r.row_key = f.refusal ->> 'rowKey' and r.said is not null)
        order by f.refusal ->> 'rowKey' collate "C"
        on conflict (run, key_hash) do update
        set row_key = excluded.row_key, item = excluded.item, letters = excluded.letters, code = excluded.code, blocked_by = excluded.blocked_by,
            blocked_on = excluded.blocked_on, settled = excluded.settled;
    end if;
    -- A row that was applied is no longer refused.
    if v_kind = 'upsert' then
        perform public.sync_resolve_refusals(v_target.sync, array(
            select i.item ->> 'k'
            from unnest(v_items) as i (item)
            where i.item ->> 'k' <> all (array(select f.refusal ->> 'rowKey' from unnest(v_refused) as f (refusal)))));
    end if;

    perform public.sync_lock_account(v_run, v_kind, v_lo, v_hi, v_covered);
    v_status := public.sync_account(v_run, v_kind, v_lo, v_hi, 'applied', v_rows, v_counts - 'acts', null);

    return jsonb_build_object('outcome', 'applied', 'inserted', 0, 'updated', 0, 'unchanged', 0, 'skipped', 0, 'deleted', 0,
                              'conflicts', 0, 'rejected', 0, 'adopted', 0, 'restored', 0, 'corrected', 0, 'unconfirmed', 0,
                              'withheld', 0, 'runStatus', v_status)
        || (v_counts - 'acts' - 'adoption');
end
$$;

-- Ends the open refusals by Postgres (their code is an SQLSTATE) of these rows.
create or replace function public.sync_resolve_refusals(p_sync text, p_keys text[])
returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    delete from public.sync_refusals as x where x.sync = p_sync and x.row_key = any (p_keys);
    if exists (
        select from public.sync_errors as e
        where e.sync = p_sync and e.resolved_at is null and e.error_type = 'validation' and e.code ~ '^[0-9A-Z]{5}$'
    ) then
        update public.sync_errors as e
        set resolved_at = now()
        where e.sync = p_sync and e.resolved_at is null and e.error_type = 'validation'
          and e.code ~ '^[0-9A-Z]{5}$' and e.row_key = any (p_keys);
    end if;
end
$$;

-- Tries the rows of a run once more that were refused because of others, all together, when every row was sent and applied: two
-- rows that exchange a value, a list that is numbered anew, a child that came before its parent. The caller holds the run's row.
-- A failure here costs nothing: the rows stay refused, and the next run tries them again.
create or replace function public.sync_settle(p_run uuid)
returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    v_target  public.sync_targets;
    v_items   jsonb[];
    v_counts  jsonb;
    v_refused jsonb[];
begin
    v_items := array(
        (select x.item from public.sync_retries as x where x.run = p_run and not x.settled and x.code like '23%' order by x.row_key limit 20000)
        union all
        (select x.item from public.sync_retries as x where x.run = p_run and not x.settled and x.code not like '23%' order by x.row_key limit 50));
    if cardinality(v_items) = 0 then
        return;
    end if;
    update public.sync_retries as x set settled = true where x.run = p_run;
    select t.* into v_target from public.sync_targets as t where t.run = p_run;
    -- What this call has taken already is not left for a retry: the rest waits for the next run.
    if not found or clock_timestamp() > statement_timestamp() + interval '10 seconds' then
        return;
    end if;
    begin
        select a.counts, a.refused into v_counts, v_refused
        from public.sync_apply_isolated(v_target, p_run, 'upsert', v_items,
                                        (select x.letters from public.sync_retries as x where x.run = p_run limit 1),
                                        array['together', 'acts']) as a;
    exception when others or query_canceled then
        return;
    end;
    perform public.sync_settled(v_target, p_run, v_counts -> 'acts');
    perform public.sync_refused_again(v_target, p_run, v_refused);
    update public.sync_retries as x
    set code = f.refusal ->> 'code', blocked_by = f.refusal ->> 'blockedBy',
        blocked_on = f.refusal -> 'blockedOn'
    from unnest(v_refused) as f (refusal)
    where x.run = p_run and x.key_hash = (f.refusal ->> 'h')::bigint and x.row_key = f.refusal ->> 'rowKey';
end
$$;

-- Records why rows that are tried once more are refused, where it is for another reason than before.
create or replace function public.sync_refused_again(p_target public.sync_targets, p_run uuid, p_refused jsonb[])
returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    v_other jsonb[] := array(
        select f.refusal
        from unnest(p_refused) as f (refusal)
        join public.sync_retries as x on x.run = p_run and x.key_hash = (f.refusal ->> 'h')::bigint and x.row_key = f.refusal ->> 'rowKey'
        where x.code <> f.refusal ->> 'code');
begin
    if cardinality(v_other) > 0 then
        perform public.sync_resolve_refusals(p_target.sync, array(select f.refusal ->> 'rowKey' from unnest(v_other) as f (refusal)));
        perform public.sync_record_errors(p_target.sync, p_run, 'validation', to_jsonb(v_other));
    end if;
end
$$;

-- Accounts for rows that were refused and then written after all: in the ledger, with their batch, and with the run.
create or replace function public.sync_settled(p_target public.sync_targets, p_run uuid, p_acts jsonb)
returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    if jsonb_array_length(coalesce(p_acts, '[]')) = 0 then
        return;
    end if;
    with act as materialized (
        select a.*
        from jsonb_to_recordset(p_acts) as a (h bigint, k text, outcome text, conflicts integer, adopted integer, restored integer,
                                              corrected integer, withheld integer)
        join public.sync_retries as x on x.run = p_run and x.key_hash = a.h and x.row_key = a.k
    ),
    gone as (
        delete from public.sync_retries as x using act as a where x.run = p_run and x.key_hash = a.h and x.row_key = a.k
    ),
    moved as (
        select b.lo, b.hi, count(*) as rows, count(*) filter (where a.outcome = 'inserted') as inserted,
               count(*) filter (where a.outcome = 'updated') as updated, count(*) filter (where a.outcome = 'unchanged') as unchanged,
               count(*) filter (where a.outcome = 'skipped') as skipped, sum(a.conflicts) as conflicts, sum(a.adopted) as adopted,
               sum(a.restored) as restored, sum(a.corrected) as corrected, sum(a.withheld) as withheld
        from act as a
        -- Of a half and its whole, the half: it was applied before, or it would have no entry.
        cross join lateral (
            select x.lo, x.hi
            from public.sync_batches as x
            where x.run = p_run and x.kind = 'upsert' and x.outcome = 'applied' and x.lo <= a.h and x.hi > a.h
            order by x.lo desc, x.hi
            limit 1
        ) as b
        group by b.lo, b.hi
    ),
    entered as (
        update public.sync_batches as b
        set rejected = b.rejected - m.rows, inserted = b.inserted + m.inserted, updated = b.updated + m.updated,
            unchanged = b.unchanged + m.unchanged, skipped = b.skipped + m.skipped, conflicts = b.conflicts + m.conflicts,
            adopted = b.adopted + m.adopted, restored = b.restored + m.restored, corrected = b.corrected + m.corrected,
            withheld = b.withheld + m.withheld
        from moved as m
        where b.run = p_run and b.kind = 'upsert' and b.lo = m.lo and b.hi = m.hi
    )
    update public.sync_state as s
    set rejected = s.rejected - m.rows, inserted = s.inserted + m.inserted, updated = s.updated + m.updated,
        unchanged = s.unchanged + m.unchanged, skipped = s.skipped + m.skipped, conflict = s.conflict + m.conflicts,
        adopted = s.adopted + m.adopted, restored = s.restored + m.restored, corrected = s.corrected + m.corrected,
        withheld = s.withheld + m.withheld
    from (select sum(x.rows) as rows, sum(x.inserted) as inserted, sum(x.updated) as updated, sum(x.unchanged) as unchanged,
                 sum(x.skipped) as skipped, sum(x.conflicts) as conflicts, sum(x.adopted) as adopted, sum(x.restored) as restored,
                 sum(x.corrected) as corrected, sum(x.withheld) as withheld
          from moved as x) as m
    where s.id = p_run and m.rows > 0;
    perform public.sync_resolve_refusals(p_target.sync, array(select a.k from jsonb_to_recordset(p_acts) as a (k text)));
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_batch_fault, sync_is_row_fault, sync_depends_on_others, sync_blocker, sync_constraint, sync_fits, sync_cell,
    sync_has_row, sync_refusal, sync_refusal_fingerprint, sync_refusal_pause, sync_known_refusals, sync_remember_refusals,
    sync_arrange, sync_attempt, sync_kept_columns, sync_add_counts, sync_apply_isolated, sync_lock_account, sync_apply,
    sync_resolve_refusals, sync_settle, sync_refused_again, sync_settled
}'); end $$;

notify pgrst, 'reload schema';
