-- The deletion of rows that vanished from the sheet: whether, who approved it, and how. Only rows that this sync wrote or adopted are
-- ever deleted (promise 6). Safe to run twice.

-- The rows of the sheet that `update_only` leaves out because the table does not have them, and that are new since the last complete
-- run: how many, and the first. One of them may be a row that is gone, under a new key.
create or replace function public.sync_left_out(p_target public.sync_targets)
returns table (rows bigint, first text)
language sql stable
set search_path = ''
as $$
    select count(*), min(r.row_key)
    from public.sync_rows as r
    where p_target.mode = 'update_only' and r.sync = p_target.sync and r.state = 'present' and r.said is null and r.adopt is null
      and r.last_seq > coalesce(public.sync_last_complete(p_target.sync, p_target.seq), 0)
$$;

-- Why a batch of `p_keys` vanished keys must not be deleted, or null: an upsert batch failed (a renamed key would lose its
-- row), or more rows would go than the guard allows, in this run together with the 24 hours before it. What a person
-- approved does not count: neither now, nor in the days after.
create or replace function public.sync_deletes_withheld(
    p_target public.sync_targets,
    p_run    uuid,
    p_keys   bigint,
    p_hashes bigint[] default '{}'
)
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
        -- Without certainty which rows the sheet has, none is gone.
        when not run.read_complete then 'the sheet was not read as a whole and at rest, so a missing key may be in it'
        -- A row under a new key that is refused or left out may be one of those that are gone. One that a row of this batch is in the way
        -- of is resolved together with it.
        when p_target.delete_policy <> 'ignore'
             and not exists (select from public.sync_approvals as a
                             where a.sync = p_target.sync and a.digest = run.vanished ->> 'digest'
                               and (a.used_by = p_run or a.used_by is null and a.expires_at > now()))
             -- Keys that no row was ever written for are given up, not deleted.
             and (p_hashes = '{}' or exists (select from public.sync_rows as r
                                             where r.sync = p_target.sync and r.key_hash = any (p_hashes)
                                               and r.state = 'present' and r.said is not null))
             and (stray.in_the_way > 0 or stray.left_out > 0 or stray.others > coalesce((
                 -- As many as the last complete run had, or fewer, if a later one had fewer: one of them may have been accepted since.
                 select min(s.strays)
                 from public.sync_state as s
                 where s.sync = p_target.sync and s.seq < p_target.seq and s.sync_type <> 'selective' and s.status in ('completed', 'partial')
                   and s.seq >= public.sync_last_complete(p_target.sync, p_target.seq)), 0))
            then format('%s rows with a new key are not in the table (the first: %s), and a row that is gone may be one of them: %s, or, if'
                        ' the rows really are gone: `sheetsync approve-deletes`', stray.in_the_way + stray.others + stray.left_out, stray.first,
                        case when stray.left_out > 0 then 'with mode = "update_only", give them their key back' else 'correct them' end)
        when p_target.carry_from is not null then 'the books are still kept by the former key of this sync'
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
    from run
    cross join gone
    cross join (
        -- One that another row keeps from its value always counts; others when there are more of them than in the last complete run.
        select refused.in_the_way, refused.others, l.rows as left_out, coalesce(refused.first, l.first) as first
        from public.sync_left_out(p_target) as l
        cross join (
            select count(*) filter (where x.code = '23505') as in_the_way, count(*) filter (where x.code <> '23505') as others,
                   min(x.row_key) as first
            from public.sync_retries as x
            where x.run = p_run
              and not exists (select from public.sync_rows as r
                              where r.sync = p_target.sync and r.key_hash = x.key_hash and r.row_key = x.row_key and r.said is not null)
              and not exists (select from public.sync_rows as r
                              where r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.row_key = x.blocked_by)) as refused
    ) as stray
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
-- to approve, or when a later run found another set of keys to be gone: no one has seen that one.
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

