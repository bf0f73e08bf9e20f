//! Enrolment stories: the right centre, and every kind of wrong one.

use std::sync::Arc;

use rstest::rstest;
use secrecy::SecretString;
use spotcheck_app::errand::Watch;
use spotcheck_app::ports::Centre;
use spotcheck_domain::{ManualClock, SeededEntropy};
use spotcheck_wire::enrol::{Ticket, TicketKind};

use super::authority::Kind;
use super::centre::{DEVICE, FakeCentre, Mischief, OFFICER};
use super::keyring::MemoryKeyRing;
use super::{BUILD_MS, NOW_MS};
use crate::{CentreClient, Patience};

/// A client in its own folder, whose wall clock stands at `wall_ms`.
pub(crate) fn client_at(folder: &std::path::Path, wall_ms: i64) -> CentreClient {
    let clock = Arc::new(ManualClock::at_ms(wall_ms));
    let entropy = Arc::new(SeededEntropy::new(5));
    CentreClient::new(folder.to_owned(), clock, entropy, BUILD_MS, "0.1.0")
        .unwrap()
        .with_patience(Patience::hurried())
}

/// An enrolled handheld.
pub(crate) fn enrolled(
    centre: &FakeCentre,
    folder: &std::path::Path,
) -> (CentreClient, MemoryKeyRing) {
    let mut client = client_at(folder, NOW_MS);
    let mut keys = MemoryKeyRing::default();
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    assert_eq!(client.enrol(&mut keys, &ticket, None).unwrap(), DEVICE);
    (client, keys)
}

#[test]
fn a_handheld_and_then_an_officer_enrol() {
    let (centre, folder) = (FakeCentre::new(), tempfile::tempdir().unwrap());
    let (mut client, mut keys) = enrolled(&centre, folder.path());
    let device = keys.device.clone().unwrap();
    assert_eq!(device.device.as_str(), DEVICE);
    assert_eq!(device.roots, centre.inner().evidence.pem());
    assert!(device.policy.starts_with("{\"allow_file_protection\":true"));
    let ticket = centre.ticket(TicketKind::Officer, OFFICER);
    let without_pin = client.enrol(&mut keys, &ticket, None).unwrap_err();
    assert_eq!(without_pin.code, "ENROL-PIN");
    let pin = SecretString::from("abcdef123456");
    client.enrol(&mut keys, &ticket, Some(&pin)).unwrap();
    assert_eq!(keys.officers[0].officer.as_str(), OFFICER);
    // One use.
    let again = client.enrol(&mut keys, &ticket, Some(&pin)).unwrap_err();
    assert_eq!(again.code, "ENROL-TICKET");
    assert_eq!(keys.officers.len(), 1);
}

#[test]
fn a_centre_with_another_ca_learns_nothing_and_no_key_is_made() {
    let (real, false_centre) = (FakeCentre::new(), FakeCentre::new());
    let folder = tempfile::tempdir().unwrap();
    // The ticket of the real centre, but the network leads to the false one.
    let ticket = real.ticket_at(TicketKind::Device, DEVICE, false_centre.address.port());
    let mut keys = MemoryKeyRing::default();
    let trouble = client_at(folder.path(), NOW_MS).enrol(&mut keys, &ticket, None).unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), ("ENROL-FALSE-CENTRE", true));
    assert!(keys.device.is_none() && keys.requests == 0);
    assert_eq!(false_centre.inner().enrolments, 0);
}

#[test]
fn a_certificate_of_the_right_ca_for_another_host_is_refused() {
    let centre = FakeCentre::with(&["other.example"], NOW_MS);
    let folder = tempfile::tempdir().unwrap();
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    let mut keys = MemoryKeyRing::default();
    let trouble = client_at(folder.path(), NOW_MS).enrol(&mut keys, &ticket, None).unwrap_err();
    assert_eq!(trouble.code, "ENROL-FALSE-CENTRE");
    assert!(keys.device.is_none());
}

#[rstest]
#[case::key_of_somebody_else(Mischief { swap_key: true, ..Mischief::default() })]
#[case::trust_signed_by_another_ca(Mischief { foreign_trust: true, ..Mischief::default() })]
#[case::certificate_in_an_officers_role(Mischief { profile: Some(Kind::Officer), ..Mischief::default() })]
#[case::certificate_for_tls(Mischief { profile: Some(Kind::ClientTls), ..Mischief::default() })]
#[case::certificate_without_a_role(Mischief { profile: Some(Kind::Centre), ..Mischief::default() })]
fn an_answer_that_does_not_fit_is_refused_and_nothing_is_kept(#[case] mischief: Mischief) {
    let (centre, folder) = (FakeCentre::new(), tempfile::tempdir().unwrap());
    centre.inner().mischief = mischief;
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    let mut keys = MemoryKeyRing::default();
    let trouble = client_at(folder.path(), NOW_MS).enrol(&mut keys, &ticket, None).unwrap_err();
    assert_eq!(trouble.code, "ENROL-FALSE-CENTRE", "{}", trouble.cause);
    assert!(trouble.verdict && keys.device.is_none());
}

#[test]
fn a_request_whose_key_was_swapped_on_the_way_gets_no_certificate() {
    let (centre, folder) = (FakeCentre::new(), tempfile::tempdir().unwrap());
    centre.inner().mischief.swap_request = true;
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    let mut keys = MemoryKeyRing::default();
    let trouble = client_at(folder.path(), NOW_MS).enrol(&mut keys, &ticket, None).unwrap_err();
    assert_eq!(trouble.code, "ENROL-TICKET");
    assert_eq!(centre.inner().enrolments, 0);
}

