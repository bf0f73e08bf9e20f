//! Certificates and lists as OpenSSL sees them: the profile of evidence.md §4, judged by a program not ours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::path::Path;
use std::process::Command;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use spotcheck_domain::{ManualClock, SeededEntropy};

use super::issue::public_key_of;
use super::*;
use crate::db::scratch;
use crate::repository::{CertificateKind, Directory, Enrolment};

const NOW_MS: i64 = 1_795_251_600_000;

fn openssl(args: &[&str], dir: &Path) -> Option<(bool, String)> {
    let output = Command::new("openssl").args(args).current_dir(dir).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

fn csr() -> Vec<u8> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
}

fn request<'a>(kind: CertificateKind, subject: &'a str, name: &'a str) -> Request<'a> {
    Request { kind, subject, name, device: None, names: &[], until_ms: None }
}

#[test]
fn openssl_finds_the_profile_policy_and_revocation() {
    let (dir, store) = scratch();
    let (clock, entropy) = (ManualClock::at_ms(NOW_MS), SeededEntropy::new(11));
    let ca = Authorities::open(&store, &clock, &entropy).unwrap();
    // Loaded again, the roots are the same.
    let again = Authorities::open(&store, &clock, &entropy).unwrap();
    assert_eq!(ca.evidence.sha256(), again.evidence.sha256());
    assert_ne!(ca.evidence.sha256(), ca.tls.sha256());

    let key = public_key_of(&csr()).unwrap();
    let officer = ca
        .evidence
        .issue(&request(CertificateKind::Officer, "O-0001", "张三"), &key, &clock, &entropy)
        .unwrap();
    let device = ca
        .evidence
        .issue(&request(CertificateKind::Device, "D-0001", "手持机"), &key, &clock, &entropy)
        .unwrap();
    let tls = ca
        .tls
        .issue(&request(CertificateKind::DeviceTls, "D-0001", "手持机"), &key, &clock, &entropy)
        .unwrap();
    for row in [&officer.row, &device.row, &tls.row] {
        store.add_certificate(row).unwrap();
    }
    let path = dir.path();
    for (name, text) in [
        ("root.pem", ca.evidence.pem()),
        ("tls-root.pem", ca.tls.pem()),
        ("officer.pem", officer.pem.as_str()),
        ("device.pem", device.pem.as_str()),
        ("tls.pem", tls.pem.as_str()),
    ] {
        std::fs::write(path.join(name), text).unwrap();
    }
    let at = (NOW_MS / 1000 + 60).to_string();
    let policy = |last: u8| format!("2.25.{EVIDENCE_ARC}.1.{last}");
    let verify = |root: &str, leaf: &str, extra: &[&str]| {
        let mut args = vec!["verify", "-no-CApath", "-no-CAstore", "-attime", &at, "-CAfile", root];
        args.extend(extra);
        args.push(leaf);
        openssl(&args, path)
    };
    let Some((ok, text)) = verify("root.pem", "officer.pem", &[]) else {
        eprintln!(
            "SKIPPED openssl_finds_the_profile_policy_and_revocation: openssl is not installed"
        );
        return;
    };
    assert!(ok, "{text}");
    let must = |root: &str, leaf: &str, extra: &[&str], want: bool| {
        let (ok, text) = verify(root, leaf, extra).unwrap();
        assert_eq!(ok, want, "{root} {leaf} {extra:?}: {text}");
    };
    let (officer_policy, device_policy) = (policy(1), policy(2));
    must("root.pem", "officer.pem", &["-policy", &officer_policy, "-explicit_policy"], true);
    must("root.pem", "officer.pem", &["-policy", &device_policy, "-explicit_policy"], false);
    must("root.pem", "device.pem", &["-policy", &device_policy, "-explicit_policy"], true);
    must("tls-root.pem", "tls.pem", &["-purpose", "sslclient"], true);
    must("tls-root.pem", "tls.pem", &["-purpose", "sslserver"], false);
    must("root.pem", "tls.pem", &[], false);

    let (_, text) = openssl(&["x509", "-in", "officer.pem", "-noout", "-text"], path).unwrap();
    for part in ["Digital Signature, Non Repudiation", "X509v3 Key Usage: critical", "CA:FALSE"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Extended Key Usage"), "{text}");
    let (_, text) =
        openssl(&["x509", "-in", "officer.pem", "-noout", "-subject", "-nameopt", "utf8"], path)
            .unwrap();
    assert!(text.contains("O-0001") && text.contains("张三"), "{text}");

    // Nobody revoked yet; then the device is, and only its certificates are in the lists.
    let write_crl = |name: &str| {
        let crl = ca.evidence.crl_pem(&store, &clock).unwrap();
        std::fs::write(path.join(name), crl).unwrap();
    };
    write_crl("empty.crl");
    must("root.pem", "device.pem", &["-crl_check", "-CRLfile", "empty.crl"], true);
    let ticket = enrol_ticket(&store);
    let enrolment = Enrolment {
        locator: &ticket,
        kind: spotcheck_wire::enrol::TicketKind::Device,
        subject: "D-0001",
        name: "手持机",
        certificates: &[],
        package_recipient: None,
        at_ms: NOW_MS,
    };
    let _ = store.enrol(&enrolment).unwrap();
    assert!(store.revoke_device("D-0001", NOW_MS).unwrap());
    write_crl("one.crl");
    must("root.pem", "device.pem", &["-crl_check", "-CRLfile", "one.crl"], false);
    must("root.pem", "officer.pem", &["-crl_check", "-CRLfile", "one.crl"], true);
    let (ok, text) =
        openssl(&["crl", "-in", "one.crl", "-CAfile", "root.pem", "-noout", "-text"], path)
            .unwrap();
    assert!(ok && text.contains("verify OK"), "{text}");
}

fn enrol_ticket(store: &crate::db::SqliteStore) -> String {
    let ticket = spotcheck_wire::enrol::Ticket {
        schema: spotcheck_wire::enrol::TICKET_SCHEMA.to_owned(),
        kind: spotcheck_wire::enrol::TicketKind::Device,
        id: "D-0001".to_owned(),
        name: "手持机".to_owned(),
        centre: "https://127.0.0.1:1".to_owned(),
        ca_sha256: "00".repeat(32),
        code: "11".repeat(16),
        expires: "2027-01-01T00:00:00.000+08:00".to_owned(),
    };
    store.add_ticket(&ticket, NOW_MS, NOW_MS + 1000).unwrap();
    ticket.locator()
}

#[test]
fn requests_that_are_not_p256_or_not_signed_are_refused() {
    let ed = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let csr_ed = CertificateParams::default().serialize_request(&ed).unwrap().der().to_vec();
    assert!(public_key_of(&csr_ed).is_err());
    let mut broken = csr();
    *broken.last_mut().unwrap() ^= 1;
    assert!(public_key_of(&broken).is_err());
    assert!(public_key_of(b"").is_err());
}
