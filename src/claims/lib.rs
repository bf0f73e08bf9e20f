//! National claims schema: import, mapping, partition and package files, queries, search.
//!
//! The same crate serves both sides: the centre imports exports into encrypted partitions and builds data
//! packages from them, the handheld opens a package and asks it. No command line, no network, no clock.

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

mod boxes;
pub mod cell;
pub mod cipher;
pub mod columns;
pub mod demo;
mod elsewhere;
pub mod error;
pub mod import;
pub mod mapping;
pub mod package;
pub mod partition;
mod peers;
pub mod reader;
pub mod reference;
pub mod schema;
pub mod search;
pub mod source;
pub mod table;
pub mod value;

/// Code tables, which lie below every crate that tells codes to people.
pub use spotcheck_domain::codes;

pub use cipher::{ClaimsKey, Key};
pub use columns::{PackageColumns, PartitionColumns};
pub use demo::{DemoOptions, DemoSummary, TruthOptions, TruthSummary, demo_data, truth_data};
pub use elsewhere::Elsewhere;
pub use error::{Error, Result};
pub use import::{
    ImportReport, ImportRequest, ImportTools, Progress, Reject, RejectPlace, RejectSink, RejectsDb,
    import_dir,
};
pub use mapping::MappingLimits;
pub use package::{
    BuiltPackage, FindingRow, PackFiles, PackageManifest, PackageRequest, PeerStat, Period,
    Recipient, RulePackRef, build_package, check_package, file_states,
};
pub use partition::{
    DirPartitionStore, PartitionKey, PartitionReader, PartitionRef, PartitionStore,
};
pub use peers::peer_stats;
pub use reader::PackageReader;
pub use reference::{ReferenceData, ReferenceFile, build_reference};

#[cfg(test)]
mod story;
