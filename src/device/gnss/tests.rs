//! gpsd as a small server that speaks its real lines, and gpsd itself where it is installed.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(50);
const VERSION: &str =
    r#"{"class":"VERSION","release":"3.25","rev":"3.25","proto_major":3,"proto_minor":15}"#;
const DEVICES: &str = r#"{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyUSB0","driver":"NMEA0183","activated":"2026-11-20T01:29:59.000Z"}]}"#;
const WATCHING: &str = r#"{"class":"WATCH","enable":true,"json":true,"nmea":false,"raw":0,"scaled":false,"timing":false}"#;

/// Serves one connection after another; each says what it is given, line by line, and ends with the list.
fn gpsd(connections: Vec<Vec<String>>) -> (SocketAddr, Sender<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (hold, held) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        let last = connections.len().saturating_sub(1);
        for (n, lines) in connections.into_iter().enumerate() {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            writeln!(stream, "{VERSION}").unwrap();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            assert_eq!(asked.as_bytes(), WATCH, "asked as the manual says");
            for line in lines {
                // Whoever has heard enough hangs up.
                if writeln!(stream, "{line}").is_err() {
                    break;
                }
            }
            if n == last {
                // Stays until the test is over.
                let _over = held.recv();
            }
        }
    });
    (address, hold)
}

fn tpv(mode: u8, lat: f64) -> String {
    format!(
        r#"{{"class":"TPV","device":"/dev/ttyUSB0","mode":{mode},"time":"2026-11-20T01:30:00.000Z","lat":{lat},"lon":116.4,"eph":9.5}}"#
    )
}

fn lines(more: &[String]) -> Vec<String> {
    [&[DEVICES.to_owned(), WATCHING.to_owned()], more].concat()
}

fn until(gnss: &Gnss, wanted: impl Fn(&PlaceState) -> bool) -> PlaceState {
    let begun = Instant::now();
    loop {
        let state = gnss.state();
        if wanted(&state) {
            return state;
        }
        assert!(begun.elapsed() < PATIENCE, "{state:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_at(lat_e7: i64) -> impl Fn(&PlaceState) -> bool {
    move |state| matches!(state, PlaceState::Fixed(fix) if fix.lat_e7 == lat_e7)
}

#[test]
fn a_fix_comes_through_greeting_garbage_and_a_cut_connection() {
    let first = lines(&[
        r#"{"class":"TPV","mode":0}"#.to_owned(),
        r#"{"class":"TPV","mode":1}"#.to_owned(),
        "$GPGGA,,,,,, \u{fffd}{{{".to_owned(),
        tpv(2, 39.9),
    ]);
    let second = lines(&[tpv(3, 40.1)]);
    let (address, _hold) = gpsd(vec![first, second]);
    let begun = boottime_ms();
    let gnss = Gnss::listen_patiently(address, SOON);
    // The first connection is cut after a fix of two dimensions; the second tells another place.
    let PlaceState::Fixed(fix) = until(&gnss, is_at(401_000_000)) else { unreachable!() };
    assert!(fix.three_d);
    assert_eq!((fix.lon_e7, fix.accuracy_m), (1_164_000_000, Some(10)));
    assert!(fix.heard_boottime_ms >= begun && fix.fact(boottime_ms()).is_some());
    // Its time speaks for the wall clock, or against it.
    let now = boottime_ms();
    let told = 1_795_138_200_000 + (now - fix.heard_boottime_ms);
    assert_eq!(gnss.clock_off_ms(told + 1_500, now), Some(1_500));
    assert_eq!(gnss.clock_off_ms(told, now + FRESH_MS + 1_000), None, "too old to say anything");
}

#[test]
fn a_receiver_without_a_fix_is_searching_and_one_that_is_away_is_asked_again() {
    let (address, _hold) = gpsd(vec![lines(&[r#"{"class":"TPV","mode":1}"#.to_owned()])]);
    let gnss = Gnss::listen_patiently(address, SOON);
    until(&gnss, |state| *state == PlaceState::Searching);
    assert_eq!(gnss.clock_off_ms(0, boottime_ms()), None);

    // Nobody listens there yet.
    let place = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let gnss = Gnss::listen_patiently(address, SOON);
    assert_eq!(gnss.state(), PlaceState::Away);
    let Ok(listener) = TcpListener::bind(address) else { return };
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        writeln!(stream, "{VERSION}\n{}", tpv(3, 1.5)).unwrap();
        std::thread::park_timeout(PATIENCE);
    });
    until(&gnss, is_at(15_000_000));
}

/// A line without an end does not fill the memory: the connection is given up.
#[test]
fn an_endless_line_is_cut_off() {
    let endless = "x".repeat(usize::try_from(LONGEST_LINE).unwrap() * 2);
    let (address, _hold) = gpsd(vec![vec![endless], lines(&[tpv(3, 2.5)])]);
    let gnss = Gnss::listen_patiently(address, SOON);
    until(&gnss, is_at(25_000_000));
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A receiver: says where it is ten times a second to whoever connects, in sentences of NMEA 0183.
fn receiver() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for second in (0..60_u8).cycle().take(600) {
            let at = format!("0130{second:02}.00");
            for body in [
                format!("GPGGA,{at},3954.2520,N,11624.4448,E,1,08,1.0,43.5,M,-9.0,M,,"),
                format!("GPRMC,{at},A,3954.2520,N,11624.4448,E,0.1,0.0,201126,,,A"),
            ] {
                let sum = body.bytes().fold(0_u8, |sum, byte| sum ^ byte);
                if write!(stream, "${body}*{sum:02X}\r\n").is_err() {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    address
}

/// The same with gpsd itself, which reads a receiver's sentences over a loopback connection.
#[test]
fn gpsd_itself_tells_a_fix() {
    const TEST: &str = "gpsd_itself_tells_a_fix";
    // Debian keeps it where only root's PATH looks.
    let known = |program: &&str| {
        Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let Some(gpsd) = ["gpsd", "/usr/sbin/gpsd"].into_iter().find(known) else {
        eprintln!("SKIPPED {TEST}: gpsd is not installed");
        return;
    };
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = Command::new(gpsd);
    command.args(["-N", "-n", "-S", &address.port().to_string()]);
    command.arg(format!("tcp://{}", receiver()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _daemon = Killed(command.spawn().unwrap());
    let gnss = Gnss::listen_patiently(address, SOON);
    let PlaceState::Fixed(fix) = until(&gnss, |s| matches!(s, PlaceState::Fixed(_))) else {
        unreachable!()
    };
    assert!((fix.lat_e7 - 399_042_000).abs() < 1_000, "{}", fix.lat_e7);
    assert!((fix.lon_e7 - 1_164_074_133).abs() < 1_000, "{}", fix.lon_e7);
    // 2026-11-20T01:30 and some seconds: what it says of the time is heard too.
    let off = gnss.clock_off_ms(1_795_138_200_000, boottime_ms());
    assert!(off.is_some_and(|off| off.abs() < 120_000), "{off:?}");
}
