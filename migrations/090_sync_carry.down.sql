-- Takes back 090_sync_carry.
drop function if exists public.sync_carry_end(text, uuid);
drop function if exists public.sync_carry(text, uuid, jsonb);
drop function if exists public.sync_carry_page(text, uuid, text, integer);

notify pgrst, 'reload schema';
