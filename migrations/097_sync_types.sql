-- Which types of the mapping feed which types of Postgres. sync_begin (083) refuses every other pair, so that Postgres never
-- guesses what a text means: as a date, `1/3/2024` would be 3 January and `today` the day of the run.
-- Not here: how keys are made canonical (083, sync_key_forms). Safe to run twice.

-- The pairs that store the right value, as docs/MAPPING.md ("Types of the table") lists them and a test tries them. A domain counts
-- as the type beneath it. `key_only`: right for a key column only, because the scheduler makes keys canonical.
create or replace function public.sync_type_pairs()
returns table (type_name text, mapping text, key_only boolean)
language sql immutable
set search_path = ''
as $$
    -- A text column can hold every value that has one spelling. JSON and lists have several.
    select t.name, m.name, false
    from unnest(array['text', 'character varying', 'character', 'citext']) as t (name)
    cross join unnest(array['text', 'integer', 'decimal', 'boolean', 'date', 'time', 'timestamp', 'local timestamp', 'duration',
                            'enum']) as m (name)
    union all
    select p.type_name, m.name, false
    from (values
        ('enum', array['text', 'enum']),
        ('uuid', array['text', 'enum']),
        ('inet', array['text']),
        ('macaddr', array['text']),
        -- The values of an enum are written in the definition: nobody types `0x1F` into them.
        ('smallint', array['integer', 'enum']),
        ('integer', array['integer', 'enum']),
        ('bigint', array['integer', 'enum']),
        ('numeric', array['integer', 'decimal']),
        ('double precision', array['integer', 'decimal']),
        ('boolean', array['boolean']),
        ('date', array['date']),
        ('time without time zone', array['time']),
        ('timestamp with time zone', array['timestamp']),
        ('timestamp without time zone', array['date', 'local timestamp']),
        ('interval', array['duration']),
        ('json', array['json']),
        ('jsonb', array['json']),
        ('text[]', array['text_array']),
        ('character varying[]', array['text_array']),
        ('uuid[]', array['text_array']),
        ('enum[]', array['text_array'])
    ) as p (type_name, mappings)
    cross join unnest(p.mappings) as m (name)
    union all
    select t.name, 'text', true
    from unnest(array['smallint', 'integer', 'bigint', 'numeric']) as t (name)
$$;

-- What to write for a column of this type instead.
create or replace function public.sync_type_advice(p_type_name text)
returns text
language sql immutable
set search_path = ''
as $$
    select case
        when p_type_name = 'date' then 'write type = "date"'
        when p_type_name = 'time without time zone' then 'write type = "time"'
        when p_type_name = 'timestamp with time zone' then 'write type = "timestamp", without time_zone = "none"'
        when p_type_name = 'timestamp without time zone' then
            'write type = "timestamp" with time_zone = "none", or make the column timestamp with time zone'
        when p_type_name = 'interval' then 'write type = "duration"'
        when p_type_name in ('smallint', 'integer', 'bigint') then 'write type = "integer"'
        when p_type_name in ('numeric', 'double precision') then 'write type = "decimal" or "integer"'
        when p_type_name = 'boolean' then 'write type = "boolean"'
        when p_type_name in ('json', 'jsonb') then 'write type = "json"'
        when p_type_name = 'enum' then 'write type = "enum" or "text"'
        when p_type_name in ('uuid', 'inet', 'macaddr') then 'write type = "text"'
        when p_type_name in ('text', 'character varying', 'character', 'citext') then
            'write type = "text", or make the column jsonb for "json", text[] for "text_array"'
        when p_type_name in ('text[]', 'character varying[]', 'uuid[]', 'enum[]') then 'write type = "text_array"'
        when p_type_name = 'real' then 'no type feeds it without loss: make the column double precision or numeric'
        when p_type_name = 'money' then 'no type feeds it: make the column numeric, and write type = "decimal"'
        when p_type_name = 'time with time zone' then
            'no type feeds it: make the column time without time zone or timestamp with time zone'
        when p_type_name like '%[]' then
            'no type feeds it: make the column text[], and write type = "text_array", or jsonb, and write type = "json"'
        when p_type_name like '%hstore' then 'no type feeds it: make the column jsonb, and write type = "json"'
        else 'no type feeds it: make the column text, or remove it from the definition'
    end
$$;

