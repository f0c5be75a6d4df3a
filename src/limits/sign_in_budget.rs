//! Failures that one address or one network may still make.

use std::time::Duration;

use super::retry::{LogThrottle, RetryAfter};
use crate::types::token_bucket::{BucketRate, TokenBucket};

/// People remembered for one address, the latest. 16 bytes each: 1.4 KiB, which is 5.9 MiB for 4,096
/// addresses that 90 people each signed in from. With a base of 10 a minute they bring an address to
/// [`MAX_FAILURES_PER_MINUTE`].
pub const PEOPLE_PER_ADDRESS: usize = 90;
/// Failures a minute that people's successes can bring an address to.
pub const MAX_FAILURES_PER_MINUTE: u32 = 100;
/// A success raises the figure of its address for this long: a working day.
const RAISED_FOR: Duration = Duration::from_secs(12 * 3600);
/// A name is known at an address for this long after its last success there.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Result of asking whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BudgetGate {
    Open,
    /// Used up by attempts under way, which may still give back what they took.
    InUse,
    /// Used up for this long.
    Spent(Duration),
}

/// Tokens for failures. An attempt takes one when it begins and gets it back unless it fails.
#[derive(Default)]
pub(super) struct SignInBudget {
    bucket: TokenBucket,
    /// Attempts that hold a token.
    under_way: u32,
    people: Vec<Success>,
    told: LogThrottle,
}

/// Last sign-in of a person, whose name is given by half of its digest.
#[derive(Clone, Copy)]
struct Success {
    name: u64,
    at_second: u64,
}

impl Success {
    fn age(self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_secs(self.at_second))
    }
}

impl SignInBudget {
    /// Returns failures per minute: `base`, and one for each person who signed in lately.
    pub(super) fn per_minute(&self, base: u32, now: Duration) -> u32 {
        let recent = self.people.iter().filter(|success| success.age(now) < RAISED_FOR).count();
        base.saturating_add(u32::try_from(recent).unwrap_or(u32::MAX)).min(base.max(MAX_FAILURES_PER_MINUTE))
    }

    pub(super) fn gate(&self, base: u32, now: Duration) -> BudgetGate {
        let mut bucket = self.bucket;
        match bucket.take(self.rate(base, now), now) {
            Ok(()) => BudgetGate::Open,
            Err(_) if self.under_way > 0 => BudgetGate::InUse,
            Err(retry) => BudgetGate::Spent(retry),
        }
    }

    /// Takes a token; returns false if there is none.
    pub(super) fn take(&mut self, base: u32, now: Duration) -> bool {
        let taken = self.bucket.take(self.rate(base, now), now).is_ok();
        self.under_way += u32::from(taken);
        taken
    }

    /// Ends an attempt that holds a token; `back` returns it.
    pub(super) fn settle(&mut self, back: bool, base: u32, now: Duration) {
        self.under_way = self.under_way.saturating_sub(1);
        if back {
            self.bucket.give_back(self.rate(base, now));
        }
    }

    fn rate(&self, base: u32, now: Duration) -> BucketRate {
        let failures = self.per_minute(base, now);
        BucketRate::per_minute(failures, failures)
    }

    /// Notes that a person signed in. A new one brings one failure more, at once.
    pub(super) fn note_success(&mut self, name: u64, base: u32, now: Duration) {
        let before = self.rate(base, now);
        let known = self.people.iter().position(|success| success.name == name);
        let recent = known.is_some_and(|at| self.people[at].age(now) < RAISED_FOR);
        if let Some(at) = known {
            self.people.remove(at);
        } else if self.people.len() >= PEOPLE_PER_ADDRESS {
            self.people.remove(0);
        }
        self.people.push(Success { name, at_second: now.as_secs() });
        let after = self.rate(base, now);
        if recent {
            return;
        }
        if after == before {
            self.bucket.give_back(after);
        } else {
            self.bucket.retune(before, after, now);
        }
    }

