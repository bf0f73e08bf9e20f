//! R36, R37: planted tokens are in no file of the data folder, in any encoding, at any moment.

use std::fs;
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use spotcheck_app::desk::RecordingKind;
use spotcheck_app::ports::{BlobVault, KeyRing, RecordingOrder};
use spotcheck_domain::DeviceId;

use super::support::{LI, OTHER_PIN, PIN, Rig, ZHANG, files, officer, pin};
use crate::RecordingWriter;

const NAME: &str = "欧阳核验";
const WORDS: &str = "当事人陈述：记号-7f3a-红杉";

/// UTF-8, UTF-16 in both orders, GB18030 (by its published bytes for these characters).
fn encodings(text: &str) -> Vec<Vec<u8>> {
    let units: Vec<u16> = text.encode_utf16().collect();
    vec![
        text.as_bytes().to_vec(),
        units.iter().flat_map(|u| u.to_le_bytes()).collect(),
        units.iter().flat_map(|u| u.to_be_bytes()).collect(),
    ]
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn r36_r37_no_key_no_pin_no_name_no_plaintext_in_any_file() {
    let mut rig = Rig::new();
    rig.enrol_device(super::support::POLICY);
    rig.enrol(ZHANG, NAME, PIN);
    rig.enrol(LI, "李四", OTHER_PIN);
    let case = rig.open_case();
    let at = spotcheck_domain::Clock::read(rig.clock.as_ref());
    rig.vault.sign_as_officer(&officer(ZHANG), &pin(PIN), WORDS.as_bytes(), &at).unwrap();
    rig.vault.put(&case, "data/documents/0001-v1.json", WORDS.as_bytes()).unwrap();
    let order = RecordingOrder {
        case: case.clone(),
        path: "data/media/0002.ogg".to_owned(),
        log_path: "data/media/0002.log.jsonl".to_owned(),
        kind: RecordingKind::Audio,
        first_prev: "0".repeat(64),
        device: DeviceId::parse("D-0001").unwrap(),
    };
    let recipients = rig.vault.recipients(&case).unwrap();
    let folder = rig.vault.case_folder(&case);
    let clock: Arc<dyn spotcheck_domain::Clock> = rig.clock.clone();
    let mut writer = RecordingWriter::create(&folder, &order, &recipients, clock).unwrap();
    for _ in 0..3 {
        writer.push(WORDS.as_bytes(), 30_000).unwrap();
    }

    let mut tokens: Vec<Vec<u8>> =
        [PIN, OTHER_PIN, NAME, WORDS, "红杉"].iter().flat_map(|text| encodings(text)).collect();
    // GB18030: 红杉 is BA EC C9 BC.
    tokens.push(vec![0xba, 0xec, 0xc9, 0xbc]);
    let (case_key, case_identity, tls) = {
        let tls = rig.vault.tls_identity().unwrap().1;
        let mut state = rig.vault.state();
        let keys = state.case_keys(&case).unwrap();
        (keys.db_key.clone(), keys.identity.clone(), tls)
    };
    let identity_text = case_identity.to_string();
    for secret in [case_key.as_slice(), identity_text.expose_secret().as_bytes(), &tls] {
        tokens.push(secret.to_vec());
        tokens.push(hex::encode(secret).into_bytes());
    }
    // The private scalar inside the PKCS#8 document (RFC 5915) on its own.
    tokens.push(tls[36..68].to_vec());

    let data = rig.data();
    let scan = |when: &str| {
        let all = files(&data);
        assert!(all.len() >= 5, "{when}");
        for path in all {
            let bytes = fs::read(&path).unwrap();
            for token in &tokens {
                assert!(!contains(&bytes, token), "{when}: a token is in {}", path.display());
            }
        }
    };
    scan("while recording");
    drop(writer);
    scan("after a kill");
    rig.vault.recover_recordings(&case).unwrap();
    scan("after the recovery");
    rig.vault.shred_case(&case).unwrap();
    scan("after a shred");

    // Positive control: the same search finds a token planted in clear.
    let planted = rig.data().join("planted");
    fs::write(&planted, [b"xx".as_slice(), &encodings(WORDS)[1], b"yy"].concat()).unwrap();
    assert!(tokens.iter().any(|token| contains(&fs::read(&planted).unwrap(), token)));
}
