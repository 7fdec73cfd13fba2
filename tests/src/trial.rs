//! The effect of a fault on a run: nothing lost, doubled, stale or dead-lettered; and how long it
//! took to complete after the fault was over. Each trial prints its line of docs/FAULTS.md.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use uuid::Uuid;

use crate::calm::forget_outages;
use crate::{Run, Sync, aws, eventually_within, row};

/// The longest that a run may take after its fault is over.
const PATIENCE: Duration = Duration::from_secs(150);

/// One run that a fault happens to.
pub struct Trial {
    /// The sync.
    pub sync: Sync,
    /// The run.
    pub run: Uuid,
    rows: usize,
    fault: &'static str,
    made: &'static str,
}

impl Trial {
    /// A sync of so many rows in batches of so many, not yet run. `fault` and `made` are the first two cells of its line.
    ///
    /// # Errors
    /// When there is no stack, or it refuses.
    pub async fn prepare(fault: &'static str, made: &'static str, rows: usize, batch_rows: usize) -> Result<Self> {
        let sync = Sync::named("fault").rows(rows).options(&format!("batch_rows = {batch_rows}")).create().await?;
        forget_outages().await?;
        Ok(Self { sync, run: Uuid::nil(), rows, fault, made })
    }

    /// Starts the run; returns when it is planned and its batches are on the queue.
    ///
    /// # Errors
    /// When it is not planned.
    pub async fn begin(&mut self) -> Result<()> {
        let report = self.sync.ask("manual").await?;
        anyhow::ensure!(report.status == "planned", "{report:?}");
        self.run = report.run.context("a planned run has an id")?;
        Ok(())
    }

    /// Waits until some batches have been applied.
    pub async fn is_under_way(&self) {
        eventually_within(PATIENCE, "the run is in progress", async || {
            let seen = self.sync.control.requests("sync_apply", &self.run.to_string()).await.ok()?;
            (seen.len() >= 3).then_some(())
        })
        .await;
    }

    /// The fault is over: the run completes by itself, and the table equals the sheet.
    ///
    /// # Panics
    /// When it does not.
    ///
    /// # Errors
    /// When the stack does not answer.
    pub async fn comes_through(&mut self) -> Result<Run> {
        let over = Instant::now();
        self.sync.reconnect().await?;
        let run = eventually_within(PATIENCE, "the run is closed", async || {
            let run = self.sync.state(self.run).await.ok()?;
            (!["queued", "in_progress"].contains(&run.status.as_str())).then_some(run)
        })
        .await;
        let seconds = over.elapsed().as_secs_f64();
        run.assert_adds_up();
        let table = self.sync.table().await?;
        let sheet: Vec<Vec<Value>> = (1..=self.rows).map(row).collect();
        let key = |row: &Vec<Value>| row[0].as_str().unwrap_or_default().to_owned();
        let lost = sheet.iter().filter(|row| !table.contains_key(&key(row))).count() as i64 - run.rejected;
        let stale = sheet.iter().filter(|row| table.get(&key(row)).is_some_and(|there| there != *row)).count();
        let doubled = run.inserted + run.updated + run.unchanged + run.rejected - self.rows as i64;
        let dead = dead_letters(&self.sync).await?;
        let (fault, made) = (self.fault, self.made);
        println!("| {fault} | {made} | {lost} | {doubled} | {stale} | {dead} | {seconds:.1} s |");
        assert_eq!((lost, doubled, stale, dead), (0, 0, 0, 0), "{run:?}");
        assert_eq!(table.len() as i64 + run.rejected, self.rows as i64, "nothing else is in the table");
        Ok(run)
    }
}

/// How many messages of a sync are among the dead letters.
async fn dead_letters(sync: &Sync) -> Result<usize> {
    let sqs = aws::sqs().await;
    let mut count = 0;
    loop {
        let received = sqs
            .receive_message()
            .queue_url(&sync.aws.dlq_url)
            .max_number_of_messages(10)
            .visibility_timeout(5)
            .send()
            .await?;
        if received.messages().is_empty() {
            return Ok(count);
        }
        count +=
            received.messages().iter().filter(|it| it.body().is_some_and(|body| body.contains(&sync.name))).count();
    }
}
