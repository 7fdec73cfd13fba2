-- The merge of rows of the sheet into their table: whose value wins, per column (docs/PROMISES.md, "Merge"), for a whole batch at once.
-- Not here: which rows to merge, and what to do with those that Postgres refuses (sync_apply). Safe to run twice.
--
-- The statements name the columns of the target table, so they are built as text, once per batch; every name in them goes
-- through %I or %L and comes from sync_targets. Values are converted as PostgREST does it, from the JSON's text: a text
-- too long for its column is refused, not cut; arrays, enums and json are what they are there.
--
-- A batch takes three statements: the rows of the table are locked; the merge decides and writes; the books are entered from
-- what the table then holds. A trigger may have written something else than the sheet said, so only the table can say.

-- The mapped columns of a sync with what the merge must know of each, in the order of `column_names` (ordinal from 0).
create or replace function public.sync_mapped_columns(p_target public.sync_targets)
returns table (
    ordinal       integer,
    name          text,
    authority     text,
    is_key        boolean,
    type_name     text, -- with its modifier; of a domain, the type beneath: the table checks the domain when it is written
    reads         text, -- a format: the typed value out of a JSON container (first %s) at a place (second %s)
    compares      text, -- a format of one value, for a type that has no useful equality
    hashes        text, -- a format of one value: its 64-bit hash, 0 for null; equal values have equal hashes
    hash_kind     text, -- hashes of one kind can be compared
    default_value text  -- an SQL expression
)
language sql stable
set search_path = ''
as $$
    with mapped as (
        select m.position::integer - 1 as ordinal, m.name, m.authority, c.attnum, c.declared, c.identity, c.type_oid, c.modifier
        from public.sync_columns(public.sync_table(p_target.table_name)) as c
        join unnest(p_target.column_names, p_target.authorities) with ordinality as m (name, authority, position) using (name)
    )
    select m.ordinal, m.name, m.authority, m.name = any (p_target.key_columns), n.type_name,
           case
               when t.oid = 'jsonb'::regtype then 'nullif(%s -> %s, ''null'')'
               when t.oid = 'json'::regtype then 'nullif(%s -> %s, ''null'')::json'
               when t.typcategory = 'A' or t.typtype = 'c' then
                   '(select x.value from jsonb_to_record(jsonb_build_object(''value'', %s -> %s)) as x (value '
                   || replace(n.type_name, '%', '%%') || '))'
               -- A cast to a length cuts what is too long; writing to the column refuses it.
               when t.oid in ('text'::regtype, 'varchar'::regtype) then '(%s ->> %s)'
               when t.oid = 'bpchar'::regtype then '(%s ->> %s)::bpchar'
               when t.oid in ('bit'::regtype, 'varbit'::regtype) then '(%s ->> %s)::varbit'
               else '(%s ->> %s)::' || replace(n.type_name, '%', '%%')
           end,
           case
               when t.oid = 'json'::regtype then '(%s)::jsonb'
               -- xml has no equality; that of the geometric types compares areas or is approximate.
               when coalesce(element.oid, t.oid) in ('json'::regtype, 'xml'::regtype)
                    or coalesce(element.typcategory, t.typcategory) = 'G'
                    or coalesce(element.typtype, t.typtype) = 'c' then '(%s)::text'
               -- Postgres finds no operator between a domain over an enum and the enum.
               when t.typtype = 'e' and m.declared <> t.oid then '(%s)::' || replace(n.type_name, '%', '%%')
               else '%s'
           end,
           -- The functions behind hash partitioning: stable from version to version, equal on all machines.
           format('coalesce(%s, 0)', case h.kind
               when 'text' then 'hashtextextended((%s)::text collate "C", 0)'
               when 'integer' then 'hashint8extended((%s)::bigint, 0)'
               when 'numeric' then 'hash_numeric_extended(%s, 0)'
               when 'float' then 'hashfloat8extended((%s)::float8, 0)'
               when 'boolean' then 'hashint4extended((%s)::integer, 0)'
               when 'timestamp' then 'timestamp_hash_extended(%s, 0)'
               when 'timestamptz' then 'timestamp_hash_extended((%s) at time zone ''UTC'', 0)'
               when 'date' then 'timestamp_hash_extended((%s)::timestamp, 0)'
               when 'time' then 'time_hash_extended(%s, 0)'
               when 'interval' then 'interval_hash_extended(%s, 0)'
               when 'uuid' then 'uuid_hash_extended(%s, 0)'
               when 'json' then 'jsonb_hash_extended((%s)::jsonb, 0)'
               else 'hashtextextended((%s)::text collate "C", 0)'
           end),
           h.kind,
           case
               when m.identity = 'd' then
                   format('nextval(%L)', pg_get_serial_sequence(public.sync_table_sql(p_target.table_name), m.name))
               else coalesce(pg_get_expr(f.adbin, f.adrelid), 'null')
           end
    from mapped as m
    join pg_catalog.pg_type as t on t.oid = m.type_oid
    cross join lateral (
        select format_type(m.type_oid, m.modifier) as type_name, format_type(m.type_oid, null) as plain_name
    ) as n
    cross join lateral (
        select case t.oid
                   when 'text'::regtype then 'text'
                   when 'varchar'::regtype then 'text'
                   when 'bpchar'::regtype then 'text'
                   when 'smallint'::regtype then 'integer'
                   when 'integer'::regtype then 'integer'
                   when 'bigint'::regtype then 'integer'
                   when 'numeric'::regtype then 'numeric'
                   when 'real'::regtype then 'float'
                   when 'double precision'::regtype then 'float'
                   when 'boolean'::regtype then 'boolean'
                   when 'timestamp'::regtype then 'timestamp'
                   when 'timestamptz'::regtype then 'timestamptz'
                   when 'date'::regtype then 'date'
                   when 'time'::regtype then 'time'
                   when 'interval'::regtype then 'interval'
                   when 'uuid'::regtype then 'uuid'
                   when 'json'::regtype then 'json'
                   when 'jsonb'::regtype then 'json'
                   else n.plain_name
               end as kind
    ) as h
    left join pg_catalog.pg_type as element on element.oid = t.typelem and t.typcategory = 'A'
    left join pg_catalog.pg_attrdef as f on f.adrelid = (select public.sync_table(p_target.table_name)) and f.adnum = m.attnum
$$;

