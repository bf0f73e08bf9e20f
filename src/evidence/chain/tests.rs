//! Certificates against openssl; bad chains are in `verify/tests/chains.rs`.

use super::{
    Role, TrustRoots, certificate_to_pem, certificates_from_pem, leaf_profile, policy_extension,
    public_key_of,
};
use crate::peers::OpenSsl;
use crate::testkit::{NOW_MS, Workshop};

/// The policy that we encode by hand is the one that openssl knows by its dotted form.
#[test]
fn openssl_judges_the_policy_as_we_do() {
    let Some(o) = OpenSsl::find("openssl_judges_the_policy_as_we_do") else { return };
    let w = Workshop::new();
    o.put("root.pem", w.roots_pem());
    let arc = "2.25.324750978229347175992892312150139303405.1";
    for (n, last, other) in [(0, 2, 1), (1, 1, 2)] {
        o.put("leaf.pem", certificate_to_pem(&w.people[n].chain[0]));
        let check = |policy: i32| {
            let line = format!(
                "verify -CAfile root.pem -no-CApath -no-CAstore -policy {arc}.{policy} -explicit_policy leaf.pem"
            );
            // The testkit's root has no anyPolicy; openssl does not need one at the anchor.
            o.run(&line).status.success()
        };
        assert!(check(last), "person {n}");
        assert!(!check(other), "person {n}");
    }
}

/// A certificate issued by openssl with the dotted policy fits the profile.
#[test]
fn a_certificate_of_openssl_fits_the_profile() {
    let Some(o) = OpenSsl::find("a_certificate_of_openssl_fits_the_profile") else { return };
    o.put("e.cnf", "[req]\ndistinguished_name = dn\n[dn]\n[ca]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n[leaf]\nbasicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature, nonRepudiation\ncertificatePolicies = 2.25.324750978229347175992892312150139303405.1.1\n");
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config e.cnf";
    o.must(&format!(
        "req -x509 {ec} -extensions ca -keyout ca.key -out ca.pem -days 30 -subj /CN=CA"
    ));
    o.must(&format!("req {ec} -keyout l.key -out l.csr -subj /CN=Somebody/serialNumber=O-0001"));
    o.must("x509 -req -in l.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 29 -extfile e.cnf -extensions leaf -out l.pem");
    let leaf = certificates_from_pem(&o.get("l.pem")).unwrap();
    let profile = leaf_profile(&leaf[0], Role::Inspector).unwrap();
    assert_eq!(profile.serial_number.as_deref(), Some("O-0001"));
    assert_eq!(public_key_of(&leaf[0]), Some(profile.public_key));
    assert!(leaf_profile(&leaf[0], Role::Device).is_err());
    assert!(leaf_profile(&leaf[0], Role::Centre).is_err());
}

#[test]
fn pem_survives_and_anything_else_is_refused() {
    let w = Workshop::new();
    let text = w.people[2].chain_pem();
    let read = certificates_from_pem(text.as_bytes()).unwrap();
    assert_eq!(read, w.people[2].chain[..2]);
    assert!(TrustRoots::from_pem(text.as_bytes()).is_ok());
    for bad in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(certificates_from_pem(bad.as_bytes()).is_err());
        assert!(TrustRoots::from_pem(bad.as_bytes()).is_err());
    }
    assert!(certificates_from_pem(text.repeat(40).as_bytes()).is_err(), "too many");
    assert!(policy_extension(Role::Party).is_none() && policy_extension(Role::Centre).is_none());
}

#[test]
fn a_path_needs_the_certificates_between() {
    let w = Workshop::new();
    let roots = TrustRoots::from_pem(w.roots_pem().as_bytes()).unwrap();
    let [leaf, agency, ..] = w.people[2].chain.as_slice() else { panic!("chain") };
    assert!(roots.path(leaf, std::slice::from_ref(agency), NOW_MS).is_ok());
    assert!(roots.path(leaf, &[], NOW_MS).is_err());
}
