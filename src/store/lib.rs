//! Case database, device journal and outbox on SQLCipher.
