//! The tables that syncs write belong to the project. No migration creates, alters or drops one, whatever its name, and the
//! table that DEPLOYMENT_GUIDE.md shows is one that a sync can write.

use serde_json::json;
use sheetsync_migrations::MIGRATIONS;

use crate::harness::{Database, Sync, call, halves, numbered, soft, things};

/// A customer's own table under the name that the demo's table has, with an object of every kind that a `drop` or a
/// `create or replace` could reach.
const CUSTOMERS_TABLE: &str = "
create function property_listings_date_change() returns trigger language plpgsql as
    $$ begin new.changed := '2020-01-01'; return new; end $$;
create table property_listings (
    id uuid primary key default '00000000-0000-4000-8000-000000000001', listing_no varchar(9) not null default 'none',
    price numeric(12, 2) check (price > 0), photos text[], changed date
);
comment on table property_listings is 'ours';
comment on column property_listings.price is 'in dollars';
create unique index property_listings_live on property_listings (lower(listing_no));
create trigger property_listings_date_change before update on property_listings
    for each row execute function property_listings_date_change();
alter table property_listings enable row level security;
create policy property_listings_read on property_listings for select to anon using (price < 100);
revoke all on property_listings from service_role;
insert into property_listings (listing_no, price, photos) values ('A-1', 12.50, '{front,back}');
insert into property_listings (id, price) values ('00000000-0000-4000-8000-000000000002', null);
update property_listings set price = 13 where listing_no = 'A-1'";

/// The table's definition as the catalogue has it, then its rows with the transaction and place of their last write.
const DEFINITION_AND_ROWS: &str = "
    select c.oid::bigint as id, c.relowner::regrole::text as owner, c.relacl::text as grants, c.relrowsecurity as secured,
           c.relfilenode::bigint as file, obj_description(c.oid, 'pg_class') as comment,
           (select jsonb_agg(to_jsonb(a) || jsonb_build_object('comment', col_description(c.oid, a.attnum)) order by a.attnum)
            from pg_attribute as a where a.attrelid = c.oid) as columns,
           (select jsonb_agg(pg_get_expr(d.adbin, d.adrelid) order by d.adnum) from pg_attrdef as d where d.adrelid = c.oid) as defaults,
           (select jsonb_agg(pg_get_constraintdef(k.oid) order by k.conname) from pg_constraint as k where k.conrelid = c.oid) as constraints,
           (select jsonb_agg(pg_get_indexdef(i.indexrelid) order by i.indexrelid) from pg_index as i where i.indrelid = c.oid) as indexes,
           (select jsonb_agg(pg_get_triggerdef(t.oid) order by t.tgname) from pg_trigger as t where t.tgrelid = c.oid) as triggers,
           (select jsonb_agg(to_jsonb(p) order by p.polname) from pg_policy as p where p.polrelid = c.oid) as policies,
           (select pg_get_functiondef(f.oid) from pg_proc as f where f.proname = 'property_listings_date_change') as function,
           (select jsonb_agg(jsonb_build_array(r, r.xmin::text, r.ctid::text) order by r.id) from property_listings as r) as rows
    from pg_class as c where c.oid = 'property_listings'::regclass";

#[tokio::test]
async fn a_customers_table_survives_all_migrations_unchanged() {
    let database = Database::empty().await;
    database.sql(CUSTOMERS_TABLE).await;
    let before = database.rows(DEFINITION_AND_ROWS).await;
    for migration in MIGRATIONS {
        database.sql(migration.up).await;
        assert_eq!(database.rows(DEFINITION_AND_ROWS).await, before, "{}", migration.name);
    }
    sheetsync_migrations::apply(&database.owner).await.unwrap();
    for migration in MIGRATIONS.iter().rev() {
        database.sql(migration.down).await;
        assert_eq!(database.rows(DEFINITION_AND_ROWS).await, before, "{} taken back", migration.name);
    }
}

// The guide applies whatever lies in the folder, so the folder is read, not the list.
/// Without the SQL that `sync_drift_triggers` answers for the table's owner to run. Postgres lets the function itself run none of
/// it, because it is stable.
fn without_offered(sql: &str) -> String {
    let head = "create or replace function public.sync_drift_triggers(p_sync text, p_remove boolean default false)\nreturns text\n\
                language plpgsql stable\n";
    match sql.split_once(head) {
        Some((before, rest)) => format!("{before}{}", rest.split_once("\n$fn$;").unwrap().1),
        None => sql.to_owned(),
    }
}

#[test]
fn migration_files_name_no_table_but_their_own() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".sql")) else { continue };
        let sql = std::fs::read_to_string(&path).unwrap();
        assert_eq!(foreign_tables(&without_offered(&sql)), [""; 0], "{name}");
        names.push(name.to_owned());
    }
    names.sort_unstable();
    let mut listed: Vec<String> = MIGRATIONS
        .iter()
        .flat_map(|migration| [migration.name.to_owned(), format!("{}.down", migration.name)])
        .collect();
    listed.sort_unstable();
    assert_eq!(names, listed);
}

