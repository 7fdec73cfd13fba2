//! What a table does not take is a cell with an address, a header and a link, through the deployed functions: at once what the catalogue
//! says, afterwards what only Postgres knows. The rules one by one are proved in `shared/src/mapping/limit.rs` and `migrations/tests`.

use anyhow::Result;
use serde_json::{Value, json};
use sheetsync_tests::{Api, Run, Sync, row};

const HEADERS: [&str; 7] = ["気分", "持分", "順位", "参照", "担当", "親", "記号"];
const COLUMNS: [(&str, &str); 7] = [
    ("mood", "text"),
    ("share", "decimal"),
    ("rank", "integer"),
    ("ref", "text"),
    ("owner", "text"),
    ("parent", "text"),
    ("code", "text"),
];
const A_UUID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

/// A sync of a table full of rules. Rows 2 and 3 are good; of row 4 six cells are bad; each of rows 5 to 7 is one that only Postgres refuses.
async fn ruled() -> Result<Sync> {
    let sync = Sync::named("ruled").rows(6).create().await?;
    let rules = format!(
        "create type public.mood_{0} as enum ('sad', 'ok', 'happy');
         create table public.parents_{0} (id text primary key); insert into public.parents_{0} values ('p1');
         grant select on public.parents_{0} to service_role;
         alter table public.{0} alter address type varchar(20), add mood public.mood_{0}, add share numeric(6, 2), add rank smallint, add ref uuid,
             add owner text not null, add parent text references public.parents_{0}, add code text unique,
             add constraint price_positive check (price_yen > 0);
         comment on constraint price_positive on public.{0} is '価格は1円以上です';",
        sync.table
    );
    sync.database.batch_execute(&rules).await?;
    let mut text = sync.definition_text("");
    for (header, (column, kind)) in HEADERS.iter().zip(COLUMNS) {
        text += &format!("\n[[sync.columns]]\nheader = {header:?}\ncolumn = {column:?}\ntype = {kind:?}\n");
    }
    sync.define(&text)?;
    for (letter, header) in ('E'..='K').zip(HEADERS) {
        sync.sheet.set(&format!("{letter}1"), header).await?;
        for number in 2..=7 {
            let value = match letter {
                'E' => json!("ok"),
                'F' => json!(9999.99),
                'G' => json!(32767),
                'H' => json!(A_UUID),
                'I' => json!("田中"),
                'J' => json!("p1"),
                _ => json!(format!("K{number}")),
            };
            sync.sheet.set(&format!("{letter}{number}"), value).await?;
        }
    }
    for (cell, value) in [
        ("B4", json!("東京都千代田区丸の内一丁目九番一号以下省略")),
        ("E4", json!("angry")),
        ("F4", json!(10000)),
        ("G4", json!(-32769)),
        ("H4", json!("none")),
        // Nothing: null would leave the cell as it is.
        ("I4", json!("")),
        ("J5", json!("p9")),
        ("K6", json!("K2")),
        ("C7", json!(0)),
    ] {
        sync.sheet.set(cell, value).await?;
    }
    Ok(sync)
}

/// The open problems as the API lists them, in the order of the sheet.
async fn open(sync: &Sync) -> Result<Vec<Value>> {
    let answer = Api::reader()?.read(&format!("/api/syncs/{}/errors", sync.name)).await?;
    let mut errors = answer["errors"].as_array().cloned().unwrap_or_default();
    errors.sort_by_key(|error| error["cell"].as_str().map(str::to_owned));
    Ok(errors)
}

fn counts(run: &Run) -> (i64, i64, i64, i64) {
    run.assert_adds_up();
    (run.inserted, run.updated, run.unchanged, run.rejected)
}

