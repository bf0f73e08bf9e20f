//! The centre changes its intake key (R44), and a keys.db of before it could.

use std::fs;

use age::x25519::Identity;
use spotcheck_app::ports::{BlobVault, DeviceEnrolment, KeyRing};

use super::support::{LI, PIN, Rig, ZHANG, officer};

const WORDS: &[u8] = b"what was said";

fn opens(identity: &Identity, sealed: &[u8]) -> bool {
    age::decrypt(identity, sealed).is_ok()
}

/// R44: a case is sealed for the key it was begun with until its end, whatever comes later, so that one key opens all of
/// it; new cases and what leaves on a stick are sealed for the new one. The old key is named as long as a case needs it.
#[test]
fn r44_a_case_keeps_the_intake_key_it_was_begun_with() {
    let mut rig = Rig::enrolled();
    let first = rig.open_case();
    let old = rig.vault.enrolment().unwrap().unwrap();
    assert_eq!(rig.vault.intake_keys().unwrap(), std::slice::from_ref(&old.intake_id));
    let new = Identity::generate();
    assert!(rig.vault.learn_intake("age1nonsense", "intake-2").is_err());
    // Locked too: a sync needs no officer.
    rig.vault.lock();
    rig.vault.learn_intake(&new.to_public().to_string(), "intake-2").unwrap();
    rig.restart();
    let now = rig.vault.enrolment().unwrap().unwrap();
    let expected = DeviceEnrolment {
        intake: new.to_public().to_string(),
        intake_id: "intake-2".to_owned(),
        ..old.clone()
    };
    assert_eq!(now, expected, "nothing else of the enrolment changes");
    assert_eq!(rig.vault.intake_keys().unwrap(), ["intake-2", old.intake_id.as_str()]);

    rig.unlock(ZHANG, PIN);
    let second = rig.case(2);
    rig.vault.create_case(&second, &[officer(ZHANG), officer(LI)]).unwrap();
    for (case, id, right, wrong) in
        [(&first, &old.intake_id, &rig.intake, &new), (&second, &now.intake_id, &new, &rig.intake)]
    {
        let mut vault = rig.vault.clone();
        let stored = vault.put(case, "data/media/0001.jpg", WORDS).unwrap();
        assert_eq!(&stored.blobs[0].intake_id, id);
        let blob = vault.ciphertext(case, &stored.blobs[0]).unwrap();
        let keys = vault.case_escrow(case).unwrap();
        let copy = vault.seal_for_case(case, WORDS).unwrap();
        for sealed in [&blob, &keys, &copy] {
            assert!(opens(right, sealed) && opens(&rig.escrow, sealed) && !opens(wrong, sealed));
        }
    }
    assert!(opens(&new, &rig.vault.seal_for_centre(WORDS).unwrap()));
    rig.vault.shred_case(&first).unwrap();
    assert_eq!(rig.vault.intake_keys().unwrap(), ["intake-2"]);
}

/// What a case of another handheld was sealed for is not known here: the centre must keep everything until it is gone.
#[test]
fn r44_a_case_that_was_taken_over_names_no_intake_key() {
    let mut a = Rig::enrolled();
    let case = a.open_case();
    let mut b = Rig::enrolled();
    b.unlock(ZHANG, PIN);
    let recipient = b.vault.package_recipient().unwrap().unwrap();
    let shared = a.vault.share_case(&case, &recipient).unwrap();
    let escrow = a.vault.case_escrow(&case).unwrap();
    b.vault.adopt_case(&case, &shared, &escrow, &[officer(ZHANG)]).unwrap();
    assert_eq!(b.vault.intake_keys().unwrap(), ["intake-2026-11", "unknown"]);
    b.vault.learn_intake(&Identity::generate().to_public().to_string(), "intake-2").unwrap();
    assert_eq!(b.vault.recipients(&case).unwrap().intake_id, "intake-2");
    b.vault.shred_case(&case).unwrap();
    assert_eq!(b.vault.intake_keys().unwrap(), ["intake-2"]);
    assert!(fs::exists(b.data().join("keys.db")).unwrap());
}
