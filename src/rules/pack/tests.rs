//! What a pack must be.
