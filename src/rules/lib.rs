//! Rule kernels and findings over claims columns.
//!
//! A rule is kernel × parameters × knowledge points × official attributes (design: rules.md). Kernels are
//! code and live here, one file each, over column batches that the caller has read; packs are data. The
//! first kernel is K0, netting of refunds, because every other kernel works on what is left after it.

pub mod netting;

pub use netting::{LineBatch, Net, NetState, NettingError, net};
