//! Signatures that come with a pull or a receipt: packages, revocation lists, time stamps.
//!
//! All of it ends in roots that the handheld got at enrolment. A package is believed only from a
//! certificate in the *centre's* role: any officer's or handheld's certificate leads to the same root and
//! must not be able to sign one.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Reader, SliceReader};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::chain::{
    CrlSet, Revocation, Role, TrustRoots, certificates_from_pem, leaf_profile,
};
use spotcheck_evidence::cms::{certificates, verify_detached};
use spotcheck_evidence::tsa;
use webpki::{BorrowedCertRevocationList, CertRevocationList, EndEntityCert};

use crate::certificate::Fault;

/// Checks the centre's detached signature over `content` (package.json) with `roots` (PEM) at `at_ms`
/// (milliseconds since 1970), and that `crls` (PEM, verified before; may be none) do not name its certificate.
///
/// # Errors
/// What is wrong, for the log: there is no signature by a certificate in the centre's role that leads to the
/// roots.
pub fn centre_signature(
    content: &[u8],
    p7s: &[u8],
    roots: &str,
    crls: &[String],
    at_ms: i64,
) -> Result<(), String> {
    let roots = TrustRoots::from_pem(roots.as_bytes()).map_err(|error| error.to_string())?;
    let hash = Hash32::sha256(content);
    let mut fault = "no certificate in the signature".to_owned();
    for signer in certificates(p7s) {
        let signature = match verify_detached(p7s, &hash, &signer) {
            Ok(signature) => signature,
            Err(error) => {
                fault = error.to_string();
                continue;
            }
        };
        leaf_profile(&signer, Role::Centre).map_err(|error| format!("not the centre: {error}"))?;
        let path = roots
            .path(&signer, &signature.certificates, at_ms)
            .map_err(|error| format!("signer: {error}"))?;
        let mut sets = Vec::new();
        for crl in crls {
            sets.push(CrlSet::from_pem(crl.as_bytes()).map_err(|error| error.to_string())?);
        }
        let sets: Vec<&CrlSet> = sets.iter().collect();
        let state = roots.revocation(&path, &sets, at_ms).map_err(|error| error.to_string())?;
        return match state {
            Revocation::Revoked => Err("the signer's certificate is revoked".to_owned()),
            _ => Ok(()),
        };
    }
    Err(fault)
}

/// Checks that every list of a PEM text is signed by one of the CAs given (PEM texts).
pub(crate) fn revocation_lists(pem: &str, issuers: &[&str]) -> Result<(), Fault> {
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("not PEM: {error}"))?;
    if lists.is_empty() {
        return Err("no list".to_owned());
    }
    let mut cas = Vec::new();
    for issuer in issuers {
        cas.extend(certificates_from_pem(issuer.as_bytes()).map_err(|error| error.to_string())?);
    }
    lists.iter().try_for_each(|list| one_list(list, &cas))
}

fn one_list(der: &[u8], cas: &[CertificateDer<'static>]) -> Result<(), Fault> {
    let list = BorrowedCertRevocationList::from_der(der).map_err(|error| error.to_string())?;
    let list = CertRevocationList::from(list);
    let (tbs, signature) = signed_parts(der).map_err(|error| error.to_string())?;
    let mut known = false;
    for ca in cas {
        let ca = EndEntityCert::try_from(ca).map_err(|error| error.to_string())?;
        if ca.subject() != list.issuer() {
            continue;
        }
        known = true;
        let holds = webpki::ALL_VERIFICATION_ALGS
            .iter()
            .any(|algorithm| ca.verify_signature(*algorithm, tbs, signature).is_ok());
        if holds {
            return Ok(());
        }
    }
    let fault = if known { "the signature does not hold" } else { "not of a CA that is trusted" };
    Err(fault.to_owned())
}

/// The bytes that are signed, as they stand in the list, and the signature.
fn signed_parts(der: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let outer = AnyRef::from_der(der)?;
    let mut reader = SliceReader::new(outer.value())?;
    let tbs = reader.tlv_bytes()?;
    reader.tlv_bytes()?;
    let signature = BitStringRef::decode(&mut reader)?;
    Ok((tbs, signature.raw_bytes()))
}

/// Checks a time stamp over `signature`. Without roots (the centre gave none at enrolment) nobody's stamp
/// can be believed; then only its subject is looked at, and the verifier will say the rest.
pub(crate) fn time_stamp(tsr: &[u8], signature: &[u8], roots: &str) -> Result<(), Fault> {
    if roots.trim().is_empty() {
        tracing::warn!("A time stamp cannot be judged: there are no roots for it.");
        let imprint = Hash32::sha256(signature);
        let names_it = tsr.windows(32).any(|window| window == imprint.as_bytes());
        return if names_it { Ok(()) } else { Err("stamps other data".to_owned()) };
    }
    let roots = TrustRoots::from_pem(roots.as_bytes()).map_err(|error| error.to_string())?;
    tsa::verify(tsr, signature, None, &roots).map(|_| ()).map_err(|error| error.to_string())
}