    /// Returns true if the person signed in here within 30 days.
    pub(super) fn knows(&self, name: u64, now: Duration) -> bool {
        self.people.iter().any(|success| success.name == name && success.age(now) < KNOWN_FOR)
    }

    pub(super) fn refusal(&mut self, retry: Duration, now: Duration) -> RetryAfter {
        RetryAfter { retry, first: self.told.first(now) }
    }

    /// Returns true if forgetting it loses nothing.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.bucket.is_full(now)
            && self.under_way == 0
            && self.people.iter().all(|success| success.age(now) >= KNOWN_FOR)
    }

    /// Returns the order in which budgets are forgotten: first those of addresses from which no one signed
    /// in, the fullest first, then the longest unused. One with an attempt under way stays.
    pub(super) fn rank(&self, now: Duration) -> Option<impl Ord + use<>> {
        let latest = self.people.last().map(|success| success.at_second);
        (self.under_way == 0).then_some((latest, self.bucket.debt(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: u32 = 10;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn failures_at_once(budget: &mut SignInBudget, now: Duration) -> usize {
        (0..1000).take_while(|_| budget.take(BASE, now)).count()
    }

    #[test]
    fn people_raise_the_figure_for_half_a_day() {
        let mut budget = SignInBudget::default();
        for person in [1, 2, 3, 3, 3] {
            assert!(budget.take(BASE, at(0)));
            budget.settle(true, BASE, at(0));
            budget.note_success(person, BASE, at(0));
        }
        assert_eq!(budget.per_minute(BASE, at(0)), 13);
        assert_eq!(budget.per_minute(BASE, RAISED_FOR - at(1)), 13);
        assert_eq!(budget.per_minute(BASE, RAISED_FOR), 10);
        assert_eq!(failures_at_once(&mut budget, at(0)), 13);
        assert_eq!(budget.gate(BASE, at(0)), BudgetGate::InUse);
        for _ in 0..13 {
            budget.settle(false, BASE, at(0));
        }
        assert!(matches!(budget.gate(BASE, at(0)), BudgetGate::Spent(_)));
        assert_eq!(budget.gate(BASE, at(60)), BudgetGate::Open);
    }

    #[test]
    fn figure_and_memory_are_bounded() {
        let mut budget = SignInBudget::default();
        for person in 0..1000 {
            budget.note_success(person, BASE, at(person));
        }
        assert_eq!(budget.people.len(), PEOPLE_PER_ADDRESS);
        assert_eq!(budget.per_minute(BASE, at(1000)), MAX_FAILURES_PER_MINUTE);
        assert_eq!(budget.per_minute(5000, at(1000)), 5000, "the owner's figure is no less for it");
        assert!(budget.knows(999, at(1000)) && !budget.knows(1, at(1000)));
        assert!(budget.knows(999, at(999) + KNOWN_FOR - at(1)));
        assert!(!budget.knows(999, at(999) + KNOWN_FOR));
        assert_eq!(std::mem::size_of::<Success>(), 16);
    }

    proptest! {
        /// Failures in any window never exceed the burst and the refill of the figure that was in force.
        #[test]
        fn failures_stay_within_the_budget(steps in prop::collection::vec((0u64..3, prop::option::weighted(0.2, 0u64..120)), 1..300)) {
            let (mut budget, mut now, mut most) = (SignInBudget::default(), at(0), 0.0);
            let mut failures = 0.0;
            for (step, person) in steps {
                now += at(step);
                most += f64::from(budget.per_minute(BASE, now)) * f64::from(u32::try_from(step).unwrap()) / 60.0;
                if !budget.take(BASE, now) {
                    continue;
                }
                if let Some(person) = person {
                    let before = budget.per_minute(BASE, now);
                    budget.settle(true, BASE, now);
                    budget.note_success(person, BASE, now);
                    most += f64::from(budget.per_minute(BASE, now) - before);
                } else {
                    budget.settle(false, BASE, now);
                    failures += 1.0;
                }
                prop_assert!(failures <= f64::from(BASE) + most + 1e-6, "{failures} of {most}");
            }
            prop_assert_eq!(budget.under_way, 0);
        }
    }
}
