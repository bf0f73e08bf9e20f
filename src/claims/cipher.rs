//! Encrypted SQLite files: how this crate creates, opens and removes them.
//!
//! SQLCipher 4 with raw keys only: a 256-bit random or derived key needs no stretching, so opening costs
//! microseconds. Its defaults, but for the page's authentication code: HMAC-SHA-256 in the place of HMAC-SHA-512.
//! Every page that is read costs one, most handheld processors have instructions for SHA-256 and few for
//! SHA-512, and a tag of 256 bits is as far out of reach (budget P12). `temp_store=MEMORY` everywhere, so that sorting never writes plaintext.

use std::path::{Path, PathBuf};

use ring::hkdf;
use rusqlite::{Connection, OpenFlags};
use spotcheck_domain::Entropy;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A 256-bit key that is wiped when it goes out of scope.
pub type Key = Zeroizing<[u8; 32]>;

/// The key above all claims of a centre: partition, reject and work keys derive from it (HKDF-SHA-256).
///
/// Deriving instead of storing means that the catalogue of partitions holds no secret, and that losing it
/// loses no data: name and master key are enough to open a partition.
pub struct ClaimsKey(Key);

impl ClaimsKey {
    /// Takes the master key from the caller's key file or credential.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key for one purpose and one thing, e.g. `("partition", name)`.
    ///
    /// # Errors
    /// Never for 32 bytes; ring's signature allows it.
    pub fn derive(&self, purpose: &str, id: &str) -> Result<Key> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"spotcheck-claims/1");
        let prk = salt.extract(self.0.as_slice());
        let info = [purpose.as_bytes(), b"\x1f", id.as_bytes()];
        let mut key = Key::new([0; 32]);
        prk.expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .map_err(|_| Error::Internal("key derivation".to_owned()))?;
        Ok(key)
    }
}

impl std::fmt::Debug for ClaimsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClaimsKey(…)")
    }
}

/// A fresh random key.
#[must_use]
pub fn random_key(entropy: &dyn Entropy) -> Key {
    let mut key = Key::new([0; 32]);
    entropy.fill(key.as_mut_slice());
    key
}

fn apply_key(db: &Connection, key: &Key) -> rusqlite::Result<()> {
    let hex = Zeroizing::new(hex::encode(key.as_slice()));
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\";", hex.as_str()));
    db.execute_batch(&pragma)?;
    db.execute_batch("PRAGMA cipher_hmac_algorithm = HMAC_SHA256;")?;
    // SQLCipher would write page numbers to standard error; errors come back as results anyway.
    db.execute_batch(
        "PRAGMA cipher_log_level = NONE; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )
}

/// Creates a new encrypted file for bulk loading: no journal, no syncing until [`finish`].
///
/// # Errors
/// The file exists already or cannot be written.
pub fn create(path: &Path, key: &Key, cache_kib: u32) -> Result<Connection> {
    let what = format!("create {}", file_name(path));
    if path.exists() {
        let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Error::io(what)(exists));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(Error::sql(&what))?;
    apply_key(&db, key).map_err(Error::sql(&what))?;
    db.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA cache_size = -{cache_kib};"
    ))
    .map_err(Error::sql(&what))?;
    restrict(path)?;
    Ok(db)
}

/// Closes a bulk-loaded file as a normal database (`journal_mode=DELETE`) and syncs it to disk.
///
/// # Errors
/// The database or the system refuses.
pub fn finish(db: Connection, path: &Path) -> Result<()> {
    db.execute_batch("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = DELETE;")
        .map_err(Error::sql("close"))?;
    db.close().map_err(|(_, e)| Error::sql("close")(e))?;
    let file = std::fs::File::open(path).map_err(Error::io(file_name(path)))?;
    file.sync_all().map_err(Error::io(file_name(path)))
}

/// Opens an encrypted file that nobody writes any more, without taking any lock.
///
/// # Errors
/// No such file, or the database cannot be opened. A wrong key shows at the first query.
pub fn open_immutable(path: &Path, key: &Key, cache_kib: u32) -> Result<Connection> {
    open_unlocked(path, Some(key), cache_kib)
}

/// As [`open_immutable`], for public data that is not encrypted.
pub(crate) fn open_public(path: &Path, cache_kib: u32) -> Result<Connection> {
    open_unlocked(path, None, cache_kib)
}

fn open_unlocked(path: &Path, key: Option<&Key>, cache_kib: u32) -> Result<Connection> {
    let what = format!("open {}", file_name(path));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(uri(path), flags).map_err(Error::sql(&what))?;
    if let Some(key) = key {
        apply_key(&db, key).map_err(Error::sql(&what))?;
    }
    db.execute_batch(&format!("PRAGMA query_only = ON; PRAGMA cache_size = -{cache_kib};"))
        .map_err(Error::sql(&what))?;
    Ok(db)
}

/// `file:` URI with every byte escaped that has a meaning in one.
fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-') {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    uri
}

/// The last part of a path for messages: never the folders of the machine.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(Error::io(file_name(path)))
}

/// An encrypted database that lives no longer than this value: random key, removed on drop, also when an
/// import fails half-way. What a crash leaves behind is unreadable, because the key was only in memory.
#[derive(Debug)]
pub struct WorkDb {
    db: Option<Connection>,
    path: PathBuf,
}

impl WorkDb {
    /// Creates it in `folder`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(folder: &Path, entropy: &dyn Entropy, cache_kib: u32) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io("work folder"))?;
        let mut name = [0_u8; 8];
        entropy.fill(&mut name);
        let path = folder.join(format!("work-{}.db", hex::encode(name)));
        let db = create(&path, &random_key(entropy), cache_kib)?;
        Ok(Self { db: Some(db), path })
    }

    /// The connection.
    ///
    /// # Errors
    /// Never while the value lives.
    pub fn db(&self) -> Result<&Connection> {
        self.db.as_ref().ok_or_else(|| Error::Internal("work database is closed".to_owned()))
    }

    /// The connection, to install hooks.
    ///
    /// # Errors
    /// Never while the value lives.
    pub fn db_mut(&mut self) -> Result<&mut Connection> {
        self.db.as_mut().ok_or_else(|| Error::Internal("work database is closed".to_owned()))
    }
}

impl Drop for WorkDb {
    fn drop(&mut self) {
        drop(self.db.take());
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "A work database could not be removed.");
        }
    }
}