-- Deletes the rows with these row keys by the sync's policy, all or none, and answers {"deleted", "unchanged"}: unchanged are
-- rows that the table no longer had, or that were marked as deleted by others. Which keys, and whether, is decided before.
create or replace function public.sync_delete_rows(p_target public.sync_targets, p_row_keys text[], p_hashes bigint[])
returns jsonb
language plpgsql volatile
set search_path = ''
set enable_seqscan = off -- as for sync_merge: look each row up by its key
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $fn$
declare
    -- And its own key is spelt like the entry's: an entry from before the key column got another type may name, cast, a row that
    -- the sheet has under its new spelling.
    v_same_key text := public.sync_same_key_sql(p_target, 't', 'k.row_key') || ' and ' || public.sync_row_key_sql(p_target, 't') || ' = k.row_key';
    v_table    text := public.sync_table_sql(p_target.table_name);
    v_gone     text[];
begin
    -- In the order of their row keys, and in a statement of its own, as the merge does it.
    execute format('/* sheetsync */ select 1 from unnest($1) as k (row_key) join %s as t on %s order by k.row_key collate "C" for update of t',
                   v_table, v_same_key)
        using p_row_keys;
    set local search_path to default; -- as in sync_merge
    execute format(
        '/* sheetsync */ with gone as materialized (select k.row_key, t.ctid as place, t.tableoid as part'
        ' from unnest($1) as k (row_key) join %1$s as t on %2$s),'
        ' written as (%3$s returning g.row_key) select array(select w.row_key from written as w)',
        v_table, v_same_key,
        case p_target.delete_policy
            when 'soft' then format('update %1$s as t set %2$I = now() from gone as g'
                                    ' where t.ctid = g.place and t.tableoid = g.part and t.%2$I is null',
                                    v_table, p_target.delete_column)
            else format('delete from %s as t using gone as g where t.ctid = g.place and t.tableoid = g.part', v_table)
        end)
        into v_gone using p_row_keys;
    set local search_path to '';

    -- Of a row that people had marked as deleted before, the mark is theirs: it does not come back with the sheet's row.
    update public.sync_rows as r
    set state = case when r.row_key = any (v_gone) then 'deleted' else 'absent' end, last_seq = p_target.seq,
        missing_count = null, missing_seq = null, missing_since = null
    where p_target.delete_policy = 'soft' and r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.row_key = any (p_row_keys) and r.state = 'present';
    delete from public.sync_rows as r
    where p_target.delete_policy = 'hard' and r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.row_key = any (p_row_keys);
    return jsonb_build_object('deleted', cardinality(v_gone), 'unchanged', cardinality(p_row_keys) - cardinality(v_gone));
end
$fn$;

-- Which of these keys other syncs of the same table have too: in their books, or as a rejected row, which is still in their sheet.
create or replace function public.sync_other_claims(p_target public.sync_targets, p_hashes bigint[], p_keys text[])
returns table (row_key text, key_hash bigint, sync text)
language sql stable
set search_path = ''
as $$
    select distinct on (k.row_key) k.row_key, k.key_hash, o.sync
    from unnest(p_hashes, p_keys) as k (key_hash, row_key)
    cross join public.sync_targets as o
    where o.table_name = p_target.table_name and o.sync <> p_target.sync
      and (exists (select
                   from public.sync_rows as r
                   where r.sync = o.sync and r.key_hash = k.key_hash and r.row_key = k.row_key and r.state in ('present', 'claimed'))
           or exists (select
                      from public.sync_errors as e
                      where e.sync = o.sync and e.resolved_at is null and e.error_type = 'validation' and e.row_key = k.row_key
                        and hashtextextended(coalesce('k' || e.row_key, 'n' || e.row_number::text, ''), 0)
                            = hashtextextended('k' || k.row_key, 0)))
    order by k.row_key, o.precedence desc, o.sync
$$;

-- Counts once more that a complete read missed these keys, and answers those that enough reads in a row have missed, the first at
-- least a minute ago. In a row: no complete read in between saw the key.
create or replace function public.sync_confirm_missing(p_target public.sync_targets, p_run uuid, p_hashes bigint[])
returns text[]
language plpgsql volatile
set search_path = ''
as $$
declare
    v_before bigint;
