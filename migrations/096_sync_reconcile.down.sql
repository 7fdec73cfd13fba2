-- Takes back 096.
drop function if exists public.sync_verified(uuid, jsonb);
drop function if exists public.sync_verify_due(public.sync_targets);
drop function if exists public.sync_drift(text, boolean);
drop function if exists public.sync_drift_triggers(text, boolean);
drop table if exists public.sync_touched;

notify pgrst, 'reload schema';
