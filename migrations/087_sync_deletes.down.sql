-- Takes back 087_sync_deletes.
drop function if exists public.sync_apply_deletes(public.sync_targets, uuid, bigint[], boolean);
drop function if exists public.sync_resolve_rename(public.sync_targets, uuid, text, bigint, boolean);
drop function if exists public.sync_confirm_missing(public.sync_targets, uuid, bigint[]);
drop function if exists public.sync_other_claims(public.sync_targets, bigint[], text[]);
drop function if exists public.sync_delete_rows(public.sync_targets, text[], bigint[]);
drop function if exists public.sync_approve_deletes(uuid, text, text);
drop function if exists public.sync_use_approval(uuid);
drop function if exists public.sync_approved_deletes(text);
drop function if exists public.sync_deletes_withheld(public.sync_targets, uuid, bigint, bigint[]);
drop function if exists public.sync_left_out(public.sync_targets);

notify pgrst, 'reload schema';
