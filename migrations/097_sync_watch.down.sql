-- Takes back 097.
drop function if exists public.sync_closed_runs(jsonb);
drop index if exists public.sync_state_unreported;
alter table if exists public.sync_state drop column if exists report_claimed_at;
alter table if exists public.sync_state drop column if exists reported_at;

notify pgrst, 'reload schema';
