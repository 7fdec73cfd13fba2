-- The deletion of rows that vanished from the sheet: whether, and how. Only rows that this sync wrote or adopted are
-- ever deleted (promise 6): they are found through sync_rows.base. Safe to run twice.

-- Why a batch of `p_keys` vanished keys must not be deleted, or null: an upsert batch failed (a renamed key would lose its
-- row), or more rows would go than the guard allows, in this run together with the 24 hours before it.
create or replace function public.sync_deletes_withheld(p_target public.sync_targets, p_run uuid, p_keys bigint)
returns text
language sql stable
set search_path = ''
as $$
    with run as (
        select s.* from public.sync_state as s where s.id = p_run
    ),
    gone (this_run, before) as (
        select coalesce(sum(b.rows) filter (where b.run = p_run), 0),
               coalesce(sum(b.deleted) filter (where b.run <> p_run), 0)
        from public.sync_batches as b
        join public.sync_state as s on s.id = b.run
        where s.sync = p_target.sync and s.started_at > now() - interval '48 hours'
          and b.kind = 'delete' and b.outcome = 'applied' and b.finished_at > now() - interval '24 hours'
    )
    select case
        when run.failed > 0 then 'an upsert batch of this run failed'
        when p_target.delete_policy <> 'ignore'
             and gone.before + greatest(run.keys_vanished, gone.this_run + p_keys)
                 > greatest(p_target.guard_rows, floor(run.present_rows * p_target.guard_percent / 100))
            then format('%s rows vanished and %s were deleted in the 24 hours before; the guard allows %s of %s',
                        greatest(run.keys_vanished, gone.this_run + p_keys), gone.before,
                        greatest(p_target.guard_rows, floor(run.present_rows * p_target.guard_percent / 100)), run.present_rows)
    end
    from run cross join gone
$$;

-- The row keys that these hashes stand for, as jsonb texts, in the order in which rows are deleted; only rows that are present.
create or replace function public.sync_present_keys(p_sync text, p_hashes jsonb[])
returns jsonb[]
language sql stable
set search_path = ''
as $$
    select array(
        select to_jsonb(r.row_key)
        from public.sync_rows as r
        where r.sync = p_sync and r.state = 'present'
          and r.key_hash = any (array(select (h.item #>> '{}')::bigint from unnest(p_hashes) as h (item)))
        order by r.row_key)
$$;

-- Deletes the rows with these row keys by the sync's policy, all or none, and answers {"deleted", "unchanged", "skipped"}.
-- unchanged: gone from the table already, or left there by the policy; skipped: not a row that this sync wrote.
create or replace function public.sync_delete_rows(p_target public.sync_targets, p_run uuid, p_row_keys text[])
returns jsonb
language plpgsql volatile
set search_path = ''
set enable_seqscan = off -- as for sync_merge: look each row up by its key
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $fn$
declare
    v_record   text;
    v_same_key text;
    v_gone     text;
    v_delete   text;
    v_deleted  bigint := 0;
    v_owned    bigint;
begin
    if p_target.delete_policy <> 'ignore' then
        select string_agg(format('%I %s', c.name, c.type_name), ', ' order by c.ordinal),
               string_agg(format('t.%1$I = k.%1$I', c.name), ' and ' order by c.ordinal)
        into v_record, v_same_key
        from public.sync_mapped_columns(p_target) as c
        where c.is_key;
        v_gone := format(
            'public.sync_rows as r cross join lateral jsonb_to_record(r.base) as k (%s) join public.%I as t on %s'
            ' where r.sync = $1 and r.row_key = any ($2) and r.state = ''present'' and r.base is not null',
            v_record, p_target.table_name, v_same_key);
        v_delete := case p_target.delete_policy
            when 'soft' then format('update public.%1$I as t set %2$I = now() from gone as g'
                                    ' where t.ctid = g.place and t.tableoid = g.part and t.%2$I is null',
                                    p_target.table_name, p_target.delete_column)
            else format('delete from public.%I as t using gone as g where t.ctid = g.place and t.tableoid = g.part',
                        p_target.table_name)
        end;
        -- In the order of their row keys, and in a statement of its own, as the merge does it.
        execute format('select 1 from %s order by r.row_key for update of t', v_gone) using p_target.sync, p_row_keys;
        execute format('with gone as materialized (select t.ctid as place, t.tableoid as part from %s),'
                       ' written as (%s returning 1) select count(*) from written', v_gone, v_delete)
            into v_deleted using p_target.sync, p_row_keys;
    end if;

    with entry as (
        select r.row_key, r.base is not null as owned
        from public.sync_rows as r
        where r.sync = p_target.sync and r.row_key = any (p_row_keys) and r.state = 'present'
    ),
    forgotten as (
        delete from public.sync_rows as r
        using entry as e
        where r.sync = p_target.sync and r.row_key = e.row_key and (p_target.delete_policy = 'hard' or not e.owned)
    ),
    marked as (
        update public.sync_rows as r
        set state = case p_target.delete_policy when 'soft' then 'deleted' else 'absent' end,
            last_run = p_run, updated_at = now()
        from entry as e
        where r.sync = p_target.sync and r.row_key = e.row_key and p_target.delete_policy <> 'hard' and e.owned
    )
    select count(*) filter (where e.owned) into v_owned from entry as e;

    return jsonb_build_object('deleted', v_deleted, 'unchanged', greatest(v_owned - v_deleted, 0),
                              'skipped', cardinality(p_row_keys) - v_owned);
end
$fn$;

revoke all on function public.sync_deletes_withheld(public.sync_targets, uuid, bigint) from public, anon, authenticated;
revoke all on function public.sync_present_keys(text, jsonb[]) from public, anon, authenticated;
revoke all on function public.sync_delete_rows(public.sync_targets, uuid, text[]) from public, anon, authenticated;
grant execute on function public.sync_deletes_withheld(public.sync_targets, uuid, bigint) to service_role;
grant execute on function public.sync_present_keys(text, jsonb[]) to service_role;
grant execute on function public.sync_delete_rows(public.sync_targets, uuid, text[]) to service_role;

notify pgrst, 'reload schema';
