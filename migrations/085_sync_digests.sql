-- What the scheduler compares before it sends anything: the sheet with the books (sync_range_digests, sync_row_hashes: coarse and then
-- fine), and the books with the table (sync_drift: which rows the table no longer has, and in which it no longer holds what the sheet
-- says). And what the comparison of sheet and table in full found. Nothing here writes to a target table: what differs is sent again by
-- the run that asks. Safe to run twice.
--
-- The digests read the primary key of sync_rows alone. Nothing is stored that could fall out of step with sync_rows.
-- Measured with 1,000,000 rows on two busy cores: all digests at 11 bits 1.3 s, all row hashes 1.2 to 1.7 s, those of 11 ranges 20 ms.

-- The first key hash of range `p_range` of 2^p_bits, and the last. Signed order is the order of the ranges.
create or replace function public.sync_range_bounds(p_bits integer, p_range bigint, out lo bigint, out hi bigint)
language sql immutable parallel safe
set search_path = ''
as $$
    select first.lo,
           case p_bits when 0 then 9223372036854775807 else first.lo | (9223372036854775807 >> (p_bits - 1)) end
    from (
        select case p_bits
                   when 0 then -9223372036854775808
                   else (p_range - (1::bigint << (p_bits - 1))) << (64 - p_bits)
               end as lo
    ) as first
$$;

-- {"rows": N, "ranges": [[index, count, "digest"], …]}; an empty range is not listed.
create or replace function public.sync_range_digests(p_sync text, p_bits integer)
returns jsonb
language plpgsql stable
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_answer jsonb;
begin
    if p_bits not between 0 and 20 then
        raise invalid_parameter_value using message = format('bits must be 0 to 20, not %s', p_bits);
    end if;

    with present as (
        -- An arithmetic shift keeps the sign, so half the number of ranges is added to count from 0.
        select case p_bits
                   when 0 then 0
                   else (r.key_hash >> (64 - p_bits)) + (1::bigint << (p_bits - 1))
               end as range,
               r.key_hash, coalesce(r.content_hash, 0) as content_hash
        from public.sync_rows as r
        where r.sync = p_sync and r.state in ('present', 'claimed')
        order by r.key_hash, content_hash
    ),
    digested as (
        select p.range, count(*) as rows,
               encode(sha256(string_agg(int8send(p.key_hash) || int8send(p.content_hash), ''::bytea
                                        order by p.key_hash, p.content_hash)), 'hex') as digest
        from present as p
        group by p.range
    )
    select jsonb_build_object(
               'rows', coalesce(sum(d.rows), 0),
               'ranges', coalesce(jsonb_agg(jsonb_build_array(d.range, d.rows, d.digest) order by d.range), '[]'))
    into v_answer
    from digested as d;
    return v_answer;
end
$$;

-- Base64 of 16-byte pairs (key hash, content hash; big-endian; null = 0), in key-hash order.
create or replace function public.sync_row_hashes(p_sync text, p_bits integer, p_ranges integer[])
returns text
language plpgsql stable
set search_path = ''
set statement_timeout = '30s'
-- The planner cannot know how narrow a range is: without this it reads all rows for each.
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_answer text;
begin
    if p_bits not between 0 and 20 then
        raise invalid_parameter_value using message = format('bits must be 0 to 20, not %s', p_bits);
    end if;

    with wanted as (
        select distinct w.range from unnest(p_ranges) as w (range)
    ),
    packed as (
        select b.lo, r.pairs
        from wanted as w
        cross join lateral public.sync_range_bounds(p_bits, w.range) as b
        cross join lateral (
            select string_agg(int8send(r.key_hash) || int8send(coalesce(r.content_hash, 0)), ''::bytea
                              order by r.key_hash, coalesce(r.content_hash, 0)) as pairs
            from public.sync_rows as r
            where r.sync = p_sync and r.state in ('present', 'claimed') and r.key_hash between b.lo and b.hi
        ) as r
    )
    -- encode() breaks its lines.
    select coalesce(translate(encode(string_agg(p.pairs, ''::bytea order by p.lo), 'base64'), E'\n', ''), '')
    into v_answer
    from packed as p;
    return v_answer;
