//! Where to look: findings and what stands behind them, rules and figures, comparisons.

pub(crate) mod around;
pub(crate) mod compare;
pub(crate) mod compose;
pub(crate) mod finding;
pub(crate) mod hand_out;
pub(crate) mod indicators;
pub(crate) mod method;
pub(crate) mod narrow;
pub(crate) mod own_rules;
pub(crate) mod span;
pub(crate) mod suspicion;
pub(crate) mod suspicions;
pub(crate) mod unjudged;
