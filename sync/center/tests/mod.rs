//! Stories over the wire: a real server on loopback, handhelds played by `reqwest` with mTLS.

mod audits;
mod bundles;
mod contract;
mod enrolment;
mod handheld;
mod packages;
mod reference;
mod rulepacks;
mod stamps;
mod uploads;
