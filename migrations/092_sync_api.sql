-- What the status API reads and records: where every sync stands, its statistics, a page of its problems, and who acted. And what the
-- scheduler's tick turns into metrics: the runs that have closed since it last looked.
-- Each read is one JSON value, because hosted Supabase cuts table reads at 1000 rows. Each of the API ends after two seconds: it gives
-- up after one, and PostgREST does not cancel what its client no longer waits for. Safe to run twice.

-- Where every sync stands (or only p_sync): its runs that matter, its open problems, its last 24 hours.
create or replace function public.sync_overview(p_sync text default null)
returns jsonb
language sql stable
set search_path = ''
set statement_timeout = '2s'
as $$
    with recursive name (sync) as (
        -- One step of the index per sync, not per run.
        (select s.sync from public.sync_state as s order by s.sync limit 1)
        union all
        select (select s.sync from public.sync_state as s where s.sync > n.sync order by s.sync limit 1)
        from name as n
        where n.sync is not null
    )
    select coalesce(jsonb_agg(jsonb_build_object(
               'sync', n.sync,
               'lastRun', to_jsonb(last) - 'keys' - 'verification',
               'runningRun', to_jsonb(running) - 'keys' - 'verification',
               'completedRun', to_jsonb(good) - 'keys' - 'verification',
               'closedRun', to_jsonb(closed) - 'keys' - 'verification',
               'firstAt', first.started_at,
               'provedAt', proved.proved_at,
               'checkedAt', checked.checked_at,
               'reconcileSeconds', (select t.reconcile_seconds from public.sync_targets as t where t.sync = n.sync),
               'verification', case when verified.id is not null then jsonb_build_object(
                   'run', verified.id, 'at', verified.verification -> 'at', 'verdict', verified.verification -> 'verdict',
                   'rowsCompared', verified.verification -> 'rowsCompared', 'repair', verified.verification -> 'repair',
                   'differences', verified.verification -> 'differences') end,
               'appliedAt', applied.started_at,
               'scheduledAt', scheduled.started_at,
               'passingFailures', public.sync_passing_failures(n.sync),
               -- After faults that pass: how long after `pausedAt` the next scheduled run is due; null: after `every`.
               'pauseSeconds', public.sync_pause_seconds(n.sync, null),
               'pausedAt', coalesce(scheduled.completed_at, scheduled.started_at),
               -- The rhythm of the last scheduled run; null when the clock never started one.
               'everySeconds', scheduled.metadata -> 'everySeconds',
               'stallSeconds', scheduled.metadata -> 'stallSeconds',
               'open', problems.open,
               'conflicts24h', problems.conflicts,
               'last24h', to_jsonb(day)) order by n.sync), '[]')
    from name as n
    cross join lateral (
        select s.* from public.sync_state as s where s.sync = n.sync order by s.started_at desc limit 1
    ) as last
    left join lateral (
        select s.* from public.sync_state as s
        where s.sync = n.sync and s.status in ('queued', 'in_progress')
        order by s.started_at desc limit 1
    ) as running on true
    left join lateral (
        -- A selective run proves nothing about the rest of the sheet.
        select s.* from public.sync_state as s
        where s.sync = n.sync and s.status = 'completed' and s.sync_type <> 'selective'
        order by s.started_at desc limit 1
    ) as good on true
    left join lateral (
        select s.proved_at from public.sync_state as s
        where s.sync = n.sync and s.proved_at is not null
        order by s.started_at desc limit 1
    ) as proved on true
    left join lateral (
        select s.checked_at from public.sync_state as s
        where s.sync = n.sync and s.checked_values
        order by s.started_at desc limit 1
    ) as checked on true
    left join lateral (
        select s.id, s.verification from public.sync_state as s
        where s.sync = n.sync and s.verification is not null
        order by s.started_at desc limit 1
    ) as verified on true
    left join lateral (
        -- How the last run ended that was not taken over.
        select s.* from public.sync_state as s
        where s.sync = n.sync and s.status in ('completed', 'partial', 'failed')
        order by s.started_at desc limit 1
    ) as closed on true
    cross join lateral (
        select min(s.started_at) as started_at from public.sync_state as s where s.sync = n.sync
    ) as first
    left join lateral (
        -- A run of which no row arrived brought nothing over.
        select s.started_at from public.sync_state as s
        where s.sync = n.sync and s.status in ('completed', 'partial') and s.sync_type <> 'selective'
          and (s.success > 0 or s.total_rows = s.skipped - s.withheld)
        order by s.started_at desc limit 1
    ) as applied on true
    left join lateral (
        select s.started_at, s.completed_at, s.metadata from public.sync_state as s
        where s.sync = n.sync and s.sync_type = 'scheduled'
        order by s.started_at desc limit 1
    ) as scheduled on true
    cross join lateral (
        select coalesce(jsonb_object_agg(t.error_type, t.open) filter (where t.open > 0), '{}') as open,
               coalesce(sum(t.recent) filter (where t.error_type = 'conflict'), 0) as conflicts
        from (
            select e.error_type, count(*) filter (where e.resolved_at is null) as open,
                   count(*) filter (where e.last_seen > now() - interval '24 hours') as recent
            from public.sync_errors as e
            where e.sync = n.sync and (e.resolved_at is null or e.last_seen > now() - interval '24 hours')
            group by e.error_type
        ) as t
    ) as problems
    cross join lateral (
        select count(*) as runs,
               count(*) filter (where s.status = 'completed') as completed,
               count(*) filter (where s.status = 'partial') as partial,
               count(*) filter (where s.status = 'failed') as failed,
               coalesce(sum(s.total_rows) filter (where s.completed_at is not null), 0) as rows_read,
               coalesce(sum(s.rejected + s.failed) filter (where s.completed_at is not null), 0) as rows_wrong,
               -- Rows that were to arrive, and those that did; what a run left over, the run that took over counts.
               coalesce(sum(s.total_rows - (s.skipped - s.withheld))
                        filter (where s.status in ('completed', 'partial', 'failed')), 0) as rows_due,
               coalesce(sum(s.success) filter (where s.status in ('completed', 'partial', 'failed')), 0) as rows_arrived,
               avg(d.seconds) as average_seconds,
               percentile_cont(0.5) within group (order by d.seconds) as median_seconds,
               percentile_cont(0.95) within group (order by d.seconds) as p95_seconds,
               sum(s.rows_done) filter (where d.seconds > 0) / nullif(sum(d.seconds) filter (where s.rows_done > 0), 0)
                   as rows_per_second
        from public.sync_state as s
        cross join lateral (
            select case when s.status in ('completed', 'partial') then extract(epoch from s.completed_at - s.started_at)::float8
                   end as seconds
        ) as d
        where s.sync = n.sync and s.started_at > now() - interval '24 hours'
    ) as day
    where n.sync is not null and (p_sync is null or n.sync = p_sync)
