//! Certificates: wrong profile, wrong person, bad chains, revocation (evidence.md §4).

use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    date_time_ymd,
};

use super::{all_rejected, codes, judge, set};
use crate::chain::{Role, policy_extension};
use crate::testkit::{Authority, CertPlan, Person, SYNCED_MS, Workshop, p256};
use crate::verify::Report;

fn policy(role: Role) -> Vec<CustomExtension> {
    vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], policy_extension(role).unwrap())]
}

/// The story signed by these people, stamped and received.
fn signed_by(w: &Workshop, people: &[Person]) -> Report {
    let mut bag = w.story().close(people);
    bag.stamp(&w.tsa, SYNCED_MS);
    bag.receive(&w.log, SYNCED_MS);
    judge(w, &bag)
}

/// The story with inspector 2's certificate made by `by` after a changed plan.
fn inspector(w: &Workshop, by: &Authority, change: impl FnOnce(&mut CertPlan)) -> Report {
    let two = Person::issue(by, "inspector-2", "O-0092", "李四(虚构)", Role::Inspector, change);
    signed_by(w, &[again(w, 0), again(w, 1), two])
}

/// The same person with the same certificate.
fn again(w: &Workshop, n: usize) -> Person {
    let p = &w.people[n];
    Person {
        role: p.role.clone(),
        id: p.id.clone(),
        name: p.name.clone(),
        pkcs8: p.pkcs8.clone(),
        chain: p.chain.clone(),
        certificate_serial: p.certificate_serial.clone(),
    }
}

#[test]
fn certificates_that_do_not_fit_the_role_are_refused() {
    let w = &Workshop::new();
    let plan = |change: fn(&mut CertPlan)| inspector(w, &w.root, change);
    all_rejected(&[
        ("no policy", plan(|p| p.custom_extensions.clear()), &["CERT-POLICY"]),
        (
            "the device's policy",
            plan(|p| p.custom_extensions = policy(Role::Device)),
            &["CERT-POLICY"],
        ),
        (
            "an unknown policy of ours",
            plan(|p| {
                let mut content = policy_extension(Role::Inspector).unwrap();
                *content.last_mut().unwrap() = 9;
                p.custom_extensions =
                    vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], content)];
            }),
            &["CERT-POLICY"],
        ),
        (
            "a policy that is not DER",
            plan(|p| {
                p.custom_extensions = vec![CustomExtension::from_oid_content(
                    &[2, 5, 29, 32],
                    vec![0x30, 0x80, 0, 0],
                )];
            }),
            &["CERT-MALFORMED"],
        ),
        (
            "TLS client",
            plan(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            &["CERT-EXTENDED-KEY-USAGE"],
        ),
        (
            "TLS server among others",
            plan(|p| {
                p.extended_key_usages = vec![
                    ExtendedKeyUsagePurpose::EmailProtection,
                    ExtendedKeyUsagePurpose::ServerAuth,
                ]
            }),
            &["CERT-EXTENDED-KEY-USAGE"],
        ),
        (
            "any purpose",
            plan(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            &["CERT-EXTENDED-KEY-USAGE"],
        ),
        ("no key usage", plan(|p| p.key_usages.clear()), &["CERT-KEY-USAGE"]),
        (
            "without nonRepudiation",
            plan(|p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature]),
            &["CERT-KEY-USAGE"],
        ),
        (
            "with key agreement",
            plan(|p| p.key_usages.push(KeyUsagePurpose::KeyAgreement)),
            &["CERT-KEY-USAGE"],
        ),
        (
            "key usage not critical",
            plan(|p| {
                p.key_usages.clear();
                p.custom_extensions
                    .push(CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 6, 0xc0]));
            }),
            &["CERT-KEY-USAGE"],
        ),
        (
            "no serialNumber",
            plan(|p| {
                p.distinguished_name = rcgen::DistinguishedName::new();
                p.distinguished_name.push(rcgen::DnType::CommonName, "Nobody");
            }),
            &["CERT-SERIAL-NUMBER"],
        ),
        (
            "somebody else's serialNumber",
            {
                let mut two = Person::issue(
                    &w.root,
                    "inspector-2",
                    "O-0055",
                    "李四(虚构)",
                    Role::Inspector,
                    |_| {},
                );
                two.id = "O-0092".to_owned();
                signed_by(w, &[again(w, 0), again(w, 1), two])
            },
            &["SIG-OTHER-PERSON"],
        ),
        (
            "a CA's certificate",
            plan(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            &["CERT-ISSUER-NOT-CA"],
        ),
        (
            "device with an officer's policy",
            {
                let device = Person::issue(
                    &w.root,
                    "device",
                    "D-0009",
                    "手持机 D-0009",
                    Role::Inspector,
                    |_| {},
                );
                signed_by(w, &[device, again(w, 1), again(w, 2)])
            },
            &["CERT-POLICY"],
        ),
        (
            "centre with an officer's policy",
            {
                let centre =
                    Person::issue(&w.root, "centre", "C-1", "中心(虚构)", Role::Inspector, |_| {});
                signed_by(w, &[again(w, 0), again(w, 1), again(w, 2), centre])
            },
            &["CERT-POLICY"],
        ),
        (
            "party with a device's policy",
            {
                let party =
                    Person::issue(&w.root, "party-1", "P-1", "王五(虚构)", Role::Device, |_| {});
                signed_by(w, &[again(w, 0), again(w, 1), again(w, 2), party])
            },
            &["CERT-POLICY"],
        ),
    ]);
    let four = |role: &str, profile: Role| {
        let more = Person::issue(&w.root, role, "C-1", "第四人(虚构)", profile, |_| {});
        signed_by(w, &[again(w, 0), again(w, 1), again(w, 2), more])
    };
    assert_eq!(codes(&four("centre", Role::Centre).errors), set(&[]));
    assert_eq!(codes(&four("party-1", Role::Party).errors), set(&[]));
}

