//! Recordings: fragments while they run, segments when they fill, one media file at the end.
//!
//! The writer holds public keys only. Each fragment of one or two seconds becomes an age file of its own,
//! durable before it is acknowledged, so a kill loses at most the fragment in hand (R06, R19). When 60 s or
//! 16 MiB are full, the plaintext that is still in memory is sealed once more as one segment, and the
//! fragments go. Segments are never joined: the media file *is* the concatenation of their plaintexts, cut
//! at fragment ends, where Ogg and Matroska stay playable (evidence.md §1).
//!
//! Folder of a running recording, `<case>/rec/<media file name>/`:
//!
//! ```text
//! order.json        what it is and to whom it is encrypted; ids and public keys, no personal data.
//!                   Locked (flock) by the writer: a recovery leaves a running recording alone
//! f-000001-1000.age fragment 1, 1000 ms of media
//! log.jsonl         recording log: hashes, ids and clocks only, therefore in clear
//! segments.jsonl    segments that were closed; written *before* the segment gets its name
//! outcome.json      how it ended, once it has ended; fragments and the two logs are then gone
//! second-…          the second copy of order.json, segments.jsonl and outcome.json
//! ```
//!
//! These lists lie in clear while nobody can unlock, and what they say ends up in the journal. A wrong bit in one of
//! them is turned back, a lost sector read from the second copy; the log is one chain, mended the same way, and behind
//! damage that does not mend it is written anew with what its lines and the fragments still say (R23, R30).
//!
//! The running SHA-256 and SM3 of the whole file live in the writer's memory. Their state is not stored: a
//! hash state holds up to 63 bytes of plaintext, and the recorder has no key that only unlocking opens. After
//! a kill the recovery, which runs after unlocking and decrypts the leftover fragments anyway, computes
//! both again from all segments, and so also proves that each of them opens.

#[cfg(test)]
mod child_tests;
#[cfg(test)]
mod damage_tests;
mod layout;
mod log;
mod mend;
mod read;
#[cfg(test)]
mod read_tests;
mod recover;
#[cfg(test)]
mod tests;
mod twice;
mod writer;

pub(crate) use layout::{LISTS, recordings};
pub use layout::{ORDER_SCHEMA, Unfinished};
pub use writer::{FragmentAck, RecordingWriter, SEGMENT_BYTES, SEGMENT_MS};
