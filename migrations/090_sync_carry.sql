-- Carries the books of a sync over to a new key: the rows stay known, so that edits in the database keep their protection and
-- nothing is adopted anew. Postgres knows the values of the new key columns; the scheduler makes the row keys and their hashes
-- of them, by the rules that it reads the sheet by. Safe to run twice.

-- A page of the entries that are still kept by the former key: {"rows": [[old row key, [text per new key column] or null]], "next"}.
-- Null: the table no longer has the row. Called again with `next` until that is null.
create or replace function public.sync_carry_page(p_sync text, p_run uuid, p_after text, p_limit integer)
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
    v_target public.sync_targets;
    v_former public.sync_targets;
    v_texts  text;
    v_same   text;
    v_answer jsonb;
begin
    select * into v_target from public.sync_targets as t where t.sync = p_sync and t.run = p_run;
    if v_target.carry_from is null then
        return '{"rows": [], "next": null}';
    end if;
    v_former := v_target;
    v_former.key_columns := v_target.carry_from;
    v_former.column_names := v_target.column_names || array(
        select k.name from unnest(v_target.carry_from) as k (name) where k.name <> all (v_target.column_names));
    v_former.authorities := v_target.authorities || array_fill('merge'::text, array[
        cardinality(v_former.column_names) - cardinality(v_target.column_names)]);
    select string_agg(public.sync_row_key_sql(k.one, 't'), ', ' order by k.position)
    into v_texts
    from (
        select u.position, jsonb_populate_record(v_target, jsonb_build_object('key_columns', array[u.name])) as one
        from unnest(v_target.key_columns) with ordinality as u (name, position)
    ) as k;
    v_same := public.sync_same_key_sql(v_former, 't', 'p.row_key');
    if v_same is null then
        -- A column of the former key is gone from the table: it is not known which rows these entries are about.
        return '{"rows": [], "next": null}';
    end if;
    execute format($sql$
with page as materialized (
    select r.row_key, r.key_hash
    from public.sync_rows as r
    where r.sync = $1 and r.is_former
      and ($2 is null or (r.key_hash, r.row_key) > (split_part($2, ':', 1)::bigint, substr($2, strpos($2, ':') + 1)))
    order by r.key_hash, r.row_key
    limit $3
)
select jsonb_build_object(
    'rows', coalesce(jsonb_agg(jsonb_build_array(p.row_key, case when t.ctid is not null then jsonb_build_array(%s) end)), '[]'),
    'next', case when count(*) = $3 then (array_agg(p.key_hash || ':' || p.row_key order by p.key_hash desc, p.row_key desc))[1] end)
from page as p
left join %s as t on %s
$sql$, v_texts, public.sync_table_sql(v_target.table_name), v_same)
        into v_answer using p_sync, p_after, p_limit;
    return v_answer;
end
$fn$;

-- Enters rows under their new key: p_rows is [[old row key, new row key, new key hash]]. An entry that has the new key already
-- stays. Answers {"carried": n}; repeatable.
create or replace function public.sync_carry(p_sync text, p_run uuid, p_rows jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_carried integer;
begin
    perform from public.sync_targets as t where t.sync = p_sync and t.run = p_run and t.carry_from is not null for share;
    if not found then
        return '{"carried": 0}';
    end if;
    with row as materialized (
        select distinct on (r.item ->> 1) r.item ->> 0 as former, r.item ->> 1 as row_key, (r.item ->> 2)::bigint as key_hash
        from jsonb_array_elements(p_rows) as r (item)
        order by r.item ->> 1, r.item ->> 0
    ),
    carried as (
        update public.sync_rows as r
        set row_key = w.row_key, key_hash = w.key_hash, content_hash = null, is_former = null
        from row as w
        where r.sync = p_sync and r.is_former and r.row_key = w.former
          and not exists (
              select from public.sync_rows as o
              where o.sync = p_sync and o.key_hash = w.key_hash and o.row_key = w.row_key and o.is_former is not true)
        returning 1
    )
    select count(*) into v_carried from carried;
    return jsonb_build_object('carried', v_carried);
end
$$;

-- Ends the carrying over: what is left under the former key is about rows that the table no longer has. Answers {"dropped": n}.
create or replace function public.sync_carry_end(p_sync text, p_run uuid)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_dropped integer;
begin
    update public.sync_targets as t set carry_from = null where t.sync = p_sync and t.run = p_run and t.carry_from is not null;
    if not found then
        return '{"dropped": 0}';
    end if;
    delete from public.sync_rows as r where r.sync = p_sync and r.is_former;
    get diagnostics v_dropped = row_count;
    return jsonb_build_object('dropped', v_dropped);
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_carry_page, sync_carry, sync_carry_end
}'); end $$;

notify pgrst, 'reload schema';