#[test]
fn one_key_certificate_or_person_cannot_be_two_signers() {
    let w = &Workshop::new();
    let same_key = {
        let key = p256();
        let make = |role: &str, id: &str, name: &str, profile: Role| {
            let mut made = None;
            let plan = |p: &mut CertPlan| made = Some(p.clone());
            let _ = Person::issue(&w.root, role, id, name, profile, plan);
            Person::with_key(&w.root, role, id, name, &made.unwrap(), &key)
        };
        let one = make("inspector-1", "O-0091", "张三(虚构)", Role::Inspector);
        let two = make("inspector-2", "O-0092", "李四(虚构)", Role::Inspector);
        signed_by(w, &[again(w, 0), one, two])
    };
    let same_certificate = {
        let mut two = again(w, 1);
        "inspector-2".clone_into(&mut two.role);
        "O-0092".clone_into(&mut two.id);
        "李四(虚构)".clone_into(&mut two.name);
        signed_by(w, &[again(w, 0), again(w, 1), two])
    };
    let device_signs = {
        let mut two = again(w, 0);
        "inspector-2".clone_into(&mut two.role);
        "O-0092".clone_into(&mut two.id);
        "李四(虚构)".clone_into(&mut two.name);
        signed_by(w, &[again(w, 0), again(w, 1), two])
    };
    let same_person = {
        let two =
            Person::issue(&w.root, "inspector-2", "O-0091", "张三(虚构)", Role::Inspector, |_| {});
        signed_by(w, &[again(w, 0), again(w, 1), two])
    };
    all_rejected(&[
        ("one key, two certificates", same_key, &["SIG-SAME-KEY"]),
        ("one certificate", same_certificate, &["SIG-SAME-KEY", "SIG-OTHER-PERSON"]),
        ("the device as inspector", device_signs, &["SIG-SAME-KEY", "CERT-POLICY"]),
        ("one person, two keys", same_person, &["SIG-SAME-PERSON", "STATEMENT-OFFICERS"]),
        (
            "four named, three signed",
            {
                let more =
                    Person::issue(&w.root, "centre", "C-1", "中心(虚构)", Role::Centre, |_| {});
                let mut bag = w.story().close(&[again(w, 0), again(w, 1), again(w, 2), more]);
                bag.files.remove("signatures/centre.p7s");
                judge(w, &bag)
            },
            &["SIG-MISSING"],
        ),
    ]);
}

