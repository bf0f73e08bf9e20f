//! Evidence bundles: announced, uploaded blob by blob, committed, verified in a stream, receipted.
//!
//! What the centre keeps are the announcement (tag files, hash lists) and the age files as they came. The
//! bag is put together in memory when it is judged or exported; no plaintext file comes to be.

mod add;
mod announce;
mod assemble;
mod contents;
mod copy;
mod export;
mod journal;
mod media;
mod stamp;
mod verify;
mod view;

pub use add::{Rescued, add_rescue, add_zip, open_rescue};
pub use announce::{
    CommitOutcome, announce, check_announcement, commit, missing, quarantined_accept, status,
};
pub use assemble::BlobCheck;
pub(crate) use assemble::open_blob;
pub(crate) use contents::payload;
pub(crate) use copy::open as open_small;
pub use copy::{CopyActs, CopyReport, add_copy};
pub use export::{Extent, export};
pub use journal::{JournalOutcome, take_journal};
pub use media::{MediaCopy, SHEET, export_media};
pub use stamp::{StampRequest, keep_stamp, stamp_requests};
pub use verify::verify_bundle;
pub use view::BagView;
