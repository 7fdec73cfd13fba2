-- Takes back 082_sync_tables: the tables with all that they hold. The tables that syncs wrote stay as they are.
drop table if exists public.sync_audit;
drop table if exists public.sync_plans;
drop table if exists public.sync_touched;
drop table if exists public.sync_errors;
drop table if exists public.sync_refusals;
drop table if exists public.sync_retries;
drop table if exists public.sync_rows;
drop table if exists public.sync_batches;
drop table if exists public.sync_approvals;
drop table if exists public.sync_state;
drop table if exists public.sync_layouts;
drop table if exists public.sync_targets;
drop function if exists public.sync_only_service_role(text[]);

notify pgrst, 'reload schema';
