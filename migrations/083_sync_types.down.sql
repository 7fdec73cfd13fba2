-- Takes back 083_sync_types.
drop function if exists public.sync_unfed_columns(jsonb);
drop function if exists public.sync_type_problems(jsonb);
drop function if exists public.sync_has_row_trigger(regclass);
drop function if exists public.sync_required_columns(regclass);
drop function if exists public.sync_key_forms(jsonb);
drop function if exists public.sync_column_types(jsonb);
drop function if exists public.sync_type_advice(text);
drop function if exists public.sync_type_pairs();
drop function if exists public.sync_columns(regclass);
drop function if exists public.sync_kind_of(text);
drop function if exists public.sync_table_sql(text);
drop function if exists public.sync_table(text);
drop function if exists public.sync_schema();

notify pgrst, 'reload schema';
