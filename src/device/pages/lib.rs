//! The page cipher of SQLCipher by ring and AES in the place of OpenSSL's general interface.
//!
//! Every page that is read costs one HMAC and one decryption. SQLCipher asks OpenSSL for both through an interface
//! that looks up the algorithm by name, makes its contexts and throws them away for each page: about half of what a page
//! costs (budget P12). SQLCipher lets a program fetch the provider in force and replace parts of it; this crate
//! replaces those two and nothing else: keys are derived, random numbers drawn and files laid out as before, so a file
//! written with it opens without it.
//!
//! The interface is a C structure that no Rust binding declares. It is touched only where the linked library says that it
//! is the very version this declaration was written for; with any other the program runs on as SQLCipher comes.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "tests may panic"
    )
)]

mod provider;
mod work;

pub use provider::{Installed, install};

#[cfg(test)]
mod tests;
