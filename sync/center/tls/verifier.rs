//! Who may open a connection with a certificate: whoever our TLS root certified, at any time.
//!
//! Expiry and revocation are judged per request, not here: a handheld whose certificate has run out must
//! still be able to renew and to deliver evidence (sync.md), and it would learn nothing from a broken
//! handshake. The signature chain and the client usage are judged here, at the certificate's own time.

use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::PeerCertificate;
use crate::{Error, Result};

/// Verifies chains to the TLS root.
#[derive(Debug)]
pub struct DeviceVerifier {
    anchors: Vec<TrustAnchor<'static>>,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl DeviceVerifier {
    /// A verifier for one root.
    ///
    /// # Errors
    /// The root is no certificate.
    pub fn new(root: &CertificateDer<'_>) -> Result<Self> {
        let anchor = anchor_from_trusted_cert(root)
            .map_err(|e| Error::Certificate(e.to_string()))?
            .to_owned();
        Ok(Self {
            anchors: vec![anchor],
            hints: Vec::new(),
            algorithms: rustls::crypto::ring::default_provider().signature_verification_algorithms,
        })
    }
}

fn bad(error: CertificateError) -> rustls::Error {
    rustls::Error::InvalidCertificate(error)
}

impl ClientCertVerifier for DeviceVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        let peer = PeerCertificate::parse(end_entity).ok_or(bad(CertificateError::BadEncoding))?;
        // The present, moved into the certificate's own time.
        let last = u64::try_from(peer.not_after_s).unwrap_or(0);
        let first = u64::try_from(peer.not_before_s).unwrap_or(0);
        let judged = now.as_secs().clamp(first.min(last), last);
        let certificate =
            EndEntityCert::try_from(end_entity).map_err(|_| bad(CertificateError::BadEncoding))?;
        certificate
            .verify_for_usage(
                self.algorithms.all,
                &self.anchors,
                intermediates,
                UnixTime::since_unix_epoch(Duration::from_secs(judged)),
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map_err(|_| bad(CertificateError::UnknownIssuer))?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
