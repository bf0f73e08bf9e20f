//! Enrolment and signing: keys made here, certified elsewhere, checked by openssl.

use std::fs;

use spotcheck_app::ports::{KeyRing, OfficerEnrolment};
use spotcheck_domain::Clock;
use spotcheck_domain::vocabulary::KeyProtection;

use super::support::{LI, OTHER_PIN, PIN, POLICY, Rig, ZHANG, officer, pin, run};

#[test]
fn a_handheld_enrols_and_works_while_locked() {
    let mut rig = Rig::new();
    assert_eq!(rig.vault.protection(), KeyProtection::File);
    assert!(rig.vault.enrolment().unwrap().is_none());
    assert_eq!(rig.vault.tls_identity().unwrap_err().code, "VAULT-NOT-ENROLLED");

    let request = rig.vault.request_device().unwrap();
    assert_ne!(request.tls_csr, request.evidence_csr);
    rig.restart();
    let enrolment = rig.device_enrolment(&request.tls_csr, &request.evidence_csr, POLICY);
    rig.vault.install_device(&enrolment).unwrap();
    rig.restart();

    assert_eq!(rig.vault.enrolment().unwrap(), Some(enrolment.clone()));
    let (chain, key) = rig.vault.tls_identity().unwrap();
    assert_eq!(chain, enrolment.tls_chain);
    assert!(
        crate::certs::check_chain(&chain, &crate::certs::public_key(&key).unwrap(), "D-0001")
            .is_ok()
    );
    assert_eq!(rig.vault.boot_key("outbox").unwrap(), rig.vault.boot_key("outbox").unwrap());
    assert_ne!(rig.vault.boot_key("outbox").unwrap(), rig.vault.boot_key("journal").unwrap());
    assert!(rig.vault.install_device(&enrolment).is_err(), "requests are used once");
}

#[test]
fn certificates_for_other_keys_or_ids_are_refused_and_nothing_is_kept() {
    let mut rig = Rig::new();
    let old = rig.vault.request_device().unwrap();
    let new = rig.vault.request_device().unwrap();
    let code = |result: Result<(), spotcheck_domain::Trouble>| result.unwrap_err().code;

    let other_key = rig.device_enrolment(&old.tls_csr, &new.evidence_csr, POLICY);
    assert_eq!(code(rig.vault.install_device(&other_key)), "VAULT-CERTIFICATE");
    let swapped = rig.device_enrolment(&new.evidence_csr, &new.tls_csr, POLICY);
    assert_eq!(code(rig.vault.install_device(&swapped)), "VAULT-CERTIFICATE");
    let good = rig.device_enrolment(&new.tls_csr, &new.evidence_csr, POLICY);
    let mut other_id = good.clone();
    other_id.evidence_chain = rig.ca.chain(&new.evidence_csr, "D-0002");
    assert_eq!(code(rig.vault.install_device(&other_id)), "VAULT-CERTIFICATE");
    let mut no_recipient = good.clone();
    no_recipient.escrow = "age1nonsense".to_owned();
    assert_eq!(code(rig.vault.install_device(&no_recipient)), "VAULT-RECIPIENT");
    let mut no_policy = good.clone();
    no_policy.policy = "not json".to_owned();
    assert_eq!(code(rig.vault.install_device(&no_policy)), "VAULT-POLICY");
    assert!(rig.vault.enrolment().unwrap().is_none());
    rig.vault.install_device(&good).unwrap();

    let csr = rig.vault.request_officer(&officer(ZHANG), &pin(PIN)).unwrap();
    let wrong = OfficerEnrolment {
        officer: officer(ZHANG),
        name: "张三".to_owned(),
        chain: rig.ca.chain(&csr, LI),
    };
    assert_eq!(code(rig.vault.install_officer(&wrong)), "VAULT-CERTIFICATE");
    let not_asked = OfficerEnrolment { officer: officer(LI), ..wrong };
    assert_eq!(code(rig.vault.install_officer(&not_asked)), "VAULT-NOTHING-PENDING");
    assert!(rig.vault.officers().unwrap().is_empty());
    assert!(rig.vault.package_recipient().unwrap().is_none());
}

