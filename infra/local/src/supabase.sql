-- What a hosted Supabase project has before its owner does anything: roles, privileges, limits, the auth helpers.
-- Run by the superuser supabase_admin at every start; the owner's role is postgres, which as hosted is no superuser.

set client_min_messages = warning;

do $$
declare
  role text;
begin
  foreach role in array array['postgres', 'anon', 'authenticated', 'service_role', 'authenticator'] loop
    if not exists (select from pg_roles where rolname = role) then
      execute format('create role %I', role);
    end if;
  end loop;
end
$$;

alter role postgres login createrole createdb replication bypassrls password '{password}';
alter role anon nologin noinherit;
alter role authenticated nologin noinherit;
alter role service_role nologin noinherit bypassrls;
alter role authenticator login noinherit password '{password}';

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- PostgREST logs in as authenticator; service_role has no limit of its own and so gets this one.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

alter database postgres owner to postgres;
create schema if not exists extensions authorization postgres;
grant usage on schema public, extensions to anon, authenticated, service_role;
grant create on database postgres to postgres;

-- Everything in public is reachable by default; row level security and explicit revokes are what protects it.
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;

create schema if not exists auth;
grant usage on schema auth to postgres, anon, authenticated, service_role;

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb
$$;
create or replace function auth.uid() returns uuid language sql stable as $$
  select nullif(auth.jwt() ->> 'sub', '')::uuid
$$;
create or replace function auth.role() returns text language sql stable as $$
  select auth.jwt() ->> 'role'
$$;
