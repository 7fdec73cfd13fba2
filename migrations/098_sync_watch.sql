-- What the scheduler's tick turns into metrics: the runs that have closed since it last looked. Safe to run twice.

-- A run closes in many places (its last batch, its plan, a refusal, a stop, a run that takes over, a redrive): the tick asks the
-- tables once for all of them, so that no way to end is silent.
create index if not exists sync_state_unreported on public.sync_state (completed_at)
    where completed_at is not null and reported_at is distinct from completed_at;

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

revoke all on function public.sync_closed_runs(jsonb) from public, anon, authenticated;
grant execute on function public.sync_closed_runs(jsonb) to service_role;

notify pgrst, 'reload schema';
