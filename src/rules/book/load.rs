//! Reading a book: facility, visits, persons, settlements, lines; then the rest in `side`.
//!
//! Each entity is scanned once, with exactly the columns that rules look at. Codes stay codes; the texts that
//! rules compare are fetched at the end, each once.

use std::collections::HashMap;

use spotcheck_domain::TroubleResult;
use spotcheck_domain::columns::{Batch, ColumnSource, Want, code, number};

use super::types::Facility;
use super::{Book, NONE, side};
use crate::engine::{Stage, Watch};
use crate::error::{Error, Result};

/// What loading saw, for the report that goes with the findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadCounts {
    /// Fee lines read.
    pub lines: u64,
    /// Lines whose visit is not in the data: no rule looks at them.
    pub lines_without_visit: u64,
    /// Lines and visits marked invalid (`vali_flag` = 0).
    pub invalid: u64,
    /// Refunds whose original is not in the data.
    pub orphan_refunds: u64,
    /// Lines with something left after netting.
    pub charges: u64,
}

/// FNV-1a, never 0: equality of texts that are compared inside one visit or one table.
#[must_use]
pub(crate) fn hash64(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.max(1)
}

/// The number of up to nine digits at the end of a text, 0 if there is none.
pub(super) fn last_number(text: &str) -> u32 {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).take(9).count();
    let from = text.len().saturating_sub(digits);
    text.get(from..).and_then(|t| t.parse().ok()).unwrap_or(0)
}

/// A serial number, never 0: by the number at its end (of rows at one time the higher one came later), then by
/// anything that is stable. Equal ones inside one visit are the same.
pub(super) fn serial(text: &str) -> u64 {
    ((u64::from(last_number(text)) << 32) | (hash64(text) >> 32)).max(1)
}

/// Index by dictionary code: codes are dense, so a vector beats a map.
#[derive(Debug, Default)]
pub(crate) struct ByCode(Vec<u32>);

impl ByCode {
    pub(crate) fn set(&mut self, code: u32, value: u32) {
        let at = usize::try_from(code).unwrap_or(0);
        if self.0.len() <= at {
            self.0.resize(at.saturating_add(1), NONE);
        }
        if let Some(slot) = self.0.get_mut(at) {
            *slot = value;
        }
    }

    pub(crate) fn get(&self, code: u32) -> u32 {
        usize::try_from(code).ok().and_then(|at| self.0.get(at)).copied().unwrap_or(NONE)
    }
}

/// `usize` as a row number.
pub(crate) fn row_number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE)
}

/// Where loading stands: source, book so far, indexes by code.
pub(crate) struct Loader<'a> {
    pub(crate) source: &'a dyn ColumnSource,
    pub(crate) book: Book,
    pub(crate) visits: ByCode,
    pub(crate) persons: ByCode,
    pub(crate) settlements: ByCode,
    /// Codes whose texts rules compare.
    pub(crate) wanted_texts: std::collections::BTreeSet<u32>,
    icd: std::collections::BTreeSet<u32>,
    /// Visit and hash of `drord_no` of every order, sorted.
    pub(crate) order_numbers: Vec<(u32, u64)>,
    /// What was executed under which order: visit, hash of `drord_no`, `item_code`, `item_name`; sorted.
    pub(crate) executed: Vec<(u32, u64, u32, u32)>,
    memo: HashMap<u32, Box<str>>,
}

/// Everything that claims.md §1 and §2 know and rules may look at.
const ENTITIES: &[&str] = &[
    "fixmedins_b",
    "dept",
    "staff",
    "psn",
    "insu",
    "mdtrt_d",
    "diag",
    "setl_d",
    "fee_list_d",
    "drord",
    "exec",
    "leave",
    "opsp_reg",
    "inv_check",
    "inv_change",
    "inv_purchase",
    "inv_purchase_return",
    "inv_sale",
    "inv_sale_return",
    "trace",
    "equip",
    "equip_log",
    "grp",
    "setl_list",
    "oprn",
    "lab",
    "exam",
    "vital",
    "rx",
    "note",
    "remind",
    "selfpay",
    "fac_unit",
    "budget",
    "hist",
    "catalogue",
    "psn_other",
    "trace_other",
    "peer_stat",
];