#[test]
fn a_statement_about_a_foreign_table_is_found() {
    let sql =
        "create table if not exists public.sync_rows (id int); create or replace view public.sync_anything as select 1;
        alter table only public.sync_rows add column a int; create index sync_rows_a on public.sync_rows (a);
        grant select on public.sync_rows, public.sync_state to service_role; comment on column public.sync_rows.a is '';
        -- drop table in_a_comment;
        grant execute on function public.f() to anon; lock table public.%I in row exclusive mode;
        create TABLE  listings (id int); drop table if exists public.homes, public.sync_rows cascade; truncate offers;
        create or replace trigger t before update on public.flats for each row execute function f();
        create unique index if not exists i on rooms (id); revoke all on public.sync_rows, doors from anon;
        drop policy if exists p on public.walls; create policy p on floors for select using (true);
        comment on column public.roofs.a is ''; execute format('alter table %I add column a int', name);
        execute 'drop table ' || quote_ident(name); create temporary table scratch (id int); drop index tops";
    let expected = [
        "listings",
        "homes",
        "offers",
        "flats",
        "rooms",
        "doors",
        "walls",
        "floors",
        "roofs",
        "%i",
        "quote_ident",
        "scratch",
        "tops",
    ];
    assert_eq!(foreign_tables(sql), expected);
}

/// The tables, views and indexes that a statement creates, alters, drops, empties, grants, or attaches something to, and
/// whose names do not begin with `sync_`. Placeholders of dynamic SQL are such names too.
fn foreign_tables(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let at = |index: usize| tokens.get(index).map_or("", String::as_str);
    let mut names = Vec::new();
    for index in 0..tokens.len() {
        let before = index.checked_sub(1).map_or("", at);
        let place = match (before, at(index)) {
            ("create" | "alter" | "drop" | "on" | "temporary" | "temp" | "unlogged" | "foreign", "table")
            | ("create" | "alter" | "drop" | "on" | "replace" | "materialized", "view")
            | ("alter" | "drop" | "on", "index")
            | ("on", "column")
            | (_, "truncate") => Some(index + 1),
            // Not the words of a message, "create a unique index on it".
            ("unique", "index") if index < 2 || at(index - 2) != "create" => None,
            ("create" | "unique", "index")
            | ("create" | "alter" | "drop" | "replace" | "constraint", "trigger")
            | ("create" | "alter" | "drop", "policy")
            | ("grant" | "revoke", "all" | "select" | "insert" | "update" | "delete") => (index..tokens.len())
                .take_while(|&next| at(next) != ";")
                .find(|&next| at(next) == "on")
                .map(|on| on + 1),
            _ => None,
        };
        // Rights on functions are no concern here; `on table` comes by as a `table` of its own, and `when`, which no table can be
        // called, is code after a message.
        let Some(place) =
            place.filter(|&place| !matches!(at(place), "function" | "table" | "schema" | "sequence" | "when"))
        else {
            continue;
        };
        let words = tokens[place..].iter().map(String::as_str);
        let mut words = words.skip_while(|word| matches!(*word, "if" | "not" | "exists" | "only")).peekable();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("public.").unwrap_or(word);
            if !name.starts_with("sync_") {
                names.push(name.split('.').next().unwrap_or_default().to_owned());
            }
            if words.next_if_eq(&",").is_none() {
                break;
            }
        }
    }
    names
}

