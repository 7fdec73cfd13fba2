-- The table of the demo: property listings, as a Japanese agency keeps them in a sheet (物件一覧). Safe to run twice.
-- An ordinary table: Sheetsync asks of a target table no more than a unique key, and for soft deletes a timestamp column.
-- Only the local stack creates it. It is not a migration, because a project may have a table of this very name.

create table if not exists public.property_listings (
    listing_no      text primary key,
    building_name   text,
    address         text not null,
    postal_code     text,
    nearest_station text,
    walk_minutes    integer check (walk_minutes >= 0),
    price_yen       bigint check (price_yen >= 0),
    monthly_fee_yen bigint check (monthly_fee_yen >= 0),
    area_m2         numeric(10, 2) check (area_m2 > 0),
    layout          text,
    structure       text,
    built_on        date,
    floor           integer,
    total_floors    integer,
    has_parking     boolean,
    occupancy       text,
    available_on    date,
    dealing         text,
    contact         text,
    phone           text,
    listed_at       timestamptz,
    notes           text,
    deleted_at      timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);

comment on table public.property_listings is 'Property listings, fed by the sheet 物件一覧.';
comment on column public.property_listings.listing_no is '物件番号';
comment on column public.property_listings.building_name is '物件名';
comment on column public.property_listings.address is '所在地';
comment on column public.property_listings.postal_code is '郵便番号';
comment on column public.property_listings.nearest_station is '最寄駅';
comment on column public.property_listings.walk_minutes is '徒歩（分）: minutes on foot from the station';
comment on column public.property_listings.price_yen is '売買価格, in yen';
comment on column public.property_listings.monthly_fee_yen is '管理費, in yen a month';
comment on column public.property_listings.area_m2 is '専有面積, in square metres';
comment on column public.property_listings.layout is '間取り, such as 3LDK';
comment on column public.property_listings.structure is '構造';
comment on column public.property_listings.built_on is '築年月: the first of the month in which it was built';
comment on column public.property_listings.floor is '所在階';
comment on column public.property_listings.total_floors is '総階数';
comment on column public.property_listings.has_parking is '駐車場';
comment on column public.property_listings.occupancy is '現況';
comment on column public.property_listings.available_on is '引渡可能日';
comment on column public.property_listings.dealing is '取引態様: the agency''s part in the sale';
comment on column public.property_listings.contact is '会社名（連絡先も）';
comment on column public.property_listings.phone is '電話番号';
comment on column public.property_listings.listed_at is '掲載日';
comment on column public.property_listings.notes is '備考';
comment on column public.property_listings.deleted_at is 'When the listing vanished from the sheet; null while it is there.';

create index if not exists property_listings_live on public.property_listings (listed_at desc) where deleted_at is null;

-- Every change of a listing is dated, by the sync or by a person in the application.
create or replace function public.property_listings_date_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

create or replace trigger property_listings_date_change
    before update on public.property_listings
    for each row execute function public.property_listings_date_change();

alter table public.property_listings enable row level security;
revoke all on public.property_listings from public, anon, authenticated;
grant select, insert, update, delete on public.property_listings to service_role;
-- Only the service role reads it, until the application grants more.
drop policy if exists property_listings_read on public.property_listings;

revoke all on function public.property_listings_date_change() from public, anon, authenticated;

notify pgrst, 'reload schema';
