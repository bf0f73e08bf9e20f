//! R09: the sound card's buffer runs over while nobody reads it.

use super::*;

fn overrun(lost_ms: u32) -> Devices {
    let mut config = small();
    config.microphone.overrun_ms = Some(lost_ms);
    Devices::open(&config).unwrap()
}

/// As a card does under load: each second some samples never come, and what follows is marked as torn off. It is counted,
/// the recording goes on, and every sample that came is in it: nothing is made up in the place of the others.
#[test]
fn r09_an_overrun_of_the_sound_card_is_counted_and_the_recording_goes_on() {
    const TEST: &str = "r09_an_overrun_of_the_sound_card_is_counted_and_the_recording_goes_on";
    for lost_ms in [300, 60] {
        let devices = overrun(lost_ms);
        let (on_fragment, told) = collector();
        let capture = devices.start_audio(on_fragment).unwrap();
        let mut fragments: Vec<Fragment> = Vec::new();
        let begun = Instant::now();
        while capture.gaps().count < 3 {
            assert!(begun.elapsed() < PATIENCE, "{:?}", capture.gaps());
            fragments.extend(told.recv_timeout(Duration::from_millis(100)));
        }
        assert_eq!((capture.ended(), capture.impaired()), (None, None), "it goes on");
        let gaps = capture.gaps();
        let each = gaps.lost_ms / u64::from(gaps.count);
        assert!(each.abs_diff(u64::from(lost_ms)) <= 20, "{gaps:?}");
        fragments.extend(capture.stop());
        fragments.extend(told.try_iter());
        fragments.sort_by_key(|f| f.media_ms);
        let Some(samples) = decode_sound(TEST, &joined(&fragments)) else { return };
        let told_ms = fragments.last().unwrap().media_ms;
        // Time goes on over a hole, so that what comes later keeps its moment; samples do not.
        let apart = (samples.len() as u64 / 48 + gaps.lost_ms).abs_diff(told_ms);
        assert!(apart <= 20, "{apart} ms apart: {gaps:?} of {told_ms} ms");
        let silent = samples.chunks(480).skip(10).filter(|c| c.iter().all(|s| s.abs() < 1000));
        let silent = silent.count();
        assert!(
            silent <= 2 + 2 * gaps.count as usize,
            "{silent} hundredths of silence were made up"
        );
    }
}

/// A card that keeps up has no gaps, and a recording counts its own only.
#[test]
fn r09_a_recording_counts_what_was_lost_since_its_beginning() {
    let devices = Devices::open(&small()).unwrap();
    let (on_fragment, told) = collector();
    let capture = devices.start_audio(on_fragment).unwrap();
    while told.recv_timeout(PATIENCE).unwrap().media_ms < 2_000 {}
    assert_eq!(capture.gaps(), Gaps::default());
    drop(capture);

    let devices = overrun(200);
    let (on_fragment, told) = collector();
    let first = devices.start_audio(on_fragment).unwrap();
    while first.gaps().count < 2 {
        told.recv_timeout(PATIENCE).unwrap();
    }
    let (on_fragment, _told) = collector();
    let second = devices.start_audio(on_fragment).unwrap();
    assert!(second.gaps().count < first.gaps().count, "{:?} {:?}", first.gaps(), second.gaps());
}
