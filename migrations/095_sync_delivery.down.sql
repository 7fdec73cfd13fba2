-- Takes back 095.
drop function if exists public.sync_reload_schema();
drop function if exists public.sync_ping();

notify pgrst, 'reload schema';
