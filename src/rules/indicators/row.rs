//! One row as terms see it: its own cells, and what it is joined with.

use chrono::Datelike as _;
use spotcheck_domain::BeijingTime;
use spotcheck_domain::columns::Batch;

use super::entity::Joined;
use super::world::{Group, Visit, World};

/// Where the value of a field lies in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// A column of the batch.
    Own(usize),
    /// Joined.
    Joined(Joined),
}

/// A number of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Num {
    /// Not uploaded.
    Missing,
    /// There is none: no range holds it, and nothing is missing.
    Never,
    /// As stored.
    Is(i64),
}

/// One row with what it is joined with.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) world: &'a World,
    pub(crate) own: Option<(&'a Batch, usize)>,
    pub(crate) visit: Option<&'a Visit>,
    pub(crate) facility: u32,
    pub(crate) group: Option<&'a Group>,
    pub(crate) bed_days: i64,
}

impl Row<'_> {
    /// The dictionary code in a slot, 0 if missing.
    pub(crate) fn code(&self, slot: Slot) -> u32 {
        let joined = match slot {
            Slot::Own(at) => return self.own.map_or(0, |(b, n)| b.code(at, n)),
            Slot::Joined(joined) => joined,
        };
        if joined == Joined::Facility {
            return self.facility;
        }
        if joined == Joined::PayWay {
            return self.group.map_or(0, |g| g.pay_way);
        }
        let Some(visit) = self.visit else { return 0 };
        match joined {
            Joined::Visit => visit.id,
            Joined::Person => visit.psn,
            Joined::VisitKind => visit.kind,
            Joined::MedType => visit.med_type,
            Joined::Insutype => visit.insutype,
            Joined::DscgWay => visit.dscg_way,
            Joined::Disease => visit.disease.0,
            Joined::Department => visit.department.0,
            Joined::Ward => visit.ward,
            Joined::Doctor => visit.doctor.0,
            Joined::SameNext => visit.same_next,
            Joined::Gend => self.world.person(visit).gend,
            Joined::PsnType => self.world.person(visit).psn_type,
            Joined::Admdvs => self.world.person(visit).admdvs,
            Joined::Employer => self.world.person(visit).employer.0,
            _ => 0,
        }
    }

    /// Code of the name that goes with a joined key, 0 if there is none.
    pub(crate) fn name(&self, joined: Joined) -> u32 {
        let of = |pick: fn(&Visit) -> u32| self.visit.map_or(0, pick);
        match joined {
            Joined::Facility => self.world.facility_names.get(&self.facility).copied().unwrap_or(0),
            Joined::Department => of(|v| v.department.1),
            Joined::Disease => of(|v| v.disease.1),
            Joined::Doctor => of(|v| v.doctor.1),
            Joined::Employer => self.visit.map_or(0, |v| self.world.person(v).employer.1),
            _ => 0,
        }
    }

    /// The number in a slot.
    pub(crate) fn number(&self, slot: Slot) -> Num {
        let is = |n: Option<i64>| n.map_or(Num::Missing, Num::Is);
        let joined = match slot {
            Slot::Own(at) => return is(self.own.and_then(|(b, n)| b.number(at, n))),
            Slot::Joined(joined) => joined,
        };
        match joined {
            Joined::BedDays => Num::Is(self.bed_days),
            Joined::Weight => is(self.group.and_then(|g| g.weight)),
            Joined::PayStd => is(self.group.and_then(|g| g.pay_std)),
            Joined::Days => is(self.visit.and_then(Visit::days)),
            Joined::DaysToNext => self.visit.and_then(|v| v.to_next).map_or(Num::Never, Num::Is),
            Joined::Age => is(self.visit.and_then(|v| self.age(v))),
            _ => Num::Missing,
        }
    }

    /// Full years at the beginning of the visit.
    fn age(&self, visit: &Visit) -> Option<i64> {
        let birth = self.world.person(visit).birth?;
        let date = |seconds: i64| BeijingTime::from_seconds(seconds).naive().map(|t| t.date());
        let (born, then) = (date(birth.checked_mul(86_400)?)?, date(visit.begin?)?);
        let years = i64::from(then.year()).checked_sub(i64::from(born.year()))?;
        let before = (then.month(), then.day()) < (born.month(), born.day());
        let years = years.saturating_sub(i64::from(before));
        (years >= 0).then_some(years)
    }
}
