-- Takes back 097.
drop function if exists public.sync_closed_runs(jsonb);
drop index if exists public.sync_state_unreported;

notify pgrst, 'reload schema';
