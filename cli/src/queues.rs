//! Access to the queues with the AWS credentials of the caller, without Supabase and the API: they may be down.

use std::time::Duration;

use jiff::SignedDuration;
use sheetsync::queue::Queue;
use sheetsync::redrive::Filter;
use uuid::Uuid;

/// Where the dead letters are.
#[derive(clap::Args)]
pub struct DeadLetterQueue {
    /// The dead-letter queue's URL (output DlqUrl of the stack)
    #[arg(long, env = "DLQ_URL")]
    dlq_url: String,
}

/// Where batches go.
#[derive(clap::Args)]
pub struct BatchQueue {
    /// The queue's URL (output QueueUrl of the stack)
    #[arg(long, env = "QUEUE_URL")]
    queue_url: String,
}

/// Which dead letters, by what they carry; all, if nothing is said.
#[derive(clap::Args, Default)]
pub struct Batches {
    /// Only those of a sync
    #[arg(long)]
    sync: Option<String>,
    /// Only those of a run
    #[arg(long)]
    run: Option<Uuid>,
    /// Only those whose run was sent longer ago, such as 2h
    #[arg(long, value_parser = duration)]
    older_than: Option<Duration>,
}

impl Batches {
    /// As the library says it.
    pub fn filter(&self) -> Filter {
        let Self { sync, run, older_than } = self;
        Filter { sync: sync.clone(), run: *run, older_than: *older_than }
    }
}

impl DeadLetterQueue {
    /// A client of it.
    pub async fn connect(&self) -> Queue {
        queue(&self.dlq_url).await
    }
}

impl BatchQueue {
    /// A client of it.
    pub async fn connect(&self) -> Queue {
        queue(&self.queue_url).await
    }
}

async fn queue(url: &str) -> Queue {
    let aws = aws_config::load_from_env().await;
    Queue::new(aws_sdk_sqs::Client::new(&aws), url.to_owned())
}

/// Reads `90s`, `15m`, `2h`, `3d`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Option<Duration> = text.parse::<SignedDuration>().ok().and_then(|parsed| parsed.try_into().ok());
    // jiff parses no days, because they vary in length; for the age of a message they are 24 hours.
    let days = || Some(Duration::from_secs(text.strip_suffix('d')?.trim().parse::<u64>().ok()?.checked_mul(86_400)?));
    parsed.or_else(days).ok_or_else(|| "say it as 90s, 15m, 2h or 3d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259_200), ("1h 30m", 5400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "-5m", "5"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
