-- Takes back 086.
drop function if exists public.sync_approve_deletes(uuid, text, text);
drop function if exists public.sync_use_approval(uuid);
drop function if exists public.sync_approved_deletes(text);
drop function if exists public.sync_delete_rows(public.sync_targets, uuid, text[]);
drop function if exists public.sync_present_keys(text, jsonb[]);
drop function if exists public.sync_deletes_withheld(public.sync_targets, uuid, bigint);

notify pgrst, 'reload schema';
