-- Takes back 089_sync_lifecycle.
drop function if exists public.sync_reload_schema();
drop function if exists public.sync_ping();
drop function if exists public.sync_prune(text, integer);
drop function if exists public.sync_dead_letters(jsonb);
drop function if exists public.sync_heartbeat(uuid);
drop function if exists public.sync_fail(uuid, jsonb, jsonb);
drop function if exists public.sync_planned(uuid, jsonb);
drop function if exists public.sync_reject(uuid, jsonb);
drop function if exists public.sync_stop(uuid, jsonb);
drop function if exists public.sync_account(uuid, text, bigint, bigint, text, integer, jsonb, jsonb);
drop function if exists public.sync_close(uuid);
drop function if exists public.sync_approve_adoption(uuid, text, text, text);
drop function if exists public.sync_adoption(uuid);
drop function if exists public.sync_withheld_digest(text);
drop function if exists public.sync_record_errors(text, uuid, text, jsonb);

notify pgrst, 'reload schema';