#[test]
fn pins_follow_the_policy_of_the_centre() {
    let mut rig = Rig::new();
    rig.enrol_device(POLICY);
    let short = rig.vault.request_officer(&officer(ZHANG), &pin("246810")).unwrap_err();
    assert_eq!(short.code, "VAULT-PIN-WEAK");
    assert!(short.message.contains("10") && short.message.contains("字母"), "{short}");

    let mut demo = Rig::new();
    demo.enrol_device(r#"{"allow_file_protection":true,"pin_min_file":6}"#);
    demo.vault.request_officer(&officer(ZHANG), &pin("246810")).unwrap();

    let mut strict = Rig::new();
    strict.enrol_device(r#"{"allow_file_protection":false,"pin_min_file":10}"#);
    let refused = strict.vault.request_officer(&officer(ZHANG), &pin(PIN)).unwrap_err();
    assert_eq!(refused.code, "VAULT-FILE-PROTECTION");
}

#[test]
fn openssl_accepts_the_signatures_of_device_and_both_officers() {
    let mut rig = Rig::enrolled();
    rig.enrol(LI, "李四", OTHER_PIN);
    let cards = rig.vault.officers().unwrap();
    assert_eq!(cards.len(), 2);
    assert_eq!(cards[0].name, "张三");
    assert_eq!(cards[0].certificate_until, "2040-06-30");
    assert!(rig.vault.officer_chain(&officer(LI)).unwrap().contains("BEGIN CERTIFICATE"));

    let content = b"aa  bag-info.txt\nbb  manifest-sha256.txt\n";
    let at = rig.clock.read();
    // Nobody is unlocked: signing needs the PIN itself each time, and gives no access to anything else.
    let signatures = [
        rig.vault.sign_as_device(content, &at).unwrap(),
        rig.vault.sign_as_officer(&officer(ZHANG), &pin(PIN), content, &at).unwrap(),
        rig.vault.sign_as_officer(&officer(LI), &pin(OTHER_PIN), content, &at).unwrap(),
    ];
    assert!(rig.vault.unlocked().is_none());
    let wrong = rig.vault.sign_as_officer(&officer(LI), &pin(PIN), content, &at).unwrap_err();
    assert_eq!(wrong.code, "VAULT-PIN-WRONG");
    assert!(wrong.verdict);

    let dir = rig.dir.path();
    let file = |name: &str, bytes: &[u8]| {
        fs::write(dir.join(name), bytes).unwrap();
        dir.join(name).to_str().unwrap().to_owned()
    };
    let roots = file("roots.pem", rig.ca.pem.as_bytes());
    let good = file("content", content);
    let bad = file("changed", b"aa  bag-info.txt\ncc  manifest-sha256.txt\n");
    for signature in signatures {
        let p7s = file("s.p7s", &signature);
        let verify = |content: &str| {
            run(
                "openssl_accepts_the_signatures_of_device_and_both_officers",
                "openssl",
                &[
                    "cms",
                    "-verify",
                    "-binary",
                    "-inform",
                    "DER",
                    "-in",
                    &p7s,
                    "-content",
                    content,
                    "-CAfile",
                    &roots,
                    "-no-CApath",
                    "-no-CAstore",
                    "-purpose",
                    "any",
                    "-out",
                    "/dev/null",
                ],
                b"",
            )
        };
        let Some((accepted, _)) = verify(&good) else { return };
        assert!(accepted);
        assert!(!verify(&bad).unwrap().0);
    }
}

#[test]
fn r51_a_renewed_certificate_under_the_same_pin_keeps_every_case() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let key = rig.vault.case_key(&case).unwrap();
    rig.vault.lock();
    rig.enrol(ZHANG, "张三", PIN);
    rig.unlock(ZHANG, PIN);
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);
}

#[test]
fn r41_a_forgotten_pin_is_replaced_and_the_second_officer_restores_the_cases() {
    let mut rig = Rig::enrolled();
    rig.enrol(LI, "李四", OTHER_PIN);
    let case = rig.open_case();
    let key = rig.vault.case_key(&case).unwrap();
    rig.vault.lock();

    rig.enrol(ZHANG, "张三", "a-new-pin-2027");
    assert_eq!(
        rig.vault.unlock(&officer(ZHANG), &pin(PIN)).unwrap_err().code,
        "VAULT-PIN-WRONG",
        "the old PIN is gone"
    );
    rig.unlock(ZHANG, "a-new-pin-2027");
    assert_eq!(rig.vault.case_key(&case).unwrap_err().code, "VAULT-NO-CASE-KEY");
    rig.unlock(LI, OTHER_PIN);
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);
    rig.unlock(ZHANG, "a-new-pin-2027");
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);
}
