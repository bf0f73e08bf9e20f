//! Signatures against openssl, in both directions.

use rustls_pki_types::CertificateDer;

use super::{CmsFault, P256Signer as _, RingP256, sign_detached, verify_detached};
use crate::Hash32;
use crate::chain::{certificate_to_pem, pem};
use crate::peers::OpenSsl;
use crate::testkit::{SEALED_MS, Workshop, p256};

const CONTENT: &[u8] = b"hash  path\n";
const SIGN: &str = "cms -sign -binary -in content -outform DER -out out.p7s";

/// openssl with the content, inspector 2's certificate, key and CA, and the root.
fn openssl(test: &str, w: &Workshop) -> Option<OpenSsl> {
    let o = OpenSsl::find(test)?;
    o.put("content", CONTENT);
    o.put("signer.pem", certificate_to_pem(&w.people[2].chain[0]));
    o.put("agency.pem", certificate_to_pem(&w.people[2].chain[1]));
    o.put("signer.key", pem("PRIVATE KEY", &w.people[2].pkcs8));
    o.put("other.pem", certificate_to_pem(&w.people[1].chain[0]));
    o.put("other.key", pem("PRIVATE KEY", &w.people[1].pkcs8));
    o.put("root.pem", w.roots_pem());
    Some(o)
}

fn openssl_accepts(o: &OpenSsl, p7s: &[u8]) -> bool {
    o.put("ours.p7s", p7s);
    let line = "cms -verify -binary -inform DER -in ours.p7s -content content -CAfile root.pem \
                -no-CApath -no-CAstore -purpose any -out verified";
    o.run(line).status.success()
}

#[test]
fn openssl_accepts_what_we_sign() {
    let w = Workshop::new();
    let Some(o) = openssl("openssl_accepts_what_we_sign", &w) else { return };
    let digest = Hash32::sha256(CONTENT);
    for (person, time) in
        [(2, Some(SEALED_MS)), (2, None), (1, Some(4_102_444_800_000)), (0, Some(0))]
    {
        let person = &w.people[person];
        let chain = &person.chain[..person.chain.len() - 1];
        let p7s = sign_detached(&digest, &person.key(), chain, time).unwrap();
        assert!(openssl_accepts(&o, &p7s));
        let own = verify_detached(&p7s, &digest, &person.chain[0]).unwrap();
        assert_eq!(own.signing_time_ms, time);
        assert_eq!(own.certificates.len(), chain.len());
    }
    let p7s = sign_detached(&digest, &w.people[2].key(), &w.people[2].chain[..1], None).unwrap();
    assert!(!openssl_accepts(&o, &p7s), "the CA between is needed, so the chain check is real");
}

#[test]
fn embedded_certificates_are_a_sorted_set() {
    // DER sorts SET OF by the bytes; whoever checks that must not stumble over a long chain.
    let w = Workshop::new();
    let mut chain = w.people[2].chain.clone();
    chain.push(w.people[0].chain[0].clone());
    chain.push(w.people[1].chain[0].clone());
    let p7s = sign_detached(&Hash32::sha256(CONTENT), &w.people[2].key(), &chain, None).unwrap();
    let mut places: Vec<usize> =
        chain.iter().map(|c| p7s.windows(c.len()).position(|x| x == c.as_ref()).unwrap()).collect();
    places.sort_unstable();
    let found: Vec<&[u8]> = places
        .iter()
        .map(|at| chain.iter().find(|c| p7s[*at..].starts_with(c.as_ref())).unwrap().as_ref())
        .collect();
    assert!(found.is_sorted());
}

