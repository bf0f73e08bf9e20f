//! Stories over the wire: a real server on loopback, handhelds played by `reqwest` with mTLS.

mod bundles;
mod enrolment;
mod handheld;
mod uploads;