/// Words in lower case, and the marks that end them, without line comments.
fn tokens(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let marked = code.join("\n").to_lowercase().replace(',', " , ").replace(';', " ; ");
    let is_word = |letter: char| letter.is_alphanumeric() || "_.%,;".contains(letter);
    marked.split(|letter| !is_word(letter)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_guides_target_table_can_be_synced() {
    let database = Database::new().await;
    let guide = include_str!("../../../docs/DEPLOYMENT_GUIDE.md");
    let mut blocks = guide.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block =
        blocks.find(|block| block.contains("create table")).expect("the guide shows how to create a target table");
    // The grants of the guide have to do, not the defaults of a hosted project.
    database.sql("alter default privileges in schema public revoke all on tables from service_role").await;
    database.sql(block).await;
    let service = database.service().await;
    let deletes = json!({"policy": "soft", "column": "deleted_at"});
    let sync = Sync::new("listings", &["listing_no", "address", "price_yen"]).with("deletes", deletes);
    let (_, applied) = sync.run(&service, &[json!(["AA1", "Tokyo", 128_000_000])]).await;
    assert_eq!(applied["inserted"], 1, "{applied}");
    for role in ["anon", "authenticated"] {
        assert!(database.role(role).await.query("select 1 from listings", &[]).await.is_err(), "{role}");
    }
}

#[test]
fn one_function_says_in_which_schema_targets_are() {
    let sql: String = MIGRATIONS.iter().map(|migration| migration.up).collect();
    // That of the functions themselves is said by `sync_only_service_role`.
    assert_eq!(sql.matches("'public'").count(), 2);
    // The drift triggers' function.
    assert_eq!(sql.matches("public.%").count(), 1);
}

#[tokio::test]
async fn targets_are_in_the_schema_that_one_function_names() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    database
        .sql(
            "create schema crm; grant usage on schema crm to service_role; alter table things set schema crm;
             create unique index things_amount on crm.things (amount);
             create or replace function sync_schema() returns regnamespace language sql stable set search_path = ''
             as $$ select 'crm'::regnamespace $$",
        )
        .await;
    let rows = async || database.rows("select id, amount, deleted_at is null from crm.things order by id").await;

    sync.run(&service, &[json!(["A", 1]), json!(["B", 2]), json!(["C", 3])]).await;
    // A circle, and a row that is refused.
    let (_, applied) = sync.run(&service, &[json!(["A", 2]), json!(["B", 1]), json!(["D", -1])]).await;
    assert_eq!((&applied["updated"], &applied["rejected"]), (&json!(2), &json!(1)), "{applied}");
    assert_eq!(rows().await, json!([["A", 2, true], ["B", 1, true], ["C", 3, true]]));
    let refused = database.json("select message from sync_errors where row_key = 'D'").await;
    assert!(refused.as_str().unwrap().contains("check constraint \"things_amount_check\" on amount"), "{refused}");
    let (_, applied) = sync.run(&service, &[json!(["E", 3])]).await;
    assert_eq!(applied["rejected"], 1, "{applied}");
    let refused = database.json("select message from sync_errors where row_key = 'E'").await;
    assert!(refused.as_str().unwrap().contains("the row C has this value"), "{refused}");

    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 1, "deleteBatches": 1})).await;
    assert_eq!(run.apply(&service, &run.delete(&["C"])).await["deleted"], 1);
    assert_eq!(rows().await, json!([["A", 2, true], ["B", 1, true], ["C", 3, false]]));

    let previewed = call(&service, "sync_preview", &[sync.definition.clone(), run.upsert(&[json!(["A", 5])])]).await;
    assert_eq!((&previewed["outcome"], &previewed["updated"]), (&json!("previewed"), &json!(1)), "{previewed}");
    let verified = call(&service, "sync_verify", &[sync.definition.clone(), run.upsert(&[json!(["A", 5])])]).await;
    assert_eq!(verified["rows"][0]["columns"][0]["old"], 2, "{verified}");
    let page = [json!(sync.name), sync.definition.clone(), json!(null), json!(10)];
    assert_eq!(call(&service, "sync_verify_table", &page).await["keys"].as_array().unwrap().len(), 3);
    assert_eq!(call(&service, "sync_verify_remembered", &page).await["rows"].as_array().unwrap().len(), 3);
    let triggers = database.json(&format!("select sync_drift_triggers('{}')", sync.name)).await;
    database.sql(triggers.as_str().unwrap()).await;
    database.sql("delete from crm.things where id = 'A'").await;
    assert_eq!(database.json("select row_key from sync_touched").await, "A");
    assert_ne!(call(&service, "sync_drift", &[json!(sync.name), json!("true")]).await["missing"], "");

    let absent = Sync::new("absent", &["id"]).try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
    let message = absent["problems"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("there is no table absent in the schema crm: create it"), "{message}");
}

#[tokio::test]
async fn a_table_made_again_under_its_name_is_the_target() {
    let (database, service, sync) = things().await;
    let definition = "(id text primary key, amount integer, note text, deleted_at timestamptz)";
    let run = sync.begin(&service).await;
    let (first, second) = halves(&run.upsert(&numbered(10)));
    assert_eq!(run.apply(&service, &first).await["inserted"], 5);
    // The statements of the run were built for the former table.
    database.sql(&format!("alter table things rename to former; create table things {definition}")).await;
    assert_eq!(run.apply(&service, &second).await["inserted"], 5);
    let plan = json!({"rowsRead": 10, "rowsSent": 10, "upsertBatches": 2});
    assert_eq!(run.plan(&service, plan).await, "completed");
    assert_eq!(database.json("select count(*) from former").await, 5);
    assert_eq!(database.json("select count(*) from things").await, 5);

    database.sql(&format!("drop table things; create table things {definition}")).await;
    let (_, applied) = sync.run(&service, &numbered(10)).await;
    assert_eq!((&applied["inserted"], &applied["restored"]), (&json!(10), &json!(10)), "{applied}");
    assert_eq!(database.json("select count(*) from former").await, 5);

    database.sql("drop table things").await;
    let gone = sync.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
    assert_eq!(gone["problems"][0]["code"], "no_such_table", "{gone}");
}

#[tokio::test]
async fn a_table_that_goes_during_a_run_is_no_fault_of_its_rows() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    database.sql("drop table things").await;
    let message = run.upsert(&numbered(2)).to_string();
    let refused = service.query(&format!("select sync_apply('{message}'::jsonb)"), &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42P01", "{refused:?}");
}
