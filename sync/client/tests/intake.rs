//! The centre's intake key changes (R44): the handheld learns the new one with its tasks, from nobody but its own centre.

use spotcheck_app::errand::Watch;
use spotcheck_app::ports::{Centre, Pulled};
use spotcheck_domain::Trouble;

use super::centre::FakeCentre;
use super::enrolment::enrolled;
use super::keyring::MemoryKeyRing;
use crate::CentreClient;

struct World {
    centre: FakeCentre,
    client: CentreClient,
    keys: MemoryKeyRing,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let (centre, folder) = (FakeCentre::new(), tempfile::tempdir().unwrap());
        let (client, keys) = enrolled(&centre, folder.path());
        Self { centre, client, keys, _folder: folder }
    }

    fn pull(&mut self) -> Result<Pulled, Trouble> {
        self.client.pull(&mut self.keys, None, None, &mut Watch::unheard())
    }

    fn intake(&self) -> (String, String) {
        let device = self.keys.device.as_ref().unwrap();
        (device.intake.clone(), device.intake_id.clone())
    }

    fn asked(&self) -> Option<String> {
        self.centre.inner().asked_intake.clone()
    }
}

/// R44: with the present key nothing comes; after a rotation the next pull brings the new one and nothing else of the
/// enrolment; from then on the handheld says that it has it, and what it still holds for the old one.
#[test]
fn r44_a_new_intake_key_comes_with_the_tasks_and_is_confirmed_by_the_next_pull() {
    let mut world = World::new();
    assert_eq!(world.pull().unwrap().new_intake, None);
    assert_eq!(world.asked().as_deref(), Some("intake-1"));
    let before = world.keys.device.clone().unwrap();
    world.centre.inner().intake = 2;
    assert_eq!(world.pull().unwrap().new_intake.as_deref(), Some("intake-2"));
    let after = world.keys.device.clone().unwrap();
    assert_ne!(after.intake, before.intake);
    let same = (after.escrow.clone(), after.log_key.clone(), after.evidence_chain);
    assert_eq!(same, (before.escrow, before.log_key, before.evidence_chain));
    assert_eq!(world.pull().unwrap().new_intake, None);
    assert_eq!(world.asked().as_deref(), Some("intake-2,intake-1"));
    // The centre's memory came back from a copy of before: what it has counts, whatever came later.
    world.centre.inner().intake = 1;
    assert_eq!(world.pull().unwrap().new_intake.as_deref(), Some("intake-1"));
}

/// Whoever could put a key of their own here would read all that is captured from now on: it must be signed by the CA of
/// the enrolment, and escrow never changes with it.
#[test]
fn r44_an_intake_key_that_the_own_centre_did_not_sign_is_refused() {
    let mut world = World::new();
    let before = world.intake();
    world.centre.inner().intake = 2;
    world.centre.inner().mischief.foreign_trust = true;
    assert_eq!(world.pull().unwrap_err().code, "ENROL-FALSE-CENTRE");
    world.centre.inner().mischief.foreign_trust = false;
    world.centre.inner().mischief.foreign_escrow = true;
    assert_eq!(world.pull().unwrap_err().code, "ENROL-FALSE-CENTRE");
    world.centre.inner().mischief.foreign_escrow = false;
    // Bytes that were signed for another handheld.
    world.centre.inner().mischief.tasks = Some(|list| {
        let trust = list.trust.as_mut().unwrap();
        trust.statement =
            String::from_utf8_lossy(&trust.statement).replace("D-0001", "D-0002").into_bytes();
    });
    assert_eq!(world.pull().unwrap_err().code, "ENROL-FALSE-CENTRE");
    assert_eq!(world.intake(), before);
    world.centre.inner().mischief.tasks = None;
    assert_eq!(world.pull().unwrap().new_intake.as_deref(), Some("intake-2"));
}