begin
    select max(s.seq) into v_before
    from public.sync_state as s
    where s.sync = p_target.sync and s.read_complete and s.seq < p_target.seq;

    update public.sync_rows as r
    set missing_count = case when r.missing_seq = v_before then r.missing_count + 1 else 1 end,
        missing_since = case when r.missing_seq = v_before then r.missing_since else clock_timestamp() end,
        missing_seq = p_target.seq
    where r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.state = 'present' and r.said is not null
      and r.missing_seq is distinct from p_target.seq;
    return array(
        select r.row_key
        from public.sync_rows as r
        where r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.state = 'present' and r.said is not null
          and (p_target.confirm_deletes = 1
               or r.missing_count >= p_target.confirm_deletes and r.missing_since <= clock_timestamp() - interval '1 minute'
               or exists (select from public.sync_approvals as a where a.used_by = p_run)));
end
$$;

-- A row with a new key whose old key is gone, and that Postgres refuses because the old row holds a value that must be unique: the
-- two are resolved together, or not at all. By the columns of `rename_by` it is the same row: the key is changed and the
-- row keeps what the sheet does not feed. Else the old row is deleted and the new one inserted, when the deletion is confirmed.
-- Answers what was done with the old row: renamed, replaced, kept (nothing could be done, or several new rows need its values), or null
-- when no row needs its values.
create or replace function public.sync_resolve_rename(
    p_target     public.sync_targets,
    p_run        uuid,
    p_row_key    text,
    p_key_hash   bigint,
    p_may_delete boolean
)
returns text
language plpgsql volatile
set search_path = ''
as $fn$
declare
    v_table   text := public.sync_table_sql(p_target.table_name);
    v_retry   record;
    v_same    text;
    v_is_same boolean;
    v_answer  text;
    v_counts  jsonb;
    v_refused jsonb[];
    v_code    text;
    v_context text;
