//! Everything that can be tapped has role, label and size on every screen, in every theme.

use std::collections::BTreeSet;

use i_slint_backend_testing::{AccessibleRole, ElementQuery};

use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::FakeDesk;
use crate::testkit::gallery::{LARGE, SMALL, options, whole_way};

fn walk(theme: ThemeMode, size: (u32, u32)) -> Vec<String> {
    let face = Face::open(Box::new(FakeDesk::new()), &options(theme), size).unwrap();
    let mut wrong = Vec::new();
    let mut screens = 0;
    whole_way(&face, &mut |face, name| {
        screens += 1;
        for tap in ElementQuery::from_root(face.window()).match_inherits("Tap").find_all() {
            let label = tap.accessible_label().unwrap_or_default();
            if tap.accessible_role() != Some(AccessibleRole::Button) || label.trim().is_empty() {
                wrong.push(format!("{name}: {:?} has no role or label", tap.id()));
            }
        }
        let mut seen = BTreeSet::new();
        for control in face.controls() {
            let key = control.label.starts_with("键 ") || control.label.starts_with("清空");
            let (width, height) = control.size;
            if !key && (width < 48 || height < 48) {
                wrong.push(format!("{name}: {} is {width} × {height}", control.label));
            }
            if !control.label.is_empty() && !seen.insert(control.label.clone()) {
                wrong.push(format!("{name}: two controls are called {}", control.label));
            }
        }
        Ok(())
    })
    .unwrap();
    assert!(screens > 25, "{screens}");
    wrong
}

#[test]
fn every_clickable_has_role_label_and_room_for_a_thumb() {
    assert_eq!(walk(ThemeMode::Light, SMALL), Vec::<String>::new());
}

#[test]
fn sunlight_and_the_large_screen_keep_that() {
    assert_eq!(walk(ThemeMode::Sunlight, LARGE), Vec::<String>::new());
}

/// One component may listen to touches for buttons; the others are named here with their reason.
#[test]
fn touches_are_taken_by_the_tap_component_only() {
    let allowed = [
        "tap.slint",      // the one component
        "hold.slint",     // a key that acts while it is held
        "states.slint",   // a sheet keeps touches from what lies beneath
        "keyboard.slint", // gaps between keys swallow touches
        "sign_pad.slint", // the pad draws
        "draw_pad.slint", // the pad of handwriting
        "scrubber.slint", // a finger goes along the track
        "trouble.slint",  // an error card keeps touches from what lies beneath
    ];
    let face = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("face");
    let mut lines_too_many = Vec::new();
    let mut found = BTreeSet::new();
    for folder in ["", "components", "keyboard", "screens"] {
        for entry in std::fs::read_dir(face.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "slint") {
                continue;
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            if text.contains("TouchArea") {
                found.insert(name.clone());
            }
            if text.lines().count() > 210 {
                lines_too_many.push(name.clone());
            }
            for lacking in ["drop-shadow", "rotation-", "transform-"] {
                assert!(!text.contains(lacking), "{name}: the renderer lacks {lacking}");
            }
        }
    }
    assert_eq!(found, allowed.map(str::to_owned).into_iter().collect());
    assert_eq!(lines_too_many, Vec::<String>::new());
}
