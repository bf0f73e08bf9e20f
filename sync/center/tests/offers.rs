//! Rules composed on site come back with the bundle, are listed with their authors, and are taken over by a signature.

use serde_json::json;
use spotcheck_evidence::Hash32;
use spotcheck_evidence::draft::{DRAFT_PATH, DRAFT_SCHEMA};
use spotcheck_evidence::testkit::Parts;
use spotcheck_wire::bundles::BundleState;

use super::bundles::{Team, deliver, parts, seal};
use super::drafts::{draft, files};
use super::handheld::{block_on, centre};
use crate::offers;
use crate::rulepacks::{self, PackFolder};
use crate::testing::OFFICERS;

/// The annex as a handheld seals it: payload, journal line, place in the record.
fn with_rules(mut story: Parts, bytes: &[u8]) -> Parts {
    let hash = Hash32::sha256(bytes);
    story.payload.insert(DRAFT_PATH.to_owned(), bytes.to_vec());
    let annexes = story.record["annexes"].as_array_mut().unwrap();
    let own =
        json!({"path": DRAFT_PATH, "schema": DRAFT_SCHEMA, "sha256": hash, "size": bytes.len()});
    annexes.push(own);
    let at = story.journal.len() - 1;
    let mut line = story.journal[at - 1].clone();
    line["kind"] = "annex_added".into();
    line["subject"] = DRAFT_PATH.into();
    line["hash"] = json!(hash);
    line["facts"] = json!({"schema": DRAFT_SCHEMA});
    line["officer"] = OFFICERS[0].into();
    story.journal.insert(at, line);
    story
}

/// Issue 4: an inspector's own rules are offered to the centre; nobody copies them from a screen.
#[test]
fn the_rules_of_a_received_bundle_are_offered_and_taken_over_by_a_signature() {
    let (centre, clock) = centre();
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let own = centre.centre();
        assert!(offers::offers(own).unwrap().is_empty());
        let rules = draft(&files(own, 1));
        let bytes = rules.to_bytes().unwrap();
        let story = with_rules(parts(&centre), &bytes);
        let (announcement, blobs) = seal(&centre, &story.close(&team.people));
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Received, "{:?}", status.errors);

        let list = offers::offers(own).unwrap();
        assert_eq!(list.len(), 1, "{list:?}");
        let offer = &list[0];
        assert_eq!(offer.bundle, announcement.bundle);
        assert_eq!((&offer.officers, &offer.made), (&rules.officers, &rules.made));
        assert!(
            offer.received.is_some() && offer.trouble.is_none() && !offer.in_force,
            "{offer:?}"
        );
        assert_eq!(offer.rules.len(), 1);
        assert!(
            !offer.rules[0].id.is_empty() && offer.rules[0].logic.contains("输液"),
            "{offer:?}"
        );

        // Byte for byte what was sealed; in force only when the centre has signed it.
        let file = offers::draft_file(own, &announcement.bundle).unwrap();
        assert_eq!(file, bytes);
        let path = centre.folder().join("offer.json");
        std::fs::write(&path, &file).unwrap();
        rulepacks::add(own, &PackFolder::read(&path).unwrap()).unwrap_err();
        rulepacks::sign(own, &path).unwrap();
        rulepacks::add(own, &PackFolder::read(&path).unwrap()).unwrap();
        assert!(offers::offers(own).unwrap()[0].in_force);
        offers::draft_file(own, "EVID-01M7VBK5C0TESTK1T000000009").unwrap_err();
    });
}
