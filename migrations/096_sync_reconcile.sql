-- The books held against the table: which rows the table no longer has, and in which it no longer holds what the sheet says. And what
-- the comparison of sheet and table in full found. Nothing here writes to a target table: what differs is sent again by the run
-- that asks. Safe to run twice.

-- What the books call present and the table lacks, and in which rows a column that the sheet owns is not what was written:
-- {"missing", "differing", "at", "values"}. Both lists are Base64 of key hashes (8 bytes each, big-endian), in order.
-- `p_values`: whether values are compared too, not only keys; null: when reconcile_seconds have passed since the last time.
-- `values` in the answer: they were, or the sheet owns no column.
-- Rows that are sent again anyway (no content hash) are left out.
-- Measured with 100,000 rows of 12 columns: see docs/PROTOCOL.md, "The books held against the table".
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
    v_missing   bytea;
    v_differing bytea;
    v_at        timestamptz := clock_timestamp();
begin
    select * into v_target from public.sync_targets as t where t.sync = p_sync;
    if not found then
        return jsonb_build_object('missing', '', 'differing', '', 'at', v_at, 'values', false);
    end if;

    -- Index pages of sync_rows, and the table's key.
    execute format($sql$/* sheetsync */
select string_agg(int8send(r.key_hash), ''::bytea order by r.key_hash)
from public.sync_rows as r
where r.sync = $1 and r.state = 'present' and r.content_hash is not null
  and not exists (select from public.%I as t where %s)$sql$,
                   v_target.table_name, public.sync_same_key_sql(v_target, 't', 'r.row_key'))
        into v_missing using p_sync;

    -- Rows that the mode leaves alone are not set right.
    if v_target.mode <> 'insert_only' then
        select string_agg(format('%s <> coalesce(r.stored[%2$s], r.said[%2$s])', format(c.hashes, format('t.%I', c.name)), c.ordinal + 1),
                          ' or ' order by c.ordinal)
        into v_owned
        from public.sync_mapped_columns(v_target) as c
        where c.authority = 'sheet' and not c.is_key;
    end if;
    v_values := coalesce(p_values, not exists (
        select
        from public.sync_state as s
        where s.sync = p_sync and s.checked_values
          and s.checked_at > v_at - make_interval(secs => greatest(v_target.reconcile_seconds - 30, 0))));
    if v_values and v_owned is not null then
        execute format($sql$/* sheetsync */
select string_agg(int8send(r.key_hash), ''::bytea order by r.key_hash)
from (
    select b.key_hash, b.row_key, %s as said, %s as stored
    from public.sync_rows as b
    where b.sync = $1 and b.state = 'present' and b.content_hash is not null and b.said is not null
    offset 0
) as r
join public.%I as t on %s
where %s$sql$,
                       public.sync_base_sql(v_target, p_sync, 'b', 'said'), public.sync_base_sql(v_target, p_sync, 'b', 'stored'),
                       v_target.table_name, public.sync_same_key_sql(v_target, 't', 'r.row_key'), v_owned)
            into v_differing using p_sync;
    end if;
    -- encode() breaks its lines.
    return jsonb_build_object(
        'missing', translate(encode(coalesce(v_missing, ''), 'base64'), E'\n', ''),
        'differing', translate(encode(coalesce(v_differing, ''), 'base64'), E'\n', ''),
        'at', v_at,
        'values', v_values or v_owned is null);
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

do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace
          and p.proname in ('sync_drift', 'sync_verify_due', 'sync_verified')
    loop
        execute format('revoke all on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;

notify pgrst, 'reload schema';
