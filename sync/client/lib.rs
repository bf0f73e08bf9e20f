//! The handheld's side of the wire: enrolment, pull, upload, receipts.
//!
//! [`CentreClient`] implements the port `Centre` of `app` over TLS 1.3. Whatever comes in is checked here
//! before anything else sees it: enrolment against the ticket, packages against the centre's signature,
//! receipts against the log. Whatever goes out is already encrypted and signed; it is only carried.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

mod certificate;
mod client;
mod download;
mod enrol;
mod error;
mod http;
mod journal;
mod judged;
mod log;
mod package;
mod partner;
mod patience;
mod proofs;
mod pull;
mod receipt;
mod rescue;
mod send;
mod state;
mod tls;
mod tus;

pub use client::{CentreClient, STATE_FOLDER};
pub use error::{Act, Error, PackageFault, ReceiptFault, Result, TicketFault};
pub use package::CURRENT;
pub use partner::{PartnerLink, PartnerShelf, serve_partners};
pub use patience::Patience;
pub use proofs::centre_signature;
pub use spotcheck_wire::copies::{
    COPY_LABEL, COPY_SCHEMA, CopyLabel, folder_name as copy_folder_name,
};
pub use spotcheck_wire::rescue::folder_name as rescue_folder_name;
pub use state::{ClientState, FolderState, MemoryState};

#[cfg(test)]
mod tests;
