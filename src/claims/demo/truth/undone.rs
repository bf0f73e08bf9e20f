//! The natural cause that every wrong has: it was told, and taken back before anybody looked.
//!
//! Each story of a wrong is told a second time by somebody who notices: the till cancels the bill, line by line or as
//! a whole, or takes every line back inside the same bill. Then nothing is left that a rule could judge, whichever rule
//! it is, so one way of telling gives the trap of every story about money instead of one written by hand for each.
//! What happened stays: the patient came, the surgeon operated, the note was written. Stories about that, and not about
//! what was billed, are never undone (`LASTING`). Where they are about visits of one person, they are told a second time
//! of several persons who have one name, as a register of patients knows many. Stories about the fund's money are told a
//! third time of patients who paid alone.

use super::case::{Case, Person, Taken};
use super::{Kind, Told, World};

/// How a bill is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Undo {
    /// By a second settlement with every line turned round.
    ByLine,
    /// By a second settlement without lines.
    Wordless,
    /// Line by line inside the settlement.
    Inside,
    /// Not at all: the patient wished it so and paid all of it alone, nothing of it lies in the fund's scope.
    SelfPaid,
    /// Not at all: the visits are those of several persons who have one name.
    Namesakes,
}

impl Undo {
    /// Each in its turn.
    pub(super) const fn at(turn: u64) -> Self {
        match turn % 3 {
            0 => Self::ByLine,
            1 => Self::Wordless,
            _ => Self::Inside,
        }
    }
}

impl World {
    /// Takes back what a case billed, if the story is one that is undone.
    pub(super) fn undo(&self, case: &mut Case) {
        let Some(how) = self.undo else { return };
        if case.taken != Taken::Never || case.again {
            return;
        }
        // A counter that takes a line back alone keeps lists of its own about the box; it cancels the sale.
        let counter = self.city.facilities.get(case.facility).is_some_and(|f| f.pharmacy);
        // A wrong date or a wrong group is not mended line by line.
        let whole = case.by_group || case.settled < case.begin;
        match how {
            Undo::Wordless => case.taken = Taken::Wordless,
            Undo::Inside if !counter && !whole => case.take_all_back(),
            Undo::SelfPaid => case.lines.iter_mut().for_each(|l| l.own = true),
            Undo::Namesakes => {}
            Undo::ByLine | Undo::Inside => case.taken = Taken::ByLine,
        }
    }

    /// What a story that is undone says of a rule: nothing is left to find.
    pub(super) fn told_undone(kind: Kind, told: Told) -> Option<Told> {
        (kind == Kind::Violation).then(|| Told { lines: Vec::new(), cents: 0, ..told })
    }
}

impl World {
    /// Whose visit it is: in a story of namesakes, each is somebody else's.
    pub(super) fn whose(&mut self, person: &Person) -> Person {
        if self.undo != Some(Undo::Namesakes) {
            return person.clone();
        }
        let other = self.person((30, 75), Some(person.female));
        let other = Person { birth: person.birth, insutype: person.insutype, ..other };
        self.enrol(&other);
        other
    }
}

impl Case {
    /// A refund for what is left of each line, by its number.
    fn take_all_back(&mut self) {
        for n in 0..self.lines.len() {
            let own = self.lines.get(n).filter(|l| l.refund_of.is_none()).map(|l| l.cnt);
            let gone = self.lines.iter().filter(|l| l.refund_of == Some(n)).map(|l| l.cnt);
            let left = own.unwrap_or(0) + gone.sum::<i64>();
            if left > 0 {
                let when = self.end;
                self.refund(n, when, left, false);
            }
        }
    }
}
