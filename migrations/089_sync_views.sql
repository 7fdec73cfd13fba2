-- A view for people with a psql. Not here: history and errors, which are read from their tables. Safe to run twice.

-- One row for a sync: its last run, the run under way, the last run that left the table equal to the sheet.
create or replace view public.sync_status
with (security_invoker = true)
as
    with recursive sync (sync) as (
        -- One step of the index per sync, not per run.
        (select s.sync from public.sync_state as s order by s.sync limit 1)
        union all
        select (select s.sync from public.sync_state as s where s.sync > y.sync order by s.sync limit 1)
        from sync as y
        where y.sync is not null
    )
    select y.sync,
           last.id as last_run, last.sync_type as last_type, last.status as last_status,
           last.started_at as last_started_at, last.completed_at as last_completed_at,
           open.id as running_run, open.seq as running_seq, open.sync_type as running_type,
           open.started_at as running_since, open.heartbeat_at as running_heartbeat_at, open.planned_at as running_planned_at,
           open.rows_sent as running_rows_sent, open.rows_done as running_rows_done,
           open.batches_total as running_batches_total, open.batches_done as running_batches_done,
           good.id as completed_run, good.started_at as completed_started_at, good.completed_at as completed_at,
           wrong.rejections as open_rejections, wrong.failures as open_failures
    from sync as y
    cross join lateral (
        select s.* from public.sync_state as s where s.sync = y.sync order by s.started_at desc limit 1
    ) as last
    left join lateral (
        select s.* from public.sync_state as s
        where s.sync = y.sync and s.status in ('queued', 'in_progress')
        order by s.started_at desc limit 1
    ) as open on true
    left join lateral (
        -- A selective run proves nothing about the rest of the sheet.
        select s.* from public.sync_state as s
        where s.sync = y.sync and s.status = 'completed' and s.sync_type <> 'selective'
        order by s.started_at desc limit 1
    ) as good on true
    cross join lateral (
        select count(*) filter (where e.error_type = 'validation') as rejections,
               count(*) filter (where e.error_type <> 'validation') as failures
        from public.sync_errors as e
        where e.sync = y.sync and e.resolved_at is null
    ) as wrong
    where y.sync is not null;

comment on view public.sync_status is 'One row per sync: last run, run under way, last complete run, open problems.';
comment on column public.sync_status.completed_started_at is 'When the sheet was read that the table was last fully equal to: what freshness is counted from.';

revoke all on public.sync_status from public, anon, authenticated;
grant select on public.sync_status to service_role;

notify pgrst, 'reload schema';
