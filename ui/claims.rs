//! What the package holds: persons, visits, fee lines, the house, and what they are measured by.

pub(crate) mod basis;
pub(crate) mod facts;
pub(crate) mod fees;
pub(crate) mod house;
pub(crate) mod person;
pub(crate) mod persons;
pub(crate) mod showing;
pub(crate) mod visit;
