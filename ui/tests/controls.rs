//! Everything that can be tapped has role, label and size on every screen, in every theme.

use std::collections::BTreeSet;

use i_slint_backend_testing::{AccessibleRole, ElementQuery};

use crate::options::ThemeMode;
use crate::testkit::fake_desk::FakeDesk;
use crate::testkit::gallery::{LARGE, SMALL, every_screen};

fn walk(theme: ThemeMode, size: (u32, u32)) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut screens = 0;
    every_screen(&|| Box::new(FakeDesk::new()), theme, size, &mut |face, name| {
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
    assert!(screens >= 105, "{screens}");
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

/// What stands in the braces that open at `at`, those within included.
fn block(text: &str, at: usize) -> &str {
    let mut depth = 0_i32;
    let inside = text.split_at(at).1;
    let end = inside.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '{') - i32::from(*c == '}');
        depth == 0
    });
    inside.split_at(end.map_or(0, |(n, _)| n)).0
}

/// Every pair of braces behind a name: whether it defines the component, its base or itself, what stands in it.
fn blocks(text: &str) -> impl Iterator<Item = (Option<&str>, &str, &str)> {
    let last = |head: &str| {
        let before = head.char_indices().rfind(|(_, c)| !c.is_alphanumeric() && *c != '-');
        before.map_or(0, |(n, c)| n + c.len_utf8())
    };
    text.match_indices('{').map(move |(at, _)| {
        let head = text.split_at(at).0.trim_end();
        let (before, name) = head.split_at(last(head));
        let defined = before.trim_end().strip_suffix("inherits").map(str::trim_end);
        (defined.map(|d| d.split_at(last(d)).1), name, block(text, at))
    })
}

/// The default action of the one tappable component does what a touch does, and every tappable thing in the texts of
/// the face hands it on, acts by itself, or says that it cannot be used: nothing looks like a key and is none.
#[test]
fn what_can_be_tapped_does_something() {
    let face = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("face");
    let mut texts = Vec::new();
    for folder in ["", "components", "keyboard", "screens"] {
        for entry in std::fs::read_dir(face.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "slint") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                texts.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let tap = &texts.iter().find(|(name, _)| name == "tap.slint").unwrap().1;
    let acts = tap.matches("root.clicked()").count();
    assert!(tap.contains("accessible-action-default") && acts == 3, "by default, by key, by touch");
    let (mut taps, mut own) = (BTreeSet::from(["Tap"]), BTreeSet::new());
    for _ in 0..4 {
        for (_, text) in &texts {
            for (defined, base, inside) in blocks(text) {
                let Some(name) = defined.filter(|_| taps.contains(base)) else { continue };
                taps.insert(name);
                if own.contains(base) || inside.contains("clicked =>") {
                    own.insert(name);
                }
            }
        }
    }
    assert!(taps.len() >= 28 && own.len() < 8, "{taps:?} {own:?}");
    let (mut seen, mut idle) = (0, Vec::new());
    for (file, text) in &texts {
        for (defined, name, inside) in blocks(text) {
            if defined.is_some()
                || !taps.contains(name)
                || text.contains(&format!("struct {name} {{"))
            {
                continue;
            }
            seen += 1;
            let off = inside.contains("enabled: false");
            if !own.contains(name) && !off && !inside.contains("clicked") {
                idle.push(format!(
                    "{file}: {name} {}",
                    inside.chars().take(120).collect::<String>()
                ));
            }
        }
    }
    assert!(seen > 200, "{seen}");
    assert_eq!(idle, Vec::<String>::new());
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
