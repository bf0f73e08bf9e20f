//! One centre: its folder, memory, authorities, log and identities, opened together.
//!
//! Server and sub-commands both work on this; what differs is only who asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::PrivatePkcs8KeyDer;
use spotcheck_domain::id::new_ulid;
use spotcheck_domain::{Clock, Entropy};
use spotcheck_wire::enrol::{POLICY_SCHEMA, Policy};
use zeroize::Zeroizing;

use crate::ca::{Authorities, Issued, Request};
use crate::db::SqliteStore;
use crate::folder::{Folder, KeySource, RawKey, find_key};
use crate::intake::{Recipients, recipients};
use crate::log::Log;
use crate::objects::Objects;
use crate::repository::{CertificateKind, CertificateRow, Repository};
use crate::{Error, Result};

const POLICY: &str = "policy";
const TSA_ROOTS: &str = "tsa.roots";
const SIGNER_KEY: &str = "centre.signer.key";
const SERVER_KEY: &str = "tls.server.key";
/// `serialNumber` of the centre's own signing certificate.
pub const CENTRE_ID: &str = "CENTRE";

/// How to open a centre.
pub struct OpenCentre<'a> {
    /// Data folder.
    pub data: &'a Path,
    /// `--key-file`.
    pub key_file: Option<&'a Path>,
    /// `$CREDENTIALS_DIRECTORY` of systemd.
    pub credentials: Option<PathBuf>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// An open centre.
pub struct Centre {
    folder: Folder,
    key: RawKey,
    key_source: KeySource,
    store: Arc<SqliteStore>,
    repo: Arc<dyn Repository>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    ca: Authorities,
    log: Log,
    objects: Objects,
}

impl std::fmt::Debug for Centre {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Centre").finish_non_exhaustive()
    }
}

/// Policy of a new centre.
#[must_use]
pub fn default_policy() -> Policy {
    Policy {
        schema: POLICY_SCHEMA.to_owned(),
        pin_min_file: 10,
        pin_min_hardware: 6,
        allow_file_protection: true,
        retention_days: 30,
        idle_lock_minutes: 5,
        reserve_bytes: 512 * 1024 * 1024,
        pad_signatures: false,
    }
}

impl Centre {
    /// Opens a centre; the first time, everything it needs is made.
    ///
    /// # Errors
    /// No permission, wrong key, newer database, damaged memory.
    pub fn open(with: OpenCentre<'_>) -> Result<Self> {
        let folder = Folder::open(with.data)?;
        let (key, key_source) =
            find_key(&folder, with.key_file, with.credentials.as_deref(), with.entropy.as_ref())?;
        let store = Arc::new(SqliteStore::open(&folder.database(), &key)?);
        let repo: Arc<dyn Repository> = Arc::<SqliteStore>::clone(&store);
        let ca = Authorities::open(store.as_ref(), with.clock.as_ref(), with.entropy.as_ref())?;
        let objects = Objects::open(&folder)?;
        let sha = ca.tls.sha256();
        let name = format!("spotcheck-center/{}", sha.get(..16).unwrap_or_default());
        let log = Log::open(Arc::clone(&repo), objects.clone(), &name, with.entropy.as_ref())?;
        // Made at the first start, so that a data folder that cannot keep them is no centre.
        recipients(store.as_ref())?;
        Ok(Self {
            folder,
            key,
            key_source,
            store,
            repo,
            clock: with.clock,
            entropy: with.entropy,
            ca,
            log,
            objects,
        })
    }

    /// Data folder.
    #[must_use]
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Database key.
    #[must_use]
    pub const fn key(&self) -> &RawKey {
        &self.key
    }

    /// Where the key came from.
    #[must_use]
    pub const fn key_source(&self) -> &KeySource {
        &self.key_source
    }

    /// Memory.
    #[must_use]
    pub fn repo(&self) -> &dyn Repository {
        self.repo.as_ref()
    }

