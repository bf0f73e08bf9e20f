//! TLS 1.3 with rustls on ring: the server's configuration and its certificate.
//!
//! The root goes along in the server's chain, so that a handheld that knows only the root's hash (from its
//! ticket) can check the chain at its very first connection.

mod peer;
mod verifier;

pub use peer::PeerCertificate;
pub use verifier::DeviceVerifier;

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::ca::DAY_MS;
use crate::centre::Centre;
use crate::clock::TlsTime;
use crate::{Error, Result};

/// A new server certificate is made when the present one has less than this left.
const RENEW_BEFORE_MS: i64 = 30 * DAY_MS;

struct Current {
    key: Arc<CertifiedKey>,
    not_after_ms: i64,
}

/// Hands out the server's certificate and renews it while the server runs.
pub struct ServerIdentity {
    names: Vec<String>,
    current: RwLock<Current>,
}

impl std::fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerIdentity").field("names", &self.names).finish_non_exhaustive()
    }
}

fn fresh(centre: &Centre, names: &[String]) -> Result<Current> {
    let (pkcs8, issued) = centre.server_certificate(names)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.to_vec()));
    let signing = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|e| Error::Net(e.to_string()))?;
    let chain = vec![CertificateDer::from(issued.row.der), centre.ca().tls.der().clone()];
    Ok(Current {
        key: Arc::new(CertifiedKey::new(chain, signing)),
        not_after_ms: issued.row.not_after_ms,
    })
}

impl ServerIdentity {
    /// A certificate for these names and addresses.
    ///
    /// # Errors
    /// A name that fits no certificate, or those of the database.
    pub fn new(centre: &Centre, names: Vec<String>) -> Result<Self> {
        let current = RwLock::new(fresh(centre, &names)?);
        Ok(Self { names, current })
    }

    /// Renews the certificate if it ends soon.
    ///
    /// # Errors
    /// Those of the database.
    pub fn renew_if_due(&self, centre: &Centre) -> Result<()> {
        let ends = self.current.read().unwrap_or_else(PoisonError::into_inner).not_after_ms;
        if ends.saturating_sub(centre.now_ms()) < RENEW_BEFORE_MS {
            let next = fresh(centre, &self.names)?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        }
        Ok(())
    }
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.key))
    }
}

/// Configuration of the device listener.
///
/// # Errors
/// rustls does not accept it.
pub fn server_config(centre: &Centre, identity: Arc<ServerIdentity>) -> Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let time = Arc::new(TlsTime(Arc::clone(centre.clock())));
    let verifier = DeviceVerifier::new(centre.ca().tls.der())?;
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| Error::Net(e.to_string()))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // No resumption: each connection shows its certificate, and what we know of it is never older.
    config.send_tls13_tickets = 0;
    Ok(config)
}
