//! A word of the user's own on what an outcome means.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::diagnosis::{Condition, Diagnosis};
use crate::outcome::Outcome;

/// Sees each outcome that is no success, with its diagnosis, and may overrule it.
///
/// For services with habits of their own: a 409 that means *busy*, a throttling code in a JSON body. Closures are
/// classifiers too.
///
/// ```
/// # use forbear::{Condition, Diagnosis, Outcome, Policy, Ruling};
/// let busy_is_409 = |outcome: &Outcome<'_>, _: &Diagnosis| match outcome.status() {
///     Some(status) if status.as_u16() == 409 => Ruling::Is(Condition::Unavailable),
///     _ => Ruling::AsDiagnosed,
/// };
/// let policy = Policy::builder().classify(busy_is_409).build()?;
/// # Ok::<(), forbear::PolicyError>(())
/// ```
pub trait Classify: Send + Sync {
    /// Rules on one outcome.
    fn classify(&self, outcome: &Outcome<'_>, diagnosis: &Diagnosis) -> Ruling;
}

impl<F: Fn(&Outcome<'_>, &Diagnosis) -> Ruling + Send + Sync> Classify for F {
    fn classify(&self, outcome: &Outcome<'_>, diagnosis: &Diagnosis) -> Ruling {
        self(outcome, diagnosis)
    }
}

/// What a [`Classify`] says of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ruling {
    /// The diagnosis is right.
    AsDiagnosed,
    /// This is its condition. Its rule decides, within all limits; what the rule proves of the condition is taken as
    /// proven here.
    Is(Condition),
    /// It is not retried, whatever its condition.
    NoRetry,
}

/// A classifier that can be shared, shown and compared: it is equal to itself.
#[derive(Clone)]
pub(crate) struct Classifier(pub(crate) Arc<dyn Classify>);

/// It is asked before anything is decided, so that one that panics leaves all as it should be.
impl UnwindSafe for Classifier {}
impl RefUnwindSafe for Classifier {}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Classifier")
    }
}

impl PartialEq for Classifier {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Classifier {}
