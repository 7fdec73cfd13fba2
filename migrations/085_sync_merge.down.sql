-- Takes back 085.
drop function if exists public.sync_merge(public.sync_targets, uuid, jsonb[], text, text);
drop function if exists public.sync_check_columns(public.sync_targets);
drop function if exists public.sync_merge_sql(public.sync_targets, integer[]);
drop function if exists public.sync_decided_sql(public.sync_targets, integer[]);
drop function if exists public.sync_lock_sql(public.sync_targets);
drop function if exists public.sync_object_sql(text, integer[], text[]);
drop function if exists public.sync_mapped_columns(public.sync_targets);

notify pgrst, 'reload schema';
