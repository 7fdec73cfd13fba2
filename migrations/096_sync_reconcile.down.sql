-- Takes back 096.
drop function if exists public.sync_verified(uuid, jsonb);
drop function if exists public.sync_verify_due(public.sync_targets);
drop function if exists public.sync_drift(text, boolean);

notify pgrst, 'reload schema';
