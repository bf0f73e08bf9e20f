//! Versioned messages and error codes that handheld and centre speak.