$$;

-- The runs of a sync and its problems in equal steps of time from p_from to p_to; every step is there, also an empty one.
-- Durations are those of runs that came through. A problem counts in the step in which it was first seen.
create or replace function public.sync_statistics(
    p_sync           text,
    p_from           timestamptz,
    p_to             timestamptz,
    p_bucket_seconds integer
)
returns jsonb
language sql stable
set search_path = ''
set statement_timeout = '2s'
as $$
    with bucket (at) as (
        select generate_series(p_from, p_to - make_interval(secs => p_bucket_seconds), make_interval(secs => p_bucket_seconds))
    ),
    run as (
        select date_bin(make_interval(secs => p_bucket_seconds), s.started_at, p_from) as at, s.status, s.rows_done,
               s.inserted, s.updated, s.deleted, s.rejected,
               case when s.status in ('completed', 'partial') then extract(epoch from s.completed_at - s.started_at)::float8
               end as seconds
        from public.sync_state as s
        where s.sync = p_sync and s.started_at >= p_from and s.started_at < p_to
    ),
    point as (
        select b.at,
               count(r.at) as runs,
               count(*) filter (where r.status = 'completed') as completed,
               count(*) filter (where r.status = 'partial') as partial,
               count(*) filter (where r.status = 'failed') as failed,
               avg(r.seconds) as "averageSeconds",
               percentile_cont(0.95) within group (order by r.seconds) as "p95Seconds",
               coalesce(sum(r.rows_done), 0) as rows,
               sum(r.rows_done) filter (where r.seconds > 0) / nullif(sum(r.seconds) filter (where r.rows_done > 0), 0)
                   as "rowsPerSecond",
               coalesce(sum(r.inserted), 0) as inserted,
               coalesce(sum(r.updated), 0) as updated,
               coalesce(sum(r.deleted), 0) as deleted,
               coalesce(sum(r.rejected), 0) as rejected
        from bucket as b
        left join run as r using (at)
        group by b.at
    ),
    problem as (
        select date_bin(make_interval(secs => p_bucket_seconds), e.first_seen, p_from) as at, e.error_type, count(*) as problems
        from public.sync_errors as e
        where e.sync = p_sync and e.first_seen >= p_from and e.first_seen < p_to
        group by 1, 2
    )
    select jsonb_build_object(
        'points', (select coalesce(jsonb_agg(to_jsonb(p) order by p.at), '[]') from point as p),
        'errors', (
            select coalesce(jsonb_agg(jsonb_build_object('at', b.at, 'byType', coalesce(t.by_type, '{}')) order by b.at), '[]')
            from bucket as b
            left join (
                select p.at, jsonb_object_agg(p.error_type, p.problems) as by_type from problem as p group by p.at
            ) as t using (at)),
        'errorTotals', (
            select coalesce(jsonb_object_agg(t.error_type, t.problems), '{}')
            from (select p.error_type, sum(p.problems) as problems from problem as p group by p.error_type) as t))
