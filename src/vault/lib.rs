//! Keys, age blobs, fragments and segments, crypto-shred: the only crate that sees secrets.
//!
//! Implements the ports `KeyRing` and `BlobVault` of the use cases ([`Vault`]) and gives the recorder its
//! write-only half ([`RecordingWriter`]). Contract: evidence.md §1, §2 (recording log) and §4. Nothing here
//! logs a PIN, a key, a name or a plaintext, and nothing is called stored before file and folder are
//! synced. `mlock` and `PR_SET_DUMPABLE` belong to the program, not to this crate.
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

mod atomic;
mod blobs;
mod cases;
mod certs;
mod closed;
mod copy;
mod crypto;
mod error;
mod keyring;
mod keysdb;
mod officers;
mod pin;
mod recording;
mod sealing;
mod secret;
mod sign;
#[cfg(feature = "pkcs11")]
mod token;
#[cfg(feature = "tpm")]
mod tpm;
mod vault;

#[cfg(test)]
mod tests;

pub use atomic::{create_folder, write_durable};
pub use blobs::put as put_blob;
pub use cases::CASE_KEYS_SCHEMA;
pub use copy::{FolderCopy, bring, drop_copy, forget_copies, holds, pack, stays};
pub use crypto::Argon2Cost;
pub use error::VaultError;
pub use keysdb::KEYS_FILE;
pub use pin::{FILE_PIN_CHARACTERS, HARDWARE_PIN_DIGITS};
pub use recording::{
    FragmentAck, ORDER_SCHEMA, RecordingWriter, SEGMENT_BYTES, SEGMENT_MS, Unfinished,
};
pub use secret::{DeviceSecret, FileSecret, SECRET_FILE, SystemEntropy, Token};
#[cfg(feature = "pkcs11")]
pub use token::{Pkcs11Token, TokenPlace};
#[cfg(feature = "tpm")]
pub use tpm::{TPM_FILE, TpmSecret};
pub use vault::{Recipients, Spare, Vault, VaultOptions};
