-- Takes back 091_sync_plan.
drop function if exists public.sync_plan_end(uuid, jsonb, jsonb);
drop function if exists public.sync_plan_begin(uuid, text, text);
drop function if exists public.sync_verify_table(text, jsonb, jsonb, integer);
drop function if exists public.sync_verify_remembered(text, jsonb, text, integer);
drop function if exists public.sync_key_sql(public.sync_targets);
drop function if exists public.sync_verify(jsonb, jsonb);
drop function if exists public.sync_preview(jsonb, jsonb, bigint, boolean, boolean);
drop function if exists public.sync_plan_target(text, jsonb);
drop function if exists public.sync_describe(public.sync_targets, text, jsonb[]);
drop function if exists public.sync_described_sql(public.sync_targets, integer[]);
drop function if exists public.sync_inspect(text, jsonb);
drop function if exists public.sync_remembers(text, jsonb);

notify pgrst, 'reload schema';