-- The condition that the table's row `p_row` has the row key `p_key`, an expression of text.
create or replace function public.sync_same_key_sql(p_target public.sync_targets, p_row text, p_key text)
returns text
language sql stable
set search_path = ''
as $$
    select string_agg(
               format('%s.%I = (%s)%s', p_row, c.name,
                      case cardinality(p_target.key_columns)
                          when 1 then p_key
                          else format('%s::jsonb ->> %s', p_key, array_position(p_target.key_columns, c.name) - 1)
                      end,
                      case c.hash_kind
                          when 'text' then case when c.type_name like 'character%' and c.type_name not like 'character varying%'
                                                then '::bpchar' else '' end
                          else '::' || c.type_name
                      end),
               ' and ' order by c.ordinal)
    from public.sync_mapped_columns(p_target) as c
    where c.is_key
$$;

-- The columns of the unique indexes, but for the key's own: where one row can be in another's way. Those that are `is_immediate`
-- are checked row by row.
-- Indexes over expressions, or over columns that the sheet does not feed, are left out.
create or replace function public.sync_unique_columns(p_target public.sync_targets)
returns table (index_oid oid, constraint_name text, predicate text, place bigint, name text, is_nullable boolean,
               is_immediate boolean)
language sql stable
set search_path = ''
as $$
    select i.indexrelid, x.relname::text, pg_get_expr(i.indpred, i.indrelid), k.position, a.attname::text,
           not a.attnotnull and not i.indnullsnotdistinct, i.indimmediate
    from pg_catalog.pg_class as c
    join pg_catalog.pg_index as i on i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indexprs is null
    join pg_catalog.pg_class as x on x.oid = i.indexrelid
    cross join lateral unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
    where c.oid = (select public.sync_table(p_target.table_name)) and k.position <= i.indnkeyatts
      and (select array_agg(b.attname::text)
           from unnest(i.indkey::smallint[]) with ordinality as m (attnum, position)
           join pg_catalog.pg_attribute as b on b.attrelid = c.oid and b.attnum = m.attnum
           where m.position <= i.indnkeyatts) <@ p_target.column_names
      and not (select array_agg(b.attname::text)
               from unnest(i.indkey::smallint[]) with ordinality as m (attnum, position)
               join pg_catalog.pg_attribute as b on b.attrelid = c.oid and b.attnum = m.attnum
               where m.position <= i.indnkeyatts) <@ p_target.key_columns
$$;

-- What the merge decides for one row of a batch. The arrays have an element per mapped column, in the order of the definition.
do $$
begin
    if to_regtype('public.sync_decision') is null then
        create type public.sync_decision as (
            place        integer,   -- in the batch, from 1
            row_key      text,
            key_hash     bigint,
            content_hash bigint,
            row_number   integer,
            act          text,      -- insert, update, leave, skip (the mode leaves it alone), claim (another sync feeds it)
            adopts       boolean,   -- the table had the row, and this sync has no base of it
            resend       boolean,   -- the row is not as the sheet says, by rule: it is to be sent again
            withheld     text[],    -- columns that wait for the approval of the adoption
            conflicts    text[],
            owner        text,      -- another sync that feeds this row; null: none
            writes       boolean[], -- the sheet's value is written over the table's
            said         bigint[],  -- what is remembered of the sheet
            before       bigint[],  -- what was
            stored       bigint[],  -- what is remembered of the table, where `fresh` is false
            fresh        boolean[], -- what the table holds after the write is remembered
            guarded      bigint[],  -- the table's value before the write; there afterwards, a trigger kept it
            restores     boolean,   -- the row was soft-deleted by this sync and comes back
            is_missing   boolean,   -- this sync wrote the row, and the table no longer has it
            corrections  text[]     -- columns that the sheet owns and that the table changed
        );
    end if;
end
$$;

-- The elements of a base, put into the order of another list of columns; `p_places`: per column its place in the old list.
create or replace function public.sync_reorder(p_values bigint[], p_places integer[])
returns bigint[]
language sql immutable parallel safe
set search_path = ''
as $$
    select case when p_values is not null then (
        select array_agg(p_values[p.place] order by p.position) from unnest(p_places) with ordinality as p (place, position))
    end
$$;

-- An expression of the array `p_array` of the entry `p_row` of sync_rows in the target's own list of columns, whatever layout the
-- entry was written in. `p_sync`: whose entry it is.
create or replace function public.sync_base_sql(p_target public.sync_targets, p_sync text, p_row text, p_array text)
returns text
language sql stable
set search_path = ''
as $$
    with mine as (
        select array_agg(c.name order by c.ordinal) as names, array_agg(c.hash_kind order by c.ordinal) as types
        from public.sync_mapped_columns(p_target) as c
    )
    select coalesce('case ' || p_row || '.layout ' || string_agg(
               case when l.names = m.names and l.types = m.types then format('when %s then %s.%s', l.layout, p_row, p_array)
                    else format('when %s then public.sync_reorder(%s.%s, %L)', l.layout, p_row, p_array, array(
                        select (select o.place
                                from unnest(l.names, l.types) with ordinality as o (name, type, place)
                                where o.name = w.name and o.type = w.type)
                        from unnest(m.names, m.types) with ordinality as w (name, type, place)
                        order by w.place)::integer[])
               end, ' ' order by l.layout desc) || ' end', 'null::bigint[]')
    from mine as m
    join public.sync_layouts as l on l.sync = p_sync
$$;

-- Whether two texts differ in nothing but letter case, width and white space: what a trigger does that normalises.
create or replace function public.sync_alike(p_one text, p_other text)
returns boolean
language sql immutable parallel safe
set search_path = ''
as $$
    select lower(regexp_replace(normalize(p_one, nfkc), '\s', '', 'g')) = lower(regexp_replace(normalize(p_other, nfkc), '\s', '', 'g'))
$$;