/// Reads a book from a source. `facility` chooses one of several facilities in the source; `None` takes the
/// only one.
///
/// # Errors
/// What the source says, [`Error::NoFacility`], or [`Error::Cancelled`].
pub fn load(
    source: &dyn ColumnSource,
    facility: Option<&str>,
    watch: &mut dyn Watch,
) -> Result<Book> {
    let mut loader = Loader {
        source,
        book: Book::default(),
        visits: ByCode::default(),
        persons: ByCode::default(),
        settlements: ByCode::default(),
        wanted_texts: std::collections::BTreeSet::new(),
        icd: std::collections::BTreeSet::new(),
        order_numbers: Vec::new(),
        executed: Vec::new(),
        memo: HashMap::new(),
    };
    for name in ENTITIES {
        loader.book.rows.insert(name, source.rows(name).map_err(Error::Source)?);
        if source.carries(name).map_err(Error::Source)? {
            loader.book.carried.insert(name);
        }
        if let Some(cutoff) = source.cutoff(name).map_err(Error::Source)? {
            loader.book.cutoffs.insert(name, cutoff);
        }
    }
    let steps: [fn(&mut Loader<'_>) -> Result<()>; 5] =
        [|l| l.visits(), |l| l.people(), |l| l.settle(), side::load_before_lines, side::load];
    loader.facility(facility)?;
    for (n, step) in steps.into_iter().enumerate() {
        let (done, all) = (u64::try_from(n).unwrap_or(0), 6);
        if !watch.progress(Stage::Load, done, all) {
            return Err(Error::Cancelled);
        }
        if n == 4 {
            loader.fee_lines(watch)?;
        }
        step(&mut loader)?;
    }
    loader.texts()?;
    Ok(loader.book)
}

impl Loader<'_> {
    /// Scans an entity, row by row.
    pub(crate) fn each(
        &mut self,
        entity: &'static str,
        wants: &[Want],
        mut row: impl FnMut(&mut Self, &Batch, usize) -> TroubleResult<()>,
    ) -> Result<()> {
        if !self.book.has(entity) {
            return Ok(());
        }
        let source = self.source;
        source
            .scan(entity, wants, &mut |batch| {
                for n in 0..batch.len() {
                    row(self, batch, n)?;
                }
                Ok(())
            })
            .map_err(Error::Source)
    }

    /// The text of a code that repeats often (code values): asked for once.
    pub(crate) fn word(&mut self, code: u32) -> TroubleResult<Box<str>> {
        if code == 0 {
            return Ok("".into());
        }
        if let Some(text) = self.memo.get(&code) {
            return Ok(text.clone());
        }
        let text: Box<str> =
            self.source.texts(&[code])?.into_iter().next().unwrap_or_default().into();
        self.memo.insert(code, text.clone());
        Ok(text)
    }

    /// True if the text of a code that repeats often is this one.
    pub(crate) fn is(&mut self, code: u32, text: &str) -> TroubleResult<bool> {
        match self.memo.get(&code) {
            Some(known) => Ok(**known == *text),
            None => Ok(*self.word(code)? == *text),
        }
    }

    /// Remembers that rules will compare the text of a code.
    pub(crate) fn want_text(&mut self, code: u32) {
        if code != 0 {
            self.wanted_texts.insert(code);
        }
    }

    /// As [`Self::want_text`], of a code of a diagnosis or an operation.
    pub(crate) fn want_icd(&mut self, code: u32) {
        self.want_text(code);
        if code != 0 {
            self.icd.insert(code);
        }
    }

    fn facility(&mut self, wanted: Option<&str>) -> Result<()> {
        let wants = [
            code("fixmedins_code"),
            code("fixmedins_type"),
            code("hosp_lv"),
            number("aprv_bed_cnt"),
            number("hi_crtf_bed_cnt"),
        ];
        let mut found = Vec::new();
        self.each("fixmedins_b", &wants, |l, b, n| {
            let name = l.word(b.code(0, n))?;
            if wanted.is_none_or(|w| *w == *name) {
                found.push(Facility {
                    code: b.code(0, n),
                    fixmedins_code: name.into(),
                    fixmedins_type: l.word(b.code(1, n))?.into(),
                    hosp_lv: l.word(b.code(2, n))?.into(),
                    aprv_bed_cnt: b.number(3, n),
                    hi_crtf_bed_cnt: b.number(4, n),
                });
            }
            Ok(())
        })?;
        found.sort_by(|a, b| a.fixmedins_code.cmp(&b.fixmedins_code));
        match found.into_iter().next() {
            Some(facility) => {
                self.book.facility = facility;
                Ok(())
            }
            None => Err(Error::NoFacility),
        }
    }

    /// Fetches the texts that rules compare.
    fn texts(&mut self) -> Result<()> {
        let codes: Vec<u32> = std::mem::take(&mut self.wanted_texts).into_iter().collect();
        let texts = self.source.texts(&codes).map_err(Error::Source)?;
        let icd = std::mem::take(&mut self.icd);
        // Some houses write i10: letters of diagnoses and operations mean the same in either case.
        let written = |code: u32, text: String| {
            if icd.contains(&code) { text.to_ascii_uppercase() } else { text }
        };
        let all = codes.into_iter().zip(texts);
        self.book.texts = all.map(|(c, t)| (c, written(c, t).into_boxed_str())).collect();
        Ok(())
    }
}
