//! The handheld's side of the wire: enrolment, pull, upload, receipts.
