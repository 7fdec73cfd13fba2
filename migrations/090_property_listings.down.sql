-- Takes back 090, with the listings.
drop table if exists public.property_listings;
drop function if exists public.property_listings_date_change();

notify pgrst, 'reload schema';