$$;

-- One page of problems, in the order of the sheet; those without a row come last. The next page begins after the last
-- entry's (place, id). Every condition may be null. p_search is looked for in any text of the entry, whatever its case.
create or replace function public.sync_errors_page(
    p_sync        text default null,
    p_run         uuid default null,
    p_open        boolean default null,
    p_type        text default null,
    p_search      text default null,
    p_row_key     text default null,
    p_cell        text default null,
    p_after_place bigint default null,
    p_after_id    bigint default null,
    p_limit       integer default 100
)
returns jsonb
language plpgsql stable
set search_path = ''
set statement_timeout = '2s'
-- With the conditions that are null out of the way, the index of the sync or of the run serves the rest.
set plan_cache_mode = 'force_custom_plan'
as $$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(p) order by p.place, p.id), '[]')
        from (
            select e.*, coalesce(e.row_number, 2147483647) as place, s.metadata -> 'tabId' as tab_id
            from public.sync_errors as e
            join public.sync_state as s on s.id = e.run
            where (p_sync is null or e.sync = p_sync)
              and (p_run is null or e.run = p_run)
              and (p_open is null or p_open = (e.resolved_at is null))
              and (p_type is null or e.error_type = p_type)
              and (p_row_key is null or e.row_key = p_row_key)
              and (p_cell is null or e.cell = upper(p_cell))
              and (p_search is null or strpos(
                      lower(concat_ws(chr(10), e.row_key, e.header, e.column_name, e.cell, e.code, e.message, e.raw)),
                      lower(p_search)) > 0)
              and (p_after_id is null or (coalesce(e.row_number, 2147483647), e.id) > (p_after_place, p_after_id))
            order by coalesce(e.row_number, 2147483647), e.id
            limit least(greatest(p_limit, 1), 1000)
        ) as p);
end
$$;

-- Records an action before it is done; answers the entry's id.
create or replace function public.sync_record_action(p_who text, p_action text, p_sync text, p_why text, p_details jsonb)
returns bigint
language sql volatile
set search_path = ''
as $$
    insert into public.sync_audit (who, action, sync, why, details)
    values (p_who, p_action, p_sync, coalesce(p_why, ''), coalesce(p_details, '{}'))
    returning id
$$;

-- The runs that have closed and are not reported yet, oldest first, at most 100; before that it marks those in p_reported
-- ([{"id","completed_at"}], as it gave them out) as reported. An answer that was lost is given again after a minute: a run is
-- reported at least once. What closed more than a day ago is not news.
create or replace function public.sync_closed_runs(p_reported jsonb default '[]')
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '5s'
as $$
declare
    v_runs jsonb;
begin
    update public.sync_state as s
    set reported_at = r.completed_at
    from jsonb_to_recordset(p_reported) as r (id uuid, completed_at timestamptz)
    where s.id = r.id;

    with claimed as (
        update public.sync_state as s
        set report_claimed_at = clock_timestamp()
        where s.id in (
            select c.id
            from public.sync_state as c
            where c.completed_at is not null and c.reported_at is distinct from c.completed_at
              and c.completed_at > clock_timestamp() - interval '1 day'
              and (c.report_claimed_at is null or c.report_claimed_at < clock_timestamp() - interval '1 minute'
                   or c.report_claimed_at < c.completed_at)
            order by c.completed_at
            limit 100
            -- Two ticks that overlap take different runs, and none waits for a batch that is being accounted.
            for update skip locked)
        returning s.*
    )
    select coalesce(jsonb_agg(to_jsonb(c) - array['keys', 'vanished', 'adoption', 'metadata'] order by c.completed_at), '[]')
    into v_runs
    from claimed as c;
    return v_runs;
end
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_overview, sync_statistics, sync_errors_page, sync_record_action, sync_closed_runs
}'); end $$;

notify pgrst, 'reload schema';
