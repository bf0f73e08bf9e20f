//! Stories over the wire: a real server on loopback, handhelds played by `reqwest` with mTLS.

mod audits;
mod beside;
mod bundles;
mod contract;
mod drafts;
mod enrolment;
mod guarded;
mod handheld;
mod intake;
mod judged;
mod offers;
mod packages;
mod reference;
mod rulepacks;
mod stamps;
mod uploads;
