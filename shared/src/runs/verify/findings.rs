//! Gathers the differences that a verification finds.

use serde_json::Value;

use super::judge::Reason;
use super::verification::{Finding, Sample};
use crate::mapping::{Code, Rejection};
use crate::runs::survey::Source;

/// How many samples a finding shows.
const SAMPLES: usize = 5;

/// Differences by reason and column.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add_rejection(&mut self, rejection: &Rejection) {
        let is_skipped = matches!(rejection.code, Code::BlankKey | Code::DuplicateSkipped);
        let sample = Sample {
            row_key: rejection.row_key.clone().unwrap_or_default(),
            row_number: Some(rejection.row_number),
            cell: rejection.cell.clone(),
            table: Value::Null,
            sheet: rejection.raw.clone().map_or(Value::Null, Value::String),
        };
        self.add(if is_skipped { Reason::Skipped } else { Reason::Rejected }, None, sample);
    }

    pub(super) fn add(&mut self, reason: Reason, column: Option<(&str, Option<&Source>)>, sample: Sample) {
        let name = column.map(|(name, _)| name);
        let place = self.0.iter().position(|finding| finding.reason == reason && finding.column.as_deref() == name);
        let finding = match place {
            Some(place) => &mut self.0[place],
            None => {
                self.0.push(Finding {
                    reason,
                    allowed: reason.is_allowed(),
                    explanation: reason.explanation().to_owned(),
                    column: name.map(str::to_owned),
                    header: column.and_then(|(_, source)| source).map(|source| source.header.clone()),
                    count: 0,
                    samples: Vec::new(),
                });
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        finding.count += 1;
        if finding.samples.len() < SAMPLES {
            finding.samples.push(sample);
        }
    }

    /// What is not allowed first; else in the order in which it was found.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| (finding.allowed, finding.reason));
        self.0
    }
}
