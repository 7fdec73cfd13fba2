-- Takes back 092_sync_api.
drop function if exists public.sync_closed_runs(jsonb);
drop function if exists public.sync_record_action(text, text, text, text, jsonb);
drop function if exists public.sync_errors_page(text, uuid, boolean, text, text, text, text, bigint, bigint, integer);
drop function if exists public.sync_statistics(text, timestamp with time zone, timestamp with time zone, integer);
drop function if exists public.sync_overview(text);

notify pgrst, 'reload schema';
