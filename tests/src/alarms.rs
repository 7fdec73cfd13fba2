//! The alarms of template.yaml over the metrics that the functions really logged. The definitions are those that
//! CloudFormation deployed; the states follow CloudWatch's rules, because the local AWS neither reads metrics from logs nor
//! knows dimensions or M of N. The clock is the test's: a step of it is a tick of the scheduler, and whatever the tables date
//! is moved back by as much.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use sheetsync_local::{AwsSettings, Settings};

use crate::aws::Lines;
use crate::{Report, Sync, aws};

/// An alarm as CloudFormation deployed it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alarm {
    alarm_name: String,
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    statistic: String,
    period: u64,
    evaluation_periods: u64,
    datapoints_to_alarm: Option<u64>,
    threshold: f64,
    comparison_operator: String,
    treat_missing_data: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not enough is known.
    Unknown,
    /// All is well.
    Ok,
    /// It rings.
    Alarm,
}

/// One value of a metric, at a second of the test's clock.
#[derive(Debug, Clone)]
struct Point {
    at: u64,
    namespace: String,
    metric: String,
    dimensions: BTreeMap<String, String>,
    value: f64,
}

impl Alarm {
    fn matches(&self, point: &Point) -> bool {
        point.namespace == self.namespace
            && point.metric == self.metric_name
            && point.dimensions.len() == self.dimensions.len()
            && self.dimensions.iter().all(|it| point.dimensions.get(&it.name) == Some(&it.value))
    }

    /// Whether the period that ends so many periods before `now` breaches the threshold; `None`: nothing was said in it.
    fn breaches(&self, points: &[Point], now: u64, periods_ago: u64) -> Option<bool> {
        let end = now.checked_sub(periods_ago * self.period)?;
        let start = end.saturating_sub(self.period);
        let values: Vec<f64> = points
            .iter()
            .filter(|point| (start..end).contains(&point.at) && self.matches(point))
            .map(|point| point.value)
            .collect();
        if values.is_empty() {
            return None;
        }
        let value = match self.statistic.as_str() {
            "Sum" => values.iter().sum(),
            "Minimum" => values.iter().copied().fold(f64::INFINITY, f64::min),
            "Maximum" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "SampleCount" => values.len() as f64,
            other => panic!("{}: the statistic {other} is not known here", self.alarm_name),
        };
        Some(match self.comparison_operator.as_str() {
            "GreaterThanThreshold" => value > self.threshold,
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "LessThanThreshold" => value < self.threshold,
            other => panic!("{}: the comparison {other} is not known here", self.alarm_name),
        })
    }

    /// The state after `before` (CloudWatch's guide, "Configuring how alarms treat missing data").
    fn evaluate(&self, points: &[Point], now: u64, before: State) -> State {
        let filled: Vec<Option<bool>> = (0..self.evaluation_periods)
            .map(|ago| {
                self.breaches(points, now, ago).or(match self.treat_missing_data.as_str() {
                    "breaching" => Some(true),
                    "notBreaching" => Some(false),
                    _ => None,
                })
            })
            .collect();
        let wanted = self.datapoints_to_alarm.unwrap_or(self.evaluation_periods);
        let count = |wanted: bool| filled.iter().filter(|is| **is == Some(wanted)).count() as u64;
        if count(true) >= wanted {
            State::Alarm
        } else if count(false) > self.evaluation_periods - wanted {
            // So many do not breach that the alarm cannot ring, whatever the missing ones were.
            State::Ok
        } else if self.treat_missing_data == "missing" {
            State::Unknown
        } else {
            before
        }
    }
}

/// All alarms, the metrics since the test began, and the test's clock.
pub struct Alarms {
    aws: AwsSettings,
    deployed: BTreeMap<String, (Alarm, State)>,
    points: Vec<Point>,
    now: u64,
    log: Lines,
    /// What the log had since the last step.
    lines: Vec<(String, Value)>,
    errors: BTreeMap<String, f64>,
}

/// How far the test's clock goes with a step: the shortest period of most alarms.
const STEP: u64 = 300;

/// The log follows the functions within a moment.
const LOGGED_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

const FUNCTIONS: [&str; 2] = ["scheduler", "worker"];

impl Alarms {
    /// The alarms that are deployed, none of which has seen anything yet.
    ///
    /// # Errors
    /// When there is no stack.
    pub async fn deployed() -> Result<Self> {
        let aws = Settings::from_env()?.aws.context("this stack runs without AWS")?;
        let answer = cloudwatch(&aws, "DescribeAlarms", &json!({})).await?;
        let alarms: Vec<Alarm> = serde_json::from_value(answer["MetricAlarms"].clone())?;
        let deployed = alarms
            .into_iter()
            .filter_map(|alarm| {
                let name = alarm.alarm_name.split('-').find(|part| part.ends_with("Alarm"))?.to_owned();
                Some((name, (alarm, State::Unknown)))
            })
            .collect();
        let log = Lines::from_now()?;
        let (points, lines, errors) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut it = Self { aws, deployed, points, now: 86_400, log, lines, errors };
        it.collect().await?;
        it.points.clear();
        Ok(it)
    }