-- A value as a plan or a sample shows it: whole, unless it is long.
create or replace function public.sync_shown(p_value jsonb)
returns jsonb
language sql immutable
set search_path = ''
as $$
    select case when length(p_value::text) <= 202 then p_value else to_jsonb(left(p_value #>> '{}', 200) || '…') end
$$;

-- Locks the rows of the table that the batch is about, in the order of their row keys: two batches cannot deadlock.
-- Key columns are never updated, so the lock lets the table's foreign keys be checked meanwhile.
create or replace function public.sync_lock_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    select format('/* sheetsync */ select 1 from unnest($1) as b (item) join %s as t on %s'
                  ' order by b.item ->> ''k'' collate "C" for no key update of t',
                  public.sync_table_sql(p_target.table_name),
                  string_agg(format('t.%I = ', c.name) || format(c.reads, 'b.item -> ''v''', c.ordinal), ' and '
                             order by c.ordinal))
    from public.sync_mapped_columns(p_target) as c
    where c.is_key
$$;

-- The start of each statement about a batch: `batch`, the messages' rows, and `sheet`, their typed values (sheet_N). $3: the rows.
create or replace function public.sync_sheet_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    select format($sql$/* sheetsync */
with batch as materialized (
    select i.item ->> 'k' as row_key, (i.item ->> 'h')::bigint as key_hash, (i.item ->> 'c')::bigint as content_hash,
           (i.item ->> 'n')::integer as row_number, nullif(i.item -> 'keep', '[]') as keep, i.item -> 'v' as v, i.place::integer
    from unnest($3) with ordinality as i (item, place)
),
sheet as materialized (
    select y.*, array[%s]::bigint[] as says
    from (select b.*, %s from batch as b offset 0) as y
)$sql$,
                  string_agg(format(c.hashes, format('y.sheet_%s', c.ordinal)), ', ' order by c.ordinal),
                  string_agg(format(c.reads || ' as sheet_%s', 'b.v', c.ordinal, c.ordinal), ', ' order by c.ordinal))
    from public.sync_mapped_columns(p_target) as c
$$;

-- The columns by which the syncs of this table mark rows as deleted, or did before: whichever sync marked a row, the one that feeds
-- it next takes the mark away. A column that this sync feeds is no mark to it.
create or replace function public.sync_mark_columns(p_target public.sync_targets)
returns text[]
language sql stable
set search_path = ''
as $$
    select array(
        select m.name
        from (select unnest(p_target.mark_columns) as name
              union
              select unnest(o.mark_columns) from public.sync_targets as o
              where o.table_name = p_target.table_name and o.sync <> p_target.sync) as m
        join pg_catalog.pg_attribute as a
            on a.attrelid = (select public.sync_table(p_target.table_name)) and a.attname = m.name and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and not a.attnotnull
        where m.name <> all (p_target.column_names)
        order by m.name)
$$;

-- An expression: whether the table's row `t` is marked as deleted.
create or replace function public.sync_marked_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    select coalesce('num_nonnulls(' || string_agg(format('t.%I', m.name), ', ' order by m.name) || ') > 0', 'false')
    from unnest(public.sync_mark_columns(p_target)) as m (name)
$$;

-- What the merge decides: common table expressions, the last of which, `decided`, has a row for each row of the batch: what is
-- done with it (`act`), into which columns the sheet's value is written (`write_N`), and what is remembered. It writes nothing,
-- so the preview of a plan (sync_preview) decides by the very same text. Parameters: $1 the sync, $3 the rows (jsonb[]).
-- `p_keep`: the ordinals of the columns that some row of the batch keeps as they are (a blank cell with blank = "keep").
create or replace function public.sync_decided_sql(p_target public.sync_targets, p_keep integer[])
returns text
language plpgsql stable
set search_path = ''
as $fn$
declare
    -- Pieces of the statement, each about all columns.
    v_same_key   text;
    v_writes     text; -- write_N: whether the sheet's value is written over the table's
    v_any_write  text;
    v_any_differ text;
    v_conflicts  text; -- the name of each column in conflict, or null
    v_corrections text; -- the name of each column that the sheet owns and the table changed, or null
    v_withheld   text; -- the name of each column whose adoption waits, or null
    v_write_list text;
    v_said       text;
    v_stored     text;
    v_fresh      text;
    v_guarded    text;
    v_restores   text;
    v_left_alone text;
    v_missing    text := '(t.ctid is null and coalesce(r.state = ''present'' and r.said is not null, false))';
    v_others     text := 'left join (select null::text as sync, null::integer as precedence) as o on false';
begin
    with mapped as (
        select c.*, c.ordinal + 1 as i,
               c.authority <> 'database' and not c.is_key as is_written,
               case when c.ordinal = any (p_keep) then format('s.keep @> %L', c.ordinal) else 'false' end as keeps,
               format(c.compares, format('s.sheet_%s', c.ordinal)) as sheet,
               format(c.compares, format('t.%I', c.name)) as live,
               format(c.hashes, format('t.%I', c.name)) as live_hash
        from public.sync_mapped_columns(p_target) as c
    ),
    -- docs/PROMISES.md, "Merge". said[i] is what the sheet said when it was last applied, stored[i] what the table then held: null
    -- where that was the same. Without a base, `adopt` decides.
    ruled as (
        select m.*,
               format('m.said[%1$s] <> s.says[%1$s]', m.i) as turned,
               format('%s <> coalesce(m.stored[%2$s], m.said[%2$s])', m.live_hash, m.i) as edited,
               format('%s is distinct from %s', m.live, m.sheet) as differs,
               -- Over nothing, or by a value over the column's plain default, no value is lost: that needs no approval.
               case when m.default_value ~ '^[^()]*$' and m.default_value <> 'null' and m.hash_kind <> 'json'
                    then format('(t.%1$I is null or t.%1$I = %2$s and s.sheet_%3$s is not null)', m.name, m.default_value, m.ordinal)
                    else format('t.%I is null', m.name) end as holds_nothing
        from mapped as m
    ),
    judged as (
        select r.*,
               -- What is cheap to know comes first: of most rows nothing has changed.
               format('m.found and (%s) is not true and case when m.said[%s] is null then m.adopt = ''sheet'' or m.adopt = ''ask'''
                      ' and (r.said is not null or f.withheld = ''{}'') and %s else %s end and %s',
                      r.keeps, r.i, r.holds_nothing,
                      case
                          when r.authority = 'sheet' then format('(%s or %s)', r.turned, r.edited)
                          when p_target.on_conflict = 'sheet' then r.turned
                          else format('%s and not %s', r.turned, r.edited)
                      end, r.differs) as wins
        from ruled as r
    )
    select
        string_agg(format('t.%I = s.sheet_%s', j.name, j.ordinal), ' and ' order by j.ordinal) filter (where j.is_key),
        coalesce(string_agg(format('(%s) is true as write_%s', j.wins, j.ordinal), ', ' order by j.ordinal)
                 filter (where j.is_written), 'false as write_none'),
        coalesce(string_agg(format('w.write_%s', j.ordinal), ' or ' order by j.ordinal) filter (where j.is_written), 'false'),
        coalesce(string_agg(format('(%s) is not true and %s', j.keeps, j.differs), ' or ' order by j.ordinal)
                 filter (where j.is_written), 'false'),
        coalesce(string_agg(format('case when (%s) is not true and %s and %s and %s then %L end', j.keeps, j.turned, j.edited, j.differs, j.name),
                            ', ' order by j.ordinal) filter (where j.is_written and j.authority = 'merge'), 'null'),
        coalesce(string_agg(format('case when (%s) is not true and not (%s) and %s and %s then %L end', j.keeps, j.turned, j.edited, j.differs, j.name),
                            ', ' order by j.ordinal) filter (where j.is_written and j.authority = 'sheet'), 'null'),
        coalesce(string_agg(format('case when m.adopt = ''ask'' and m.said[%s] is null and (%s) is not true and %s and not %s then %L end',
                                   j.i, j.keeps, j.differs, j.holds_nothing, j.name),
                            ', ' order by j.ordinal) filter (where j.is_written), 'null'),
        string_agg(case when j.is_written then format('w.write_%s', j.ordinal) else 'false' end, ', ' order by j.ordinal),
        -- A kept cell repeats what it said before. If it never said anything, it said null (0); in a column of the sheet it said what no
        -- value hashes to (-1), so that the first thing that it says is written, null too.
        string_agg(
            case
                when not j.is_written then format('w.says[%s]', j.i)
                when j.keeps = 'false' then format('case when %L = any (w.withheld) then null else w.says[%s] end', j.name, j.i)
                else format('case when %L = any (w.withheld) then null when %s then coalesce(w.was_said[%s], %s) else w.says[%3$s] end',
                            j.name, replace(j.keeps, 's.keep', 'w.keep'), j.i, case j.authority when 'sheet' then -1 else 0 end)
            end, ', ' order by j.ordinal),
        -- In a conflict that the database won, its value stays an edit.
        string_agg(
            case
                when not j.is_written then 'null'
                else format('case when w.was_said[%1$s] <> w.says[%1$s] and (%2$s) is not true then coalesce(w.was_stored[%1$s], w.was_said[%1$s])'
                            ' else w.was_stored[%1$s] end',
                            j.i, replace(j.keeps, 's.keep', 'w.keep'))
            end, ', ' order by j.ordinal),
        string_agg(
            case
                when not j.is_written then 'false'
                else format('not w.found or w.write_%1$s or w.was_said[%2$s] is null'
                            ' or w.was_said[%2$s] <> w.says[%2$s] and (%4$s) is not true and %3$L <> all (w.conflicts)',
                            j.ordinal, j.i, j.name, replace(j.keeps, 's.keep', 'w.keep'))
            end, ', ' order by j.ordinal),
        coalesce(string_agg(
            case
                when not j.is_written then 'null'
                else format('case when m.stored[%s] is null and (%s)%s then %s end', j.i, j.wins,
                            case j.hash_kind when 'text' then format(' and not coalesce(public.sync_alike(t.%I::text, s.sheet_%s::text), false)',
                                                                     j.name, j.ordinal) else '' end,
                            j.live_hash)
            end, ', ' order by j.ordinal), 'null')
    into v_same_key, v_writes, v_any_write, v_any_differ, v_conflicts, v_corrections, v_withheld, v_write_list, v_said, v_stored, v_fresh, v_guarded
    from judged as j;

    -- Only what a sync deleted comes back; a row that people deleted in the application stays deleted.
    v_restores := 't.ctid is not null and r.state = ''deleted'' and ' || public.sync_marked_sql(p_target);
    v_left_alone := case p_target.mode
        when 'insert_only' then 't.ctid is not null and r.state is distinct from ''deleted'''
        when 'update_only' then 't.ctid is null'
        else 'false'
    end;
    -- What the application deleted stays deleted, where the definition says so.
    if p_target.on_missing = 'respect' then
        v_left_alone := v_left_alone || ' or ' || v_missing;
    end if;
    -- A row that another sync feeds is that sync's, unless this one takes precedence. One that the other has never written, it does
    -- not feed.
    if exists (select from public.sync_targets as o where o.table_name = p_target.table_name and o.sync <> p_target.sync) then
        v_others := format($sql$left join lateral (
        select o.sync, x.precedence
        from public.sync_targets as x
        join public.sync_rows as o on o.sync = x.sync
        where x.table_name = %L and x.sync <> $1 and o.key_hash = s.key_hash and o.row_key = s.row_key and o.state = 'present' and o.said is not null
        order by x.precedence desc, x.sync
        limit 1
    ) as o on r.state is distinct from 'present' or r.said is null or o.precedence > %s$sql$, p_target.table_name, p_target.precedence);
    end if;

    return public.sync_sheet_sql(p_target) || format($sql$,
weighed as (
    select s.*, t.ctid as place_in_table, t.tableoid as part, m.found, m.said as was_said, m.stored as was_stored, m.adopt,
           r.said is not null as is_known,
           f.conflicts, f.withheld, f.corrections, %20$s as is_missing,
           case when cardinality(f.conflicts) > 0 or cardinality(f.withheld) > 0 or cardinality(f.corrections) > 0 then to_jsonb(t) end as live,
           o.sync as owner, o.sync is not null and o.precedence >= %1$s as is_claim, o.precedence > %1$s as is_outranked,
           %2$s as restores,
           %3$s as left_alone,
           case when %3$s then not m.found or (%4$s) end as differs,
           array[%5$s]::bigint[] as guarded,
           %6$s
    from sheet as s
    left join public.sync_rows as r on r.sync = $1 and r.key_hash = s.key_hash and r.row_key = s.row_key
    %7$s
    left join %8$s as t on %9$s
    cross join lateral (
        select e.*, t.ctid is not null as found
        from (select %10$s as said, %11$s as stored,
                     case when r.adopt in ('sheet', 'database') then r.adopt else %12$L end as adopt
              offset 0) as e
        offset 0
    ) as m
    cross join lateral (
        select case when m.found then array_remove(array[%13$s]::text[], null) else '{}' end as conflicts,
               case when m.found then array_remove(array[%14$s]::text[], null) else '{}' end as withheld,
               case when m.found then array_remove(array[%21$s]::text[], null) else '{}' end as corrections
        offset 0
    ) as f
),
decided as materialized (
    select w.*,
           case
               when w.is_claim then 'claim'
               when w.left_alone then 'skip'
               when not w.found then 'insert'
               when w.restores or %15$s then 'update'
               else 'leave'
           end as act,
           w.found and not w.left_alone and not w.is_claim and not w.is_known as adopts,
           array[%16$s]::boolean[] as writes,
           -- A row of which only a part may be remembered is not this sync's yet.
           case when w.is_claim or w.left_alone or not w.is_known and cardinality(w.withheld) > 0 then w.was_said
                else array[%17$s]::bigint[] end as said,
           case when w.is_claim or w.left_alone or not w.is_known and cardinality(w.withheld) > 0 then w.was_stored
                else array[%18$s]::bigint[] end as stored,
           case when w.is_claim or w.left_alone or not w.is_known and cardinality(w.withheld) > 0 then '{}'::boolean[]
                else array[%19$s]::boolean[] end as fresh
    from weighed as w
    order by w.place
)
$sql$,
        p_target.precedence, v_restores, v_left_alone, v_any_differ, v_guarded, v_writes,                      --  1 to  6
        v_others, public.sync_table_sql(p_target.table_name), v_same_key,                                     --  7 to  9
        public.sync_base_sql(p_target, p_target.sync, 'r', 'said'),
        public.sync_base_sql(p_target, p_target.sync, 'r', 'stored'), p_target.adopt,                          -- 10 to 12
        v_conflicts, v_withheld, v_any_write, v_write_list, v_said, v_stored, v_fresh,                          -- 13 to 19
        v_missing, v_corrections);                                                                             -- 20 to 21
end
$fn$;

-- The decisions about a batch as an array of sync_decision, and what waits for approval: the end of a statement that begins with
-- sync_decided_sql. `p_more`: further columns.
create or replace function public.sync_decisions_sql(p_more text)
returns text
language sql immutable
set search_path = ''
as $fn$
    select format($sql$
select array_agg(row(d.place, d.row_key, d.key_hash, d.content_hash, d.row_number, d.act, d.adopts,
                     d.act = 'claim' or d.act = 'skip' and d.differs or d.act <> 'skip' and cardinality(d.withheld) > 0,
                     case when d.act in ('skip', 'claim') then '{}' else d.withheld end, d.conflicts, d.owner, d.writes, d.said,
                     d.was_said, d.stored, d.fresh, d.guarded, d.restores, d.is_missing,
                     case when d.act = 'update' then d.corrections else '{}' end)::public.sync_decision
                 order by d.place) as decisions%s
from decided as d
$sql$, p_more)
$fn$;

-- The writing part of the merge, behind an expression `decided`: updates, then inserts, because a new row may need a unique value
-- that an update frees. In one statement, so that foreign keys are checked when all of it is there. Conflicts are noted.
create or replace function public.sync_written_sql(p_target public.sync_targets, p_keep integer[])
returns text
language plpgsql stable
set search_path = ''
as $fn$
declare
    v_names       text;
    v_inserts     text;
    v_assignments text;
    v_update      text := 'select 1 where false';
begin
    select string_agg(format('%I', c.name), ', ' order by c.ordinal),
           string_agg(case when c.ordinal = any (p_keep)
                               then format('case when d.keep @> %1$L then %2$s else d.sheet_%1$s end', c.ordinal, c.default_value)
                           else format('d.sheet_%s', c.ordinal)
                      end, ', ' order by c.ordinal),
           string_agg(format('%1$I = case when d.writes[%2$s] then d.sheet_%3$s else t.%1$I end', c.name, c.ordinal + 1, c.ordinal),
                      ', ' order by c.ordinal) filter (where c.authority <> 'database' and not c.is_key)
    into v_names, v_inserts, v_assignments
    from public.sync_mapped_columns(p_target) as c;

    v_assignments := concat_ws(', ', v_assignments, (
        select string_agg(format('%1$I = case when d.restores then null else t.%1$I end', m.name), ', ' order by m.name)
        from unnest(public.sync_mark_columns(p_target)) as m (name)));
    v_assignments := nullif(v_assignments, '');
    if v_assignments is not null then
        v_update := format(
            'update %s as t set %s from decided as d'
            ' where d.act = ''update'' and t.ctid = d.place_in_table and t.tableoid = d.part returning 1',
            public.sync_table_sql(p_target.table_name), v_assignments);
    end if;

    return format($sql$
, updated as (%1$s),
inserted as (
    insert into %2$s (%3$s)
    select %4$s
    from (select count(*) from updated) as first
    cross join decided as d
    where d.act = 'insert'
    order by d.place
    returning 1
)
$sql$, v_update, public.sync_table_sql(p_target.table_name), v_names, v_inserts);
end
$fn$;

-- Conflicts, noted: they inform, no one has to act. And `waiting`: what waits for the approval of an adoption.
create or replace function public.sync_noted_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $fn$
    select format($sql$
, noted as (
    insert into public.sync_errors (sync, run, row_key, row_number, column_name, error_type, code, message, raw, resolved_at)
    select $1, $2, d.row_key, d.row_number, c.name, 'conflict', 'conflict_%1$s_won',
           format('sheet and database were both changed since the last sync: the sheet says %%s, the database said %%s; the %1$s won',
                  coalesce(left(c.sheet, 400), 'nothing'), coalesce(left(d.live ->> c.name, 400), 'nothing')),
           left(c.sheet, 2000), now()
    from decided as d
    cross join lateral (values %2$s) as c (name, sheet)
    where d.act not in ('skip', 'claim') and cardinality(d.conflicts) > 0 and c.name = any (d.conflicts)
    union all
    select $1, $2, d.row_key, d.row_number, c.name, 'conflict', 'corrected',
           format('the column belongs to the sheet and was changed in the database: the database said %%s, the sheet says %%s; the sheet''s value was'
                  ' written again', coalesce(left(d.live ->> c.name, 400), 'nothing'), coalesce(left(c.sheet, 400), 'nothing')),
           left(c.sheet, 2000), now()
    from decided as d
    cross join lateral (values %2$s) as c (name, sheet)
    where d.act = 'update' and cardinality(d.corrections) > 0 and c.name = any (d.corrections)
    union all
    select $1, $2, d.row_key, d.row_number, null, 'conflict', 'restored',
           'the row was deleted in the database and is still in the sheet: it was inserted again; to let such deletions stand, say on_missing = "respect"',
           null, now()
    from decided as d
    where d.act = 'insert' and d.is_missing
),
held as (
    select d.place, d.row_key, d.row_number, c.name, d.live, c.sheet
    from decided as d
    cross join lateral (values %2$s) as c (name, sheet)
    where d.act not in ('skip', 'claim') and cardinality(d.withheld) > 0 and c.name = any (d.withheld)
),
waiting as (
    select jsonb_build_object(
               'columns', (select jsonb_object_agg(x.name, x.rows) from (select h.name, count(*) as rows from held as h group by h.name) as x),
               'sample', (select jsonb_agg(jsonb_build_object(
                                     'rowKey', x.row_key, 'rowNumber', x.row_number, 'column', x.name,
                                     'old', public.sync_shown(x.live -> x.name), 'new', public.sync_shown(to_jsonb(x.sheet))))
                          from (select h.* from held as h order by h.place, h.name limit 5) as x)) as adoption
    where exists (select from held)
)
$sql$,
        p_target.on_conflict,
        coalesce(string_agg(format('(%L, d.sheet_%s::text)', c.name, c.ordinal), ', ' order by c.ordinal), '(null::text, null::text)'))
    from public.sync_mapped_columns(p_target) as c
    where c.authority <> 'database' and not c.is_key
$fn$;

-- The merge in one statement: it decides, writes, and answers the decisions, the number of rows that were not written though they
-- should, and what waits for approval: how many rows differ in each column, and the first of them.
-- Parameters: $1 the sync, $2 the run, $3 the rows.
create or replace function public.sync_merge_sql(p_target public.sync_targets, p_keep integer[])
returns text
language sql stable
set search_path = ''
as $fn$
    select public.sync_decided_sql(p_target, p_keep) || public.sync_written_sql(p_target, p_keep) || public.sync_noted_sql(p_target)
        || public.sync_decisions_sql($sql$,
       count(*) filter (where d.act in ('insert', 'update'))
           - (select count(*) from inserted) - (select count(*) from updated) as unwritten,
       (select n.adoption from waiting as n) as adoption$sql$)
$fn$;

-- The statement that enters a batch into the books, from the decisions and from what the table holds now. It answers the counts,
-- the rows that are not in the table though they should, and the refusals that are no error of Postgres.
-- Parameters: $1 the sync, $2 the number of the run (seq), $4 the decisions.
create or replace function public.sync_books_sql(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $fn$
    select format($sql$/* sheetsync */
with held as materialized (
    select d.*, t.ctid is not null as is_there, %1$s
    from unnest($4) as d
    left join %2$s as t on %3$s
),
entry as (
    select h.*, array[%4$s]::bigint[] as holds, array_remove(array[%5$s]::text[], null) as ignored, array[%6$s]::bigint[] as says
    from held as h
),
remembered as (
    insert into public.sync_rows as r (sync, key_hash, row_key, content_hash, layout, said, stored, state, adopt, last_seq)
    select $1, e.key_hash, e.row_key, case when not e.resend and e.ignored = '{}' then e.content_hash end, %7$s,
           case when e.said is not null then e.says end,
           case when e.said is not null and array_remove(e.holds, null) <> '{}' then e.holds end,
           case e.act when 'claim' then 'claimed' else 'present' end, case when e.withheld <> '{}' then 'ask' end, $2
    from entry as e
    order by e.row_key collate "C"
    on conflict (sync, key_hash, row_key) do update
    set content_hash = excluded.content_hash, layout = excluded.layout, said = excluded.said, stored = excluded.stored,
        state = excluded.state, adopt = excluded.adopt, last_seq = excluded.last_seq
    where r.content_hash is distinct from excluded.content_hash or r.state <> excluded.state or r.layout <> excluded.layout
       or r.said is distinct from excluded.said or r.stored is distinct from excluded.stored or r.adopt is distinct from excluded.adopt
),
-- The sync that fed the row so far keeps a claim to it.
outranked as (
    update public.sync_rows as r
    set state = 'claimed', content_hash = null
    from entry as e
    where e.owner is not null and e.act <> 'claim' and r.sync = e.owner and r.key_hash = e.key_hash and r.row_key = e.row_key
)
select count(*) filter (where e.act = 'insert' and k.is_whole) as inserted,
       count(*) filter (where e.act = 'update' and k.is_whole) as updated,
       count(*) filter (where e.act = 'leave' and k.is_whole) as unchanged,
       count(*) filter (where e.act = 'skip' or e.act = 'claim' and k.is_outranked or e.act not in ('skip', 'claim') and e.withheld <> '{}') as skipped,
       count(*) filter (where e.adopts and e.withheld = '{}') as adopted,
       count(*) filter (where e.act = 'insert' and e.is_missing and k.is_whole) as restored,
       count(*) filter (where e.act = 'update' and e.corrections <> '{}' and k.is_whole) as corrected,
       coalesce(sum(cardinality(e.conflicts)) filter (where e.act not in ('skip', 'claim')), 0) as conflicts,
       count(*) filter (where e.act not in ('skip', 'claim') and e.withheld <> '{}') as withheld,
       count(*) filter (where e.act in ('insert', 'update', 'leave') and not e.is_there) as lost,
       coalesce(jsonb_agg(x.refusal) filter (where x.refusal is not null), '[]') as refused
from entry as e
cross join lateral (
    select e.withheld = '{}' and e.ignored = '{}' as is_whole,
           coalesce((select o.precedence > %8$s from public.sync_targets as o where o.sync = e.owner), false) as is_outranked
) as k
left join lateral (
    select jsonb_build_object('code', 'key_in_other_sync', 'column', %9$L,
                              'message', format('the sync %%1$s feeds the row %%2$s of this table already: remove it from one of the two sheets,'
                                                ' or give one of the syncs a higher precedence; if %%1$s is the former name of this sync, say so'
                                                ' with renamed_from', e.owner, e.row_key)) as reason
    where e.act = 'claim' and not k.is_outranked
    union all
    select jsonb_build_object('code', 'kept_by_trigger', 'column', e.ignored[1],
                              'message', format('the table kept its value of %%s: a trigger refuses the change without an error; correct the cell,'
                                                ' or the trigger', array_to_string(e.ignored, ', ')))
    where e.act = 'update' and e.ignored <> '{}' and e.withheld = '{}'
) as y on true
cross join lateral (
    select y.reason || jsonb_build_object('rowKey', e.row_key, 'rowNumber', e.row_number, 'h', e.key_hash) as refusal
) as x
$sql$,
        string_agg(case when c.authority <> 'database' and not c.is_key then format(c.hashes, format('t.%I', c.name)) else '0' end
                   || format(' as holds_%s', c.ordinal), ', ' order by c.ordinal),
        public.sync_table_sql(p_target.table_name),
        public.sync_same_key_sql(p_target, 't', 'd.row_key'),
        string_agg(format('case when h.fresh[%1$s] then case when h.guarded[%1$s] is distinct from h.holds_%2$s then nullif(h.holds_%2$s, h.said[%1$s]) end'
                          ' else h.stored[%1$s] end', c.ordinal + 1, c.ordinal), ', ' order by c.ordinal),
        string_agg(format('case when h.guarded[%s] = h.holds_%s then %L end', c.ordinal + 1, c.ordinal, c.name), ', ' order by c.ordinal),
        string_agg(format('case when h.guarded[%1$s] = h.holds_%2$s then h.before[%1$s] else h.said[%1$s] end', c.ordinal + 1, c.ordinal),
                   ', ' order by c.ordinal),
        p_target.layout, p_target.precedence, p_target.key_columns[1])
    from public.sync_mapped_columns(p_target) as c
$fn$;

-- What the statements of a batch are built from, as a short text: another one, and they must be built anew.
create or replace function public.sync_fingerprint(p_target public.sync_targets)
returns text
language sql stable
set search_path = ''
as $$
    select md5(concat_ws('|',
        'statements of version 3', p_target.table_name, p_target.key_columns, p_target.column_names, p_target.authorities, p_target.mode,
        p_target.on_conflict, p_target.delete_policy, p_target.delete_column, public.sync_mark_columns(p_target), p_target.adopt, p_target.precedence, p_target.layout,
        p_target.on_missing,
        (select string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attisdropped), ',' order by a.attnum)
         from pg_catalog.pg_attribute as a
         where a.attrelid = (select public.sync_table(p_target.table_name)) and a.attnum > 0),
        (select count(*) from public.sync_layouts as l where l.sync = p_target.sync),
        exists (select from public.sync_targets as o where o.table_name = p_target.table_name and o.sync <> p_target.sync)))
$$;

-- The statements of a batch in which no cell is kept: {"lock", "merge", "books"}. Building them takes longer than applying a batch that
-- changes nothing, so it is done when a run begins.
create or replace function public.sync_statements(p_target public.sync_targets, p_keep integer[])
returns jsonb
language sql stable
set search_path = ''
as $$
    select jsonb_build_object('lock', public.sync_lock_sql(p_target), 'merge', public.sync_merge_sql(p_target, p_keep),
                              'books', public.sync_books_sql(p_target))
$$;

-- Fails with the SQLSTATE of a missing table or column when the table has changed since the run began: no row is at fault.
-- Until the transaction ends the table stays as it was found: the statements are built from the catalogue in several looks at
-- it, and one that no longer saw a column would leave it out, in silence.
create or replace function public.sync_check_columns(p_target public.sync_targets)
returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    v_missing text;
begin
    execute format('lock table %s in row exclusive mode', public.sync_table_sql(p_target.table_name));
    if p_target.fingerprint = public.sync_fingerprint(p_target) then
        return;
    end if;
    select string_agg(n.name, ', ') into v_missing
    from unnest(p_target.column_names) as n (name)
    where not exists (select from public.sync_mapped_columns(p_target) as c where c.name = n.name);
    if v_missing is not null then
        raise undefined_column using message =
            format('the table %s has no column %s any more: restore it, or remove it from the definition', p_target.table_name, v_missing);
    end if;
end
$$;

-- One base over another: the elements of the first, and of the second where the first has none.
create or replace function public.sync_overlay(p_upper bigint[], p_lower bigint[])
returns bigint[]
language sql immutable parallel safe
set search_path = ''
as $$
    select case when p_upper is null then p_lower else array(
        select coalesce(p_upper[i], p_lower[i]) from generate_subscripts(p_upper, 1) as i order by i) end
$$;

-- Copies what one sync remembers of rows to another that takes them over, in the other's list of columns: what the first sync
-- wrote is no edit. It replaces what the other remembered of before.
create or replace function public.sync_hand_over(
    p_from   text,
    p_to     public.sync_targets,
    p_hashes bigint[],
    p_keys   text[],
    p_of     text, -- the entries in this state
    p_state  text  -- the state that they get
)
returns void
language sql volatile
set search_path = ''
as $$
    insert into public.sync_rows as r (sync, key_hash, row_key, layout, said, stored, state, last_seq)
    select p_to.sync, o.key_hash, o.row_key, p_to.layout, public.sync_reorder(o.said, p.places), public.sync_reorder(o.stored, p.places),
           p_state, p_to.seq
    from unnest(p_hashes, p_keys) as k (key_hash, row_key)
    join public.sync_rows as o on o.sync = p_from and o.key_hash = k.key_hash and o.row_key = k.row_key and o.state = p_of
    left join public.sync_layouts as f on f.sync = p_from and f.layout = o.layout
    -- What the first sync never writes it has no base of: there the other adopts.
    cross join lateral (
        select array(
            select c.name
            from public.sync_targets as g
            cross join unnest(g.column_names, g.authorities) as c (name, authority)
            where g.sync = p_from and c.authority = 'database') as names
    ) as d
    left join public.sync_layouts as t on t.sync = p_to.sync and t.layout = p_to.layout
    cross join lateral (
        select array(
            select (select x.place
                    from unnest(f.names, f.types) with ordinality as x (name, type, place)
                    where x.name = w.name and x.type = w.type and x.name <> all (d.names))
            from unnest(t.names, t.types) with ordinality as w (name, type, place)
            order by w.place)::integer[] as places
    ) as p
    order by o.row_key collate "C"
    on conflict (sync, key_hash, row_key) do update
    set content_hash = null, state = excluded.state, layout = excluded.layout,
        said = public.sync_overlay(excluded.said, case when r.layout = excluded.layout then r.said end),
        -- Where the upper base has an element, its `stored` goes with it, also when that is null.
        stored = case when excluded.said is null then case when r.layout = excluded.layout then r.stored end
                      else array(
                          select case when excluded.said[i] is not null then excluded.stored[i]
                                      when r.layout = excluded.layout then r.stored[i] end
                          from generate_subscripts(excluded.said, 1) as i
                          order by i) end
$$;

-- Merges the rows, all or none, and answers the counts, with `refused`, `adoption` and, if asked for, `acts`: what was done per
-- row key. Errors are the caller's. `p_statements`: {"lock", "merge", "books"}.
create or replace function public.sync_merge(
    p_target     public.sync_targets,
    p_run        uuid,
    p_rows       jsonb[],
    p_statements jsonb
)
returns jsonb
language plpgsql volatile
set search_path = ''
-- Some hundred rows against a table of any size, whose statistics may be old: look each one up by its key. Otherwise a first
-- load, of which the planner knows nothing yet, reads the whole table for every batch.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set enable_memoize = off
as $$
declare
    v_other  record;
    v_merged record;
begin
    -- In a statement of its own, so that the merge's snapshot is newer than the locks.
    execute p_statements ->> 'lock' using p_rows;
    -- What another sync remembers of these rows is no edit: of a row that this one takes over by its precedence, and of a row that
    -- the other gave up, which comes back here.
    for v_other in
        select o.sync, r.state, array_agg(r.key_hash) as hashes, array_agg(r.row_key) as keys
        from public.sync_targets as o
        cross join unnest(p_rows) as i (item)
        join public.sync_rows as r on r.sync = o.sync and r.key_hash = (i.item ->> 'h')::bigint and r.row_key = i.item ->> 'k'
        where o.table_name = p_target.table_name and o.sync <> p_target.sync
          and (r.state = 'present' and r.said is not null and o.precedence < p_target.precedence
               or r.state in ('deleted', 'absent') and not exists (
                   select from public.sync_rows as m
                   where m.sync = p_target.sync and m.key_hash = r.key_hash and m.row_key = r.row_key and m.said is not null))
        group by o.sync, r.state
    loop
        perform public.sync_hand_over(v_other.sync, p_target, v_other.hashes, v_other.keys, v_other.state,
                                      case v_other.state when 'present' then 'claimed' else v_other.state end);
        delete from public.sync_rows as r
        where r.sync = v_other.sync and r.key_hash = any (v_other.hashes) and r.row_key = any (v_other.keys) and r.state in ('deleted', 'absent');
    end loop;
    -- The table's own triggers and checks find what they name as they find it when the application writes.
    set local search_path to default;
    execute p_statements ->> 'merge' into v_merged using p_target.sync, p_run, p_rows;
    set local search_path to '';
    -- A trigger that answers null, or a second writer: what was counted did not happen (promise 1).
    if v_merged.unwritten <> 0 then
        raise raise_exception using message = 'the row was not written: a trigger of the table left it out without an error';
    end if;
    return public.sync_enter(p_target, p_statements ->> 'books', v_merged.decisions, v_merged.adoption, p_statements ? 'acts');
end
$$;

-- Enters decisions that were carried out into the books; answers as sync_merge.
create or replace function public.sync_enter(
    p_target    public.sync_targets,
    p_books     text,
    p_decisions public.sync_decision[],
    p_adoption  jsonb,
    p_acts      boolean
)
returns jsonb
language plpgsql volatile
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $$
declare
    v_counts record;
begin
    execute p_books into v_counts using p_target.sync, p_target.seq, null::jsonb[], p_decisions;
    if v_counts.lost <> 0 then
        raise raise_exception using message = 'the row is not in the table after it was written: a trigger of the table moved or removed it';
    end if;
    -- The definition lets a deletion in the database stand: listed for as long as the sheet has the row.
    if p_target.on_missing = 'respect' and exists (select from unnest(p_decisions) as d where d.act = 'skip' and d.is_missing) then
        perform public.sync_record_errors(p_target.sync, p_target.run, 'conflict', (
            select jsonb_agg(jsonb_build_object(
                'rowKey', d.row_key, 'rowNumber', d.row_number, 'code', 'deleted_in_database', 'message', format(
                    'the row is in the sheet and was deleted in the database, and on_missing = "respect" lets that stand: remove row %s from the'
                    ' sheet, or say on_missing = "restore" to have it inserted again', d.row_number)))
            from unnest(p_decisions) as d
            where d.act = 'skip' and d.is_missing));
    end if;
    return to_jsonb(v_counts) - 'lost' || jsonb_build_object('adoption', p_adoption) || case when not p_acts then '{}' else jsonb_build_object('acts', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'h', d.key_hash, 'k', d.row_key, 'conflicts', cardinality(d.conflicts), 'adopted', d.adopts::integer,
            'restored', (d.act = 'insert' and d.is_missing)::integer, 'corrected', (d.corrections <> '{}')::integer,
            'withheld', (d.act not in ('skip', 'claim') and d.withheld <> '{}')::integer,
            'outcome', case
                when d.act in ('skip', 'claim') or d.withheld <> '{}' then 'skipped'
                when d.act = 'insert' then 'inserted'
                when d.act = 'update' then 'updated'
                else 'unchanged'
            end)), '[]')
        from unnest(p_decisions) as d
        where not jsonb_path_exists(v_counts.refused, '$[*] ? (@.h == $h)', jsonb_build_object('h', d.key_hash)))) end;
