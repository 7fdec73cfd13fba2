-- What the catalogue says of a sync's table: where it is, what its columns are made of, and which types of the mapping feed them.
-- Safe to run twice.

-- The schema of the tables that syncs write. No other function says which.
create or replace function public.sync_schema()
returns regnamespace
language sql stable
set search_path = ''
as $$
    select 'public'::regnamespace
$$;

-- The table of this name, or whatever has the name; null: nothing has. The name decides, at each look: a table that was dropped and
-- made again under its name is the target. In a query with joins, write it as a subquery, so that it is looked up once.
create or replace function public.sync_table(p_name text)
returns regclass
language sql stable
set search_path = ''
as $$
    select c.oid::regclass from pg_catalog.pg_class as c where c.relnamespace = public.sync_schema() and c.relname = p_name
$$;

-- The same table in the text of a statement.
create or replace function public.sync_table_sql(p_name text)
returns text
language sql stable
set search_path = ''
as $$
    select format('%s.%I', public.sync_schema(), p_name)
$$;

-- What has this name and is no table: "a view". Null: nothing, or a table.
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
    where c.oid = public.sync_table(p_name) and c.relkind not in ('r', 'p')
$$;

-- The columns of a table, each with the type beneath all domains.
create or replace function public.sync_columns(p_table regclass)
returns table (
    attnum            smallint,
    name              text,
    identity          "char",
    declared          oid,     -- the type that the column has
    declared_modifier integer,
    collation_oid     oid,
    not_null          boolean,
    type_oid          oid,     -- the type beneath
    modifier          integer,
    domains           oid[],   -- from the outermost in
    domain_not_null   boolean
)
language sql stable rows 50
set search_path = ''
as $$
    with recursive typed (attnum, type_oid, modifier, domains, domain_not_null) as (
        select a.attnum, a.atttypid, a.atttypmod, '{}'::oid[], false
        from pg_catalog.pg_attribute as a
        where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
        union all
        select d.attnum, t.typbasetype, t.typtypmod, d.domains || t.oid, d.domain_not_null or t.typnotnull
        from typed as d
        join pg_catalog.pg_type as t on t.oid = d.type_oid and t.typtype = 'd'
    )
    select a.attnum, a.attname::text, a.attidentity, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull, d.type_oid, d.modifier, d.domains,
           d.domain_not_null
    from typed as d
    join pg_catalog.pg_type as t on t.oid = d.type_oid and t.typtype <> 'd'
    join pg_catalog.pg_attribute as a on a.attrelid = p_table and a.attnum = d.attnum
$$;

-- The pairs of types that store the right value, as docs/MAPPING.md ("Types of the table") lists them and a test tries them. A domain counts
-- as the type beneath it. sync_begin refuses every other pair, so that Postgres never guesses what a text means: as a date, `1/3/2024`
-- would be 3 January and `today` the day of the run. `key_only`: right for a key column only, because the scheduler makes keys canonical.
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
        -- The values of an enum are written in the definition: no one types `0x1F` into them.
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
    select f.position, f.value ->> 'name',
           case when f.value ->> 'type' = 'timestamp' and f.value ->> 'timeZone' = 'none' then 'local timestamp' else f.value ->> 'type' end,
           case
               when t.typtype = 'e' then 'enum'
               when element.typtype = 'e' then 'enum[]'
               when t.typname = 'citext' then 'citext'
               else format_type(t.oid, null)
           end,
           format_type(c.declared, c.declared_modifier), c.declared <> c.type_oid
    from jsonb_array_elements(p_definition -> 'columns') with ordinality as f (value, position)
    join public.sync_columns(public.sync_table(p_definition ->> 'table')) as c on c.name = f.value ->> 'name'
    join pg_catalog.pg_type as t on t.oid = c.type_oid
    left join pg_catalog.pg_type as element on element.oid = t.typelem and t.typcategory = 'A'
$$;

