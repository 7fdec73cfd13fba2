-- What the worker needs besides applying: to ask whether the database is there, and to have PostgREST look at the schema
-- again. Safe to run twice.

-- Answers when a batch could be applied. It asks for a lock on rows, of which there are none, because a database that is
-- read-only (disk full) refuses that (25006) as it would refuse a batch.
create or replace function public.sync_ping()
returns jsonb
language plpgsql volatile
set search_path = ''
set statement_timeout = '5s'
as $$
begin
    perform from public.sync_targets as t where false for key share;
    return '{"outcome": "ready"}';
end
$$;

-- After DDL, PostgREST goes on with what it knew of the schema until it is told.
create or replace function public.sync_reload_schema()
returns jsonb
language sql volatile
set search_path = ''
as $$
    select pg_catalog.pg_notify('pgrst', 'reload schema');
    select '{"outcome": "asked"}'::jsonb;
$$;

revoke all on function public.sync_ping() from public, anon, authenticated;
revoke all on function public.sync_reload_schema() from public, anon, authenticated;
grant execute on function public.sync_ping() to service_role;
grant execute on function public.sync_reload_schema() to service_role;

notify pgrst, 'reload schema';