end
$$;

-- Merges rows that exchange unique values in a circle, in which each waits for another: it decides first, sets the values to null
-- where the column allows it, and then writes. As sync_merge otherwise.
create or replace function public.sync_merge_parked(
    p_target     public.sync_targets,
    p_run        uuid,
    p_rows       jsonb[],
    p_keep       integer[],
    p_statements jsonb
)
returns jsonb
language plpgsql volatile
set search_path = ''
set enable_seqscan = off -- as for sync_merge
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set enable_memoize = off
as $fn$
declare
    v_merged    record;
    v_parked    record;
    v_unwritten bigint;
begin
    execute p_statements ->> 'lock' using p_rows;
    execute public.sync_decided_sql(p_target, p_keep) || public.sync_noted_sql(p_target)
        || public.sync_decisions_sql(', (select n.adoption from waiting as n) as adoption')
        into v_merged using p_target.sync, p_run, p_rows;
    set local search_path to default; -- as in sync_merge
    for v_parked in
        select distinct on (u.index_oid) u.name, c.ordinal
        from public.sync_unique_columns(p_target) as u
        join public.sync_mapped_columns(p_target) as c on c.name = u.name
        where u.is_nullable and u.is_immediate and not c.is_key and c.authority <> 'database'
        order by u.index_oid, u.place
    loop
        execute format('/* sheetsync */ update %s as t set %I = null from unnest($1) as d where d.act = ''update'' and d.writes[%s] and %s',
                       public.sync_table_sql(p_target.table_name), v_parked.name, v_parked.ordinal + 1, public.sync_same_key_sql(p_target, 't', 'd.row_key'))
            using v_merged.decisions;
    end loop;
    execute public.sync_sheet_sql(p_target) || format($sql$,
decided as materialized (
    select s.*, d.act, d.writes, d.restores, t.ctid as place_in_table, t.tableoid as part
    from sheet as s
    join unnest($4) as d on d.place = s.place
    left join %s as t on %s
    order by s.place
)
$sql$, public.sync_table_sql(p_target.table_name), public.sync_same_key_sql(p_target, 't', 's.row_key'))
        || public.sync_written_sql(p_target, p_keep)
        || $sql$
select count(*) filter (where d.act in ('insert', 'update')) - (select count(*) from inserted) - (select count(*) from updated)
from decided as d$sql$
        into v_unwritten using p_target.sync, p_run, p_rows, v_merged.decisions;
    set local search_path to '';
    if v_unwritten <> 0 then
        raise raise_exception using message = 'the row was not written: a trigger of the table left it out without an error';
    end if;
    return public.sync_enter(p_target, p_statements ->> 'books', v_merged.decisions, v_merged.adoption, p_statements ? 'acts');
end
$fn$;

do $$ begin perform public.sync_only_service_role('{
    sync_mapped_columns, sync_same_key_sql, sync_unique_columns, sync_reorder, sync_base_sql, sync_alike, sync_shown,
    sync_lock_sql, sync_sheet_sql, sync_mark_columns, sync_marked_sql, sync_decided_sql, sync_decisions_sql, sync_written_sql,
    sync_noted_sql, sync_merge_sql, sync_books_sql, sync_fingerprint, sync_statements, sync_check_columns, sync_overlay,
    sync_hand_over, sync_merge, sync_enter, sync_merge_parked
}'); end $$;

notify pgrst, 'reload schema';
