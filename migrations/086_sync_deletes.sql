-- The deletion of rows that vanished from the sheet: whether, who approved it, and how. Only rows that this sync wrote or adopted are
-- ever deleted (promise 6): they are found through sync_rows.base. Safe to run twice.

-- Why a batch of `p_keys` vanished keys must not be deleted, or null: an upsert batch failed (a renamed key would lose its
-- row), or more rows would go than the guard allows, in this run together with the 24 hours before it. What a person
-- approved does not count: neither now, nor in the days after.
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
               coalesce(sum(b.deleted) filter (
                   where b.run <> p_run and not exists (select from public.sync_approvals as a where a.used_by = b.run)), 0)
        from public.sync_batches as b
        join public.sync_state as s on s.id = b.run
        where s.sync = p_target.sync and s.started_at > now() - interval '48 hours'
          and b.kind = 'delete' and b.outcome = 'applied' and b.finished_at > now() - interval '24 hours'
    )
    select case
        when run.failed > 0 then 'an upsert batch of this run failed'
        when p_target.delete_policy <> 'ignore'
             and not exists (
                 select
                 from public.sync_approvals as a
                 where a.sync = p_target.sync and a.digest = run.vanished ->> 'digest'
                   and (a.used_by = p_run or a.used_by is null and a.expires_at > now())
                   -- The digest is what the scheduler says of the set; no more keys than that may follow.
                   and a.count >= greatest(run.keys_vanished, gone.this_run + p_keys))
             and gone.before + greatest(run.keys_vanished, gone.this_run + p_keys)
                 > greatest(p_target.guard_rows, floor(run.present_rows * p_target.guard_percent / 100))
            then format('%s rows vanished and %s were deleted in the 24 hours before; the guard allows %s of %s',
                        greatest(run.keys_vanished, gone.this_run + p_keys), gone.before,
                        greatest(p_target.guard_rows, floor(run.present_rows * p_target.guard_percent / 100)), run.present_rows)
    end
    from run cross join gone
$$;

-- The set of keys whose deletion is approved for the sync's next run, as {"count", "digest"}, or null.
create or replace function public.sync_approved_deletes(p_sync text)
returns jsonb
language sql stable
set search_path = ''
as $$
    select jsonb_build_object('count', a.count, 'digest', a.digest)
    from public.sync_approvals as a
    where a.sync = p_sync and a.used_by is null and a.expires_at > now()
    order by a.id desc
    limit 1
$$;

-- Marks the approval of the run's deletion, if there is one, as used: it holds for one run.
create or replace function public.sync_use_approval(p_run uuid)
returns void
language sql volatile
set search_path = ''
as $$
    update public.sync_approvals as a
    set used_by = p_run, used_at = clock_timestamp()
    from public.sync_state as s
    where s.id = p_run and a.sync = s.sync and a.digest = s.vanished ->> 'digest'
      and a.used_by is null and a.expires_at > now()
$$;

-- Approves the deletion that the run `p_run` withheld, for 24 hours (docs/PROTOCOL.md). Refused when there is nothing
-- to approve, or when a later run found another set of keys to be gone: nobody has looked at that one.
create or replace function public.sync_approve_deletes(p_run uuid, p_who text, p_why text)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_state   public.sync_state;
    v_last    public.sync_state;
    v_refusal text[];
    v_expires timestamptz := clock_timestamp() + interval '24 hours';
begin
    if coalesce(btrim(p_who), '') = '' or coalesce(btrim(p_why), '') = '' then
        return jsonb_build_object('outcome', 'refused', 'code', 'no_reason',
                                  'message', 'say who approves the deletion, and why');
    end if;
    select * into v_state from public.sync_state as s where s.id = p_run;
    if not found then
        return jsonb_build_object('outcome', 'refused', 'code', 'no_such_run', 'message', format('there is no run %s', p_run));
    end if;
    -- Approvals of one sync follow one another: asked twice, there is one.
    perform pg_advisory_xact_lock(hashtextextended('sync_approve_deletes ' || v_state.sync, 0));

    select * into v_last
    from public.sync_state as s
    where s.sync = v_state.sync and s.planned_at is not null and s.sync_type <> 'selective'
    order by s.seq desc
    limit 1;
    v_refusal := case
        when v_state.deletes_withheld is null
            then array['nothing_withheld', format('the run %s withheld no deletion', p_run)]
        when v_state.vanished is null
            then array['not_approvable', format('the run %s did not see the sheet at rest, so nobody knows which rows are gone:'
                                                ' wait for the next run', p_run)]
        when v_last.deletes_withheld is null or v_last.vanished ->> 'digest' is distinct from v_state.vanished ->> 'digest'
            then array['superseded', format('the run %s has looked since and found other rows to be gone: see what it says',
                                            v_last.id)]
    end;
    if v_refusal is not null then
        return jsonb_build_object('outcome', 'refused', 'code', v_refusal[1], 'message', v_refusal[2]);
    end if;

    -- What was approved before and is still open holds no longer, so that one set at a time can be deleted.
    update public.sync_approvals as a
    set expires_at = clock_timestamp()
    where a.sync = v_state.sync and a.used_by is null and a.expires_at > clock_timestamp();
    insert into public.sync_approvals (sync, run, count, digest, who, why, expires_at)
    values (v_state.sync, p_run, (v_state.vanished ->> 'count')::bigint, v_state.vanished ->> 'digest',
            left(p_who, 200), left(p_why, 2000), v_expires);
    return jsonb_build_object('outcome', 'approved', 'sync', v_state.sync,
                              'approved', (v_state.vanished ->> 'count')::bigint, 'expiresAt', v_expires);
end
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
revoke all on function public.sync_approved_deletes(text) from public, anon, authenticated;
revoke all on function public.sync_use_approval(uuid) from public, anon, authenticated;
revoke all on function public.sync_approve_deletes(uuid, text, text) from public, anon, authenticated;
revoke all on function public.sync_present_keys(text, jsonb[]) from public, anon, authenticated;
revoke all on function public.sync_delete_rows(public.sync_targets, uuid, text[]) from public, anon, authenticated;
grant execute on function public.sync_deletes_withheld(public.sync_targets, uuid, bigint) to service_role;
grant execute on function public.sync_approved_deletes(text) to service_role;
grant execute on function public.sync_use_approval(uuid) to service_role;
grant execute on function public.sync_approve_deletes(uuid, text, text) to service_role;
grant execute on function public.sync_present_keys(text, jsonb[]) to service_role;
grant execute on function public.sync_delete_rows(public.sync_targets, uuid, text[]) to service_role;

notify pgrst, 'reload schema';
