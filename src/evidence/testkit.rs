//! A workshop that makes complete, valid bundles: CA, people, time stamp authority, log and a visit.
//!
//! For tests of this and other crates (feature `testkit`). Everything is made new in memory at each call,
//! nothing here is a key that anybody should trust. Whatever a test wants to be wrong it changes in
//! [`Parts`] before [`Parts::close`] or in [`Bag`] after it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "test support: it may panic"
)]

mod ca;
mod log;
mod parts;
mod stamp;
mod story;

pub use ca::{Authority, CertPlan, Person, Revoked, p256};
pub use log::TestLog;
pub use parts::{Bag, Parts};
pub use stamp::{StampPlan, TestTsa};

use crate::chain::Role;
use crate::statement::ROLE_DEVICE;

/// Sealing of the story, 2026-11-20T10:12:00+08:00, in milliseconds since 1970.
pub const SEALED_MS: i64 = 1_795_140_720_000;
/// When time stamps and receipt are made: two hours later.
pub const SYNCED_MS: i64 = SEALED_MS + 2 * 3_600_000;
/// A present time for judging: one day after sealing.
pub const NOW_MS: i64 = SEALED_MS + 24 * 3_600_000;
/// The bundle of the story.
pub const BUNDLE: &str = "EVID-01M7VBK5C0TESTK1T000000001";
/// The task of the story.
pub const TASK: &str = "T-2026-0009";
/// The handheld of the story.
pub const DEVICE: &str = "D-0009";

/// CA, people, time stamp authority and log.
#[derive(Debug)]
pub struct Workshop {
    /// Root CA; signs the device and inspector 1.
    pub root: Authority,
    /// CA below it; signs inspector 2.
    pub agency: Authority,
    /// Time stamp authority with a root of its own.
    pub tsa: TestTsa,
    /// The centre's log.
    pub log: TestLog,
    /// Device, inspector-1, inspector-2.
    pub people: Vec<Person>,
}

impl Workshop {
    /// Everything new.
    #[must_use]
    pub fn new() -> Self {
        let root = Authority::root("Testkit root CA");
        let agency = root.below("Testkit agency CA", |_| {});
        let device =
            Person::issue(&root, ROLE_DEVICE, DEVICE, "手持机 D-0009", Role::Device, |_| {});
        let one =
            Person::issue(&root, "inspector-1", "O-0091", "张三(虚构)", Role::Inspector, |_| {});
        let two =
            Person::issue(&agency, "inspector-2", "O-0092", "李四(虚构)", Role::Inspector, |_| {});
        let log = TestLog::new("log.example.invalid/testkit");
        Self { root, agency, tsa: TestTsa::new(), log, people: vec![device, one, two] }
    }

    /// PEM of the roots to trust.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        self.root.pem()
    }

    /// A visit with photo, recording, interview, document and handwriting, not yet closed.
    #[must_use]
    pub fn story(&self) -> Parts {
        story::parts(self)
    }

    /// The story closed, signed, stamped and received.
    #[must_use]
    pub fn bundle(&self) -> Bag {
        let mut bag = self.story().close(&self.people);
        bag.stamp(&self.tsa, SYNCED_MS);
        bag.receive(&self.log, SYNCED_MS);
        bag
    }
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}
