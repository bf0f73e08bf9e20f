//! Ten thousand careless fingers: whatever is tapped, typed, scrolled or pressed, in any order, nothing
//! panics, no borrow is held across a callback, the window still answers, and memory stays flat.
//!
//! `make long` makes it long (`SPOTCHECK_MONKEY=10000`) and prints the resident set at each tenth; the seed is fixed so
//! that a finding can be repeated.

use std::time::Duration;

use slint::platform::Key;

use super::way::face;
use crate::testkit::fake_desk::{FIRST_PIN, SECOND_PIN};

/// Touches of an ordinary run.
const STEPS: usize = 500;
/// The most that the second half of the run may add to the resident set, in pages of 4 KiB.
const GROWTH_PAGES: u64 = 10_000;

/// Knuth's generator: small, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}

fn resident_pages() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[test]
fn careless_fingers_do_no_harm() {
    let steps =
        std::env::var("SPOTCHECK_MONKEY").ok().and_then(|n| n.parse().ok()).unwrap_or(STEPS);
    let face = face();
    let mut dice = Dice(20_261_122);
    let mut half = 0;
    for step in 0..steps {
        if step == steps / 2 {
            half = resident_pages();
        }
        if steps > STEPS && step % (steps / 10) == 0 {
            eprintln!("{step} of {steps}: {} KiB resident", resident_pages() * 4);
        }
        // Whoever locked it by chance unlocks it again: most of the house lies behind.
        if face.shows("未解锁") {
            let pin = if dice.roll(2) == 0 { FIRST_PIN } else { SECOND_PIN };
            let _wrong = face.fill("PIN", pin);
            let _wrong = face.tap("解锁");
        }
        // A control that is hidden behind another or scrolled away is refused: that is no harm.
        let _refused = match dice.roll(16) {
            0 => face.scroll(if dice.roll(2) == 0 { 300.0 } else { -300.0 }),
            1 => face.key(Key::Escape.into()),
            2 => {
                let keys = [Key::F1, Key::F2, Key::F3, Key::F4];
                face.key(keys[dice.roll(keys.len())].into())
            }
            3 => face.advance(Duration::from_millis(500 * (1 + dice.roll(24) as u64))),
            4 => face.type_text(["王", "1 2", "\u{1F642}", "没有", "<b>'\"\\"][dice.roll(5)]),
            _ => {
                let controls: Vec<_> = face.controls().into_iter().filter(|c| c.enabled).collect();
                match controls.get(dice.roll(controls.len())) {
                    Some(control) => face.touch(&control.label),
                    None => Ok(()),
                }
            }
        };
        face.settle().unwrap();
    }
    assert!(!face.texts().is_empty(), "the window answers");
    let grown = resident_pages().saturating_sub(half);
    assert!(grown < GROWTH_PAGES, "{grown} pages more in the second half");
}
