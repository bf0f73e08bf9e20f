//! The centre: API, jobs, certificate authority, packages, log and receipts.
