-- Takes back 086_sync_merge.
drop function if exists public.sync_merge_parked(public.sync_targets, uuid, jsonb[], integer[], jsonb);
drop function if exists public.sync_enter(public.sync_targets, text, public.sync_decision[], jsonb, boolean);
drop function if exists public.sync_merge(public.sync_targets, uuid, jsonb[], jsonb);
drop function if exists public.sync_hand_over(text, public.sync_targets, bigint[], text[], text, text);
drop function if exists public.sync_overlay(bigint[], bigint[]);
drop function if exists public.sync_check_columns(public.sync_targets);
drop function if exists public.sync_statements(public.sync_targets, integer[]);
drop function if exists public.sync_fingerprint(public.sync_targets);
drop function if exists public.sync_books_sql(public.sync_targets);
drop function if exists public.sync_merge_sql(public.sync_targets, integer[]);
drop function if exists public.sync_noted_sql(public.sync_targets);
drop function if exists public.sync_written_sql(public.sync_targets, integer[]);
drop function if exists public.sync_decisions_sql(text);
drop function if exists public.sync_decided_sql(public.sync_targets, integer[]);
drop function if exists public.sync_marked_sql(public.sync_targets);
drop function if exists public.sync_mark_columns(public.sync_targets);
drop function if exists public.sync_sheet_sql(public.sync_targets);
drop function if exists public.sync_lock_sql(public.sync_targets);
drop function if exists public.sync_shown(jsonb);
drop function if exists public.sync_alike(text, text);
drop function if exists public.sync_base_sql(public.sync_targets, text, text, text);
drop function if exists public.sync_reorder(bigint[], integer[]);
drop function if exists public.sync_unique_columns(public.sync_targets);
drop function if exists public.sync_same_key_sql(public.sync_targets, text, text);
drop function if exists public.sync_mapped_columns(public.sync_targets);
drop type if exists public.sync_decision;

notify pgrst, 'reload schema';
