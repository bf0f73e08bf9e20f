//! `metadata/statement.json`: who must sign this bundle, with what, on which device.
//!
//! Without it a signature file proves only that somebody signed; `certificate_sha256` ties each role to
//! one certificate and `id` ties it to one person (evidence.md §4, schema `spotcheck-statement/1`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{BundleId, DeviceId, to_canonical};

use crate::form::{Checked, Checker, is_inspector, is_party, parse_exact, required};
use crate::{EvidenceError, Hash32};

/// Schema named in the document.
pub const STATEMENT_SCHEMA: &str = "spotcheck-statement/1";
/// Where the document lies in the bag.
pub const STATEMENT_PATH: &str = "metadata/statement.json";
/// Where the newest checkpoint seen before sealing lies in the bag.
pub const CHECKPOINT_PATH: &str = "metadata/checkpoint.txt";
/// Role of the handheld.
pub const ROLE_DEVICE: &str = "device";
/// Role of the centre, where it signs.
pub const ROLE_CENTRE: &str = "centre";

/// Signature suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suite {
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ECDSA-P256-SHA256")]
    P256,
    /// The same, and raw SM2 signatures beside it.
    #[serde(rename = "ECDSA-P256-SHA256+SM2-SM3")]
    P256AndSm2,
}

/// One signer that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// `device`, `inspector-1` … `inspector-9`, `party-1` …, `centre`; also the signature's file name.
    pub role: String,
    /// Name as it is shown.
    pub name: String,
    /// `serialNumber` of the certificate's subject.
    pub id: String,
    /// SHA-256 over the DER of the signer's own certificate.
    pub certificate_sha256: Hash32,
}

/// The software that sealed the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// The handheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its model, where known.
    #[serde(deserialize_with = "required")]
    pub model: Option<String>,
}

/// The checkpoint that the bundle cannot be older than; repeats `metadata/checkpoint.txt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotBefore {
    /// Always `checkpoint`.
    pub what: String,
    /// Always `metadata/checkpoint.txt`.
    pub path: String,
    /// Name of the log.
    pub origin: String,
    /// Tree size.
    pub size: u64,
    /// Root hash, base64.
    pub root: String,
}

impl NotBefore {
    /// For a checkpoint.
    #[must_use]
    pub fn of(checkpoint: &crate::tlog::Checkpoint) -> Self {
        Self {
            what: "checkpoint".to_owned(),
            path: CHECKPOINT_PATH.to_owned(),
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root_base64(),
        }
    }
}

/// What is claimed and proven about time at sealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementTime {
    /// Lower end of the bracket.
    pub not_before: NotBefore,
    /// Claimed time of sealing, RFC 3339.
    pub sealed: String,
    /// Clock steps seen while the case was open.
    pub clock_steps: u64,
    /// False if the wall clock was never set.
    pub clock_set: bool,
}

/// The whole document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Always [`STATEMENT_SCHEMA`].
    pub schema: String,
    /// The bundle.
    pub bundle: BundleId,
    /// Signature suite.
    pub suite: Suite,
    /// Who must sign.
    pub signers: Vec<Signer>,
    /// What sealed it.
    pub software: Software,
    /// The handheld.
    pub device: Device,
    /// How its private keys are protected.
    pub key_protection: KeyProtection,
    /// Time.
    pub time: StatementTime,
}

impl Statement {
    /// The bytes of `metadata/statement.json`.
    ///
    /// # Errors
    /// A value that does not fit the schema.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        self.check()?;
        Ok(to_canonical(self)?)
    }

    /// Reads and checks `metadata/statement.json`.
    ///
    /// # Errors
    /// [`EvidenceError::OtherSchema`] for a later version, else what does not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        crate::record::expect_schema(bytes, STATEMENT_SCHEMA)?;
        let statement: Self = parse_exact(bytes)?;
        statement.check()?;
        Ok(statement)
    }

    /// Checks what the types do not hold by themselves.
    ///
    /// # Errors
    /// [`EvidenceError::Schema`] naming the member.
    pub fn check(&self) -> Result<(), EvidenceError> {
        let mut c = Checker::new(STATEMENT_SCHEMA);
        c.that("schema", self.schema == STATEMENT_SCHEMA)?;
        let roles: BTreeSet<_> = self.signers.iter().map(|s| s.role.as_str()).collect();
        c.that("signers", roles.len() == self.signers.len() && roles.contains(ROLE_DEVICE))?;
        c.that("signers", roles.iter().filter(|r| is_inspector(r)).count() >= 2)?;
        c.each("signers", &self.signers, |c, s| {
            c.that("role", is_role(&s.role))?;
            c.text("name", &s.name)?;
            c.id("id", &s.id)
        })?;
        c.text("software.name", &self.software.name)?;
        c.text("software.version", &self.software.version)?;
        c.opt_text("device.model", self.device.model.as_ref())?;
        c.within("time", |c| self.check_time(c))
    }

    fn check_time(&self, c: &Checker) -> Checked {
        let before = &self.time.not_before;
        c.that("not_before.what", before.what == "checkpoint")?;
        c.that("not_before.path", before.path == CHECKPOINT_PATH)?;
        c.text("not_before.origin", &before.origin)?;
        c.int("not_before.size", before.size, 0)?;
        c.that("not_before.root", crate::tlog::parse_hash(&before.root).is_some())?;
        c.time("sealed", &self.time.sealed)?;
        c.int("clock_steps", self.time.clock_steps, 0)
    }
}

/// True for `device`, `inspector-1` … `inspector-9`, `party-1` … and `centre`.
#[must_use]
pub fn is_role(role: &str) -> bool {
    role == ROLE_DEVICE || role == ROLE_CENTRE || is_inspector(role) || is_party(role)
}