end
$$;

-- The SQL that gives the table of a sync the drift triggers, or with p_remove takes them away: for its owner to read and to run, because
-- Sheetsync itself alters no table. With them each run compares the values of the rows that others wrote, and not only every
-- reconcile_every. Writes to a single partition, and with triggers disabled, are not noted: the comparison of all rows finds those.
create or replace function public.sync_drift_triggers(p_sync text, p_remove boolean default false)
returns text
language plpgsql stable
set search_path = ''
as $fn$
declare
    v_target   public.sync_targets;
    v_function text;
    v_table    text;
begin
    select * into v_target from public.sync_targets as t where t.sync = p_sync;
    if not found then
        raise invalid_parameter_value using message = format('there is no sync %s: it must have run once', p_sync);
    end if;
    v_table := public.sync_table_sql(v_target.table_name);
    v_function := format('public.%I', 'sheetsync_note_' || left(v_target.table_name, 40) || '_' || left(md5(v_target.table_name), 6));
    if p_remove then
        return format(E'drop trigger if exists sheetsync_note_update on %1$s;\ndrop trigger if exists sheetsync_note_delete on %1$s;\n'
                      'drop trigger if exists sheetsync_note_truncate on %1$s;\ndrop function if exists %2$s();\n', v_table, v_function);
    end if;
    return format($sql$create or replace function %1$s() returns trigger language plpgsql security definer set search_path = '' as $note$
begin
    if current_setting('sheetsync.writes', true) = 'on' then
        return null;
    elsif tg_op = 'TRUNCATE' then
        insert into public.sync_touched (table_name) values (%3$L);
    elsif tg_op = 'DELETE' then
        insert into public.sync_touched (table_name, row_key) select %3$L, %4$s from old_rows as o;
    else
        insert into public.sync_touched (table_name, row_key)
        select %3$L, %4$s from old_rows as o union select %3$L, %5$s from new_rows as n;
    end if;
    return null;
end
$note$;
create or replace trigger sheetsync_note_update after update on %2$s referencing old table as old_rows new table as new_rows
    for each statement execute function %1$s();
create or replace trigger sheetsync_note_delete after delete on %2$s referencing old table as old_rows
    for each statement execute function %1$s();
create or replace trigger sheetsync_note_truncate after truncate on %2$s
    for each statement execute function %1$s();
$sql$, v_function, v_table, v_target.table_name, public.sync_row_key_sql(v_target, 'o'), public.sync_row_key_sql(v_target, 'n'));
end
$fn$;

-- What the books call present and the table lacks, and in which rows a column that the sheet owns is not what was written:
-- {"missing", "differing", "at", "values", "whole"}. Both lists are Base64 of key hashes (8 bytes each, big-endian), in order.
-- `p_values`: whether values are compared too, not only keys; null: when reconcile_seconds have passed since the last time, and of
-- rows that the drift triggers noted always.
-- `values` in the answer: they were, or the sheet owns no column. `whole`: of all rows, not only of those that were noted.
-- Rows that are sent again anyway (no content hash) are left out.
-- Measured with 100,000 rows of 12 columns: keys 70 ms, values of 11 columns 310 to 380 ms more.
create or replace function public.sync_drift(p_sync text, p_values boolean default null)
returns jsonb
language plpgsql stable
set search_path = ''
set statement_timeout = '30s'
as $fn$
declare
    v_target    public.sync_targets;
    v_owned     text; -- whether a column that the sheet owns differs; null: there is none
    v_values    boolean;
    v_whole     boolean;
    v_some      text := '';
    v_missing   bytea;
    v_differing bytea;
    v_at        timestamptz := clock_timestamp();
    v_last      timestamptz; -- when all rows were compared last, with their values