-- The columns of a definition that the table has: the mapping type, and the name of the type beneath all domains (`enum` for every
-- enum type). A timestamp without a zone is the mapping `local timestamp`. `mapping` is null where the definition names none.
create or replace function public.sync_column_types(p_definition jsonb)
returns table (place bigint, name text, mapping text, type_name text, declared text, is_domain boolean)
language sql stable
set search_path = ''
as $$
    with recursive fed as (
        select c.position as place, c.value ->> 'name' as name,
               case when c.value ->> 'type' = 'timestamp' and c.value ->> 'timeZone' = 'none' then 'local timestamp'
                    else c.value ->> 'type' end as mapping,
               a.atttypid as type_oid, format_type(a.atttypid, a.atttypmod) as declared
        from jsonb_array_elements(p_definition -> 'columns') with ordinality as c (value, position)
        join pg_catalog.pg_class as r on r.relnamespace = 'public'::regnamespace and r.relname = p_definition ->> 'table'
        join pg_catalog.pg_attribute as a
            on a.attrelid = r.oid and a.attname = c.value ->> 'name' and a.attnum > 0 and not a.attisdropped
    ),
    typed (place, type_oid) as (
        select f.place, f.type_oid from fed as f
        union all
        select d.place, t.typbasetype
        from typed as d
        join pg_catalog.pg_type as t on t.oid = d.type_oid and t.typtype = 'd'
    )
    select f.place, f.name, f.mapping,
           case
               when t.typtype = 'e' then 'enum'
               when element.typtype = 'e' then 'enum[]'
               when t.typname = 'citext' then 'citext'
               else format_type(t.oid, null)
           end,
           f.declared, f.type_oid <> t.oid
    from fed as f
    join typed as d using (place)
    join pg_catalog.pg_type as t on t.oid = d.type_oid and t.typtype <> 'd'
    left join pg_catalog.pg_type as element on element.oid = t.typelem and t.typcategory = 'A'
$$;

-- The pairs of a definition that are not of sync_type_pairs, with what to write instead.
create or replace function public.sync_type_problems(p_definition jsonb)
returns table (name text, problem text)
language sql stable
set search_path = ''
as $$
    select c.name,
           format('the column %s of type %s cannot be fed by type = "%s"%s: %s', c.name,
                  c.declared || case when c.type_name <> 'enum' and c.declared not like c.type_name || '%'
                                     then format(' (%s)', c.type_name) else '' end,
                  case c.mapping when 'local timestamp' then 'timestamp' else c.mapping end,
                  case c.mapping when 'local timestamp' then ' with time_zone = "none"' else '' end,
                  public.sync_type_advice(c.type_name))
    from public.sync_column_types(p_definition) as c
    where c.mapping is not null
      and not exists (
          select
          from public.sync_type_pairs() as p
          where p.type_name = c.type_name and p.mapping = c.mapping
            and (not p.key_only or p_definition -> 'keyColumns' ? c.name))
      -- Of keys, sync_key_forms has said it.
      and not exists (select from public.sync_key_forms(p_definition) as f where f.name = c.name and f.problem is not null)
    union all
    -- Rows are found by their key, and Postgres finds no operator between such a domain and its enum.
    select c.name, format('the key column %s of type %s is a domain over an enum, which cannot be compared as a key: make it the enum itself, or text',
                          c.name, c.declared)
    from public.sync_column_types(p_definition) as c
    where c.type_name = 'enum' and c.is_domain and p_definition -> 'keyColumns' ? c.name
$$;

-- The required columns (083) that no column of the sheet feeds. A trigger before the insert may give them a value, so nothing is known
-- of a table that has such a trigger.
create or replace function public.sync_unfed_columns(p_definition jsonb)
returns table (name text)
language sql stable
set search_path = ''
as $$
    select r.name
    from public.sync_required_columns(p_definition ->> 'table') as r
    where coalesce(p_definition ->> 'mode', 'upsert') <> 'update_only'
      and not exists (select from jsonb_array_elements(p_definition -> 'columns') as f where f ->> 'name' = r.name)
      and not exists (
          select
          from pg_catalog.pg_class as c
          join pg_catalog.pg_trigger as t on t.tgrelid = c.oid
          -- For each row (1), before (2) an insert (4).
          where c.relnamespace = 'public'::regnamespace and c.relname = p_definition ->> 'table' and t.tgtype & 7 = 7 and t.tgenabled <> 'D')
$$;

-- What a name of the schema public is that is no table: "a view". Null: there is nothing of this name.
create or replace function public.sync_kind_of(p_name text)
returns text
language sql stable
set search_path = ''
as $$
    select case c.relkind
               when 'v' then 'a view'
               when 'm' then 'a materialized view'
               when 'f' then 'a foreign table'
               when 'S' then 'a sequence'
               when 'c' then 'a type'
               else 'an index'
           end
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relname = p_name and c.relkind not in ('r', 'p')
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_type_pairs, sync_type_advice, sync_column_types, sync_type_problems, sync_unfed_columns, sync_kind_of
}'); end $$;

notify pgrst, 'reload schema';