#[test]
fn bad_chains_are_refused() {
    let w = &Workshop::new();
    let below = |change: fn(&mut CertPlan)| {
        let ca = w.root.below("Testkit other CA", change);
        inspector(w, &ca, |_| {})
    };
    let rooted = |change: fn(&mut CertPlan), sub: bool| {
        let mut other = Workshop::new();
        other.root = Authority::root_with("Testkit other root", change);
        let issuer =
            if sub { other.root.below("Testkit sub CA", |_| {}) } else { Authority::root("x") };
        let by = if sub { &issuer } else { &other.root };
        let make = |role: &str, id: &str, name: &str, profile| {
            Person::issue(by, role, id, name, profile, |_| {})
        };
        let people = [
            make("device", "D-0009", "手持机 D-0009", Role::Device),
            make("inspector-1", "O-0091", "张三(虚构)", Role::Inspector),
            make("inspector-2", "O-0092", "李四(虚构)", Role::Inspector),
        ];
        signed_by(&other, &people)
    };
    all_rejected(&[
        (
            "a CA nobody trusts",
            inspector(w, &Authority::root("Stranger"), |_| {}),
            &["CERT-UNTRUSTED"],
        ),
        (
            "a CA of the same name",
            inspector(w, &Authority::root("Testkit root CA"), |_| {}),
            &["CERT-SIGNATURE"],
        ),
        (
            "expired signer",
            inspector(w, &w.root, |p| p.not_after = date_time_ymd(2026, 11, 1)),
            &["CERT-EXPIRED"],
        ),
        (
            "signer not valid yet",
            inspector(w, &w.root, |p| p.not_before = date_time_ymd(2027, 1, 1)),
            &["CERT-NOT-YET-VALID"],
        ),
        (
            "expired CA between",
            below(|p| p.not_after = date_time_ymd(2026, 11, 1)),
            &["CERT-EXPIRED"],
        ),
        ("issuer is no CA", below(|p| p.is_ca = IsCa::ExplicitNoCa), &["CERT-ISSUER-NOT-CA"]),
        ("issuer says nothing about CA", below(|p| p.is_ca = IsCa::NoCa), &["CERT-ISSUER-NOT-CA"]),
        (
            "issuer may not sign certificates",
            below(|p| p.key_usages = vec![KeyUsagePurpose::CrlSign]),
            &["CERT-ISSUER-NOT-CA"],
        ),
        (
            "path longer than a CA allows",
            {
                let first = w.root.below("Testkit CA 1", |p| {
                    p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))
                });
                let second = first.below("Testkit CA 2", |_| {});
                inspector(w, &second, |_| {})
            },
            &["CERT-PATH-LENGTH"],
        ),
        (
            "path longer than the root allows",
            rooted(|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)), true),
            &["CERT-PATH-LENGTH"],
        ),
        (
            "expired root",
            rooted(|p| p.not_after = date_time_ymd(2026, 11, 1), false),
            &["CERT-EXPIRED"],
        ),
        (
            "root that is no CA",
            rooted(|p| p.is_ca = IsCa::ExplicitNoCa, false),
            &["CERT-ISSUER-NOT-CA"],
        ),
        (
            "unknown critical extension",
            inspector(w, &w.root, |p| {
                let mut extension =
                    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                extension.set_criticality(true);
                p.custom_extensions.push(extension);
            }),
            &["CERT-UNSUPPORTED"],
        ),
    ]);
    let deep = {
        let first =
            w.root.below("Testkit CA 1", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)));
        let second = first.below("Testkit CA 2", |_| {});
        inspector(w, &second, |_| {})
    };
    assert_eq!(codes(&deep.errors), set(&[]), "as long as a CA allows");
}

#[test]
fn revocation_counts_at_the_judged_time() {
    let w = &Workshop::new();
    let with_crl = |name: &'static str, pem: String, stamped: bool| {
        let mut parts = w.story();
        parts.tags.insert(format!("metadata/crl/{name}.crl"), pem.into_bytes());
        let mut bag = parts.close(&w.people);
        if stamped {
            bag.stamp(&w.tsa, SYNCED_MS);
        }
        judge(w, &bag)
    };
    let one = w.people[1].certificate_serial.clone();
    let agency = {
        use x509_cert::der::Decode as _;
        let certificate = x509_cert::Certificate::from_der(&w.agency.chain[0]).unwrap();
        certificate.tbs_certificate.serial_number.as_bytes().to_vec()
    };
    let (before, after) = ((2026, 11, 19), (2026, 11, 21));
    all_rejected(&[
        (
            "signer revoked",
            with_crl("root", w.root.crl(&[(one.clone(), before)], 2046), true),
            &["CERT-REVOKED"],
        ),
        (
            "CA between revoked",
            with_crl("root", w.root.crl(&[(agency, before)], 2046), true),
            &["CERT-REVOKED"],
        ),
        (
            "revoked on a list that has run out",
            with_crl("root", w.root.crl(&[(one.clone(), before)], 2025), true),
            &["CERT-REVOKED"],
        ),
        (
            "revoked since, and nothing shows that the signature is older",
            with_crl("root", w.root.crl(&[(one.clone(), after)], 2046), false),
            &["CERT-REVOKED"],
        ),
        (
            "list signed by another",
            with_crl(
                "root",
                Authority::root("Testkit root CA").crl(&[(one.clone(), before)], 2046),
                true,
            ),
            &["CRL-SIGNATURE"],
        ),
    ]);
    let later = with_crl("root", w.root.crl(&[(one, after)], 2046), true);
    assert_eq!(
        (codes(&later.errors), codes(&later.warnings).contains("CERT-REVOKED-LATER")),
        (set(&[]), true)
    );
    let stale = with_crl("root", w.root.crl(&[], 2025), true);
    assert_eq!(
        (codes(&stale.errors), codes(&stale.warnings).contains("CRL-STALE")),
        (set(&[]), true)
    );
    let mut parts = w.story();
    parts.tags.retain(|path, _| !path.contains("agency"));
    let missing = judge(w, &parts.close(&w.people));
    assert_eq!(
        (codes(&missing.errors), codes(&missing.warnings).contains("CRL-MISSING")),
        (set(&[]), true)
    );
}

/// Revoked after sealing but before sync: the judged time is that of the stamp.
#[test]
fn a_list_of_the_centre_can_revoke_too() {
    let w = &Workshop::new();
    let mut bag = w.bundle();
    let crl = w.root.crl(&[(w.people[0].certificate_serial.clone(), (2026, 11, 19))], 2046);
    bag.files.insert("receipts/center.crl".into(), crl.into_bytes());
    assert_eq!(codes(&judge(w, &bag).errors), set(&["CERT-REVOKED"]));
}
