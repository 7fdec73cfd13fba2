//! What an answer to a batch means for its message (docs/PROMISES.md, "Delivery").

use sheetsync::classify::Fault;
use sheetsync::run::{Applied, Failure, Outcome};
use sheetsync::supabase::SupabaseError;

/// What an answer means for the batch.
#[derive(Debug)]
pub enum Verdict {
    /// It is done with.
    Done,
    /// The same again in a moment: a call was lost or refused in passing, or another transaction was in the way.
    Again,
    /// Later: other batches of its run come first, or another worker is applying it.
    Later,
    /// The destination is down or refuses everybody.
    Down,
    /// It is too much at once: in two halves.
    Halve(Failure),
    /// The table is not what the run takes it for.
    Drift(Failure),
    /// It failed for a reason of its own; the ledger counts how often.
    Failed(Failure),
    /// It can never be applied.
    Hopeless(Failure),
}

/// What an answer means for the batch.
#[must_use]
pub fn judge(outcome: Result<Applied, SupabaseError>) -> Verdict {
    let error = match outcome {
        Ok(applied) => {
            return match applied.outcome {
                Outcome::Applied | Outcome::Duplicate | Outcome::Superseded | Outcome::Withheld | Outcome::Failed => {
                    Verdict::Done
                }
                Outcome::InProgress | Outcome::Waiting => Verdict::Later,
                Outcome::Malformed => Verdict::Hopeless(malformed(
                    applied.error.unwrap_or_else(|| "sync_apply calls it malformed".to_owned()),
                )),
            };
        }
        Err(error) => error,
    };
    let failure = |is_final| Failure {
        error_type: error.fault().error_type(),
        code: error.code(),
        message: error.to_string(),
        is_final,
    };
    match error.fault() {
        Fault::Restricted | Fault::Denied => Verdict::Down,
        Fault::Down | Fault::Contended => Verdict::Again,
        Fault::StatementTimeout | Fault::TooLarge => Verdict::Halve(failure(false)),
        Fault::Drift => Verdict::Drift(failure(true)),
        // A row key twice in one statement: the same statement again would fail the same way.
        Fault::Request if error.code() == "21000" => Verdict::Hopeless(failure(true)),
        Fault::Row | Fault::Request => Verdict::Failed(failure(false)),
    }
}

/// The failure of a message that is no batch.
#[must_use]
pub fn malformed(reason: String) -> Failure {
    Failure { error_type: "validation", code: "malformed".to_owned(), message: reason, is_final: true }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sheetsync::breaker::{Evidence, Rule};
    use sheetsync::classify::classify;
    use sheetsync::evidence::evidence;
    use sheetsync::run::Counts;

    use super::*;

    fn answered(outcome: Outcome) -> Result<Applied, SupabaseError> {
        Ok(Applied { outcome, counts: Counts::default(), run_status: None, error: None })
    }

    fn refused(fault: Fault, code: &str) -> Result<Applied, SupabaseError> {
        Err(SupabaseError::Refused {
            fault,
            status: 500,
            code: Some(code.to_owned()),
            message: String::new(),
            function: "sync_apply".to_owned(),
            retry_after: None,
        })
    }

    fn lost() -> Result<Applied, SupabaseError> {
        Err(SupabaseError::NoAnswer { url: String::new(), reason: "reset".to_owned() })
    }

    #[test]
    fn each_outcome_means_something_for_the_batch() {
        use Outcome::{Applied, Duplicate, Failed, InProgress, Malformed, Superseded, Waiting, Withheld};
        for outcome in [Applied, Duplicate, Superseded, Withheld, Failed] {
            assert!(matches!(judge(answered(outcome)), Verdict::Done), "{outcome:?}");
        }
        for outcome in [InProgress, Waiting] {
            assert!(matches!(judge(answered(outcome)), Verdict::Later), "{outcome:?}");
        }
        assert!(matches!(judge(answered(Malformed)), Verdict::Hopeless(_)));
    }

    #[test]
    fn only_a_fault_of_the_batch_is_held_against_it() {
        assert!(matches!(judge(lost()), Verdict::Again), "an unknown outcome is no failure");
        for fault in [Fault::Down, Fault::Contended] {
            assert!(matches!(judge(refused(fault, "XXXXX")), Verdict::Again), "{fault:?}");
        }
        for fault in [Fault::Restricted, Fault::Denied] {
            assert!(matches!(judge(refused(fault, "XXXXX")), Verdict::Down), "{fault:?}");
        }
        for fault in [Fault::StatementTimeout, Fault::TooLarge] {
            assert!(matches!(judge(refused(fault, "XXXXX")), Verdict::Halve(_)), "{fault:?}");
        }
        for fault in [Fault::Row, Fault::Request] {
            let Verdict::Failed(failure) = judge(refused(fault, "XXXXX")) else { panic!("{fault:?} is the batch's") };
            assert!(!failure.is_final, "the ledger decides when attempts are used up");
        }
        assert!(matches!(judge(refused(Fault::Drift, "42703")), Verdict::Drift(_)));
        assert!(matches!(judge(refused(Fault::Request, "21000")), Verdict::Hopeless(_)), "never the same again");
    }

    #[test]
    fn only_the_destinations_own_faults_speak_against_it() {
        let rule = Rule::default();
        let speaks = |outcome: Result<Applied, SupabaseError>, seconds| {
            evidence(outcome.as_ref().err(), Duration::from_secs(seconds), &rule)
        };
        assert_eq!(speaks(answered(Outcome::Malformed), 1), Evidence::Success);
        for fault in [Fault::Contended, Fault::StatementTimeout, Fault::Row, Fault::Drift, Fault::Request] {
            assert_eq!(speaks(refused(fault, "23505"), 1), Evidence::Success, "{fault:?}");
        }
        for (fault, certain) in [(Fault::Down, false), (Fault::Restricted, true), (Fault::Denied, true)] {
            let Evidence::Failure(failing) = speaks(refused(fault, "57P03"), 1) else { panic!("{fault:?}") };
            assert_eq!((failing.why.as_str(), failing.weight, failing.is_certain), ("57P03", 1, certain));
        }
        let Evidence::Failure(hung) = speaks(lost(), 35) else { panic!("no answer is a failure") };
        assert_eq!((hung.why.as_str(), hung.weight), ("no_answer", 4));
    }

    #[test]
    fn sqlstate_raised_by_a_trigger_is_a_batch_fault() {
        let rule = Rule::default();
        for (status, code) in [
            (500, "P0002"),
            (500, "P0004"),
            (500, "38000"),
            (500, "XX000"),
            (402, "PT402"),
            (503, "PT503"),
            (403, "0L000"),
        ] {
            let outcome = || refused(classify(status, Some(code)), code);
            assert_eq!(evidence(outcome().as_ref().err(), Duration::from_secs(1), &rule), Evidence::Success, "{code}");
            assert!(matches!(judge(outcome()), Verdict::Failed(Failure { is_final: false, .. })), "{code}");
        }
    }
}
