//! A handheld that holds another one's second copy asks about its bundle; and one whose intake key is old.

use spotcheck_wire::bundles::{BundleState, BundleStatus};
use spotcheck_wire::enrol::TicketKind;

use super::bundles::{Team, deliver, parts, seal};
use super::handheld::{Handheld, block_on, centre, problem};
use crate::escrow::export;
use crate::intake::{intake_identity, rotate};
use crate::testing::DEVICE;
use crate::tickets::new_ticket;

/// The task of the bundle, for these handhelds.
fn task(devices: &[&str]) -> spotcheck_domain::task::Task {
    serde_json::from_value(serde_json::json!({
        "schema": "spotcheck-task/1", "id": "T-2026-0009", "title": "现场核查", "mode": "enforcement",
        "basis": [], "document_number": null,
        "facility": {
            "fixmedins_code": "H1", "fixmedins_name": "示例医院", "uscc": null, "addr": null,
        },
        "period_from": "2026-01-01", "period_to": "2026-10-31", "officers": [], "devices": devices,
        "valid_from": "2026-11-01T00:00:00.000+08:00", "valid_until": "2026-12-01T00:00:00.000+08:00",
    }))
    .unwrap()
}

/// evidence.md §1: who holds the copy hears of the receipt, and of nothing before it; who is not on the task, and
/// who was revoked, hears nothing at all.
#[test]
fn a_handheld_of_the_same_task_hears_of_the_receipt_and_of_nothing_else() {
    let (centre, clock) = centre();
    let own = centre.centre();
    own.repo().add_task(&task(&[DEVICE, "D-0010"]), own.now_ms()).unwrap();
    let tickets = ["D-0010", "D-0011"]
        .map(|id| new_ticket(own, TicketKind::Device, id, Some(id), None).unwrap());
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let beside = Handheld::enrol_by(&centre, &clock, &tickets[0]).await;
        let stranger = Handheld::enrol_by(&centre, &clock, &tickets[1]).await;
        let (announcement, blobs) = seal(&centre, &parts(&centre).close(&team.people));
        let path = format!("/v1/bundles/{}", announcement.bundle);
        let ask = async |who: &Handheld| who.get(&path).send().await.unwrap();
        let nothing = (404, "NOT-FOUND".to_owned());
        assert_eq!(problem(ask(&beside).await).await, nothing, "unknown");
        let announced = team.handheld.post("/v1/bundles").json(&announcement).send().await.unwrap();
        assert_eq!(announced.status(), 200);
        assert_eq!(problem(ask(&beside).await).await, nothing, "announced only");
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Received);
        let heard: BundleStatus = ask(&beside).await.json().await.unwrap();
        assert_eq!((heard.state, heard.errors.len()), (BundleState::Received, 0));
        let receipt = heard.receipt.unwrap();
        assert_eq!(receipt.entry, status.receipt.unwrap().entry);
        assert_eq!(receipt.timestamps, []);
        assert_eq!(problem(ask(&stranger).await).await, nothing, "not on the task");
        own.repo().revoke_device("D-0010", own.now_ms()).unwrap();
        assert_eq!(problem(ask(&beside).await).await, nothing, "revoked");
    });
}

/// R44: a handheld that was away while the intake key changed sealed for the old one. Each blob names its key, and the
/// old one stays at the centre: the bundle opens and is received; a key that the centre never had opens nothing.
#[test]
fn r44_a_bundle_sealed_for_an_older_intake_key_is_received() {
    let (centre, clock) = centre();
    let own = centre.centre();
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let (announcement, blobs) = seal(&centre, &parts(&centre).close(&team.people));
        let old = own.recipients().unwrap().intake_id;
        export(own, &centre.folder().join("shares"), 2).unwrap();
        rotate(own).unwrap();
        let new = own.recipients().unwrap();
        assert_ne!(new.intake_id, old);
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!((status.state, status.errors.len()), (BundleState::Received, 0));
        assert!(intake_identity(own.repo(), &old).is_ok());
        assert!(intake_identity(own.repo(), &new.intake_id).is_ok());
        assert!(intake_identity(own.repo(), "intake-00000000").is_err());
    });
}
