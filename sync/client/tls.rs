//! TLS 1.3 towards the centre: pinned to the ticket's CA at enrolment, mutual afterwards.
//!
//! rustls with ring, given explicitly: no process-wide default provider, no platform trust store, no older
//! protocol. At enrolment only one thing is trusted, the CA certificate whose hash stands in the ticket,
//! so a false centre is noticed before anything is sent. Path building, dates and names are left to
//! rustls' own verifier; this module only chooses the anchor and the time.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, PeerIncompatible, RootCertStore,
    SignatureScheme, version,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::judged::JudgedTime;

/// Chains longer than this are nobody's business.
const MAX_CHAIN: usize = 8;

/// What the server's chain must end in.
#[derive(Debug, Clone)]
pub(crate) enum Anchor {
    /// The certificate with this SHA-256, which the server sends along: at enrolment.
    Pinned([u8; 32]),
    /// One of these roots: after enrolment.
    Roots(Arc<RootCertStore>),
}

/// Certificate chain (PEM) and PKCS#8 key (DER) of the handheld.
pub(crate) type Identity = (String, Zeroizing<Vec<u8>>);

#[derive(Debug)]
struct CentreVerifier {
    anchor: Anchor,
    provider: Arc<CryptoProvider>,
    time: Arc<JudgedTime>,
}

impl CentreVerifier {
    fn roots(
        &self,
        intermediates: &[CertificateDer<'_>],
    ) -> std::result::Result<Arc<RootCertStore>, rustls::Error> {
        match &self.anchor {
            Anchor::Roots(roots) => Ok(Arc::clone(roots)),
            Anchor::Pinned(hash) => {
                let ca = intermediates
                    .iter()
                    .take(MAX_CHAIN)
                    .find(|c| {
                        ring::digest::digest(&ring::digest::SHA256, c).as_ref() == hash.as_slice()
                    })
                    .ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
                let mut roots = RootCertStore::empty();
                roots.add(ca.clone().into_owned())?;
                Ok(Arc::new(roots))
            }
        }
    }
}

impl ServerCertVerifier for CentreVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let roots = self.roots(intermediates)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider))
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut at = now;
        for _ in 0..=MAX_CHAIN {
            match verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                at,
            ) {
                // A clock known to be behind cannot call a certificate "not yet valid" (judged.rs).
                Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
                    not_before,
                    ..
                })) if self.time.clock_is_behind() && not_before > at => at = not_before,
                other => return other,
            }
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYet))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Roots from PEM text.
pub(crate) fn roots(pem: &str) -> Result<Arc<RootCertStore>> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate =
            certificate.map_err(|error| Error::SetUp(format!("TLS roots: {error}")))?;
        store.add(certificate).map_err(|error| Error::SetUp(format!("TLS roots: {error}")))?;
    }
    if store.is_empty() {
        return Err(Error::SetUp("TLS roots: none".to_owned()));
    }
    Ok(Arc::new(store))
}

/// The TLS configuration of one connection policy.
pub(crate) fn config(
    anchor: Anchor,
    identity: Option<&Identity>,
    time: &Arc<JudgedTime>,
) -> Result<ClientConfig> {
    let set_up = |error: rustls::Error| Error::SetUp(format!("TLS: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        CentreVerifier { anchor, provider: Arc::clone(&provider), time: Arc::clone(time) };
    let time_provider: Arc<dyn rustls::time_provider::TimeProvider> = time.clone();
    let builder = ClientConfig::builder_with_details(provider, time_provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(set_up)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(|error| Error::SetUp(format!("own TLS chain: {error}")))?;
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
            builder.with_client_auth_cert(chain, key).map_err(set_up)?
        }
    };
    // HTTP/1.1 only: one blob at a time, and a cut is a cut of exactly that request.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