begin
    for v_retry in
        -- A row that the books know is no renamed one: it comes after those that may be.
        select x.*, k.is_known, count(*) filter (where not k.is_known) over () as candidates
        from public.sync_retries as x
        cross join lateral (
            select exists (select from public.sync_rows as r
                           where r.sync = p_target.sync and r.key_hash = x.key_hash and r.row_key = x.row_key and r.said is not null) as is_known
        ) as k
        where x.run = p_run and x.blocked_by = p_row_key
        order by k.is_known, x.row_key
    loop
        v_answer := 'kept';
        -- Of several new rows, nothing says which one is the old row.
        if v_retry.candidates > 1 and not exists (select from public.sync_approvals as a where a.used_by = p_run) then
            return v_answer;
        end if;
        -- It is the old row by the columns of `rename_by`. Not when the new key is another row of the table, nor as one of several: an
        -- approval says that the old row may go, not which row it is.
        v_is_same := false;
        if v_retry.candidates <= 1 and not public.sync_has_row(p_target, v_retry.row_key) then
            select string_agg(format('t.%I is not distinct from %s', c.name, format(c.reads, '$2 -> ''v''', c.ordinal)), ' and ')
                   || ' and num_nonnulls(' || string_agg(format('t.%I', c.name), ', ') || ') > 0'
            into v_same
            from public.sync_mapped_columns(p_target) as c
            where c.name = any (p_target.rename_by);
            if v_retry.blocked_on @> to_jsonb(p_target.rename_by) and v_same is not null then
                -- A trigger may have made other values of the sheet's: the index that refuses the new row has seen them.
                v_is_same := public.sync_has_row(p_target, p_row_key);
            elsif v_same is not null then
                execute format('select exists (select from %s as t where %s and %s)', v_table,
                               public.sync_same_key_sql(p_target, 't', '$1'), v_same)
                    into v_is_same using p_row_key, v_retry.item;
            end if;
        end if;
        continue when not v_is_same and not p_may_delete;
        begin
            if v_is_same then
                set local search_path to default; -- as in sync_merge
                execute (
                    select format('/* sheetsync */ update %s as t set %s where %s', v_table,
                                  string_agg(format('%I = %s', c.name, format(c.reads, '$2 -> ''v''', c.ordinal)), ', '),
                                  public.sync_same_key_sql(p_target, 't', '$1'))
                    from public.sync_mapped_columns(p_target) as c
                    where c.is_key) using p_row_key, v_retry.item;
                set local search_path to '';
                delete from public.sync_rows as r
                where r.sync = p_target.sync and r.key_hash = v_retry.key_hash and r.row_key = v_retry.row_key;
                update public.sync_rows as r
                set key_hash = v_retry.key_hash, row_key = v_retry.row_key, content_hash = null, last_seq = p_target.seq,
                    missing_count = null, missing_seq = null, missing_since = null
                where r.sync = p_target.sync and r.key_hash = p_key_hash and r.row_key = p_row_key and r.state = 'present';
                v_answer := 'renamed';
            else
                perform public.sync_attempt(p_target, p_run, 'delete', array[jsonb_build_object('k', p_row_key, 'h', p_key_hash)], false, null);
                v_answer := 'replaced';
            end if;
            select a.counts, a.refused into v_counts, v_refused
            from public.sync_apply_isolated(p_target, p_run, 'upsert', array[v_retry.item], v_retry.letters, array['acts']) as a;
            -- That a trigger keeps a value does not keep the row from its key.
            if exists (select from unnest(v_refused) as f (refusal) where not v_is_same or f.refusal ->> 'code' <> 'kept_by_trigger') then
                raise exception using errcode = 'SY003', message = 'the new row is still refused: the old one stays';
            end if;
            perform public.sync_refused_again(p_target, p_run, v_refused);
            perform public.sync_settled(p_target, p_run, v_counts -> 'acts');
            return v_answer;
        exception when others or assert_failure or query_canceled then
            get stacked diagnostics v_code = returned_sqlstate, v_context = pg_exception_context;
            if v_code <> 'SY003' and not public.sync_is_row_fault(v_code, v_context) then
                raise;
            end if;
            v_answer := 'kept';
        end;
    end loop;
    return v_answer;
end
$fn$;

-- Carries out a batch of vanished keys, which nothing withholds: who else has the row, whether enough reads have missed it, whether
-- it is a row with a new key. Only rows that this sync wrote or adopted are ever deleted (promise 6). Counts: deleted; unchanged:
-- left in the table by the policy, for another sync, under a new key, or gone already; skipped: not this sync's row; unconfirmed.
create or replace function public.sync_apply_deletes(
    p_target    public.sync_targets,
    p_run       uuid,
    p_hashes    bigint[],
    p_is_trial  boolean default false,
    out counts  jsonb,
    out refused jsonb[]
)
language plpgsql volatile
set search_path = ''
as $$
declare
    v_hashes    bigint[];
    v_keys      text[];
    v_confirmed text[];
    v_key       text;
    v_hash      bigint;
    v_done      text;
    v_other     record;
    v_some      record;
    v_unchanged integer := 0;
    v_skipped   integer;
