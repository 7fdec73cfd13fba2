-- Takes back 085_sync_digests.
drop function if exists public.sync_verified(uuid, jsonb);
drop function if exists public.sync_verify_due(public.sync_targets);
drop function if exists public.sync_drift(text, boolean);
drop function if exists public.sync_drift_triggers(text, boolean);
drop function if exists public.sync_row_hashes(text, integer, integer[]);
drop function if exists public.sync_range_digests(text, integer);
drop function if exists public.sync_range_bounds(integer, bigint);

notify pgrst, 'reload schema';
