//! Ports of the use cases.
