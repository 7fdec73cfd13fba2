-- Takes back 089.
drop view if exists public.sync_status;

notify pgrst, 'reload schema';
