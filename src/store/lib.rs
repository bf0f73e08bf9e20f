//! Case database and device database on SQLCipher.
//!
//! Both have one form: a journal that only grows and a table of JSON values, changed together in one
//! transaction under `synchronous=FULL`. A use case therefore cannot confirm a value whose journal line is
//! not durable, nor the other way round. Relational tables come where a screen must query them; the
//! source of truth stays the journal. (Lost: one table per entity from the start; every new field of the
//! record would have been a migration before anybody queried it.)

mod db;
mod error;
mod migrations;
mod salvage;
mod stores;

pub use error::StoreError;
pub use stores::FileStores;
