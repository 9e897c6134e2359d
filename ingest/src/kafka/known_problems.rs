//! The problems that connections to brokers have now. No clock and no I/O.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::connection_problem::{ConnectionCause, ConnectionProblem};

/// A problem that was not logged for this long is over. The client library logs one that
/// stays the same every 30 seconds, and tries to connect every two.
const EXPIRY: Duration = Duration::from_secs(45);

/// How long a question waits although it cannot be answered: a cause that usually lasts
/// may pass when a broker is just starting.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many problems are remembered.
const MAX_PROBLEMS: usize = 1_000;

/// What is known of the connections, by broker and cause.
#[derive(Debug, Default)]
pub(super) struct KnownProblems {
    seen: HashMap<(String, ConnectionCause), (ConnectionProblem, Instant)>,
}

impl KnownProblems {
    /// A connection failed. Returns whether this is the best explanation for its broker:
    /// the library does not ask a broker for its version a second time, and then fails
    /// in a way that says less.
    pub(super) fn on_problem(&mut self, problem: &ConnectionProblem, now: Instant) -> bool {
        self.seen.retain(|_, (_, at)| is_recent(*at, now));
        if self.seen.len() >= MAX_PROBLEMS {
            self.seen.clear();
        }
        let key = (problem.broker.clone(), problem.cause);
        self.seen.insert(key, (problem.clone(), now));
        !self
            .seen
            .values()
            .any(|(other, _)| other.broker == problem.broker && other.explains_more_than(problem))
    }

    /// The problem that explains best why brokers do not answer.
    pub(super) fn best_explanation(&self, now: Instant) -> Option<&ConnectionProblem> {
        let recent = self.seen.values().filter(|(_, at)| is_recent(*at, now));
        let problems = recent.map(|(problem, _)| problem);
        problems.reduce(|best, next| match next.explains_more_than(best) {
            true => next,
            false => best,
        })
    }

    /// Whether a question that has waited this long need not wait longer.
    pub(super) fn is_hopeless(&self, waited: Duration, now: Instant) -> bool {
        waited >= PATIENCE
            && self
                .best_explanation(now)
                .is_some_and(|problem| problem.cause.is_lasting())
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < EXPIRY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(broker: &str, cause: ConnectionCause) -> ConnectionProblem {
        ConnectionProblem {
            broker: broker.to_owned(),
            cause,
            is_advertised: false,
            detail: String::new(),
        }
    }

    #[test]
    fn the_best_explanation_of_a_broker_is_kept_until_it_expires() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut known = KnownProblems::default();
        assert_eq!(known.best_explanation(at(0)), None);
        let in_plaintext = problem("a:1", ConnectionCause::ClosedInPlaintext);
        let before_sasl = problem("a:1", ConnectionCause::ClosedBeforeSasl);
        assert!(known.on_problem(&in_plaintext, at(0)));
        assert!(!known.on_problem(&before_sasl, at(1)));
        assert_eq!(known.best_explanation(at(2)), Some(&in_plaintext));
        // The first one is over, and the second is not.
        assert_eq!(known.best_explanation(at(45)), Some(&before_sasl));
        assert!(known.on_problem(&before_sasl, at(45)));
        assert_eq!(known.best_explanation(at(100)), None);
    }

    #[test]
    fn brokers_do_not_hide_each_others_problems() {
        let now = Instant::now();
        let mut known = KnownProblems::default();
        assert!(known.on_problem(&problem("a:1", ConnectionCause::Credentials), now));
        assert!(known.on_problem(&problem("b:1", ConnectionCause::Refused), now));
        let best = known.best_explanation(now).unwrap();
        assert_eq!(best.cause, ConnectionCause::Credentials);
    }

    #[test]
    fn only_what_lasts_is_given_up_before_its_time() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut known = KnownProblems::default();
        known.on_problem(&problem("a:1", ConnectionCause::Refused), now);
        assert!(!known.is_hopeless(60 * second, now));
        known.on_problem(&problem("b:1", ConnectionCause::Credentials), now);
        assert!(!known.is_hopeless(second, now));
        assert!(known.is_hopeless(PATIENCE, now));
        assert!(!known.is_hopeless(PATIENCE, now + EXPIRY));
    }

    #[test]
    fn the_number_of_problems_is_bounded() {
        let now = Instant::now();
        let mut known = KnownProblems::default();
        for number in 0..3 * MAX_PROBLEMS {
            let broker = format!("broker-{number}:9092");
            known.on_problem(&problem(&broker, ConnectionCause::Refused), now);
        }
        assert!(known.seen.len() <= MAX_PROBLEMS);
    }
}
