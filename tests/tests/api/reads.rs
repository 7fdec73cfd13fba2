//! Reads of syncs, runs, problems and series.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sheetsync_tests::{Api, Sync, eventually};

/// Puts dots in place of what differs from run to run.
fn steady(mut body: Value, volatile: &[&str]) -> Value {
    for pointer in volatile {
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the answer")) = "…".into();
    }
    body
}

#[tokio::test]
async fn sync_shows_its_run_and_why_it_is_not_healthy() -> Result<()> {
    let sync = Sync::named("told").rows(40).create().await?;
    sync.sheet.set("C3", "#REF!").await?;
    let run = sync.run().await?;
    let reader = Api::reader()?;
    let all = reader.read("/api/syncs").await?;
    let names: Vec<&str> =
        all["syncs"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&sync.name.as_str()), "{names:?}");

    let one = reader.read_when(&format!("/api/syncs/{}", sync.name), "/sync/lastRun/id", &json!(run.id)).await;
    assert_eq!((&one["unreachable"], &one["sync"]["lastRun"]["id"]), (&json!([]), &json!(run.id)));
    assert_eq!(one["delivery"]["deadLetters"]["messages"].as_u64().map(|_| ()), Some(()));
    assert_eq!(one["delivery"]["circuit"]["mode"], "auto");
    let volatile = [
        "/name",
        "/table",
        "/spreadsheetUrl",
        "/lastRun/id",
        "/lastRun/sync",
        "/lastRun/startedAt",
        "/lastRun/plannedAt",
        "/lastRun/checkedAt",
        "/lastRun/heartbeatAt",
        "/lastRun/completedAt",
        "/lastRun/durationSeconds",
        "/lastRun/metadata",
        "/last24h/averageSeconds",
        "/last24h/medianSeconds",
        "/last24h/p95Seconds",
        "/last24h/rowsPerSecond",
    ];
    let mut reported = one["sync"].clone();
    // The dead letters and the breaker are the whole stack's, and so other tests' too.
    let reasons = reported["reasons"].as_array_mut().context("reasons")?;
    reasons.retain(|reason| {
        ["last_run_partial", "open_rejections"].contains(&reason["code"].as_str().unwrap_or_default())
    });
    reported.as_object_mut().context("a sync")?.remove("status");
    insta::assert_json_snapshot!("sync", steady(reported, &volatile));
    Ok(())
}

#[tokio::test]
async fn run_shows_its_batches_page_by_page() -> Result<()> {
    let sync = Sync::named("pages").rows(30).options("batch_rows = 10").create().await?;
    let run = sync.run().await?;
    let reader = Api::reader()?;
    let whole = reader.read(&format!("/api/runs/{}", run.id)).await?;
    let batches = whole["batches"].as_array().cloned().context("batches")?;
    assert_eq!((batches.len(), &whole["batchesNext"]), (3, &Value::Null));
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = reader.read(&format!("/api/runs/{}?limit=2{cursor}", run.id)).await?;
        paged.extend(page["batches"].as_array().cloned().unwrap_or_default());
        match page["batchesNext"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, batches);
    let volatile = [
        "/id",
        "/sync",
        "/spreadsheetUrl",
        "/startedAt",
        "/plannedAt",
        "/checkedAt",
        "/provedAt",
        "/heartbeatAt",
        "/completedAt",
        "/durationSeconds",
        "/metadata",
    ];
    let mut reported = steady(whole, &volatile);
    reported["batches"] =
        json!(batches.iter().map(|batch| steady(batch.clone(), &["/finishedAt"])).collect::<Vec<_>>());
    insta::assert_json_snapshot!("run", reported);
    Ok(())
}

