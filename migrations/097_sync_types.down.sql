-- Takes back 097.
drop function if exists public.sync_kind_of(text);
drop function if exists public.sync_unfed_columns(jsonb);
drop function if exists public.sync_type_problems(jsonb);
drop function if exists public.sync_column_types(jsonb);
drop function if exists public.sync_type_advice(text);
drop function if exists public.sync_type_pairs();

notify pgrst, 'reload schema';