begin
    counts := '{}';
    refused := '{}';
    -- In the order of the row keys, like every other batch.
    perform from public.sync_rows as r
    where r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.state in ('present', 'claimed')
    order by r.row_key for update;
    -- A claim, or a row that the mode left alone: this sync gives up what it never had.
    delete from public.sync_rows as r
    where r.sync = p_target.sync and r.key_hash = any (p_hashes)
      and (r.state = 'claimed' or r.state = 'present' and r.said is null);
    select array_agg(r.row_key order by r.row_key), array_agg(r.key_hash order by r.row_key)
    into v_keys, v_hashes
    from public.sync_rows as r
    where r.sync = p_target.sync and r.key_hash = any (p_hashes) and r.state = 'present';
    v_skipped := cardinality(p_hashes) - coalesce(cardinality(v_keys), 0);
    if v_keys is null then
        counts := jsonb_build_object('skipped', v_skipped);
        return;
    end if;

    for v_other in
        select o.sync, array_agg(o.key_hash) as hashes, array_agg(o.row_key) as keys
        from public.sync_other_claims(p_target, v_hashes, v_keys) as o
        group by o.sync
    loop
        perform public.sync_hand_over(p_target.sync, t, v_other.hashes, v_other.keys, 'present', 'present')
        from public.sync_targets as t where t.sync = v_other.sync;
        delete from public.sync_rows as r
        where r.sync = p_target.sync and r.key_hash = any (v_other.hashes) and r.row_key = any (v_other.keys);
        v_unchanged := v_unchanged + cardinality(v_other.keys);
        v_keys := array(select k.row_key from unnest(v_keys) as k (row_key) where k.row_key <> all (v_other.keys) order by k.row_key);
    end loop;

    v_confirmed := case p_target.delete_policy when 'ignore' then '{}' else public.sync_confirm_missing(p_target, p_run, v_hashes) end;
    v_confirmed := array(select k.row_key from unnest(v_confirmed) as k (row_key) where k.row_key = any (v_keys) order by k.row_key);
    for v_key, v_hash in
        select distinct r.row_key, r.key_hash
        from public.sync_retries as x
        join public.sync_rows as r on r.sync = p_target.sync and r.key_hash = any (v_hashes) and r.row_key = x.blocked_by
        where x.run = p_run and x.blocked_by = any (v_keys)
        order by 1
    loop
        v_done := public.sync_resolve_rename(p_target, p_run, v_key, v_hash, v_key = any (v_confirmed));
        continue when v_done is null or v_done = 'kept' and v_key <> all (v_confirmed);
        v_keys := array_remove(v_keys, v_key);
        v_confirmed := array_remove(v_confirmed, v_key);
        if v_done = 'renamed' then
            v_unchanged := v_unchanged + 1;
        elsif v_done = 'replaced' then
            counts := public.sync_add_counts(counts, '{"deleted": 1}');
        else
            -- Never a deletion without the row that takes its place.
            refused := refused || jsonb_build_object('rowKey', v_key, 'column', null, 'code', 'kept_for_rename', 'message',
                format('the row %s is gone from the sheet but stays in the table: a row with another key needs its value and was refused', v_key));
        end if;
    end loop;

    if p_target.delete_policy = 'ignore' then
        update public.sync_rows as r
        set state = 'absent', last_seq = p_target.seq
        where r.sync = p_target.sync and r.key_hash = any (v_hashes) and r.row_key = any (v_keys) and r.state = 'present';
        counts := jsonb_build_object('skipped', v_skipped, 'unchanged', v_unchanged + cardinality(v_keys));
        return;
    end if;

    select a.* into v_some
    from public.sync_apply_isolated(p_target, p_run, 'delete', array(
        select jsonb_build_object('k', r.row_key, 'h', r.key_hash)
        from public.sync_rows as r
        where r.sync = p_target.sync and r.key_hash = any (v_hashes) and r.row_key = any (v_confirmed)
        order by r.row_key)) as a;
    refused := refused || v_some.refused;
    counts := public.sync_add_counts(counts, v_some.counts) || jsonb_build_object(
        'skipped', v_skipped,
        'unchanged', v_unchanged + coalesce((v_some.counts ->> 'unchanged')::integer, 0),
        'unconfirmed', cardinality(v_keys) - cardinality(v_confirmed));
    -- What these rows held is free now.
    update public.sync_retries as x set settled = false where x.run = p_run and public.sync_depends_on_others(x.code);
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_left_out, sync_deletes_withheld, sync_approved_deletes, sync_use_approval, sync_approve_deletes, sync_delete_rows,
    sync_other_claims, sync_confirm_missing, sync_resolve_rename, sync_apply_deletes
}'); end $$;

notify pgrst, 'reload schema';
