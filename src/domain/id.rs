//! Identifiers as types, so that a task number can never be passed where a bundle is meant.
//!
//! Every id fits `[A-Za-z0-9._-]{1,64}` (schema `$defs.id`), because ids become file names, certificate
//! serial numbers and journal members. Ids made by us are ULIDs: sortable, no coordination, no hot key in
//! a distributed database.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
pub use ulid::Ulid;

use crate::{Clock, Entropy};

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct IdError {
    /// Name of the id type.
    pub kind: &'static str,
}

/// True if `text` fits `[A-Za-z0-9._-]{1,64}`.
#[must_use]
pub fn is_plain_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// A new ULID from the clock's wall time and 80 random bits.
pub fn new_ulid(clock: &dyn Clock, entropy: &dyn Entropy) -> Ulid {
    let mut random = [0_u8; 16];
    entropy.fill(&mut random);
    let wall_ms = u64::try_from(clock.read().wall_ms).unwrap_or(0);
    Ulid::from_parts(wall_ms, u128::from_be_bytes(random))
}

macro_rules! plain_id {
    ($(#[$doc:meta])* $name:ident, prefix $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the form once; everything after can rely on it.
            ///
            /// # Errors
            /// [`IdError`] if the text does not fit.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let error = IdError { kind: stringify!($name) };
                if !is_plain_id(text) || matches!(text, "." | "..") {
                    return Err(error);
                }
                if !$prefix.is_empty() {
                    let Some(rest) = text.strip_prefix($prefix) else { return Err(error) };
                    match Ulid::from_string(rest) {
                        Ok(ulid) if ulid.to_string() == rest => {}
                        _ => return Err(error),
                    }
                }
                Ok(Self(text.to_owned()))
            }

            /// A new id: the type's prefix and a ULID.
            pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(format!("{}{}", $prefix, new_ulid(clock, entropy)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

plain_id!(
    /// An inspection task of the centre, e.g. `T-2026-0001`.
    TaskId, prefix ""
);
plain_id!(
    /// A handheld, e.g. `D-0001`: `serialNumber` of its certificates.
    DeviceId, prefix ""
);
plain_id!(
    /// An officer, e.g. `O-0001`: `serialNumber` of the officer's certificate.
    OfficerId, prefix ""
);
plain_id!(
    /// One build of a data package: `PKG-<ulid>`.
    PackageId, prefix "PKG-"
);
plain_id!(
    /// A case on one handheld: `CASE-<ulid>`. One case is sealed into one bundle.
    CaseId, prefix "CASE-"
);
plain_id!(
    /// An evidence bundle: `EVID-<ulid>` (evidence.md §3).
    BundleId, prefix "EVID-"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ManualClock, SeededEntropy};

    #[test]
    fn generated_ids_parse_again_and_foreign_ones_do_not() {
        let clock = ManualClock::at_ms(1_795_000_000_000);
        let id = BundleId::generate(&clock, &SeededEntropy::new(1));
        assert_eq!(BundleId::parse(id.as_str()), Ok(id.clone()));
        assert!(CaseId::parse(id.as_str()).is_err());
        // The golden sample's name is a valid bundle id.
        assert!(BundleId::parse("EVID-01M7VBK5C0SAMP1E0000000001").is_ok());
        for bad in ["", "..", "a/b", "中文", "EVID-01M7VBK5C0SAMP1E000000000l", "EVID-"] {
            assert!(BundleId::parse(bad).is_err(), "{bad}");
        }
        assert!(TaskId::parse("..").is_err());
    }
}
