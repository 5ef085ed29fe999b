//! The models, where they look for each other.

#[path = "../../examples/storm/policies/aws.rs"]
pub(crate) mod aws;
#[path = "../../examples/storm/policies/model.rs"]
#[expect(dead_code, reason = "other models need more of it")]
pub(crate) mod model;
#[path = "../../examples/storm/policies/reqwest_own.rs"]
pub(crate) mod reqwest_own;
#[path = "../../examples/storm/policies/reqwest_retry.rs"]
pub(crate) mod reqwest_retry;
