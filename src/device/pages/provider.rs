//! The provider structure of SQLCipher, and putting two functions into it.
//!
//! All `unsafe` of this crate is here. The functions themselves only turn pointers and lengths into slices and call
//! [`crate::work`]; what they cannot do they hand to the function that stood there before.

#![allow(unsafe_code, reason = "SQLCipher's provider is a C structure of function pointers")]

use std::ffi::{c_int, c_uchar, c_void};
use std::slice;
use std::sync::OnceLock;

use rusqlite::{Connection, ffi};

use crate::work::{self, Way};

/// What `PRAGMA cipher_version` says of the library the declaration below was read from.
const KNOWN: &str = "4.19.0 community";

type Hmac = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    c_int,
    *mut c_uchar,
) -> c_int;
type Cipher = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    *const c_uchar,
    c_int,
    *mut c_uchar,
) -> c_int;
/// A member this crate does not touch.
type Other = *const c_void;

/// `struct sqlcipher_provider` of SQLCipher 4.19.0, up to the last member that is replaced.
#[repr(C)]
struct Provider {
    init: Other,
    shutdown: Other,
    get_provider_name: Other,
    add_random: Other,
    random: Other,
    hmac: Option<Hmac>,
    kdf: Other,
    cipher: Option<Cipher>,
}

unsafe extern "C" {
    fn sqlcipher_get_provider() -> *mut Provider;
}

/// The functions that stood there before.
struct Before {
    hmac: Hmac,
    cipher: Cipher,
}

static BEFORE: OnceLock<Before> = OnceLock::new();

/// What [`install`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// Pages go through this crate from now on.
    Yes,
    /// Only their authentication does: this processor has no instructions for AES, and without them OpenSSL's code is
    /// faster than ours.
    AuthenticationOnly,
    /// The linked SQLCipher is another one than this crate was written for; its own functions stay. Its version.
    OtherVersion(String),
    /// The library could not be asked.
    Unknown,
}

/// Puts the two functions into SQLCipher's provider, for every connection opened afterwards in this process.
///
/// To be called once, first thing in `main`, before a second thread can open a database. A second call changes nothing.
#[must_use]
pub fn install() -> Installed {
    static DONE: OnceLock<Installed> = OnceLock::new();
    DONE.get_or_init(put).clone()
}

fn put() -> Installed {
    // Opening a connection also initialises the library.
    let version: rusqlite::Result<String> = Connection::open_in_memory()
        .and_then(|db| db.query_row("PRAGMA cipher_version", [], |row| row.get(0)));
    let Ok(version) = version else { return Installed::Unknown };
    if version != KNOWN {
        return Installed::OtherVersion(version);
    }
    // SAFETY: the library is initialised, so this is null or the provider in force, which lives until the library is shut
    // down (nobody here does that); its version says that it is laid out as `Provider`.
    let Some(provider) = (unsafe { sqlcipher_get_provider().as_mut() }) else {
        return Installed::Unknown;
    };
    let (Some(hmac), Some(cipher)) = (provider.hmac, provider.cipher) else {
        return Installed::Unknown;
    };
    if BEFORE.set(Before { hmac, cipher }).is_err() {
        return Installed::Unknown;
    }
    provider.hmac = Some(page_hmac);
    if !aes::hardware_accelerated() {
        return Installed::AuthenticationOnly;
    }
    provider.cipher = Some(page_cipher);
    Installed::Yes
}

/// `len` bytes at `at`; nothing for a null pointer or a negative length.
///
/// # Safety
/// `at` is null or readable for `len` bytes as long as `'a`.
unsafe fn bytes<'a>(at: *const c_uchar, len: c_int) -> Option<&'a [u8]> {
    let len = usize::try_from(len).ok()?;
    // SAFETY: by the caller's word.
    (!at.is_null()).then(|| unsafe { slice::from_raw_parts(at, len) })
}

/// As SQLCipher calls it: the tag of `input` and `input2` under `key` into `out`, which has room for the algorithm's tag.
unsafe extern "C" fn page_hmac(
    ctx: *mut c_void,
    algorithm: c_int,
    key: *const c_uchar,
    key_len: c_int,
    input: *const c_uchar,
    input_len: c_int,
    input2: *const c_uchar,
    input2_len: c_int,
    out: *mut c_uchar,
) -> c_int {
    let done = work::digest(algorithm).and_then(|digest| {
        if out.is_null() {
            return None;
        }
        let room = digest.digest_algorithm().output_len();
        // SAFETY: SQLCipher passes pointers with their lengths, and a place of the tag's length that overlaps none of
        // the inputs (a buffer of its own or the reserved end of the page behind what is authenticated).
        let (key, one, two, out) = unsafe {
            (
                bytes(key, key_len)?,
                bytes(input, input_len)?,
                bytes(input2, input2_len).unwrap_or_default(),
                slice::from_raw_parts_mut(out, room),
            )
        };
        work::authenticate(digest, key, [one, two], out)
    });
    match (done, BEFORE.get()) {
        (Some(()), _) => ffi::SQLITE_OK,
        // SAFETY: the arguments as they came, to the function they were meant for.
        (None, Some(before)) => unsafe {
            (before.hmac)(ctx, algorithm, key, key_len, input, input_len, input2, input2_len, out)
        },
        (None, None) => ffi::SQLITE_ERROR,
    }
}

/// As SQLCipher calls it: whole blocks of `input` under `key` and `iv` into `out` of the same length.
unsafe extern "C" fn page_cipher(
    ctx: *mut c_void,
    mode: c_int,
    key: *const c_uchar,
    key_len: c_int,
    iv: *const c_uchar,
    input: *const c_uchar,
    len: c_int,
    out: *mut c_uchar,
) -> c_int {
    const IV: c_int = 16;
    let done = Way::of(mode).and_then(|way| {
        // In place would be two slices over the same bytes: left to the function before.
        let size = usize::try_from(len).ok()?;
        let apart = (out as usize).abs_diff(input as usize) >= size;
        if out.is_null() || !apart {
            return None;
        }
        // SAFETY: SQLCipher passes pointers with their lengths, a vector of one block, and a place as long as the input;
        // that they do not overlap was looked at above.
        let (key, iv, input, out) = unsafe {
            (
                bytes(key, key_len)?,
                bytes(iv, IV)?,
                bytes(input, len)?,
                slice::from_raw_parts_mut(out, size),
            )
        };
        work::crypt(way, key, iv, input, out)
    });
    match (done, BEFORE.get()) {
        (Some(()), _) => ffi::SQLITE_OK,
        // SAFETY: the arguments as they came, to the function they were meant for.
        (None, Some(before)) => unsafe {
            (before.cipher)(ctx, mode, key, key_len, iv, input, len, out)
        },
        (None, None) => ffi::SQLITE_ERROR,
    }
}

/// Puts the functions that stood there before back, so that a test can read what this crate wrote without it.
#[cfg(test)]
pub(crate) fn restore() {
    // SAFETY: as in `put`, and the test has one thread.
    let provider = unsafe { sqlcipher_get_provider().as_mut() };
    if let (Some(before), Some(provider)) = (BEFORE.get(), provider) {
        provider.hmac = Some(before.hmac);
        provider.cipher = Some(before.cipher);
    }
}
