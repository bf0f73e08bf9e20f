//! What every container's cutter does: bytes in, fragments out.

use zeroize::Zeroizing;

use crate::Error;

/// Fragments after the first are cut when at least this much media is in them. A little under a second,
/// because pages and clusters end some milliseconds early.
pub(super) const FRAGMENT_MS: u64 = 950;

pub(super) struct Cut {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) media_ms: u64,
}

/// Splits a container's byte stream. Pure: knows nothing of pipelines or time.
pub(super) trait Cutter: Send {
    /// Takes the next bytes, however the muxer chunked them; puts finished fragments into `out`.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Cut>) -> Result<(), Error>;
    /// The rest, if any; a page or block that is not whole is left out.
    fn finish(&mut self) -> Option<Cut>;
}
