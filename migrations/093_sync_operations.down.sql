-- Takes back 093.
drop function if exists public.sync_prune(text, integer);
drop function if exists public.sync_dead_letters(jsonb);
drop function if exists public.sync_heartbeat(uuid);

notify pgrst, 'reload schema';
