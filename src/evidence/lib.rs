//! Journals, evidence bundle, signatures, transparency-log proofs and their verification.
