//! A rule composed on the handheld from parts: subject, condition, window, threshold, list of items.
//!
//! The parts become the files of an ordinary pack above the one in force and go through its loader, so that a
//! composed rule is checked, run, refused and told like every other. It points, it does not settle: its light is
//! yellow at best, it counts no fund loss, and its sentence is made of facts only (rules.md).

mod draft;
mod lists;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spotcheck_domain::words;

use crate::error::{Error, PackError, Result};
use crate::pack::{PACK_TOML, Pack};

pub use draft::{DRAFT_NAME, draft_files};
pub use lists::{ListKind, ListPick, lists};

words!(
    /// What is compared.
    Pattern {
        /// Too much of something in a stretch of time.
        Often = "often", "次数或数量过多";
        /// Two things at once.
        Together = "together", "两个项目同时收";
        /// Something for persons of the other sex.
        OtherSex = "other_sex", "性别不符";
        /// Something without any of some diagnoses.
        NoDiagnosis = "no_diagnosis", "没有对应诊断";
        /// Whatever a list of the pack in force says: what excludes each other, how many, for whom.
        Listed = "listed", "按知识库清单";
    }
);

words!(
    /// In which stretch of time.
    Stretch {
        /// One day.
        Day = "day", "同一天";
        /// One visit.
        Visit = "visit", "同一次就诊";
        /// One calendar month of a person.
        Month = "month", "同一个月";
        /// One calendar year of a person.
        Year = "year", "同一年";
    }
);

words!(
    /// What is added up.
    Measured {
        /// `cnt`.
        Quantity = "quantity", "数量合计";
        /// Lines.
        Lines = "lines", "行数";
        /// `det_item_fee_sumamt` in yuan.
        Amount = "amount", "金额合计(元)";
    }
);

words!(
    /// Whose visits.
    Whose {
        /// All.
        All = "all", "住院和门诊";
        /// 住院.
        Inpatient = "inpatient", "只看住院";
        /// 门诊, 急诊, 慢特病.
        Outpatient = "outpatient", "只看门诊";
    }
);

words!(
    /// `gend`.
    Sex {
        /// 男.
        Male = "1", "男";
        /// 女.
        Female = "2", "女";
    }
);

/// What is meant by an item: one code with its name, a word of the name, or a list of the pack in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Pick {
    /// `med_list_codg` and the name on the screen.
    Code(String, String),
    /// A word that the name contains.
    Word(String),
    /// All items of a knowledge list.
    List(ListPick),
}

impl Pick {
    /// As it stands in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Code(_, name) => format!("“{name}”"),
            Self::Word(word) => format!("名称含“{word}”的项目"),
            Self::List(list) => format!("清单“{} {}”的项目", list.name, list.words),
        }
    }

    /// As knowledge points name it: one cell, or one for each item of a list.
    fn cells(&self, base: &Pack) -> Result<Vec<String>> {
        match self {
            Self::Code(code, _) => Ok(vec![code.clone()]),
            Self::Word(word) => Ok(vec![format!("~{word}")]),
            Self::List(list) => list.cells(base),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Code(text, _) | Self::Word(text) => text.trim().is_empty(),
            Self::List(list) => list.name.trim().is_empty(),
        }
    }
}

/// The parts of a composed rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composed {
    /// What is compared.
    pub pattern: Pattern,
    /// The items; at least one.
    pub items: Vec<Pick>,
    /// The other items of [`Pattern::Together`].
    pub other: Vec<Pick>,
    /// In which stretch of time.
    pub stretch: Stretch,
    /// What is added up.
    pub measured: Measured,
    /// More than this is told.
    pub above: u32,
    /// For whom it is meant ([`Pattern::OtherSex`]).
    pub sex: Sex,
    /// Beginnings of ICD codes ([`Pattern::NoDiagnosis`]).
    pub diagnoses: Vec<String>,
    /// Whose visits.
    pub whose: Whose,
}

impl Default for Composed {
    fn default() -> Self {
        Self {
            pattern: Pattern::Often,
            items: Vec::new(),
            other: Vec::new(),
            stretch: Stretch::Day,
            measured: Measured::Quantity,
            above: 1,
            sex: Sex::Female,
            diagnoses: Vec::new(),
            whose: Whose::All,
        }
    }
}

fn list(picks: &[Pick]) -> String {
    picks.iter().map(Pick::words).collect::<Vec<_>>().join("、")
}

