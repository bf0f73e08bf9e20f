//! Rules composed on a handheld come to the centre as one file: checked, tried, and in force only when signed here.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use spotcheck_domain::{DeviceId, ManualClock, OfficerId, Trouble, rfc3339};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::cms::{RingP256, sign_detached};
use spotcheck_evidence::draft::{DRAFT_SCHEMA, RuleDraft};
use spotcheck_evidence::testkit::NOW_MS;
use spotcheck_rules::compose::{Composed, Measured, Pick, Stretch, draft_files};
use spotcheck_rules::pack_digest;

use super::handheld::{Handheld, block_on};
use crate::rulepacks::{self, PackFolder};
use crate::testing::{TestCentre, TestOptions};

/// Code and words of a refusal.
fn no<T: std::fmt::Debug>(result: crate::Result<T>) -> (String, String) {
    let trouble = Trouble::from(result.unwrap_err());
    (trouble.code, trouble.message)
}

/// More than so many drips in a visit.
pub(super) fn files(centre: &crate::centre::Centre, above: u32) -> BTreeMap<String, Vec<u8>> {
    let rule = Composed {
        items: vec![Pick::Word("输液".to_owned())],
        stretch: Stretch::Visit,
        measured: Measured::Lines,
        above,
        ..Composed::default()
    };
    let base = rulepacks::in_force(centre).unwrap();
    draft_files(&[rule], "2026-11-22", &base).unwrap()
}

pub(super) fn draft(files: &BTreeMap<String, Vec<u8>>) -> RuleDraft {
    let text = |(name, bytes): (&String, &Vec<u8>)| {
        (name.clone(), String::from_utf8(bytes.clone()).unwrap())
    };
    RuleDraft {
        schema: DRAFT_SCHEMA.to_owned(),
        officers: vec![OfficerId::parse("O-0017").unwrap()],
        device: DeviceId::parse("D-0001").unwrap(),
        made: rfc3339(1_795_000_000_000),
        files: files.iter().map(text).collect(),
        signature: None,
    }
}

fn digest(files: &BTreeMap<String, Vec<u8>>) -> Hash32 {
    let list: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    Hash32::parse(&pack_digest(&list)).unwrap()
}

/// Issue 4: a wrong draft is refused with file, line and reason; a good one is tried on history; it is in force
/// only after the centre has signed it.
#[test]
fn a_draft_of_composed_rules_is_checked_and_tried_and_needs_the_centre_to_come_into_force() {
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let options =
        TestOptions { clock: Some(Arc::<ManualClock>::clone(&clock)), ..TestOptions::default() };
    let centre = TestCentre::start_with(options).unwrap();
    let device = block_on(Handheld::enrol(&centre, &clock));
    let centre = centre.centre();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rule-draft.json");
    let write = |draft: &RuleDraft| std::fs::write(&path, draft.to_bytes().unwrap()).unwrap();
    let check = || rulepacks::check(centre, &PackFolder::read(&path)?, false);

    let good = files(centre, 1);
    write(&draft(&good));
    let checked = check().unwrap();
    assert!(checked.name.starts_with("own-draft-"), "{}", checked.name);
    assert_eq!(checked.signer, None);
    assert_eq!(checked.changed.len(), 1);
    assert!(checked.tried > 0, "tried on the history of the city");

    // By the handheld's evidence key, as it comes in a bundle.
    let key = RingP256::from_pkcs8(&device.signing.0.serialize_der()).unwrap();
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(device.answer.signing_chain.as_bytes())
            .map(Result::unwrap)
            .collect();
    let p7s = sign_detached(&digest(&good), &key, &chain, Some(centre.now_ms())).unwrap();
    write(&draft(&good).signed(&p7s));
    assert!(check().unwrap().signer.is_some_and(|id| id.starts_with('D')), "who made it");
    let (_, words) = no(rulepacks::add(centre, &PackFolder::read(&path).unwrap()));
    assert!(words.contains("手持机签名"), "{words}");
    assert_eq!(rulepacks::in_force(centre).unwrap().label(), "national@2026.11");

    // One letter changed on the way.
    let mut other = draft(&files(centre, 2)).signed(&p7s);
    write(&other);
    let (_, words) = no(check());
    assert!(words.contains("不符"), "{words}");

    // Wrong by hand: file inside the draft, line and reason.
    other = draft(&good);
    let toml = other.files.get_mut("own.toml").unwrap();
    *toml = toml.replace("kernel = \"K3\"", "kernel = \"K99\"");
    let line = toml.lines().position(|l| l.contains("K99")).unwrap() + 1;
    write(&other);
    let (code, words) = no(check());
    assert_eq!(code, "RULES-PACK");
    assert!(words.contains("own.toml") && words.contains(&format!("第 {line} 行")), "{words}");
    assert!(words.contains("没有内核 K99"), "{words}");
    std::fs::write(&path, b"{\n\"schema\": 1,,\n}").unwrap();
    let (_, words) = no(check());
    assert!(words.contains("rule-draft.json") && words.contains("第 2 行"), "{words}");
    std::fs::write(&path, b"{\"schema\":\"spotcheck-rule-draft/2\"}").unwrap();
    assert!(no(check()).1.contains("rule-draft.json"));

    // The centre takes it over: its signature stands in the place of the handheld's.
    write(&draft(&good).signed(&p7s));
    rulepacks::sign(centre, &path).unwrap();
    let added = rulepacks::add(centre, &PackFolder::read(&path).unwrap()).unwrap();
    assert_eq!(added.signer.as_deref(), Some("centre"));
    assert!(rulepacks::in_force(centre).unwrap().label().contains("own-draft"));
}
