//! A small ward: who comes back, who pays nothing, how many lie in how many beds, and what one stay costs beside others.

use chrono::TimeDelta;

use super::super::super::items::{code_of, find};
use super::super::Kind::{NearMiss, Trap, Violation};
use super::super::case::{Case, Closed, Person, Taken, cell, nothing};
use super::super::life::{Dx, done, stay};
use super::super::{Kind, World};
use super::{Small, new_house, of_house};

const LUNG: Dx = ("J18.900", "肺炎");
const HEART: Dx = ("I25.103", "冠状动脉粥样硬化性心脏病");
const STOMACH: Dx = ("K29.500", "慢性胃炎");

/// What a ward does in a year.
struct Year {
    /// So many come back within the month.
    back: i64,
    /// With another illness.
    ill_otherwise: bool,
    /// So many pay nothing, or nothing in cash.
    waived: i64,
    by_account: bool,
    /// So many lie there at once.
    at_once: i64,
    /// The last of them comes on the day on which the first one leaves.
    in_turn: bool,
    /// Days of the longest stay, and whether its bill was cancelled.
    longest: i64,
    cancelled: bool,
    /// Examinations of two kinds, and so many of each that were taken back.
    scans: (i64, i64),
    scans_back: i64,
    /// How many days ago the ward began to upload what its nurses write.
    kept_since: i64,
}

/// The beds of a small ward.
const BEDS: i64 = 5;
/// Longer ago than anything that is told.
const ALWAYS: i64 = 10_000;
/// Stays one after the other.
const STAYS: i64 = 30;

/// Somebody whom nothing but the ward has in common with the others.
fn patient(w: &mut World) -> Person {
    let mut p = w.person((30, 75), None);
    p.employer.clear();
    w.enrol(&p);
    p
}

/// A stay of few days, of which nothing is left but what a ward does for everybody.
fn plain(w: &mut World, house: usize, p: &Person, (ago, days): (i64, i64), dx: Dx) -> Case {
    let mut case = stay(w, (house, 1), p, ago, days, dx);
    case.by_group = false;
    // What is dear is dear because of the days, not because of the drip.
    case.lines.retain(|l| !matches!(l.item.id, "S001" | "S002" | "X008" | "X011"));
    case.forget("lab", |_| false);
    let gone = ["X008", "X011"].map(code_of);
    case.forget("drord", |row| !gone.iter().any(|code| code == cell(row, "drord_detl_code")));
    case
}

fn year(w: &mut World, y: &Year) -> (usize, Closed) {
    let house = new_house(w, Small::Ward);
    let mut waived = y.waived;
    for n in 0..STAYS {
        let p = patient(w);
        let (ago, days) = (345 - 7 * n, 3 + n % 3);
        let comes_back = n < y.back;
        let mut case = plain(w, house, &p, (ago, days), LUNG);
        if waived > 0 {
            (case.waived, case.from_account) = (!y.by_account, y.by_account);
            waived -= 1;
        }
        scan(w, &mut case, n, ago, y);
        nursed(w, case, ago - days, y);
        if comes_back {
            let dx = if y.ill_otherwise { STOMACH } else { LUNG };
            let case = plain(w, house, &p, (ago - days - 22, 4), dx);
            nursed(w, case, ago - days - 26, y);
        }
    }
    // All beds, and one more.
    for n in 0..y.at_once {
        let p = patient(w);
        let later = if y.in_turn && n == y.at_once - 1 { 4 } else { 0 };
        let case = plain(w, house, &p, (100 - later, 4), LUNG);
        w.close(case);
    }
    let p = patient(w);
    let mut case = plain(w, house, &p, (90, y.longest), LUNG);
    if y.cancelled {
        case.taken = Taken::ByLine;
    }
    (house, w.close(case))
}

/// Ends a stay whose last day was so many days ago: what its nurses wrote was uploaded, or not yet.
fn nursed(w: &mut World, mut case: Case, ended: i64, y: &Year) {
    let unkept = ended > y.kept_since;
    if unkept {
        case.forget("vital", |_| false);
        case.forget("exec", |row| cell(row, "evt_type") != "nursing");
    }
    let c = w.close(case);
    if unkept {
        nothing(w, Trap, "B29-3", &c);
        nothing(w, Trap, "A03", &c);
    }
}

/// Some are examined on their second day.
fn scan(w: &mut World, case: &mut Case, n: i64, ago: i64, y: &Year) {
    for (item, many) in [("S003", y.scans.0), ("S024", y.scans.1)] {
        let when = super::hour(w.date(ago - 1), n);
        if n < many {
            done(w, case, item, when, 1);
        }
        if n < y.scans_back {
            let line = case.bill(item, when + TimeDelta::minutes(2), 1);
            case.refund(line, when + TimeDelta::minutes(9), 1, false);
        }
    }
}

const RULES: [&str; 6] = ["A13", "A21", "A23", "J05", "J06", "J08"];

fn tell(w: &mut World, kind: Kind, y: &Year) {
    let (house, longest) = year(w, y);
    of_house(w, kind, &RULES, house);
    nothing(w, kind, "J09", &longest);
    if kind == NearMiss {
        clean_bed(w, house);
    }
}

/// A clean room where they have one: in intensive care.
fn clean_bed(w: &mut World, house: usize) {
    let p = patient(w);
    let mut case = stay(w, (house, 3), &p, 110, 4, HEART);
    case.by_group = false;
    for n in case.of("B001") {
        case.change(n, |l| {
            if let Some(item) = find("B003") {
                (l.item, l.cents) = (item, item.cents);
            }
        });
    }
    let c = w.close(case);
    nothing(w, NearMiss, "B40", &c);
}

/// Half a dozen come back, a third pays nothing, six lie in five beds, one lies there for weeks, all are scanned.
pub(in super::super) fn wrong(w: &mut World) {
    let year = Year {
        back: 6,
        ill_otherwise: false,
        waived: 20,
        by_account: false,
        at_once: BEDS + 1,
        in_turn: false,
        longest: 24,
        cancelled: false,
        scans: (16, 6),
        scans_back: 0,
        kept_since: ALWAYS,
    };
    tell(w, Violation, &year);
}

/// A little less of everything.
pub(in super::super) fn nearly(w: &mut World) {
    let year = Year {
        back: 2,
        ill_otherwise: false,
        waived: 10,
        by_account: false,
        at_once: BEDS,
        in_turn: false,
        longest: 8,
        cancelled: false,
        scans: (4, 1),
        scans_back: 0,
        kept_since: ALWAYS,
    };
    tell(w, NearMiss, &year);
}

/// The nurses' records were uploaded from some month on. They come back with another illness, pay from their own account, take the bed that was left that morning; the
/// dearest bill was cancelled, and the scans too many were taken back.
pub(in super::super) fn natural(w: &mut World) {
    let year = Year {
        back: 6,
        ill_otherwise: true,
        waived: 20,
        by_account: true,
        at_once: BEDS + 1,
        in_turn: true,
        longest: 24,
        cancelled: true,
        scans: (4, 1),
        scans_back: 12,
        kept_since: 250,
    };
    tell(w, Trap, &year);
}
