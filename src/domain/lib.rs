//! The words and values every part of Spotcheck shares.
//!
//! Pure: no I/O, no clock, no random source. What the outside world knows (time, entropy, claims)
//! comes in through the small traits here, so that everything above can be tested with plain values.

pub mod calendar;
pub mod canonical;
pub mod claims;
pub mod clock;
pub mod codes;
pub mod columns;
pub mod entropy;
pub mod grid;
pub mod id;
pub mod mask;
pub mod money;
pub mod numeral;
pub mod procedure;
pub mod reference;
pub mod task;
pub mod time;
pub mod trouble;
pub mod vocabulary;
pub mod written;

pub use canonical::{CanonicalError, parse_canonical, to_canonical};
pub use clock::{Clock, ClockQuality, ClockReading, ClockSource, ManualClock};
pub use entropy::{Entropy, SeededEntropy};
pub use id::{BundleId, CaseId, DeviceId, IdError, OfficerId, PackageId, TaskId, Ulid};
pub use money::{Amount, AmountError};
pub use time::{BeijingTime, Precision, rfc3339};
pub use trouble::{Trouble, TroubleResult};
