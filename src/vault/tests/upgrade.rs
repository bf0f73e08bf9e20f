//! A keys.db that a handheld of an earlier version left.

use std::fs;

use spotcheck_app::ports::{BlobVault, KeyRing};
use spotcheck_domain::CaseId;

use super::support::{LI, OTHER_PIN, PIN, Rig, ZHANG, officer, open, pin};
use crate::VaultOptions;
use crate::keysdb::{KEYS_FILE, restore};
use crate::secret::SECRET_FILE;

/// Everything is invented; the keys open nothing else.
const SECRET: &str = "5c5dfe53eaaf46d93f2cf2fd842e89bd40054a80b8d81a2df8acbf4b2bd6f6be";
const CASE: &str = "CASE-01M7Q5CQG01A8PFV4ECPGRVTXY";
const CASE_KEY: &str = "0c912622369fbcc86076be081e37e9402a11e4bb7d48d56b2c825e0566faaa44";

/// R31: the stored keys of version 1 are brought to today's version whole: both officers open with their PINs, the case has its
/// key and stays with the intake key of the enrolment, and no copy of before is left.
#[test]
fn r31_a_stored_keys_db_of_version_1_is_opened_whole() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join(SECRET_FILE), hex::decode(SECRET).unwrap()).unwrap();
    restore(&data, include_str!("../fixtures/keys_v1.sql"));
    let case = CaseId::parse(CASE).unwrap();
    for round in 0..2 {
        rig.let_go();
        rig.vault = open(folder.path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap();
        let names: Vec<String> = fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(!names.iter().any(|name| name.contains("before")), "round {round}: {names:?}");
        let enrolment = rig.vault.enrolment().unwrap().unwrap();
        assert_eq!(
            (enrolment.device.as_str(), enrolment.intake_id.as_str()),
            ("D-0001", "intake-2026-11")
        );
        rig.vault.tls_identity().unwrap();
        let recipients = rig.vault.recipients(&case).unwrap();
        assert_eq!(recipients.intake, enrolment.intake);
        assert_eq!(rig.vault.intake_keys().unwrap(), ["intake-2026-11"]);
        for (who, with) in [(ZHANG, PIN), (LI, OTHER_PIN)] {
            rig.unlock(who, with);
            let key = rig.vault.case_key(&case).unwrap();
            assert_eq!(hex::encode(key.as_slice()), CASE_KEY);
            let stored = rig.vault.put(&case, "data/media/0001.jpg", b"later").unwrap();
            assert_eq!(rig.vault.read(&case, &stored).unwrap().as_slice(), b"later");
            rig.vault.lock();
        }
    }
    let wrong = rig.vault.unlock(&officer(ZHANG), &pin(OTHER_PIN)).unwrap_err();
    assert_eq!(wrong.code, "VAULT-PIN-WRONG");
    assert!(data.join(KEYS_FILE).exists());
}
