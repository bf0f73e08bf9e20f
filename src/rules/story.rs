//! Stories over the whole crate: small hospitals made by hand, each with what a rule must find or leave.

mod cancelled;
mod cases;
mod composed;
mod first;
mod house;
mod inpatient;
mod items;
mod leads;
mod natural;
mod output;
mod outside;
mod payment;
mod planted;
mod self_paid;
pub(crate) mod support;
mod timing;
