//! What the centre says about bundles whose second copies this handheld holds for others.

use spotcheck_app::ports::{Centre, HeldCopy};
use spotcheck_domain::{BundleId, CaseId, DeviceId};
use spotcheck_wire::bundles::BundleState;

use super::log::TestLog;
use super::sending::World;

fn copy(world: &World, device: &str, bundle: Option<&str>) -> HeldCopy {
    HeldCopy {
        device: DeviceId::parse(device).unwrap(),
        case: CaseId::parse("CASE-01M7VBK5C0SAMP1E0000000001").unwrap(),
        bundle: bundle
            .map_or_else(|| Some(world.bundle.bundle.clone()), |text| BundleId::parse(text).ok()),
    }
}

fn asked(world: &mut World, held: &[HeldCopy]) -> Result<Vec<HeldCopy>, String> {
    world.client.received(&mut world.keys, held, None).map_err(|trouble| trouble.code)
}

/// Received is what the log proves for the handheld whose copy it is: no state, no other handheld's entry and no
/// other bundle's.
#[test]
fn a_copy_is_settled_by_a_proven_receipt_of_its_own_handheld_only() {
    let mut world = World::new(&[1_000]);
    let own = copy(&world, "D-0001", None);
    world.centre.inner().mischief.stuck = Some(BundleState::Verifying);
    world.send().ok();
    assert_eq!(asked(&mut world, std::slice::from_ref(&own)), Ok(vec![]), "no receipt yet");
    world.centre.inner().mischief.stuck = None;
    assert!(world.send().unwrap().is_some());
    let nameless = HeldCopy { bundle: None, ..own.clone() };
    let held = [
        own.clone(),
        nameless,
        copy(&world, "D-0002", None),
        copy(&world, "D-0001", Some("EVID-01M7VBK5C0SAMP1E0000000002")),
    ];
    assert_eq!(asked(&mut world, &held), Ok(vec![own.clone()]));
    world.centre.inner().mischief.receipt = Some(|wire, _| {
        let mut other = TestLog::new("centre.example/log", 8);
        let index = other.append(&wire.entry);
        wire.proof = other.proof(index, 1);
    });
    assert_eq!(asked(&mut world, &held), Err("SYNC-RECEIPT-PROOF".to_owned()));
}
