//! Time stamps against openssl, in both directions.

use super::{TsaFault, request, verify};
use crate::Hash32;
use crate::chain::TrustRoots;
use crate::peers::OpenSsl;
use crate::testkit::{StampPlan, TestTsa};

const DATA: &[u8] = b"a signature file";
const CONFIG: &str = "\
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamp]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[t]
serial = serial
signer_digest = DIGEST
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = ESS
";

/// An authority of openssl with this kind of key.
fn authority(o: &OpenSsl, key: &str, digest: &str, ess: &str) -> TrustRoots {
    o.put("t.cnf", CONFIG.replace("DIGEST", digest).replace("ESS", ess));
    o.put("serial", "01\n");
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    o.must(&format!("req -x509 {ec} -config t.cnf -extensions ca -keyout ca.key -out ca.pem -days 30 -subj /CN=Stamps"));
    o.must(&format!(
        "req {key} -nodes -config t.cnf -keyout tsa.key -out tsa.csr -subj /CN=Authority"
    ));
    o.must("x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 29 -extfile t.cnf -extensions stamp -out tsa.pem");
    TrustRoots::from_pem(&o.get("ca.pem")).unwrap()
}

const REPLY: &str =
    "ts -reply -config t.cnf -section t -queryfile q.tsq -signer tsa.pem -inkey tsa.key -out r.tsr";

#[test]
fn stamps_of_openssl_hold_with_every_kind_of_key() {
    let Some(o) = OpenSsl::find("stamps_of_openssl_hold_with_every_kind_of_key") else { return };
    for (key, digest, ess) in [
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256", "sha256", "sha256"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384", "sha384", "sha384"),
        ("-newkey rsa:2048", "sha256", "sha256"),
        ("-newkey rsa:3072", "sha512", "sha512"),
        ("-newkey rsa:2048", "sha256", "sha1"),
    ] {
        let roots = authority(&o, key, digest, ess);
        let nonce = 0xfedc_ba98_7654_3210;
        o.put("q.tsq", request(&Hash32::sha256(DATA), nonce).unwrap());
        o.must(REPLY);
        let response = o.get("r.tsr");
        let stamp = verify(&response, DATA, Some(nonce), &roots)
            .unwrap_or_else(|e| panic!("{key} {digest}: {e}"));
        assert!(stamp.at_ms > 1_700_000_000_000);
        assert_eq!(verify(&response, DATA, None, &roots).unwrap(), stamp);
        assert_eq!(verify(&response, DATA, Some(1), &roots), Err(TsaFault::Nonce));
        assert_eq!(verify(&response, b"other", None, &roots), Err(TsaFault::OtherData));
        let strangers = TrustRoots::from_pem(TestTsa::new().roots_pem().as_bytes()).unwrap();
        assert!(matches!(verify(&response, DATA, None, &strangers), Err(TsaFault::Path(_))));
    }
}

#[test]
fn openssl_reads_our_request() {
    let Some(o) = OpenSsl::find("openssl_reads_our_request") else { return };
    for nonce in [0, 1, 0x7f, 0x80, 0xff00, u64::MAX] {
        o.put("q.tsq", request(&Hash32::sha256(DATA), nonce).unwrap());
        let out = o.run("ts -query -in q.tsq -text");
        let text = String::from_utf8_lossy(&out.stdout).to_lowercase();
        assert!(out.status.success() && text.contains("certificate required: yes"), "{text}");
        let shown = text.lines().find_map(|l| l.strip_prefix("nonce: 0x")).unwrap();
        assert_eq!(u64::from_str_radix(shown, 16).unwrap(), nonce);
    }
}

#[test]
fn openssl_accepts_stamps_of_the_testkit() {
    let Some(o) = OpenSsl::find("openssl_accepts_stamps_of_the_testkit") else { return };
    let tsa = TestTsa::new();
    o.put("data", DATA);
    o.put("ca.pem", tsa.roots_pem());
    o.put("r.tsr", tsa.stamp(DATA, &StampPlan::at(1_795_140_720_000)));
    o.must("ts -verify -in r.tsr -data data -CAfile ca.pem");
    let out = o.run("ts -reply -in r.tsr -text");
    assert!(String::from_utf8_lossy(&out.stdout).contains("Nov 20 02:12:00 2026 GMT"));
}

#[test]
fn a_certificate_for_something_else_cannot_stamp() {
    let Some(o) = OpenSsl::find("a_certificate_for_something_else_cannot_stamp") else { return };
    let roots = authority(&o, "-newkey rsa:2048", "sha256", "sha256");
    // openssl itself refuses to stamp with such a certificate, so a good stamp is judged by its bytes.
    o.put("q.tsq", request(&Hash32::sha256(DATA), 5).unwrap());
    o.must(REPLY);
    let mut response = o.get("r.tsr");
    for at in (0..response.len()).step_by(7) {
        response[at] ^= 4;
        let judged = verify(&response, DATA, Some(5), &roots);
        response[at] ^= 4;
        if let Ok(stamp) = judged {
            assert_eq!(stamp, verify(&response, DATA, Some(5), &roots).unwrap(), "byte {at}");
        }
    }
}
