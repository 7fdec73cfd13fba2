-- Takes back 084_sync_begin.
drop function if exists public.sync_begin(text, uuid, jsonb, text, text, text[], integer, integer, text);
drop function if exists public.sync_pause_seconds(text, integer);
drop function if exists public.sync_passing_failures(text);
drop function if exists public.sync_begun(public.sync_state, uuid);
drop function if exists public.sync_layout(public.sync_targets);
drop function if exists public.sync_last_strays(text);
drop function if exists public.sync_last_complete(text, bigint);
drop function if exists public.sync_row_key_sql(public.sync_targets, text);
drop function if exists public.sync_target_forms(public.sync_targets);
drop function if exists public.sync_running(text, integer);
drop function if exists public.sync_rename(text, text);
drop function if exists public.sync_target(text, jsonb, uuid);
drop function if exists public.sync_definition_problems(jsonb, text);
drop function if exists public.sync_limits(public.sync_targets);

notify pgrst, 'reload schema';
