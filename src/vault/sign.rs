//! Detached CMS signatures with keys that the vault has just unsealed.
//!
//! The key lives for one signature: the caller's `Zeroizing` bytes are wiped on return, and ring's copy
//! goes with the signer. Its scalar in ring is not wiped by ring; an adapter for hardware keys has none.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use spotcheck_domain::ClockReading;
use spotcheck_evidence::Hash32;
use spotcheck_evidence::cms::{RingP256, sign_detached};

use crate::error::VaultError;

/// Signs `content` (by its SHA-256), embedding the whole PEM chain. The signing time is what the clock
/// said; it proves nothing (evidence.md §2) and is left out while nobody has set the clock.
pub(crate) fn detached_cms(
    pkcs8: &[u8],
    chain_pem: &str,
    content: &[u8],
    at: &ClockReading,
) -> Result<Vec<u8>, VaultError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| VaultError::Certificate("not a PEM chain"))?;
    let signer = RingP256::from_pkcs8(pkcs8)?;
    let time = (at.wall_ms > 0).then_some(at.wall_ms);
    Ok(sign_detached(&Hash32::sha256(content), &signer, &chain, time)?)
}
