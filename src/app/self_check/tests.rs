//! What the self-check makes of what it finds.

use std::sync::Arc;

use secrecy::SecretString;
use spotcheck_domain::{ManualClock, OfficerId};

use super::*;
use crate::desk::Desk as _;
use crate::errand::{Errand, Watch};
use crate::memory::{BEGIN_MS, Disk, handheld};

fn run(h: &mut Handheld) -> Vec<Check> {
    match h.run(&Errand::SelfCheck).unwrap() {
        Home::SelfChecked(checks) => checks,
        other => panic!("{other:?}"),
    }
}

/// ui.md, self-check: every device is tried once, a missing one is told and nothing fails, the result is journaled.
#[test]
fn each_device_is_told_once_and_the_result_is_journaled() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    h.unlock(&OfficerId::parse("O-0001").unwrap(), &SecretString::from("O-0001".to_owned()))
        .unwrap();
    let checks = run(&mut h);
    let parts: Vec<Part> = checks.iter().map(|c| c.part).collect();
    assert_eq!(parts.len(), 12, "{checks:?}");
    assert!(parts.windows(2).all(|two| two[0] < two[1]), "each once, in order: {parts:?}");
    let of = |part: Part| checks.iter().find(|c| c.part == part).unwrap();
    assert_eq!(
        (of(Part::Microphone).health, &of(Part::Microphone).seen),
        (Health::Good, &Seen::Sound(42))
    );
    assert_eq!(of(Part::Camera).health, Health::Absent, "no camera is no error");
    assert_eq!(of(Part::Position).health, Health::Absent);
    assert_eq!(of(Part::Battery).health, Health::Absent);
    assert_eq!(of(Part::Printer).health, Health::Absent);
    assert_eq!(of(Part::Chip).health, Health::Good);
    assert_eq!(of(Part::Media).health, Health::Absent, "nothing was captured yet");
    let entries = h.journal_entries(None).unwrap();
    let told: Vec<_> = entries.iter().filter(|e| e["facts"]["what"] == "self_check").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["facts"]["microphone"], "good");
    assert_eq!(told[0]["facts"]["camera"], "absent");
}

/// While something is recorded no tone is played into it.
#[test]
fn no_tone_is_played_into_a_recording() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    h.unlock(&OfficerId::parse("O-0001").unwrap(), &SecretString::from("O-0001".to_owned()))
        .unwrap();
    let case = h.open_case(&spotcheck_domain::TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    h.start_recording(Some(&case), crate::desk::RecordingKind::Audio).unwrap();
    let checks = run(&mut h);
    let speaker = checks.iter().find(|c| c.part == Part::Speaker).unwrap();
    assert_eq!((speaker.health, &speaker.seen), (Health::Care, &Seen::Hushed));
}

/// Asked to stop, it does not begin what takes long.
#[test]
fn a_stop_is_heard_between_devices() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1);
    let journey = h.set_out(&Errand::SelfCheck).unwrap();
    let mut watch = Watch::unheard();
    watch.stop.ask();
    let Brought::SelfChecked(checks) = journey(&mut watch) else { panic!() };
    assert!(checks.iter().all(|c| c.part != Part::Microphone), "{checks:?}");
}

#[test]
fn what_is_found_is_judged() {
    assert_eq!((enough(SILENT, SILENT), enough(0, SILENT)), (Health::Good, Health::Care));
    let camera = Trouble::new("DEVICE-CAMERA", "", "", "");
    assert_eq!(Check::failed(Part::Camera, camera).health, Health::Absent);
    let broken = Trouble::new("RECORDER-START", "", "", "");
    assert_eq!(Check::failed(Part::Camera, broken).health, Health::Bad);
    assert_eq!(position(PlaceState::Searching).0, Health::Care);
    let of = |percent: Option<u8>, charging| {
        let budget = Budget { battery_percent: percent, charging, ..Budget::default() };
        battery(budget).0
    };
    assert_eq!(of(Some(10), false), Health::Bad);
    assert_eq!(of(Some(10), true), Health::Good);
    assert_eq!(of(Some(29), false), Health::Care);
    assert_eq!(of(None, false), Health::Absent);
    assert_eq!((clock(false, None).0, clock(true, Some(3)).0), (Health::Bad, Health::Care));
    assert_eq!(clock(true, Some(2)).0, Health::Good);
    let fix = Fix {
        lat_e7: 0,
        lon_e7: 0,
        accuracy_m: None,
        three_d: true,
        heard_boottime_ms: 1_000,
        time_ms: Some(100_000),
    };
    // Heard four seconds ago: the satellites' time is 104 s now.
    assert_eq!(off_s(&fix, 110_900, 5_000), Some(6));
}
