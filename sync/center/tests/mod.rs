//! Stories over the wire: a real server on loopback, handhelds played by `reqwest` with mTLS.

mod bundles;
mod contract;
mod enrolment;
mod handheld;
mod packages;
mod reference;
mod stamps;
mod uploads;
