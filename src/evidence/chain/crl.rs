//! Revocation at a judged time.
//!
//! webpki says "revoked" without a date, but a signature that is proven older than the revocation stays
//! good. So webpki checks each list (signature, issuer, key usage, freshness) one at a time, and the date
//! is then read from a list that has passed.

use rustls_pki_types::{CertificateRevocationListDer, UnixTime};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, ExpirationPolicy,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::{AnyPurpose, CertPath, TrustRoots, crls_from_pem};

/// Why a list cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// Not PEM, not a CRL, or of a kind that is not supported (delta, indirect).
    #[error("not a CRL that can be read")]
    Unreadable,
    /// Not signed by the CA it names.
    #[error("not signed by the CA it names")]
    Signature,
}

/// Lists of one file.
#[derive(Debug, Clone)]
pub struct CrlSet {
    lists: Vec<CertificateRevocationListDer<'static>>,
}

/// What the lists say about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revocation {
    /// Every CA of the path has a fresh list, none names a certificate of the path.
    Good,
    /// Some CA has only lists that have run out by the judged time.
    Stale,
    /// Some CA has no list.
    Missing,
    /// Revoked, but only after the judged time.
    Later,
    /// Revoked at the judged time.
    Revoked,
}

impl CrlSet {
    /// Reads a PEM file with one or more lists.
    ///
    /// # Errors
    /// [`CrlFault::Unreadable`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CrlFault> {
        let lists = crls_from_pem(pem).map_err(|_| CrlFault::Unreadable)?;
        let readable =
            lists.iter().all(|l| BorrowedCertRevocationList::from_der(l.as_ref()).is_ok());
        if lists.is_empty() || !readable { Err(CrlFault::Unreadable) } else { Ok(Self { lists }) }
    }
}

impl TrustRoots {
    /// What `sets` say about `path` at `at_ms`. Lists of other CAs are passed over.
    ///
    /// # Errors
    /// [`CrlFault`] if a list that names a CA of the path is not signed by it.
    pub fn revocation(
        &self,
        path: &CertPath,
        sets: &[&CrlSet],
        at_ms: i64,
    ) -> Result<Revocation, CrlFault> {
        let mut worst = Revocation::Good;
        for certificate in path.certificates() {
            let subject = EndEntityCert::try_from(certificate).map_err(|_| CrlFault::Unreadable)?;
            let mut best = Revocation::Missing;
            for list in sets.iter().flat_map(|s| &s.lists) {
                let list = BorrowedCertRevocationList::from_der(list.as_ref())
                    .map_err(|_| CrlFault::Unreadable)?;
                let list = CertRevocationList::from(list);
                if list.issuer() != subject.issuer() {
                    continue;
                }
                let found = self.one_list(path, &list, subject.serial(), at_ms)?;
                best = match found {
                    Revocation::Later | Revocation::Revoked => best.max(found),
                    _ if best < Revocation::Later => best.min(found),
                    _ => best,
                };
            }
            worst = worst.max(best);
        }
        Ok(worst)
    }

    fn one_list(
        &self,
        path: &CertPath,
        list: &CertRevocationList<'_>,
        serial: &[u8],
        at_ms: i64,
    ) -> Result<Revocation, CrlFault> {
        if let Some(entry) = list.find_serial(serial).map_err(|_| CrlFault::Unreadable)? {
            // The list must have passed webpki, which then ends with "revoked".
            if self.webpki(path, list, at_ms, ExpirationPolicy::Ignore)
                != Err(webpki::Error::CertRevoked)
            {
                return Err(CrlFault::Signature);
            }
            let since = entry.invalidity_date.map_or(entry.revocation_date, |d| {
                if d.as_secs() < entry.revocation_date.as_secs() {
                    d
                } else {
                    entry.revocation_date
                }
            });
            let at = u64::try_from(at_ms.div_euclid(1000)).unwrap_or(0);
            return Ok(if since.as_secs() <= at { Revocation::Revoked } else { Revocation::Later });
        }
        match self.webpki(path, list, at_ms, ExpirationPolicy::Ignore) {
            Ok(()) | Err(webpki::Error::CertRevoked) => {}
            Err(_) => return Err(CrlFault::Signature),
        }
        match self.webpki(path, list, at_ms, ExpirationPolicy::Enforce) {
            Err(webpki::Error::CrlExpired { .. }) => Ok(Revocation::Stale),
            _ => Ok(Revocation::Good),
        }
    }

    fn webpki(
        &self,
        path: &CertPath,
        list: &CertRevocationList<'_>,
        at_ms: i64,
        expiration: ExpirationPolicy,
    ) -> Result<(), webpki::Error> {
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_millis(
            u64::try_from(at_ms).unwrap_or(0),
        ));
        let anchors: Vec<_> = self.roots.iter().map(|r| r.anchor.clone()).collect();
        let lists = [list];
        let options = RevocationOptionsBuilder::new(&lists)
            .map_err(|_| webpki::Error::UnknownRevocationStatus)?
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Allow)
            .with_expiration_policy(expiration)
            .build();
        EndEntityCert::try_from(&path.leaf)?
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &path.issuers,
                at,
                AnyPurpose,
                Some(options),
                None,
            )
            .map(|_| ())
    }
}
