-- Takes back 083.
drop function if exists public.sync_begin(text, uuid, jsonb, text, text, text[], integer, integer);
drop function if exists public.sync_target(text, jsonb, uuid);
drop function if exists public.sync_definition_problems(jsonb);

notify pgrst, 'reload schema';
