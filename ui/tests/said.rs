//! What the screens never say before a finding is final (rules.md, Words).

use crate::options::ThemeMode;
use crate::testkit::fake_desk::FakeDesk;
use crate::testkit::gallery::{SMALL, every_screen};

/// What nobody has been found to have done yet.
const NEVER: [&str; 6] = ["违规", "违法", "骗保", "欺诈", "罚款", "处罚"];
/// What the inspected side never sees: lights, weights, penalty clauses and rule ids.
const NOT_FOR_PARTY: [&str; 8] =
    ["可直接核对", "待核实", "线索", "权重", "第三十八条", "第四十条", "A14", "T38"];

/// Every screen of a whole visit, as the accessible tree has it: no accusation on any of them, and in 示证 nothing
/// of what the rules think.
#[test]
fn no_screen_accuses_and_the_party_sees_facts_only() {
    let (mut screens, mut shown) = (0, 0);
    every_screen(&|| Box::new(FakeDesk::new()), ThemeMode::Light, SMALL, &mut |face, name| {
        let mut words = face.texts();
        words.extend(face.controls().into_iter().map(|c| c.label));
        let words = words.join("\n");
        for never in NEVER {
            // The law's own title stands on papers and in the look-up.
            assert!(!words.contains(never), "{name} says {never}: {words}");
        }
        if name.contains("showing") {
            shown += 1;
            for not in NOT_FOR_PARTY {
                assert!(!words.contains(not), "{name} shows {not}: {words}");
            }
        }
        screens += 1;
        Ok(())
    })
    .unwrap();
    assert!(screens >= 115 && shown >= 2, "{screens} screens, {shown} of 示证");
}
