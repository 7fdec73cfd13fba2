-- Takes back 088_sync_apply.
drop function if exists public.sync_settled(public.sync_targets, uuid, jsonb);
drop function if exists public.sync_refused_again(public.sync_targets, uuid, jsonb[]);
drop function if exists public.sync_settle(uuid);
drop function if exists public.sync_resolve_refusals(text, text[]);
drop function if exists public.sync_apply(jsonb);
drop function if exists public.sync_lock_account(uuid, text, bigint, bigint, int8multirange);
drop function if exists public.sync_apply_isolated(public.sync_targets, uuid, text, jsonb[], jsonb, text[]);
drop function if exists public.sync_add_counts(jsonb, jsonb);
drop function if exists public.sync_kept_columns(jsonb[]);
drop function if exists public.sync_attempt(public.sync_targets, uuid, text, jsonb[], boolean, jsonb);
drop function if exists public.sync_arrange(public.sync_targets, jsonb[]);
drop function if exists public.sync_remember_refusals(public.sync_targets, jsonb[], jsonb[]);
drop function if exists public.sync_known_refusals(public.sync_targets, jsonb[], jsonb);
drop function if exists public.sync_refusal_pause(integer);
drop function if exists public.sync_refusal_fingerprint(public.sync_targets);
drop function if exists public.sync_refusal(public.sync_targets, text, jsonb, jsonb, jsonb);
drop function if exists public.sync_has_row(public.sync_targets, text);
drop function if exists public.sync_cell(public.sync_targets, jsonb, text, text);
drop function if exists public.sync_fits(text, oid);
drop function if exists public.sync_constraint(public.sync_targets, jsonb, jsonb);
drop function if exists public.sync_blocker(public.sync_targets, jsonb, text, text);
drop function if exists public.sync_depends_on_others(text);
drop function if exists public.sync_is_row_fault(text, text);
drop function if exists public.sync_batch_fault(jsonb);

notify pgrst, 'reload schema';
