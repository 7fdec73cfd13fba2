-- The table for the public data set king_county_house_sales.csv, a second sheet for proofs and tests: 21,597 rows, of which
-- 353 share an id with another. Not part of the product's migrations. Safe to run twice.
create table if not exists public.king_county_house_sales (
    id                   bigint primary key,
    sold_on              date not null,
    price_usd            bigint not null,
    bedrooms             integer,
    bathrooms            numeric(5, 2),
    living_sqft          integer,
    lot_sqft             integer,
    floors               numeric(3, 1),
    is_waterfront        boolean,
    view                 text,
    condition            text,
    grade                text,
    above_sqft           integer,
    basement_sqft        integer,
    built_in             integer,
    renovated_in         integer,
    zipcode              text,
    latitude             numeric(8, 4),
    longitude            numeric(8, 4),
    neighbours_sqft      integer,
    neighbours_lot_sqft  integer
);

alter table public.king_county_house_sales enable row level security;
revoke all on public.king_county_house_sales from public, anon, authenticated;
grant select, insert, update, delete on public.king_county_house_sales to service_role;

notify pgrst, 'reload schema';
