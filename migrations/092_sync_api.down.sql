-- Takes back 092.
drop function if exists public.sync_record_action(text, text, text, text, jsonb);
drop function if exists public.sync_errors_page(text, uuid, boolean, text, text, text, text, bigint, bigint, integer);
drop function if exists public.sync_statistics(text, timestamptz, timestamptz, integer);
drop function if exists public.sync_overview(text);
drop index if exists public.sync_errors_by_first_seen;
drop table if exists public.sync_audit;
