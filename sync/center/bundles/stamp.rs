//! Time stamps over a bundle's signatures: what to ask, and what to keep.
//!
//! The response's bytes are kept untouched. A time-stamping authority that is down is asked again later and
//! never keeps a receipt back.

use spotcheck_evidence::Hash32;
use spotcheck_evidence::chain::TrustRoots;
use spotcheck_evidence::tsa;

use crate::centre::Centre;
use crate::{Error, Result};

/// A stamp that is still missing.
#[derive(Debug, Clone)]
pub struct StampRequest {
    /// Role of the signature.
    pub role: String,
    /// DER to send.
    pub query: Vec<u8>,
    nonce: u64,
    signature: Vec<u8>,
}

/// Stamps a bundle still lacks.
///
/// # Errors
/// Those of the database.
pub fn stamp_requests(centre: &Centre, bundle: &str) -> Result<Vec<StampRequest>> {
    let Some(row) = centre.repo().bundle(bundle)? else { return Ok(Vec::new()) };
    let have = centre.repo().stamps(bundle)?;
    let mut requests = Vec::new();
    for file in &row.announcement.tag_files {
        let role = file.path.strip_prefix("signatures/").and_then(|p| p.strip_suffix(".p7s"));
        let Some(role) = role.filter(|role| !have.iter().any(|(had, _)| had == role)) else {
            continue;
        };
        let mut random = [0_u8; 8];
        centre.entropy().fill(&mut random);
        let nonce = u64::from_be_bytes(random);
        let query = tsa::request(&Hash32::sha256(&file.bytes), nonce)
            .map_err(|e| Error::Certificate(e.to_string()))?;
        requests.push(StampRequest {
            role: role.to_owned(),
            query,
            nonce,
            signature: file.bytes.clone(),
        });
    }
    Ok(requests)
}

/// Keeps a response if it answers the request; with roots known, only if it holds under them.
///
/// # Errors
/// The response is not worth keeping.
pub fn keep_stamp(
    centre: &Centre,
    bundle: &str,
    request: &StampRequest,
    response: &[u8],
) -> Result<()> {
    let pem = centre.tsa_roots()?;
    if !pem.is_empty() {
        let roots =
            TrustRoots::from_pem(pem.as_bytes()).map_err(|e| Error::Certificate(e.to_string()))?;
        tsa::verify(response, &request.signature, Some(request.nonce), &roots)
            .map_err(|fault| Error::Net(format!("time stamp: {fault}")))?;
    }
    centre.repo().add_stamp(bundle, &request.role, response, centre.now_ms())
}
