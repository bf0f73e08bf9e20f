//! R08: warned at 10, 5 and 2 minutes, with the reserve for sealing and printing left alone.

use super::*;

const RATES: Rates =
    Rates { audio_minute: 270_000, video_minute: 17_000_000, reserve: 200_000_000 };

fn reading(free_beyond_reserve: u64, running_minute: Option<u64>) -> Reading {
    let free = RATES.reserve + WORKING_BYTES + free_beyond_reserve;
    Reading { free, rates: RATES, running_minute, charge: None }
}

#[test]
fn r08_the_minutes_that_are_left_are_told_at_ten_five_and_two() {
    let video = Some(RATES.video_minute);
    let of = |minutes: u64| budget(&reading(minutes * RATES.video_minute, video));
    assert_eq!((of(11).minutes, of(11).low), (11, None));
    for (minutes, warned) in [(10, 10), (6, 10), (5, 5), (3, 5), (2, 2), (0, 2)] {
        assert_eq!(of(minutes).low, Some((warned, Scarce::Space)), "{minutes} left");
    }
    // The same room is hours of sound: nobody is warned of what does not come.
    let sound = budget(&reading(10 * RATES.video_minute, Some(RATES.audio_minute)));
    assert_eq!((sound.minutes, sound.low), (629, None));
    // Nothing runs: what a video would have.
    assert_eq!(budget(&reading(4 * RATES.video_minute, None)).low, Some((5, Scarce::Space)));
    // The reserve is no minute of recording.
    let full = budget(&Reading { free: RATES.reserve, ..reading(0, video) });
    assert_eq!((full.minutes, full.audio_minutes), (0, 0));
}

#[test]
fn r08_a_battery_keeps_what_sealing_and_printing_need() {
    let of = |percent, minutes, charging| {
        let charge = Some(Charge { percent, charging, minutes });
        budget(&Reading { charge, ..reading(1 << 40, None) })
    };
    // 30 % for 60 minutes: a third of it is kept.
    let third = of(30, Some(60), false);
    assert_eq!((third.battery_minutes, third.reserve_minutes), (Some(40), Some(20)));
    assert_eq!(of(5, Some(10), false).reserve_minutes, Some(10), "all that is left");
    assert_eq!(of(30, Some(60), true).reserve_minutes, None);
    assert_eq!(of(12, Some(30), false).low, Some((5, Scarce::Battery)));
    assert_eq!(of(10, Some(30), false).low, Some((2, Scarce::Battery)), "the reserve is reached");
    assert_eq!(of(9, None, false).minutes, 0, "also where nobody knows minutes");
    assert_eq!(of(50, None, false).low, None);
    assert_eq!(of(3, Some(4), true).low, None, "on external power");
}

#[test]
fn a_battery_without_an_estimate_is_told_by_how_fast_it_fell() {
    let mut gauge = Gauge::default();
    let at = |percent| Charge { percent, charging: false, minutes: None };
    assert_eq!(gauge.minutes(0, at(50)).minutes, None);
    assert_eq!(gauge.minutes(600_000, at(49)).minutes, None, "one per cent may be rounding");
    // 5 % in 20 minutes: 45 % last 180.
    assert_eq!(gauge.minutes(1_200_000, at(45)).minutes, Some(180));
    let power = Charge { charging: true, ..at(46) };
    assert_eq!(gauge.minutes(1_300_000, power).minutes, None);
    assert_eq!(gauge.minutes(1_400_000, at(48)).minutes, None, "it begins anew");
    // The kernel knows better.
    let told = Charge { minutes: Some(77), ..at(40) };
    assert_eq!(gauge.minutes(9_000_000, told).minutes, Some(77));
}
