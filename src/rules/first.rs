//! A first look: what a part of the data shows for certain, long before the whole of it is read.
//!
//! Twelve million lines take their time, and an officer who has just opened a package wants to see something
//! that can be walked to. So the rules that judge a line, or two of one day, by themselves (age, sex, level, price limit, items
//! that exclude each other) run over the first rows of the tables they need. What they find, the whole run finds again and knows more about, unless a
//! settlement that was not read takes it back: it alone says which finding is the principal one and what the fund paid, and its outcome takes the
//! place of this one.

use std::cell::Cell;

use spotcheck_domain::TroubleResult;
use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{BATCH_ROWS, Batch, ColumnSource, Want};

use crate::engine::{Options, Outcome, Watch, audit};
use crate::error::{Result, cancelled};
use crate::pack::{KernelId, Pack, Rule};

/// What lies in the order of the visits: of these no more is read than the first fee lines reach. Settlements and their
/// groups lie in an order of their own: the first of them are not those of the first lines.
const BY_VISIT: [&str; 3] = ["mdtrt_d", "diag", "leave"];

/// Batches of a table that are read at most.
const BATCHES: &[(&str, usize)] = &[
    ("fixmedins_b", 1),
    ("fac_unit", 1),
    ("catalogue", 4),
    ("psn", 2),
    ("mdtrt_d", 2),
    // What belongs to visits lies in their order, so these reach as far as the visits do.
    ("diag", 4),
    ("leave", 4),
    ("grp", 3),
    ("setl_d", 3),
    ("fee_list_d", 4),
];

/// Attributes that a line and its person, visit or facility show without any other record.
const ATTRIBUTES: [&str; 10] = [
    "sex",
    "age_max",
    "age_min",
    "level",
    "med_type",
    "insutype",
    "fixmedins_type",
    "unit",
    "ward",
    "self_paid",
];

/// True if nothing but a later refund can take back what the rule says of a line.
fn stands_alone(rule: &Rule) -> bool {
    let attribute = rule.usage.attribute.as_deref().unwrap_or_default();
    let by_line = match rule.kernel {
        KernelId::K1 => rule.usage.form == "line" && ATTRIBUTES.contains(&attribute),
        KernelId::K2 => rule.usage.form == "pair",
        KernelId::K4 => rule.usage.form == "limit",
        _ => false,
    };
    rule.enabled && by_line
}

/// The first rows of a source.
struct Head<'a> {
    source: &'a dyn ColumnSource,
}

fn most(entity: &str) -> usize {
    BATCHES.iter().find(|(name, _)| *name == entity).map_or(0, |(_, n)| *n)
}

impl Head<'_> {
    /// Batches of a table that are read: where a visit has forty lines, the first lines reach few visits. Twice as
    /// many as the average says, because visits differ.
    fn batches(&self, entity: &str) -> TroubleResult<usize> {
        let most = most(entity);
        let lines = self.source.rows("fee_list_d")?;
        if !BY_VISIT.contains(&entity) || lines == 0 {
            return Ok(most);
        }
        let batch = u64::try_from(BATCH_ROWS).unwrap_or(u64::MAX);
        let read =
            u64::try_from(self::most("fee_list_d")).unwrap_or(u64::MAX).saturating_mul(batch);
        let reached =
            self.source.rows(entity)?.saturating_mul(read).saturating_mul(2).div_ceil(lines);
        Ok(usize::try_from(reached.div_ceil(batch)).unwrap_or(usize::MAX).clamp(1, most.max(1)))
    }
}

impl ColumnSource for Head<'_> {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        let most = self.batches(entity)?.saturating_mul(BATCH_ROWS);
        if most == 0 {
            return Ok(0);
        }
        Ok(self.source.rows(entity)?.min(u64::try_from(most).unwrap_or(u64::MAX)))
    }

    fn carries(&self, entity: &str) -> TroubleResult<bool> {
        self.source.carries(entity)
    }

    fn cutoff(&self, entity: &str) -> TroubleResult<Option<Instant>> {
        self.source.cutoff(entity)
    }

    fn scan(
        &self,
        entity: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let left = Cell::new(self.batches(entity)?);
        if left.get() == 0 {
            return Ok(());
        }
        let scanned = self.source.scan(entity, wants, &mut |batch| {
            each(batch)?;
            left.set(left.get().saturating_sub(1));
            // An error is how a scan is ended before its end; this one goes no further than here.
            if left.get() == 0 { Err(cancelled()) } else { Ok(()) }
        });
        if left.get() == 0 { Ok(()) } else { scanned }
    }

    fn code(&self, text: &str) -> TroubleResult<Option<u32>> {
        self.source.code(text)
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        self.source.texts(codes)
    }

    fn cell_texts(
        &self,
        entity: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        self.source.cell_texts(entity, column, rows)
    }
}

/// Runs the rules that judge a line by itself over the first rows of a source. Nothing is said about what is
/// silent: most of the data was not looked at.
///
/// # Errors
/// As [`audit`].
pub fn first_look(
    source: &dyn ColumnSource,
    pack: &Pack,
    watch: &mut dyn Watch,
) -> Result<Outcome> {
    let ids: Vec<String> =
        pack.rules.iter().filter(|r| stands_alone(r)).map(|r| r.id.clone()).collect();
    let options = Options { rules: Some(&ids), ..Options::default() };
    let outcome = audit(&Head { source }, pack, options, watch)?;
    Ok(Outcome { silences: Vec::new(), ..outcome })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    /// Knows how many rows there are.
    struct Counted(&'static [(&'static str, u64)]);

    impl ColumnSource for Counted {
        fn rows(&self, entity: &str) -> TroubleResult<u64> {
            Ok(self.0.iter().find(|(name, _)| *name == entity).map_or(0, |(_, rows)| *rows))
        }

        fn cutoff(&self, _: &str) -> TroubleResult<Option<Instant>> {
            Ok(None)
        }

        fn scan(
            &self,
            _: &str,
            _: &[Want],
            _: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
        ) -> TroubleResult<()> {
            Ok(())
        }

        fn code(&self, _: &str) -> TroubleResult<Option<u32>> {
            Ok(None)
        }

        fn texts(&self, _: &[u32]) -> TroubleResult<Vec<String>> {
            Ok(Vec::new())
        }

        fn cell_texts(
            &self,
            _: &str,
            _: &'static str,
            _: &[u64],
        ) -> TroubleResult<Vec<Option<String>>> {
            Ok(Vec::new())
        }
    }

    /// Two million lines: of what lies by visits a part is enough; settlements have numbers of their own, so that the first
    /// of them may be those of any line, and all that may be read are read.
    #[test]
    fn of_visits_no_more_is_read_than_the_lines_reach_and_of_settlements_all() {
        let source = Counted(&[
            ("fee_list_d", 2_000_000),
            ("mdtrt_d", 130_000),
            ("diag", 260_000),
            ("setl_d", 190_000),
            ("grp", 150_000),
        ]);
        let head = Head { source: &source };
        let batch = u64::try_from(BATCH_ROWS).unwrap();
        assert_eq!(head.rows("fee_list_d").unwrap(), batch * 4);
        assert_eq!(head.rows("mdtrt_d").unwrap(), batch);
        assert_eq!(head.rows("diag").unwrap(), batch * 2);
        assert_eq!(head.rows("setl_d").unwrap(), 190_000);
        assert_eq!(head.rows("grp").unwrap(), 150_000);
        assert_eq!(head.rows("staff").unwrap(), 0, "no rule of a first look asks for it");
    }
}