#[tokio::test]
async fn history_is_filtered_and_pages_do_not_overlap() -> Result<()> {
    let sync = Sync::named("history").rows(3).create().await?;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(sync.run().await?.id.to_string());
    }
    ids.push(sync.run_type("full").await?.id.to_string());
    ids.reverse();
    let reader = Api::reader()?;
    let of = |page: &Value| {
        page["runs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|run| run["id"].as_str())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reader.read(&format!("/api/syncs/{}/runs?limit=1{cursor}", sync.name)).await?;
        found.extend(of(&page));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ids, "newest first, none twice, none left out");
    for (filter, expected) in [
        ("type=full", &ids[..1]),
        ("type=manual&status=completed", &ids[1..]),
        ("status=failed", &ids[..0]),
        ("since=2020-01-01T00:00:00Z", &ids[..]),
        ("until=2020-01-01T00:00:00Z", &ids[..0]),
    ] {
        let page = reader.read(&format!("/api/syncs/{}/runs?{filter}", sync.name)).await?;
        assert_eq!(of(&page), expected, "{filter}");
    }
    Ok(())
}

#[tokio::test]
async fn problems_link_to_their_cell_and_are_searchable() -> Result<()> {
    let sync = Sync::named("problems").rows(12).create().await?;
    sync.sheet.set("C3", "#REF!").await?;
    sync.sheet.set("D7", "no date").await?;
    let run = sync.run().await?;
    let reader = Api::reader()?;
    let all = reader.read(&format!("/api/runs/{}/errors", run.id)).await?;
    let volatile = ["/id", "/run", "/firstSeen", "/lastSeen", "/cellUrl"];
    let errors = all["errors"].as_array().context("errors")?;
    insta::assert_json_snapshot!("errors", errors.iter().map(|it| steady(it.clone(), &volatile)).collect::<Vec<_>>());
    assert_eq!(
        errors[0]["cellUrl"],
        format!("https://docs.google.com/spreadsheets/d/{}/edit#gid=0&range=C3", sync.sheet.id)
    );
    for (filter, cells) in [
        ("cell=d7", vec!["D7"]),
        ("q=%23ref", vec!["C3"]),
        ("rowKey=AA00002", vec!["C3"]),
        ("type=validation&limit=1", vec!["C3"]),
        ("type=network", vec![]),
        ("q=%25", vec![]),
    ] {
        let page = reader.read(&format!("/api/syncs/{}/errors?{filter}", sync.name)).await?;
        let found: Vec<&str> =
            page["errors"].as_array().into_iter().flatten().filter_map(|error| error["cell"].as_str()).collect();
        assert_eq!(found, cells, "{filter}");
    }
    let first = reader.read(&format!("/api/syncs/{}/errors?limit=1", sync.name)).await?;
    let next = first["next"].as_str().context("a second page")?;
    let second = reader.read(&format!("/api/syncs/{}/errors?limit=1&cursor={next}", sync.name)).await?;
    assert_eq!((&second["errors"][0]["cell"], &second["next"]), (&json!("D7"), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn an_exported_file_runs_nothing_in_a_spreadsheet() -> Result<()> {
    let sync = Sync::named("csv").rows(6).create().await?;
    let hostile = [
        ("C2", "=HYPERLINK(\"http://evil.example\",\"x\")"),
        ("C3", "@SUM(A1)"),
        ("C4", "+cmd|' /C calc'!A0"),
        ("C5", "-1+1x"),
        ("C6", "\t=1x"),
    ];
    for (cell, text) in hostile {
        sync.sheet.set(cell, text).await?;
    }
    sync.run().await?;
    let file = Api::reader()?.get(&format!("/api/syncs/{}/errors?format=csv", sync.name)).await?;
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(file.text.starts_with('\u{feff}'), "Excel needs the byte order mark");
    let mut reader = csv::Reader::from_reader(file.text.trim_start_matches('\u{feff}').as_bytes());
    let mut values = 0;
    for record in reader.records() {
        for field in &record? {
            assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{field:?}");
            values += usize::from(field.starts_with('\''));
        }
    }
    assert_eq!(values, hostile.len(), "{}", file.text);
    Ok(())
}

#[tokio::test]
async fn large_export_is_split_into_files_and_keeps_the_filters() -> Result<()> {
    let sync = Sync::named("export").rows(2).create().await?;
    let run = sync.run().await?;
    // Some 6 MB that the filter wants, and as many entries that it does not.
    let insert = "insert into sync_errors (sync, run, row_key, row_number, error_type, code, message, raw, resolved_at)
        select $1, $2, 'K' || n, n, t.type, 'not_a_date', t.type, repeat('値', 500), now()
        from generate_series(1, 4000) as n cross join (values ('validation'), ('database')) as t (type)";
    assert_eq!(sync.database.execute(insert, &[&sync.name, &run.id]).await?, 8000);
    let reader = Api::reader()?;
    let mut next = Some(format!("/api/syncs/{}/errors?format=csv&state=all&type=validation&q=valid", sync.name));
    let (mut rows, mut sizes) = (Vec::new(), Vec::new());
    while let Some(path) = next {
        let file = reader.get(&path).await?;
        assert_eq!(file.status, 200, "{path}: {}", file.text);
        sizes.push(file.text.len());
        let mut csv = csv::Reader::from_reader(file.text.trim_start_matches('\u{feff}').as_bytes());
        for record in csv.records() {
            let record = record?;
            assert_eq!(&record[5], "validation", "{path}");
            rows.push(record[0].parse::<u32>()?);
        }
        next = file.header("link").strip_prefix('<').and_then(|link| link.split('>').next()).map(str::to_owned);
    }
    assert_eq!(rows, (1..=4000).collect::<Vec<_>>(), "each once, in order");
    assert!(sizes.len() == 2 && sizes[0] > 4_300_000 && sizes.iter().sum::<usize>() > 4_500_000, "{sizes:?}");
    Ok(())
}

#[tokio::test]
async fn series_have_every_step_and_end_with_current_runs() -> Result<()> {
    let sync = Sync::named("series").rows(5).create().await?;
    sync.run().await?;
    let reader = Api::reader()?;
    for (range, steps) in [("1h", 60), ("24h", 72), ("7d", 84), ("30d", 90)] {
        let series = reader.read(&format!("/api/syncs/{}/statistics?range={range}", sync.name)).await?;
        let points = series["points"].as_array().context("points")?;
        let runs: u64 = points.iter().filter_map(|point| point["runs"].as_u64()).sum();
        assert_eq!((points.len(), runs), (steps, 1), "{range}");
        assert_eq!(series["errors"].as_array().map(Vec::len), Some(steps), "{range}");
    }
    Ok(())
}

#[tokio::test]
async fn prometheus_reads_every_sync_and_queue() -> Result<()> {
    let sync = Sync::named("scraped").rows(3).create().await?;
    sync.run().await?;
    let reader = Api::reader()?;
    let name = &sync.name;
    let ran = format!("sheetsync_runs_24h{{sync=\"{name}\",is=\"completed\"}} 1");
    let scraped = eventually("the run is in the metrics", async || {
        reader.get("/metrics").await.ok().filter(|scraped| scraped.text.contains(&ran))
    })
    .await;
    assert!(scraped.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        format!("sheetsync_status{{sync=\"{name}\",is="),
        format!("sheetsync_runs_24h{{sync=\"{name}\",is=\"completed\"}} 1"),
        format!("sheetsync_row_success_ratio_24h{{sync=\"{name}\"}} 1"),
        format!("sheetsync_open_rejections{{sync=\"{name}\"}} 0"),
        "sheetsync_up{part=\"supabase\"} 1".to_owned(),
        "sheetsync_queue_messages{queue=\"dead_letters\",state=\"waiting\"}".to_owned(),
        "sheetsync_circuit_state{state=\"closed\"}".to_owned(),
        "sheetsync_api_request_seconds_bucket{".to_owned(),
    ] {
        assert!(scraped.text.contains(&line), "{line} is not in\n{}", scraped.text);
    }
    assert!(scraped.text.ends_with("# EOF\n"));
    Ok(())
}
