//! What only stands on lists of the region: for every list an item, its limit, one who is outside of it and one who
//! just is not.
//!
//! The official lists are not ours to invent, so the national pack ships them empty and their rules are silent. The
//! region of the planted city has examples of its own (`overlay`), clearly marked, about items that nobody else bills.
//! One table says the limit; the points of the overlay and the stories are both made from it, the points for the
//! rules, the stories by what somebody did.

mod days;
mod told;

use super::Story;
use super::life::Dx;

/// Where it happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Clinic,
    Stay,
    Counter,
}

/// The stretch over which something is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Visit,
    Prescription,
    Month,
    Year,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Pieces,
    Dates,
    Yuan,
}

/// A limit as its list says it.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// For women only.
    Women,
    /// For persons of at most so many years.
    UpTo(i64),
    /// In houses of these levels.
    Level(&'static str),
    /// In houses of these kinds.
    House(&'static str),
    /// In these kinds of visits; one that is none of them, one that is.
    Way(&'static str, &'static str, &'static str),
    /// For the insured of this kind.
    Insurance(&'static str),
    /// In departments whose name holds the word; one such department.
    Department(&'static str, usize),
    /// With one of these diagnoses; one such diagnosis.
    Diagnosis(&'static str, Dx),
    /// Not with one of these diagnoses; one such diagnosis.
    Forbidden(&'static str, Dx),
    /// For one chronic disease; the other item is for the disease that patients of the city are registered with.
    Disease(&'static str, &'static str),
    /// Never, from a day on.
    Never,
    /// At most so much.
    Sum(Span, Count, i64),
    /// Not together with the other item, which is the one too many.
    Pair(Span, &'static str),
    /// Not at once with the other item of its class.
    Class(&'static str),
    /// Only with the other item beside it, which the second list names (none: the rule itself does).
    Needs(&'static str, &'static str),
    /// Only after the other item, which the second list names.
    After(&'static str, &'static str),
    /// Only on a prescription.
    Prescribed,
    /// Whoever has this diagnosis is given the item.
    Treated(Dx),
    /// This operation is for one of these diagnoses; one such diagnosis.
    Operation(&'static str, &'static str, Dx),
    /// Takes so many minutes of a therapist, whose shift has eight hours.
    Hands(i64),
    /// As `Hands`, by the same list, over a shift of twelve hours.
    LongHands,
    /// Takes so many minutes of the one machine.
    Machine(i64),
}

/// One list with one item on it.
pub(super) struct Listed {
    /// The rule, and the list of its name.
    pub(super) rule: &'static str,
    pub(super) item: &'static str,
    pub(super) place: Place,
    pub(super) limit: Limit,
    /// What it costs is to be paid back.
    pub(super) loss: bool,
}

impl Listed {
    /// What is dangerous, or was not done at all, is so whoever paid.
    fn whoever_paid(&self) -> bool {
        matches!(self.rule, "C16" | "C18" | "C19-1" | "C19-2" | "E11" | "F03")
    }
}

const fn on(
    rule: &'static str,
    item: &'static str,
    place: Place,
    limit: Limit,
    loss: bool,
) -> Listed {
    Listed { rule, item, place, limit, loss }
}

const RHEUMATISM: Dx = ("M06.900", "类风湿性关节炎");
const DIABETES: Dx = ("E11.900", "2型糖尿病");
const PNEUMONIA: Dx = ("J18.900", "肺炎");
const GASTRITIS: Dx = ("K29.500", "慢性胃炎");
const PRESSURE: Dx = ("I10.x00", "特发性(原发性)高血压");
const KNEE: Dx = ("M17.900", "膝关节病");
const PSORIASIS: Dx = ("L40.000", "寻常型银屑病");
const STONE: Dx = ("N20.000", "肾结石");

use Count::{Dates, Pieces, Yuan};
use Limit::{
    After, Class, Department, Diagnosis, Disease, Forbidden, Hands, House, Insurance, Level,
    LongHands, Machine, Needs, Never, Operation, Pair, Prescribed, Sum, Treated, UpTo, Way, Women,
};
use Place::{Clinic, Counter, Stay};

/// Every list that the national pack leaves empty.
pub(super) const LISTED: &[Listed] = &[
    on("B02", "S112", Stay, Pair(Span::Day, "S113"), true),
    on("B04", "S117", Clinic, Sum(Span::Day, Pieces, 2), true),
    on("B05", "S118", Clinic, Sum(Span::Month, Pieces, 4), true),
    on("B07", "S119", Clinic, Sum(Span::Visit, Yuan, 300), true),
    on("B17", "S114", Stay, Pair(Span::Day, "S115"), true),
    on("B21", "S116", Stay, Pair(Span::Day, "M108"), true),
    on("B25", "S120", Clinic, Hands(60), false),
    on("B26-1", "S121", Clinic, Machine(600), true),
    on("C01", "X101", Clinic, Diagnosis("M05|M06", RHEUMATISM), true),
    on("C02", "X127", Clinic, After("X128", "C02-1"), true),
    on("C03", "X102", Clinic, UpTo(14), true),
    on("C04", "X103", Clinic, UpTo(14), true),
    on("C05", "X104", Clinic, Women, true),
    on("C06", "X105", Clinic, Level("05|06"), true),
    on("C07", "X106", Clinic, Way("13|21", "11", "13"), true),
    on("C08", "X107", Stay, Sum(Span::Visit, Dates, 5), true),
    on("C09-2", "X108", Clinic, Sum(Span::Prescription, Pieces, 3), true),
    on("C10", "X109", Clinic, Insurance("510"), true),
    on("C11", "X110", Clinic, Disease("M01600", "X111"), true),
    on("C12", "H101", Clinic, Never, true),
    on("C12-1", "X129", Counter, Never, true),
    on("C13", "H102", Clinic, Never, false),
    on("C16", "X112", Clinic, Pair(Span::Visit, "X113"), false),
    on("C17", "X114", Clinic, Class("X115"), true),
    on("C18", "X116", Stay, Sum(Span::Day, Pieces, 3), false),
    on("C19", "X117", Clinic, Diagnosis("E10|E11", DIABETES), false),
    on("C19-1", "X118", Clinic, Forbidden("K25|K29", GASTRITIS), false),
    on("C19-2", "X130", Clinic, UpTo(65), false),
    on("C21", "X119", Clinic, Level("05"), false),
    on("C22", "X120", Stay, Sum(Span::Visit, Dates, 2), false),
    // The region writes online visits as kind 19.
    on("C23", "X121", Clinic, Way("11|14", "19", "11"), true),
    on("C29", "X122", Clinic, Needs("S101", "C29-1"), true),
    on("C30", "X123", Clinic, Diagnosis("J15|J18|N39", PNEUMONIA), false),
    on("C31", "X124", Clinic, Needs("S030", ""), true),
    on("D01", "M101", Stay, UpTo(14), true),
    on("D02", "M102", Stay, Sum(Span::Visit, Yuan, 1_000), true),
    on("D03", "M103", Stay, Needs("O104", "D03-1"), true),
    on("D04", "M104", Stay, Department("骨科", 3), true),
    on("D05", "M105", Stay, Sum(Span::Visit, Pieces, 2), true),
    on("D06", "M106", Stay, Women, true),
    on("D07", "M107", Stay, Diagnosis("M17|S72", KNEE), true),
    on("E03", "S102", Clinic, Department("康复", 4), true),
    on("E04", "S103", Clinic, Way("13|24", "11", "13"), true),
    on("E04-1", "S104", Clinic, House("1"), true),
    on("E05", "S105", Clinic, Level("05|06"), true),
    on("E06", "S106", Clinic, Sum(Span::Year, Pieces, 3), true),
    on("E07", "S107", Clinic, Insurance("510"), true),
    on("E08", "S108", Clinic, Diagnosis("M05|M06", RHEUMATISM), true),
    on("E09", "S109", Clinic, Diagnosis("E10|E11", DIABETES), false),
    on("E10", "S110", Clinic, Diagnosis("M17", KNEE), false),
    on("E11", "S111", Clinic, Forbidden("I10|I11", PRESSURE), false),
    on("F03", "S122", Stay, Treated(PSORIASIS), false),
    on("F06", "O103", Stay, Operation("55.0300", "N13|N20", STONE), false),
    on("H05", "X125", Counter, Prescribed, true),
    on("H07", "X126", Counter, Women, true),
    on("I06", "S120", Clinic, LongHands, false),
];

/// From how many days ago on the lists of `Never` hold.
pub(super) const SINCE: i64 = 215;

/// As many stories as there are lists; each tells the next one.
pub(super) fn wrong() -> Vec<Story> {
    vec![told::wrong; LISTED.len()]
}

pub(super) fn honest() -> Vec<Story> {
    vec![told::near; LISTED.len()]
}