#[test]
fn we_accept_what_openssl_signs_and_only_in_this_form() {
    let w = Workshop::new();
    let Some(o) = openssl("we_accept_what_openssl_signs_and_only_in_this_form", &w) else { return };
    let signer = w.people[2].chain[0].clone();
    let digest = Hash32::sha256(CONTENT);
    let judge = |line: &str| {
        o.must(&format!("{SIGN} {line}"));
        verify_detached(&o.get("out.p7s"), &digest, &signer).map(|_| ())
    };
    let with = "-signer signer.pem -inkey signer.key";
    assert_eq!(judge(&format!("-md sha256 -nosmimecap -certfile agency.pem {with}")), Ok(()));
    assert_eq!(judge(&format!("-md sha256 {with}")), Ok(()), "with capabilities");
    assert_eq!(judge(&format!("-md sha256 -nosmimecap -nocerts {with}")), Ok(()));
    assert_eq!(judge(&format!("-md sha256 -nosmimecap -keyid {with}")), Ok(()), "named by key id");
    assert_eq!(judge(&format!("-md sha256 -nosmimecap -nodetach {with}")), Err(CmsFault::Content));
    assert_eq!(judge(&format!("-md sha384 -nosmimecap {with}")), Err(CmsFault::Algorithm));
    assert_eq!(judge(&format!("-md sha1 -nosmimecap {with}")), Err(CmsFault::Algorithm));
    assert_eq!(judge(&format!("-md sha256 -noattr {with}")), Err(CmsFault::Attributes));
    let other = "-signer other.pem -inkey other.key";
    assert_eq!(judge(&format!("-md sha256 {other}")), Err(CmsFault::OtherSigner));
    let two = format!("-md sha256 {with} {other}");
    assert_eq!(judge(&two), Err(CmsFault::Signers));
    let typed = judge(&format!("-md sha256 -nosmimecap -econtent_type 1.2.3.4 {with}"));
    assert_eq!(typed, Err(CmsFault::Algorithm), "content of another type");
    // What openssl itself takes no offence at.
    o.must(&format!("{SIGN} -md sha256 -nosmimecap -certfile agency.pem {with}"));
    let good = o.get("out.p7s");
    let trailing = [good.as_slice(), b"more"].concat();
    assert!(openssl_accepts(&o, &trailing));
    assert_eq!(verify_detached(&trailing, &digest, &signer).unwrap_err(), CmsFault::NotDer);
    let other_content = verify_detached(&good, &Hash32::ZERO, &signer).unwrap_err();
    assert_eq!(other_content, CmsFault::Digest);
}

#[test]
fn an_rsa_signer_is_refused() {
    let w = Workshop::new();
    let Some(o) = openssl("an_rsa_signer_is_refused", &w) else { return };
    o.must("req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 30 -subj /CN=RSA");
    o.must(&format!("{SIGN} -md sha256 -nosmimecap -signer rsa.pem -inkey rsa.key"));
    let signer = crate::chain::certificates_from_pem(&o.get("rsa.pem")).unwrap();
    let fault = verify_detached(&o.get("out.p7s"), &Hash32::sha256(CONTENT), &signer[0]);
    assert_eq!(fault.unwrap_err(), CmsFault::Algorithm);
}

#[test]
fn a_p384_signer_is_refused() {
    let w = Workshop::new();
    let Some(o) = openssl("a_p384_signer_is_refused", &w) else { return };
    o.must("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout big.key -out big.pem -days 30 -subj /CN=P384");
    o.must(&format!("{SIGN} -md sha256 -nosmimecap -signer big.pem -inkey big.key"));
    let signer = crate::chain::certificates_from_pem(&o.get("big.pem")).unwrap();
    let fault = verify_detached(&o.get("out.p7s"), &Hash32::sha256(CONTENT), &signer[0]);
    assert_eq!(fault.unwrap_err(), CmsFault::Algorithm);
}

#[test]
fn a_key_signs_only_under_its_own_certificate() {
    let w = Workshop::new();
    let stranger = RingP256::from_pkcs8(&p256().serialize_der()).unwrap();
    let chain: &[CertificateDer<'_>] = &w.people[1].chain;
    assert!(sign_detached(&Hash32::ZERO, &stranger, chain, None).is_err());
    assert!(sign_detached(&Hash32::ZERO, &stranger, &[], None).is_err());
    assert!(RingP256::from_pkcs8(b"no key").is_err());
    assert_eq!(stranger.public_key().len(), 65);
    assert!(!format!("{stranger:?}").contains(&hex::encode(stranger.public_key())));
}