#[tokio::test]
async fn cells_that_the_table_refuses_are_reported_with_the_limit() -> Result<()> {
    let sync = ruled().await?;
    let plan = sync.plan(json!({"dryRun": true})).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), counts(&run)), ("partial", (2, 0, 0, 4)), "{run:?}");

    let expected = [
        (
            "B4",
            "所在地",
            "too_long",
            "expected at most 20 characters, because the table's column is character varying(20)",
        ),
        (
            "C7",
            "売買価格",
            "23514",
            "価格は1円以上です – refused by the check constraint \"price_positive\" on price_yen",
        ),
        ("E4", "気分", "unknown_value", "expected one of sad, ok, happy"),
        ("F4", "持分", "above_maximum", "expected at most 9999.99, because the table's column is numeric(6,2)"),
        ("G4", "順位", "below_minimum", "expected at least -32768, because the table's column is smallint"),
        ("H4", "参照", "not_a_uuid", "expected a uuid such as"),
        ("I4", "担当", "blank_not_allowed", "the table's column must have one"),
        ("J5", "親", "23503", "there is no row p9 in the table parents_"),
        ("K6", "記号", "23505", "code must be unique: the row AA00001 has this value"),
    ];
    let errors = open(&sync).await?;
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for (error, (cell, header, code, message)) in errors.iter().zip(expected) {
        assert_eq!(
            (&error["cell"], &error["header"], &error["code"]),
            (&json!(cell), &json!(header), &json!(code)),
            "{error}"
        );
        assert!(error["message"].as_str().is_some_and(|it| it.contains(message)), "{error}");
        assert!(error["cellUrl"].as_str().is_some_and(|it| it.contains(cell)), "{error}");
    }
    // A plan knows all of it, but for the value that the same batch takes first.
    assert_eq!((&plan["insert"], &plan["reject"]), (&json!(2), &json!(4)), "{plan}");
    let mut reported: Vec<(&str, &str)> = plan["rejections"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| (it["cell"].as_str().unwrap_or_default(), it["code"].as_str().unwrap_or_default()))
        .collect();
    reported.sort_unstable();
    assert_eq!(reported, expected.map(|(cell, _, code, _)| (cell, code)), "{plan}");
    Ok(())
}

#[tokio::test]
async fn refused_row_waits_until_a_change_or_a_manual_run() -> Result<()> {
    let sync = ruled().await?;
    // Only row 7 is left to be refused.
    for (cell, value) in [
        ("B4", json!("東京都")),
        ("E4", json!("sad")),
        ("F4", json!(-9999.99)),
        ("G4", json!(-32768)),
        ("H4", json!(A_UUID.to_uppercase())),
        ("I4", json!("佐藤")),
        ("J5", json!("p1")),
        ("K6", json!("K6")),
    ] {
        sync.sheet.set(cell, value).await?;
    }
    let attempts =
        format!("select coalesce(max(attempts), 0)::bigint from public.sync_refusals where sync = '{}'", sync.name);
    let run = sync.run_type("scheduled").await?;
    assert_eq!((run.status.as_str(), counts(&run)), ("partial", (5, 0, 0, 1)), "{run:?}");
    assert_eq!(sync.number(&attempts).await?, 1);

    for _ in 0..2 {
        let run = sync.run_type("scheduled").await?;
        assert_eq!(
            (run.status.as_str(), counts(&run)),
            ("partial", (0, 0, 5, 1)),
            "it is rejected, not unchanged: {run:?}"
        );
        let errors = open(&sync).await?;
        assert_eq!(
            (errors.len(), &errors[0]["cell"], &errors[0]["run"]),
            (1, &json!("C7"), &json!(run.id)),
            "{errors:?}"
        );
        assert_ne!(errors[0]["nextAttemptAt"], Value::Null, "{errors:?}");
        assert_eq!(sync.number(&attempts).await?, 1, "it was not tried");
    }
    // A person starts a run.
    assert_eq!(counts(&sync.run().await?), (0, 0, 5, 1));
    assert_eq!(sync.number(&attempts).await?, 2);
    // The table takes it now.
    sync.database.batch_execute(&format!("alter table public.{} drop constraint price_positive", sync.table)).await?;
    let run = sync.run_type("scheduled").await?;
    assert_eq!((run.status.as_str(), counts(&run)), ("completed", (1, 0, 5, 0)), "{run:?}");
    let mut rows: Vec<_> = (1..=6).map(row).collect();
    rows[2][1] = json!("東京都");
    rows[5][2] = json!(0);
    sync.assert_table(&rows).await?;
    assert!(open(&sync).await?.is_empty());
    Ok(())
}
