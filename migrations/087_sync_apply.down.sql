-- Takes back 087.
drop function if exists public.sync_apply(jsonb);
drop function if exists public.sync_lock_account(uuid, text, bigint, bigint, int8multirange);
drop function if exists public.sync_apply_isolated(public.sync_targets, uuid, text, jsonb[], boolean);
drop function if exists public.sync_refusal(public.sync_targets, text, jsonb, text, text, text, text);
drop function if exists public.sync_batch_fault(jsonb);

notify pgrst, 'reload schema';
