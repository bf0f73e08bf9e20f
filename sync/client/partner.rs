//! Two handhelds of one centre keep each other's second copies over the local link.
//!
//! TLS 1.3 with the device certificates of both: whoever the centre's TLS root certified as a handheld may
//! speak, nobody else. A certificate that has run out still counts, as at the centre: evidence is never
//! locked in by a date. What passes is encrypted already; the link's own encryption keeps numbers and sizes
//! from whoever listens. The name in a certificate, not an address, says whose copy a folder is.

mod link;
mod serve;
#[cfg(test)]
mod tests;
mod verifier;

pub use link::PartnerLink;
pub use serve::{PartnerShelf, serve_partners};

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::version::TLS13;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spotcheck_domain::DeviceId;
use spotcheck_wire::copies::MAX_MESSAGE_BYTES;

use crate::certificate::tls_name;
use crate::error::{Error, Result};
use crate::tls::Identity;
use verifier::DeviceVerifier;

fn set_up(error: impl std::fmt::Display) -> Error {
    Error::SetUp(format!("partner: {error}"))
}

fn cut(error: impl std::fmt::Display) -> Error {
    Error::Link(error.to_string())
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own(identity: &Identity) -> Result<Own> {
    let chain = CertificateDer::pem_slice_iter(identity.0.as_bytes())
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(set_up)?;
    Ok((chain, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.1.to_vec()))))
}

fn client_config(identity: &Identity, roots_pem: &str) -> Result<Arc<rustls::ClientConfig>> {
    let (chain, key) = own(identity)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(DeviceVerifier::new(roots_pem, &provider)?);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(set_up)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)
        .map_err(set_up)?;
    Ok(Arc::new(config))
}

fn server_config(identity: &Identity, roots_pem: &str) -> Result<Arc<rustls::ServerConfig>> {
    let (chain, key) = own(identity)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(DeviceVerifier::new(roots_pem, &provider)?);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(set_up)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(set_up)?;
    Ok(Arc::new(config))
}

/// The handheld at the other end, by its certificate.
fn peer(chain: Option<&[CertificateDer<'_>]>) -> Result<DeviceId> {
    let leaf = chain.and_then(<[_]>::first).ok_or_else(|| cut("no certificate"))?;
    let name = tls_name(leaf).map_err(cut)?;
    let name = std::str::from_utf8(&name).map_err(cut)?;
    DeviceId::parse(name).map_err(cut)
}

fn send(stream: &mut impl Write, message: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec(message).map_err(cut)?;
    let length = u32::try_from(json.len()).ok().filter(|n| *n <= MAX_MESSAGE_BYTES);
    let length = length.ok_or_else(|| cut("message too long"))?;
    stream.write_all(&length.to_be_bytes()).map_err(cut)?;
    stream.write_all(&json).and_then(|()| stream.flush()).map_err(cut)
}

/// `None`: the other end closed between two messages.
fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> Result<Option<T>> {
    let mut length = [0_u8; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(cut(error)),
    }
    let length = u32::from_be_bytes(length);
    if length > MAX_MESSAGE_BYTES {
        return Err(cut("message too long"));
    }
    let mut json = vec![0_u8; usize::try_from(length).map_err(cut)?];
    stream.read_exact(&mut json).map_err(cut)?;
    serde_json::from_slice(&json).map(Some).map_err(|_| cut("message of another form"))
}

fn receive_bytes(stream: &mut impl Read, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = stream.take(size).read_to_end(&mut bytes).map_err(cut)?;
    if u64::try_from(read) == Ok(size) { Ok(bytes) } else { Err(cut("file cut off")) }
}
