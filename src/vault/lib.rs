//! Keys, age blobs, fragments and segments, crypto-shred.
