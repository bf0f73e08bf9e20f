//! One line of gpsd. Pure: bytes in, report out; nothing that a line can hold is an error.

use serde::Deserialize;
use spotcheck_domain::time::parse_rfc3339;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// A position of now.
    Fix(Heard),
    /// A TPV of a receiver that has none (mode 0 or 1).
    NoFix,
    /// Anything else that gpsd says, or what is not from gpsd at all.
    Other,
}

/// A position as TPV carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) lat_e7: i64,
    pub(super) lon_e7: i64,
    pub(super) accuracy_m: Option<u32>,
    pub(super) three_d: bool,
    pub(super) time_ms: Option<i64>,
}

/// Members of TPV that count here; gpsd may add others at any time.
#[derive(Deserialize)]
struct Tpv {
    class: String,
    mode: Option<i64>,
    lat: Option<f64>,
    lon: Option<f64>,
    /// Estimated horizontal error, metres.
    eph: Option<f64>,
    /// The same by axis, of older versions.
    epx: Option<f64>,
    epy: Option<f64>,
    /// ISO 8601, UTC.
    time: Option<String>,
}

/// Reads one line.
pub(super) fn read(line: &[u8]) -> Report {
    let Ok(tpv) = serde_json::from_slice::<Tpv>(line) else { return Report::Other };
    if tpv.class != "TPV" {
        return Report::Other;
    }
    let three_d = match tpv.mode {
        Some(2) => false,
        Some(3) => true,
        _ => return Report::NoFix,
    };
    let place = tpv.lat.and_then(|lat| e7(lat, 90.0)).zip(tpv.lon.and_then(|lon| e7(lon, 180.0)));
    let Some((lat_e7, lon_e7)) = place else { return Report::NoFix };
    let axes = tpv.epx.zip(tpv.epy).map(|(x, y)| x.max(y));
    Report::Fix(Heard {
        lat_e7,
        lon_e7,
        accuracy_m: tpv.eph.or(axes).and_then(metres),
        three_d,
        time_ms: tpv.time.as_deref().and_then(parse_rfc3339),
    })
}

/// Degrees as whole 10⁻⁷; `None` outside of ± `most`.
#[expect(clippy::cast_possible_truncation, reason = "at most 180 × 10⁷")]
fn e7(degrees: f64, most: f64) -> Option<i64> {
    (degrees.abs() <= most).then(|| (degrees * 1e7).round() as i64)
}

/// Whole metres, rounded up; an error larger than the Earth is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10⁷")]
fn metres(error: f64) -> Option<u32> {
    (0.0..=1e7).contains(&error).then(|| error.ceil() as u32)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_fix_of_three_dimensions_with_error_and_time() {
        let line = br#"{"class":"TPV","device":"/dev/ttyUSB0","mode":3,"time":"2026-11-20T01:30:00.000Z","ept":0.005,"lat":39.904200412,"lon":116.407412599,"altHAE":43.5,"eph":11.2,"speed":0.1}"#;
        let Report::Fix(heard) = read(line) else { panic!("no fix") };
        assert_eq!((heard.lat_e7, heard.lon_e7), (399_042_004, 1_164_074_126));
        assert_eq!((heard.accuracy_m, heard.three_d), (Some(12), true));
        assert_eq!(heard.time_ms, Some(1_795_138_200_000));
    }

    #[rstest]
    #[case("no mode yet", r#"{"class":"TPV","mode":0}"#, Report::NoFix)]
    #[case(
        "no fix",
        r#"{"class":"TPV","mode":1,"time":"2026-11-20T01:30:00.000Z"}"#,
        Report::NoFix
    )]
    #[case("a fix without a position", r#"{"class":"TPV","mode":2,"lat":39.9}"#, Report::NoFix)]
    #[case(
        "a position that is none",
        r#"{"class":"TPV","mode":3,"lat":91.0,"lon":0.0}"#,
        Report::NoFix
    )]
    #[case(
        "greeting",
        r#"{"class":"VERSION","release":"3.25","proto_major":3,"proto_minor":15}"#,
        Report::Other
    )]
    #[case(
        "an error of gpsd",
        r#"{"class":"ERROR","message":"Unrecognized request"}"#,
        Report::Other
    )]
    #[case("garbage", "\u{fffd}$GPGGA,013000.00,3954.25,N", Report::Other)]
    #[case("nothing", "", Report::Other)]
    #[case("numbers as text", r#"{"class":"TPV","mode":"3","lat":"39"}"#, Report::Other)]
    fn everything_else_is_no_fix(#[case] story: &str, #[case] line: &str, #[case] is: Report) {
        assert_eq!(read(line.as_bytes()), is, "{story}");
    }

    #[test]
    fn two_dimensions_and_the_error_by_axis_of_older_versions() {
        let line = br#"{"class":"TPV","mode":2,"lat":-33.85,"lon":-70.6,"epx":8.1,"epy":14.9}"#;
        let Report::Fix(heard) = read(line) else { panic!("no fix") };
        assert_eq!((heard.lat_e7, heard.lon_e7), (-338_500_000, -706_000_000));
        assert_eq!((heard.accuracy_m, heard.three_d, heard.time_ms), (Some(15), false, None));
    }
}