    /// The SQLite back end, for backups.
    #[must_use]
    pub fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// Clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Random bytes.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// Now, milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.read().wall_ms
    }

    /// A new ULID.
    #[must_use]
    pub fn new_id(&self) -> String {
        new_ulid(self.clock.as_ref(), self.entropy.as_ref()).to_string()
    }

    /// Both roots.
    #[must_use]
    pub const fn ca(&self) -> &Authorities {
        &self.ca
    }

    /// The transparency log.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The object folder.
    #[must_use]
    pub const fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Intake and escrow recipients as they are now: another process may have changed the intake key.
    ///
    /// # Errors
    /// Those of the database.
    pub fn recipients(&self) -> Result<Recipients> {
        recipients(self.store.as_ref())
    }

    /// The policy in force.
    ///
    /// # Errors
    /// Those of the database.
    pub fn policy(&self) -> Result<Policy> {
        self.repo.setting(POLICY)?.map_or_else(
            || Ok(default_policy()),
            |bytes| serde_json::from_slice(&bytes).map_err(|_| Error::Stored("policy")),
        )
    }

    /// Changes the policy; handhelds learn it at their next enrolment or renewal.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_policy(&self, policy: &Policy) -> Result<()> {
        let bytes = serde_json::to_vec(policy).map_err(|_| Error::Stored("policy"))?;
        self.repo.put_setting(POLICY, &bytes)
    }

    /// Roots of the time-stamping authority, PEM; empty if none is set.
    ///
    /// # Errors
    /// Those of the database.
    pub fn tsa_roots(&self) -> Result<String> {
        let bytes = self.repo.setting(TSA_ROOTS)?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|_| Error::Stored("time-stamp roots"))
    }

    /// Sets the roots of the time-stamping authority.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_tsa_roots(&self, pem: &str) -> Result<()> {
        self.repo.put_setting(TSA_ROOTS, pem.as_bytes())
    }

    /// Writes down what was done with other people's data.
    ///
    /// # Errors
    /// Those of the database.
    pub fn record_act(&self, kind: &str, subject: &str) -> Result<()> {
        tracing::info!(act = kind, subject, "Recorded an act.");
        self.repo.record_act(&self.new_id(), self.now_ms(), kind, subject)
    }

    fn own_key(&self, setting: &str) -> Result<Zeroizing<Vec<u8>>> {
        if let Some(stored) = self.repo.setting(setting)? {
            return Ok(Zeroizing::new(stored));
        }
        let fresh = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pkcs8 = Zeroizing::new(fresh.serialize_der());
        Ok(Zeroizing::new(self.repo.setting_or_insert(setting, &pkcs8)?))
    }

    /// The centre's signing key (PKCS#8) and newest certificate, issued when there is none or it ends soon.
    ///
    /// # Errors
    /// Those of the database or the authority.
    pub fn signer(&self) -> Result<(Zeroizing<Vec<u8>>, CertificateRow)> {
        let pkcs8 = self.own_key(SIGNER_KEY)?;
        let soon = self.now_ms().saturating_add(crate::ca::DAY_MS.saturating_mul(60));
        let newest = self.repo.newest_certificate(CertificateKind::Centre, CENTRE_ID)?;
        if let Some(row) = newest.filter(|row| row.not_after_ms > soon) {
            return Ok((pkcs8, row));
        }
        let request = Request {
            kind: CertificateKind::Centre,
            subject: CENTRE_ID,
            name: "现场稽核中心",
            device: None,
            names: &[],
            until_ms: None,
        };
        let issued = self.issue_own(&pkcs8, &request, false)?;
        self.repo.add_certificate(&issued.row)?;
        Ok((pkcs8, issued.row))
    }

    /// A fresh server certificate for these names, with its key (PKCS#8).
    ///
    /// # Errors
    /// A name that fits no certificate, or those of the database.
    pub fn server_certificate(&self, names: &[String]) -> Result<(Zeroizing<Vec<u8>>, Issued)> {
        let pkcs8 = self.own_key(SERVER_KEY)?;
        let request = Request {
            kind: CertificateKind::Server,
            subject: CENTRE_ID,
            name: "现场稽核中心",
            device: None,
            names,
            until_ms: None,
        };
        let issued = self.issue_own(&pkcs8, &request, true)?;
        Ok((pkcs8, issued))
    }

    fn issue_own(&self, pkcs8: &[u8], request: &Request<'_>, tls: bool) -> Result<Issued> {
        let der = PrivatePkcs8KeyDer::from(pkcs8);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)?;
        let authority = if tls { &self.ca.tls } else { &self.ca.evidence };
        authority.issue(request, &key, self.clock.as_ref(), self.entropy.as_ref())
    }
}