    /// The names of the alarms that are deployed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.deployed.keys().map(String::as_str)
    }

    /// The state of an alarm of the template.
    ///
    /// # Panics
    /// When there is no such alarm.
    #[must_use]
    pub fn state(&self, alarm: &str) -> State {
        self.deployed.get(alarm).unwrap_or_else(|| panic!("no alarm {alarm} is deployed")).1
    }

    /// Five minutes pass, with a tick for each of these syncs; what the scheduler said of each.
    ///
    /// # Errors
    /// When the database or the stack does not answer. That the scheduler failed is no error here.
    pub async fn tick(&mut self, syncs: &[&Sync]) -> Result<Vec<Option<Report>>> {
        self.now += STEP;
        let mut reports = Vec::new();
        for sync in syncs {
            reports.push(self.tick_one(sync).await);
        }
        self.collect().await?;
        self.evaluate();
        Ok(reports)
    }

    /// One tick, and its metrics in the log. An invocation that never reached the function is made again, as EventBridge would.
    async fn tick_one(&mut self, sync: &Sync) -> Option<Report> {
        for _ in 0..5 {
            let said = self.said("CircuitOpen");
            let report = sync.ask("scheduled").await;
            if let Err(error) = &report {
                println!("{}: the tick failed: {error:#}", sync.name);
            }
            let asked = std::time::Instant::now();
            while asked.elapsed() < LOGGED_WITHIN {
                if self.said("CircuitOpen") > said {
                    return report.ok();
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        panic!("{}: no tick logs its metrics", sync.name);
    }

    /// How many lines of the scheduler since the last step have this metric.
    fn said(&mut self, metric: &str) -> usize {
        self.lines.extend(self.log.next().unwrap_or_default());
        self.lines.iter().filter(|(function, line)| function == "scheduler" && line.get(metric).is_some()).count()
    }

    /// The same, after the tables' dates of these syncs went back by as much and what a tick began has ended.
    ///
    /// # Errors
    /// As [`Self::tick`].
    pub async fn step(&mut self, syncs: &[&Sync]) -> Result<()> {
        for sync in syncs {
            sync.age(STEP).await?;
        }
        for (sync, report) in syncs.iter().zip(self.tick(syncs).await?) {
            if let Some(Report { run: Some(run), status, .. }) = report
                && status == "planned"
            {
                sync.closed(run).await?;
            }
        }
        Ok(())
    }

    /// Five minutes pass in which nothing ticks.
    ///
    /// # Errors
    /// When the logs cannot be read.
    pub async fn pass(&mut self) -> Result<()> {
        self.now += STEP;
        self.collect().await?;
        self.evaluate();
        Ok(())
    }

    /// Steps until an alarm is in a state; fails when it takes more than so many.
    ///
    /// # Errors
    /// As [`Self::tick`].
    ///
    /// # Panics
    /// When it does not come to it.
    pub async fn becomes(&mut self, alarm: &str, wanted: State, syncs: &[&Sync], most: usize) -> Result<()> {
        for _ in 0..most {
            self.step(syncs).await?;
            if self.state(alarm) == wanted {
                return Ok(());
            }
        }
        panic!(
            "{alarm} is {:?} after {most} steps of five minutes, not {wanted:?}: {:?}",
            self.state(alarm),
            self.last(alarm)
        );
    }

    /// What an alarm saw in its last periods.
    fn last(&self, alarm: &str) -> Vec<(u64, f64)> {
        let (alarm, _) = &self.deployed[alarm];
        let points = self.points.iter().filter(|point| alarm.matches(point));
        points.map(|point| (point.at, point.value)).collect()
    }

    /// A value of a metric that AWS itself has, now.
    pub fn observe(&mut self, alarm: &str, value: f64) {
        let (alarm, _) = &self.deployed[alarm];
        let dimensions = alarm.dimensions.iter().map(|it| (it.name.clone(), it.value.clone())).collect();
        let (namespace, metric) = (alarm.namespace.clone(), alarm.metric_name.clone());
        self.points.push(Point { at: self.now - 1, namespace, metric, dimensions, value });
        self.evaluate();
    }

    fn evaluate(&mut self) {
        for (alarm, state) in self.deployed.values_mut() {
            *state = alarm.evaluate(&self.points, self.now, *state);
        }
    }

    /// Takes in what the functions have logged, and what AWS counts of them, since the last time.
    async fn collect(&mut self) -> Result<()> {
        let at = self.now - 1;
        self.lines.extend(self.log.next()?);
        let of_runs = self.lines.drain(..).filter(|(function, _)| FUNCTIONS.contains(&function.as_str()));
        self.points.extend(of_runs.flat_map(|(_, line)| embedded(&line, at)));
        for function in [self.aws.scheduler_function.clone(), self.aws.worker_function.clone()] {
            let total = errors(&self.aws, &function).await?;
            let before = self.errors.insert(function.clone(), total).unwrap_or_default();
            self.points.push(Point {
                at,
                namespace: "AWS/Lambda".to_owned(),
                metric: "Errors".to_owned(),
                dimensions: BTreeMap::from([("FunctionName".to_owned(), function)]),
                value: total - before,
            });
        }
        Ok(())
    }
}

/// The values in a log line, once for each set of dimensions, as CloudWatch reads its embedded metric format.
fn embedded(line: &Value, at: u64) -> Vec<Point> {
    let mut points = Vec::new();
    for group in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
        for names in group["Dimensions"].as_array().into_iter().flatten() {
            let dimensions: BTreeMap<String, String> = names
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| Some((name.as_str()?.to_owned(), line[name.as_str()?].as_str()?.to_owned())))
                .collect();
            for metric in group["Metrics"].as_array().into_iter().flatten() {
                let name = metric["Name"].as_str().unwrap_or_default();
                let Some(value) = line[name].as_f64() else { continue };
                points.push(Point {
                    at,
                    namespace: group["Namespace"].as_str().unwrap_or_default().to_owned(),
                    metric: name.to_owned(),
                    dimensions: dimensions.clone(),
                    value,
                });
            }
        }
    }
    points
}