/// What is missing before it can run, as an error of the pack that it would become.
fn lacking(field: &str, reason: &str) -> Error {
    Error::Pack(PackError {
        file: "own.toml".to_owned(),
        line: 1,
        field: field.to_owned(),
        reason: reason.to_owned(),
    })
}

/// A text as a basic string of TOML (JSON's escapes are TOML's).
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Composed {
    /// The rule in one sentence: what the inspector reads before it runs.
    #[must_use]
    pub fn sentence(&self) -> String {
        let items =
            if self.items.is_empty() { "（未选项目）".to_owned() } else { list(&self.items) };
        match self.pattern {
            Pattern::Often => {
                format!("{}{items}的{}超过 {}", self.stretch.zh(), self.measured.zh(), self.above)
            }
            Pattern::Together => {
                let other = if self.other.is_empty() {
                    "（未选项目）".to_owned()
                } else {
                    list(&self.other)
                };
                format!("{}既收{items}，又收{other}", self.stretch.zh())
            }
            Pattern::OtherSex => format!("{items}只用于{}，却记在其他性别名下", self.sex.zh()),
            Pattern::NoDiagnosis => {
                let codes = self.diagnoses.join("、");
                format!("收了{items}，诊断里没有 {codes} 开头的编码")
            }
            Pattern::Listed => match self.list() {
                None => "（未选清单）".to_owned(),
                Some(list) => list.sentence(self.stretch, self.measured),
            },
        }
    }

    /// The same parts have the same id in every visit.
    #[must_use]
    pub fn id(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut digits = hex::encode_upper(Sha256::digest(json.as_bytes()));
        digits.truncate(6);
        format!("Q{digits}")
    }

    /// The list that the rule is about ([`Pattern::Listed`]).
    #[must_use]
    pub fn list(&self) -> Option<&ListPick> {
        match self.items.as_slice() {
            [Pick::List(list)] => Some(list),
            _ => None,
        }
    }

    /// `use` and the statement of fact, with the placeholders of its kernel.
    fn usage(&self) -> (&'static str, String, &'static str) {
        // Each rule has a list of its own, so that several can stand in one draft.
        let own = self.id();
        let scope = match self.whose {
            Whose::All => "",
            Whose::Inpatient => ", scope = [\"inpatient\", \"day_surgery\"]",
            Whose::Outpatient => ", scope = [\"outpatient\", \"emergency\", \"chronic\"]",
        };
        let window = self.stretch.as_str();
        match self.pattern {
            Pattern::Often => {
                let per = if self.items.len() > 1 { "all" } else { "code" };
                let measure = self.measured.as_str();
                (
                    "K3",
                    format!(
                        "form = \"sum\", items = {{ list = \"{own}\" }}, window = \"{window}\", cap = \"param\", measure = \"{measure}\", per = \"{per}\"{scope}"
                    ),
                    "{item}合计{qty}，上限{cap}，超出{excess}",
                )
            }
            Pattern::Together => (
                "K2",
                format!("form = \"pair\", list = \"{own}\", window = \"{window}\"{scope}"),
                "{item}与{item_b}同时计费{count}条",
            ),
            Pattern::OtherSex => (
                "K1",
                format!("form = \"line\", attribute = \"sex\", list = \"{own}\"{scope}"),
                "{item}计{count}条，登记性别为{value}",
            ),
            Pattern::NoDiagnosis => (
                "K1",
                format!("form = \"line\", attribute = \"dx\", list = \"{own}\"{scope}"),
                "{item}计{count}条，诊断为{value}",
            ),
            Pattern::Listed => match self.list() {
                Some(list) => list.usage(self.stretch, self.measured, scope),
                None => ("K2", String::new(), ""),
            },
        }
    }

    /// Rows of the knowledge list: item, other item, words. A rule about a list of the pack has none.
    fn points(&self, base: &Pack) -> Result<Option<String>> {
        if self.pattern == Pattern::Listed {
            return Ok(None);
        }
        let cells = |picks: &[Pick]| -> Result<BTreeSet<String>> {
            let mut all = BTreeSet::new();
            for pick in picks {
                all.extend(pick.cells(base)?);
            }
            Ok(all)
        };
        let mut csv = "code,code_b,value,unit,text,begndate,enddate,origin,source\n".to_owned();
        let mut row = |code: &str, other: &str, text: &str| {
            let cells = [code, other, "", "", text, "2000-01-01", "", "local", "检查人员自编"];
            let cells: Vec<String> =
                cells.iter().map(|c| format!("\"{}\"", c.replace('"', "\"\""))).collect();
            // Writing to a string cannot fail.
            let _always = writeln!(csv, "{}", cells.join(","));
        };
        let text = match self.pattern {
            Pattern::OtherSex => self.sex.as_str().to_owned(),
            Pattern::NoDiagnosis => self.diagnoses.join("|"),
            _ => String::new(),
        };
        let (items, others) = (cells(&self.items)?, cells(&self.other)?);
        for item in &items {
            if self.pattern == Pattern::Together {
                for other in &others {
                    row(item, other, "");
                }
            } else {
                row(item, "", &text);
            }
        }
        Ok(Some(csv))
    }

    /// The rule's file.
    #[must_use]
    pub fn toml(&self) -> String {
        let (kernel, usage, fact) = self.usage();
        let sentence = quoted(&self.sentence());
        let params = match self.pattern {
            Pattern::Often => format!(
                "[rule.params]\ncap = {{ value = {}, origin = \"local\", source = \"检查人员自编\" }}\n",
                self.above
            ),
            _ => String::new(),
        };
        format!(
            "[[rule]]\nid = \"{}\"\nname = {sentence}\nname_party = \"{fact}\"\nkernel = \"{kernel}\"\nuse = {{ {usage} }}\ngrade = \"S\"\nseverity = \"M\"\nweight = 20\nclause = [\"-\"]\nreason = \"{fact}\"\nlook = [\"费用明细\", \"医嘱与记录\"]\ndoubt = [\"自编规则，没有经过验证\", \"当地另有规定\"]\nno_loss = true\nbegndate = \"2000-01-01\"\n[rule.official]\ndefinition = {sentence}\nlogic = {sentence}\nresult = \"自编\"\nrange = \"检查期间\"\nlevel = [\"全部\"]\nfacility = [\"全部\"]\nscene = [\"全部\"]\nfee = [\"全部\"]\nstage = [\"事后\"]\ninsurance = [\"全部\"]\nnumbers = []\n{params}",
            self.id()
        )
    }

    /// What is still missing before the rule can run; the first thing.
    fn lacks(&self, base: &Pack) -> Result<()> {
        if self.pattern == Pattern::Listed {
            let list = self.list().ok_or_else(|| lacking("items", "选一份知识库清单"))?;
            list.fits(base)?;
            if list.kind == ListKind::Pair && !matches!(self.stretch, Stretch::Day | Stretch::Visit)
            {
                return Err(lacking("window", "成对的项目只能比同一天或同一次就诊"));
            }
            return Ok(());
        }
        if self.items.is_empty() || self.items.iter().chain(&self.other).any(Pick::is_empty) {
            return Err(lacking("items", "至少选一个项目"));
        }
        if self.pattern == Pattern::Together && self.other.is_empty() {
            return Err(lacking("other", "还要选另一个项目"));
        }
        if self.pattern == Pattern::Together
            && !matches!(self.stretch, Stretch::Day | Stretch::Visit)
        {
            return Err(lacking("window", "两个项目只能比同一天或同一次就诊"));
        }
        if self.pattern == Pattern::NoDiagnosis
            && self.diagnoses.iter().all(|d| d.trim().is_empty())
        {
            return Err(lacking("diagnoses", "写出诊断编码的开头，例如 I63"));
        }
        Ok(())
    }

    /// Name and bytes of the rule's own list, where it has one.
    fn list_file(&self, base: &Pack) -> Result<Option<(String, Vec<u8>)>> {
        let points = self.points(base)?;
        Ok(points.map(|csv| (format!("{}.kp.csv", self.id()), csv.into_bytes())))
    }

    /// The rule above the pack in force, checked as every pack is; run it by [`Composed::id`].
    ///
    /// # Errors
    /// [`Error::Pack`] with what is missing or wrong, in words.
    pub fn pack(&self, base: &Pack) -> Result<Pack> {
        self.lacks(base)?;
        let (head, rule) = ("name = \"own\"\nversion = \"1\"\n", self.toml());
        let list = self.list_file(base)?;
        let mut files: Vec<(&str, &[u8])> =
            vec![(PACK_TOML, head.as_bytes()), ("own.toml", rule.as_bytes())];
        files.extend(list.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        Pack::read(&files, Some(base))
    }
}
