-- Takes back 084.
drop function if exists public.sync_row_hashes(text, integer, integer[]);
drop function if exists public.sync_range_digests(text, integer);
drop function if exists public.sync_range_bounds(integer, bigint);

notify pgrst, 'reload schema';