#[test]
fn an_officer_of_another_centre_cannot_slip_in_by_a_ticket_of_that_centre() {
    let (home, other) = (FakeCentre::new(), FakeCentre::new());
    let folder = tempfile::tempdir().unwrap();
    let (mut client, mut keys) = enrolled(&home, folder.path());
    let ticket = other.ticket(TicketKind::Officer, OFFICER);
    let pin = SecretString::from("abcdef123456");
    let trouble = client.enrol(&mut keys, &ticket, Some(&pin)).unwrap_err();
    assert_eq!(trouble.code, "ENROL-FALSE-CENTRE");
    assert!(keys.officers.is_empty());
}

#[test]
fn tickets_that_are_none_or_too_old_are_refused_before_any_connection() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = MemoryKeyRing::default();
    let refused = |text: &str, wall_ms: i64, keys: &mut MemoryKeyRing| {
        client_at(folder.path(), wall_ms).enrol(keys, text, None).unwrap_err().code
    };
    assert_eq!(refused("hello", NOW_MS, &mut keys), "ENROL-TICKET-FORM");
    let centre = FakeCentre::new();
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    assert_eq!(refused(&ticket, NOW_MS + 2 * 86_400_000, &mut keys), "ENROL-TICKET-EXPIRED");
    let officer = centre.ticket(TicketKind::Officer, OFFICER);
    assert_eq!(refused(&officer, NOW_MS, &mut keys), "ENROL-DEVICE-FIRST");
    // An address with a path could lead a later URL elsewhere.
    let mut odd = Ticket::from_text(&ticket).unwrap();
    odd.centre.push_str("/x?");
    assert_eq!(refused(&odd.to_text().unwrap(), NOW_MS, &mut keys), "ENROL-TICKET-FORM");
    // Nobody listens there: offline, not a verdict.
    let mut gone = Ticket::from_text(&ticket).unwrap();
    gone.centre = "https://127.0.0.1:1".to_owned();
    assert_eq!(refused(&gone.to_text().unwrap(), NOW_MS, &mut keys), "SYNC-OFFLINE");
    assert_eq!(keys.requests, 0);
}

#[test]
fn r52_a_clock_at_1970_does_not_stop_enrolment() {
    // The server's certificate begins after the client was built: only its own start can tell the time.
    let (centre, folder) = (FakeCentre::with(&["127.0.0.1"], NOW_MS), tempfile::tempdir().unwrap());
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    let mut keys = MemoryKeyRing::default();
    let mut client = client_at(folder.path(), 0);
    client.enrol(&mut keys, &ticket, None).unwrap();
    // From now on the certificate's start is a time that has certainly passed.
    assert_eq!(client.judged_ms(), NOW_MS - 86_400_000);
}

#[test]
fn a_right_clock_refuses_a_server_certificate_that_has_run_out() {
    let year_ago = NOW_MS - 370 * 86_400_000;
    let (centre, folder) =
        (FakeCentre::with(&["127.0.0.1"], year_ago), tempfile::tempdir().unwrap());
    let ticket = centre.ticket(TicketKind::Device, DEVICE);
    let mut keys = MemoryKeyRing::default();
    let mut client = client_at(folder.path(), NOW_MS);
    assert_eq!(client.enrol(&mut keys, &ticket, None).unwrap_err().code, "SYNC-CERT-TIME");
    // A clock at 1970 is no way around it, as far as the build time reaches.
    let later = year_ago + 366 * 86_400_000 + 86_400_000;
    let clock = Arc::new(ManualClock::at_ms(0));
    let mut client = CentreClient::new(
        folder.path().to_owned(),
        clock,
        Arc::new(SeededEntropy::new(5)),
        later,
        "0.1.0",
    )
    .unwrap();
    assert_eq!(client.enrol(&mut keys, &ticket, None).unwrap_err().code, "SYNC-CERT-TIME");
}

#[test]
fn certificates_that_end_soon_are_renewed_by_a_pull_under_new_keys() {
    let (centre, folder) = (FakeCentre::new(), tempfile::tempdir().unwrap());
    let (mut client, mut keys) = enrolled(&centre, folder.path());
    client.pull(&mut keys, None, None, &mut Watch::unheard()).unwrap();
    let before = keys.device.clone().unwrap();
    assert_eq!(centre.inner().enrolments, 1, "nothing is renewed early");
    // The certificates are valid for a year from a day before NOW: 25 days are left.
    let mut later = client_at(folder.path(), NOW_MS + 340 * 86_400_000);
    // A centre that cannot is no reason not to pull while the old ones are good.
    centre.inner().mischief.foreign_trust = true;
    later.pull(&mut keys, None, None, &mut Watch::unheard()).unwrap();
    assert_eq!(keys.device.as_ref(), Some(&before));
    centre.inner().mischief.foreign_trust = false;
    later.pull(&mut keys, None, None, &mut Watch::unheard()).unwrap();
    let after = keys.device.clone().unwrap();
    assert_ne!(before.evidence_chain, after.evidence_chain);
    assert_eq!((before.device, before.log_key), (after.device, after.log_key));
    // A renewal may not bring another log.
    let mut other = super::log::TestLog::new("other.example/log", 9);
    other.append(b"an entry");
    centre.inner().log = other;
    let trouble = later.pull(&mut keys, None, None, &mut Watch::unheard()).unwrap_err();
    assert_eq!(trouble.code, "SYNC-LOG");
    assert_eq!(keys.device.unwrap().evidence_chain, after.evidence_chain);
}