-- How the text of a key is made canonical, per key column of a definition: equal keys of the table must be one text, whatever
-- the sheet writes (docs/PROTOCOL.md, "Row keys"). `problem`: why that cannot be done. A key column that does not exist or that
-- nothing feeds is left out.
create or replace function public.sync_key_forms(p_definition jsonb)
returns table (place bigint, name text, form text, problem text)
language sql stable
set search_path = ''
as $$
    with key_column as (
        select k.position as place, k.name, c.type_oid, c.modifier, c.collation_oid,
               (select coalesce(m ->> 'type', 'text')
                from jsonb_array_elements(p_definition -> 'columns') as m
                where m ->> 'name' = k.name
                limit 1) as mapping
        from jsonb_array_elements_text(p_definition -> 'keyColumns') with ordinality as k (name, position)
        join public.sync_columns(public.sync_table(p_definition ->> 'table')) as c using (name)
    )
    select k.place, k.name, f.form,
           case
               when k.mapping is null or f.form is not null then null
               when t.oid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) then
                   format('the key column %s takes different texts for equal, so two rows of the sheet could be one row of the table: give it'
                          ' a deterministic collation and type = "text", or key by another column', k.name)
               when t.typname = 'citext' then
                   format('the key column %s is of type citext, which takes texts in different letter case for equal, so two rows of the sheet'
                          ' could be one row of the table: make it text, or key by another column', k.name)
               when t.oid = 'numeric'::regtype then
                   format('the key column %s rounds to %s, so two keys of the sheet could be one of the table: make it numeric without a scale,'
                          ' or map it as an integer', k.name, format_type(t.oid, k.modifier))
               else
                   format('the key column %s of type %s cannot be fed by the mapping type "%s", because equal keys could be spelt in several ways: %s',
                          k.name, format_type(t.oid, k.modifier), k.mapping,
                          case t.oid
                              when 'uuid'::regtype then 'use type = "text"'
                              when 'boolean'::regtype then 'use type = "boolean"'
                              when 'date'::regtype then 'use type = "date"'
                              when 'time'::regtype then 'use type = "time"'
                              when 'timestamptz'::regtype then 'use type = "timestamp"'
                              when 'smallint'::regtype then 'use type = "integer"'
                              when 'integer'::regtype then 'use type = "integer"'
                              when 'bigint'::regtype then 'use type = "integer"'
                              else 'key by a column of type text, uuid, integer, numeric or date'
                          end)
           end
    from key_column as k
    join pg_catalog.pg_type as t on t.oid = k.type_oid
    cross join lateral (
        select case
            when t.oid in ('text'::regtype, 'varchar'::regtype) and l.is_exact and k.mapping not in ('json', 'text_array') then 'text'
            when t.oid = 'bpchar'::regtype and l.is_exact and k.mapping not in ('json', 'text_array') then 'char'
            when t.typtype = 'e' and k.mapping in ('text', 'enum') then 'text'
            when t.oid = 'uuid'::regtype and k.mapping in ('text', 'enum') then 'uuid'
            when t.oid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) and k.mapping in ('integer', 'text', 'enum') then 'integer'
            when t.oid = 'numeric'::regtype and k.mapping = 'integer' then 'decimal'
            when t.oid = 'numeric'::regtype and k.modifier = -1 and k.mapping in ('decimal', 'text') then 'decimal'
            when t.oid = 'boolean'::regtype and k.mapping = 'boolean' then 'boolean'
            when t.oid = 'date'::regtype and k.mapping = 'date' then 'date'
            when t.oid = 'time'::regtype and k.mapping = 'time' then 'time'
            when t.oid = 'timestamptz'::regtype and k.mapping = 'timestamp' then 'timestamp'
        end as form
        from (
            select coalesce((select l.collisdeterministic from pg_catalog.pg_collation as l where l.oid = k.collation_oid), true) as is_exact
        ) as l
    ) as f
$$;

-- The columns of a table without a value for which no row can be inserted: not null, and without a default of their own or of their
-- domain.
create or replace function public.sync_required_columns(p_table regclass)
returns table (place smallint, name text)
language sql stable
set search_path = ''
as $$
    select a.attnum, a.attname::text
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    where c.oid = p_table and c.relkind in ('r', 'p')
      and a.attnotnull and not a.atthasdef and a.attidentity = '' and t.typdefault is null
$$;

-- Whether a trigger may change a row before it is written, and so what a not null or a check meets.
create or replace function public.sync_has_row_trigger(p_table regclass)
returns boolean
language sql stable
set search_path = ''
as $$
    select exists (
        select
        from pg_catalog.pg_trigger as g
        -- For each row (1), before (2) an insert (4) or an update (16).
        where g.tgrelid = p_table and g.tgtype & 3 = 3 and g.tgtype & 20 <> 0 and g.tgenabled <> 'D')
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

-- The required columns that no column of the sheet feeds. A trigger before the insert may give them a value, so nothing is known
-- of a table that has such a trigger.
create or replace function public.sync_unfed_columns(p_definition jsonb)
returns table (name text)
language sql stable
set search_path = ''
as $$
    select r.name
    from public.sync_required_columns(public.sync_table(p_definition ->> 'table')) as r
    where coalesce(p_definition ->> 'mode', 'upsert') <> 'update_only'
      and not exists (select from jsonb_array_elements(p_definition -> 'columns') as f where f ->> 'name' = r.name)
      and not exists (
          select
          from pg_catalog.pg_trigger as t
          -- For each row (1), before (2) an insert (4).
          where t.tgrelid = (select public.sync_table(p_definition ->> 'table')) and t.tgtype & 7 = 7 and t.tgenabled <> 'D')
$$;

do $$ begin perform public.sync_only_service_role('{
    sync_schema, sync_table, sync_table_sql, sync_kind_of, sync_columns, sync_type_pairs, sync_type_advice, sync_column_types,
    sync_key_forms, sync_required_columns, sync_has_row_trigger, sync_type_problems, sync_unfed_columns
}'); end $$;

notify pgrst, 'reload schema';
