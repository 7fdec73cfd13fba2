-- What the scheduler does for its runs besides sending batches: signs of life, dead letters, and forgetting old runs.
-- Safe to run twice.

-- A sign of life of a run whose sheet is being read; the first makes it in_progress. Answers the run's status: a scheduler
-- that hears 'superseded' or 'failed' stops reading.
create or replace function public.sync_heartbeat(p_run uuid)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_status text;
begin
    update public.sync_state as s
    set status = 'in_progress', heartbeat_at = clock_timestamp()
    where s.id = p_run and s.status in ('queued', 'in_progress')
    returning s.status into v_status;
    if not found then
        select s.status into v_status from public.sync_state as s where s.id = p_run;
    end if;
    return jsonb_build_object('status', v_status);
end
$$;

-- Tells open runs of their batches that lie among the dead letters: SQS itself moves a message that was received too often,
-- and a worker may die between moving a batch to the dead-letter queue and recording it in its run. Without this such a run would never end.
-- p_letters: [{"run", "kind", "lo", "hi", "rows", "reason"}]. Repeatable: what the ledger has is not told again, so a batch
-- that was redriven meanwhile keeps what became of it.
create or replace function public.sync_dead_letters(p_letters jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_letter record;
    v_told   integer := 0;
begin
    if jsonb_array_length(p_letters) > 1000 then
        raise invalid_parameter_value using message = 'at most 1000 dead letters a call';
    end if;
    for v_letter in
        select distinct on (l.run, l.kind, l.lo, l.hi) l.*
        from jsonb_to_recordset(p_letters) as l (run uuid, kind text, lo bigint, hi bigint, rows bigint, reason text)
        join public.sync_state as s on s.id = l.run and s.status in ('queued', 'in_progress')
        where l.kind in ('upsert', 'delete') and l.lo < l.hi
        order by l.run, l.kind, l.lo, l.hi
    loop
        if not exists (
            select
            from public.sync_batches as b
            where b.run = v_letter.run and b.kind = v_letter.kind and b.lo < v_letter.hi and b.hi > v_letter.lo
              and b.outcome in ('applied', 'withheld', 'failed')
        ) then
            perform public.sync_fail(
                v_letter.run,
                jsonb_build_object('kind', v_letter.kind, 'lo', v_letter.lo, 'hi', v_letter.hi, 'rows', v_letter.rows),
                jsonb_build_object('type', 'unknown', 'code', 'dead_letter', 'final', true,
                                   'message', 'a batch is among the dead letters: ' || coalesce(v_letter.reason, 'no reason given')));
            v_told := v_told + 1;
        end if;
    end loop;
    return jsonb_build_object('told', v_told);
end
$$;

-- Forgets a sync's runs that began longer ago than so many days, with their batches and errors. What is open stays: a run
-- that has not ended, a run with an error that is not resolved; and so do the current run and the last complete one. At
-- most 1000 runs a call, so that it never takes long.
create or replace function public.sync_prune(p_sync text, p_days integer default 90)
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '30s'
as $$
declare
    v_runs   integer;
    v_errors integer;
begin
    if p_days is null or p_days < 1 then
        raise invalid_parameter_value using message = 'keep runs for at least a day';
    end if;
    -- Errors that were resolved long ago go by themselves: their run may have to stay for another of its errors.
    delete from public.sync_errors as e
    where e.sync = p_sync and e.resolved_at < now() - make_interval(days => p_days);
    get diagnostics v_errors = row_count;
    -- Those of rows that are still in the sheet are tried every few hours; without an entry a row is simply tried.
    delete from public.sync_refusals as x
    where x.sync = p_sync and x.tried_at < now() - interval '1 day';

    delete from public.sync_state as s
    where s.id in (
        select o.id
        from public.sync_state as o
        where o.sync = p_sync
          and o.started_at < now() - make_interval(days => p_days)
          and o.status not in ('queued', 'in_progress')
          and not exists (select from public.sync_targets as t where t.sync = o.sync and t.run = o.id)
          and not exists (select from public.sync_errors as e where e.run = o.id and e.resolved_at is null)
          and o.id is distinct from (
              select g.id
              from public.sync_state as g
              where g.sync = p_sync and g.status = 'completed' and g.sync_type <> 'selective'
              order by g.started_at desc
              limit 1)
        order by o.started_at
        limit 1000);
    get diagnostics v_runs = row_count;
    return jsonb_build_object('runs', v_runs, 'errors', v_errors);
end
$$;

revoke all on function public.sync_heartbeat(uuid) from public, anon, authenticated;
revoke all on function public.sync_dead_letters(jsonb) from public, anon, authenticated;
revoke all on function public.sync_prune(text, integer) from public, anon, authenticated;
grant execute on function public.sync_heartbeat(uuid) to service_role;
grant execute on function public.sync_dead_letters(jsonb) to service_role;
grant execute on function public.sync_prune(text, integer) to service_role;

notify pgrst, 'reload schema';