/// How many errors AWS has counted of a function so far.
async fn errors(aws: &AwsSettings, function: &str) -> Result<f64> {
    let now = jiff::Timestamp::now().as_second();
    let query = json!({
        "Namespace": "AWS/Lambda", "MetricName": "Errors", "Period": 86_400, "Statistics": ["Sum"],
        "Dimensions": [{"Name": "FunctionName", "Value": function}], "StartTime": now - 86_400, "EndTime": now + 60,
    });
    let answer = cloudwatch(aws, "GetMetricStatistics", &query).await?;
    let points = answer["Datapoints"].as_array().cloned().unwrap_or_default();
    Ok(points.iter().filter_map(|point| point["Sum"].as_f64()).sum())
}

async fn cloudwatch(aws: &AwsSettings, action: &str, body: &Value) -> Result<Value> {
    aws::call(aws, "monitoring", &format!("GraniteServiceVersion20100801.{action}"), body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(periods: u64, datapoints: u64, missing: &str) -> Alarm {
        serde_json::from_value(json!({
            "AlarmName": "s-AnAlarm-1", "Namespace": "N", "MetricName": "M", "Statistic": "Maximum", "Period": 60,
            "EvaluationPeriods": periods, "DatapointsToAlarm": datapoints, "Threshold": 0.0,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing,
            "Dimensions": [{"Name": "Stack", "Value": "s"}],
        }))
        .unwrap()
    }

    /// The values of the last minutes, the newest last; `-`: none.
    fn after(alarm: &Alarm, values: &str, before: State) -> State {
        let points: Vec<Point> = values
            .chars()
            .enumerate()
            .filter_map(|(minute, value)| {
                let dimensions = BTreeMap::from([("Stack".to_owned(), "s".to_owned())]);
                let (at, value) = (minute as u64 * 60 + 59, f64::from(value.to_digit(10)?));
                Some(Point { at, namespace: "N".to_owned(), metric: "M".to_owned(), dimensions, value })
            })
            .collect();
        alarm.evaluate(&points, values.len() as u64 * 60, before)
    }

    #[test]
    fn alarm_rings_after_m_of_n_periods_and_ignores_silence() {
        let cases = [
            ("11", "ignore", State::Ok, State::Alarm),
            ("01", "ignore", State::Ok, State::Ok),
            ("--", "ignore", State::Alarm, State::Alarm),
            ("1-", "ignore", State::Ok, State::Ok),
            ("-0", "ignore", State::Alarm, State::Ok),
            ("--", "notBreaching", State::Alarm, State::Ok),
            ("--", "breaching", State::Ok, State::Alarm),
            ("--", "missing", State::Ok, State::Unknown),
        ];
        for (values, missing, before, wanted) in cases {
            assert_eq!(after(&alarm(2, 2, missing), values, before), wanted, "{values} {missing} after {before:?}");
        }
        assert_eq!(after(&alarm(3, 2, "notBreaching"), "1-1", State::Ok), State::Alarm);
        assert_eq!(after(&alarm(3, 2, "notBreaching"), "100", State::Alarm), State::Ok);
    }

    #[test]
    fn metric_of_another_stack_or_one_sync_is_ignored() {
        let line = json!({"M": 1, "Stack": "s", "Sync": "a", "_aws": {"CloudWatchMetrics": [{
            "Namespace": "N", "Dimensions": [["Stack"], ["Stack", "Sync"]], "Metrics": [{"Name": "M"}]}]}});
        let points = embedded(&line, 59);
        assert_eq!(points.len(), 2);
        let watched = alarm(1, 1, "ignore");
        assert_eq!(points.iter().filter(|point| watched.matches(point)).count(), 1);
    }
}