begin
    select * into v_target from public.sync_targets as t where t.sync = p_sync;
    if not found then
        return jsonb_build_object('missing', '', 'differing', '', 'at', v_at, 'values', false, 'whole', false);
    end if;
    select max(s.checked_at) into v_last
    from public.sync_state as s
    where s.sync = p_sync and s.checked_values and s.checked_whole
      and s.started_at > v_at - make_interval(secs => v_target.reconcile_seconds + 3600)
      and s.checked_at > v_at - make_interval(secs => greatest(v_target.reconcile_seconds - 30, 0));

    -- With all three triggers, and since all rows were compared under them, only rows that were noted can differ.
    v_whole := p_values is not null or v_last is null
        or 3 > (select count(*)
                from pg_catalog.pg_trigger as g
                where g.tgrelid = (select public.sync_table(v_target.table_name)) and g.tgenabled in ('O', 'A')
                  and g.tgname in ('sheetsync_note_update', 'sheetsync_note_delete', 'sheetsync_note_truncate'))
        or exists (select from public.sync_touched as x where x.table_name = v_target.table_name and x.row_key is null);
    if not v_whole then
        v_some := ' and r.row_key in (select x.row_key from public.sync_touched as x where x.table_name = $2)';
    end if;
    v_values := coalesce(p_values, v_last is null or not v_whole);

    -- Index pages of sync_rows, and the table's key.
    execute format($sql$/* sheetsync */
select string_agg(int8send(r.key_hash), ''::bytea order by r.key_hash)
from public.sync_rows as r
where r.sync = $1 and r.state = 'present' and r.content_hash is not null%s
  and not exists (select from %s as t where %s)$sql$,
                   v_some, public.sync_table_sql(v_target.table_name), public.sync_same_key_sql(v_target, 't', 'r.row_key'))
        into v_missing using p_sync, v_target.table_name;

    -- Rows that the mode leaves alone are not set right.
    if v_target.mode <> 'insert_only' then
        select string_agg(format('%s <> coalesce(r.stored[%2$s], r.said[%2$s])', format(c.hashes, format('t.%I', c.name)), c.ordinal + 1),
                          ' or ' order by c.ordinal)
        into v_owned
        from public.sync_mapped_columns(v_target) as c
        where c.authority = 'sheet' and not c.is_key;
    end if;
    if v_values and v_owned is not null then
        execute format($sql$/* sheetsync */
select string_agg(int8send(r.key_hash), ''::bytea order by r.key_hash)
from (
    select r.key_hash, r.row_key, %s as said, %s as stored
    from public.sync_rows as r
    where r.sync = $1 and r.state = 'present' and r.content_hash is not null and r.said is not null%s
    offset 0
) as r
join %s as t on %s
where %s$sql$,
                       public.sync_base_sql(v_target, p_sync, 'r', 'said'), public.sync_base_sql(v_target, p_sync, 'r', 'stored'), v_some,
                       public.sync_table_sql(v_target.table_name), public.sync_same_key_sql(v_target, 't', 'r.row_key'), v_owned)
            into v_differing using p_sync, v_target.table_name;
    end if;
    -- encode() breaks its lines.
    return jsonb_build_object(
        'missing', translate(encode(coalesce(v_missing, ''), 'base64'), E'\n', ''),
        'differing', translate(encode(coalesce(v_differing, ''), 'base64'), E'\n', ''),
        'at', v_at,
        'values', v_values or v_owned is null,
        'whole', v_whole);
end
$fn$;

-- Whether sheet and table of the sync are to be compared in full. Half a tick of slack, as for `every`.
create or replace function public.sync_verify_due(p_target public.sync_targets)
returns boolean
language sql stable
set search_path = ''
as $$
    select p_target.verify_seconds > 0 and not exists (
        select
        from public.sync_state as s
        where s.sync = p_target.sync and s.verification is not null
          and s.started_at > clock_timestamp() - make_interval(secs => p_target.verify_seconds - 30))
$$;

-- Keeps with its run what the comparison in full found (docs/PROTOCOL.md, "Verification").
create or replace function public.sync_verified(p_run uuid, p_verification jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
begin
    update public.sync_state as s
    set verification = p_verification || jsonb_build_object('at', clock_timestamp())
    where s.id = p_run;
    return jsonb_build_object('recorded', found);
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_range_bounds, sync_range_digests, sync_row_hashes, sync_drift_triggers, sync_drift, sync_verify_due, sync_verified
}'); end $$;

notify pgrst, 'reload schema';
