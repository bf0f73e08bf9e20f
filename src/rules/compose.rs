//! A rule composed on the handheld from parts: subject, condition, window, threshold, list of items.
//!
//! The parts become the files of an ordinary pack above the one in force and go through its loader, so that a
//! composed rule is checked, run, refused and told like every other. It points, it does not settle: its light is
//! yellow at best, it counts no fund loss, and its sentence is made of facts only (rules.md).

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spotcheck_domain::words;

use crate::error::{Error, PackError, Result};
use crate::pack::{PACK_TOML, Pack};

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

/// What is meant by an item: one code with its name, or a word of the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Pick {
    /// `med_list_codg` and the name on the screen.
    Code(String, String),
    /// A word that the name contains.
    Word(String),
}

impl Pick {
    /// As it stands in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Code(_, name) => format!("“{name}”"),
            Self::Word(word) => format!("名称含“{word}”的项目"),
        }
    }

    /// As a knowledge point names it.
    fn cell(&self) -> String {
        match self {
            Self::Code(code, _) => code.clone(),
            Self::Word(word) => format!("~{word}"),
        }
    }

    fn is_empty(&self) -> bool {
        let (Self::Code(text, _) | Self::Word(text)) = self;
        text.trim().is_empty()
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

/// List of the items and list of a pair.
const LIST: &str = "own";

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

    /// `use` and the statement of fact, with the placeholders of its kernel.
    fn usage(&self) -> (&'static str, String, &'static str) {
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
                        "form = \"sum\", items = {{ list = \"{LIST}\" }}, window = \"{window}\", cap = \"param\", measure = \"{measure}\", per = \"{per}\"{scope}"
                    ),
                    "{item}合计{qty},比{cap}多{excess}",
                )
            }
            Pattern::Together => (
                "K2",
                format!("form = \"pair\", list = \"{LIST}\", window = \"{window}\"{scope}"),
                "{item}与{item_b}同时计费{count}条",
            ),
            Pattern::OtherSex => (
                "K1",
                format!("form = \"line\", attribute = \"sex\", list = \"{LIST}\"{scope}"),
                "{item}计{count}条,登记性别为{value}",
            ),
            Pattern::NoDiagnosis => (
                "K1",
                format!("form = \"line\", attribute = \"dx\", list = \"{LIST}\"{scope}"),
                "{item}计{count}条,诊断为{value}",
            ),
        }
    }

    /// Rows of the knowledge list: item, other item, words.
    fn points(&self) -> String {
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
        for item in &self.items {
            if self.pattern == Pattern::Together {
                for other in &self.other {
                    row(&item.cell(), &other.cell(), "");
                }
            } else {
                row(&item.cell(), "", &text);
            }
        }
        csv
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
            "[[rule]]\nid = \"{}\"\nname = {sentence}\nname_party = \"{fact}\"\nkernel = \"{kernel}\"\nuse = {{ {usage} }}\ngrade = \"S\"\nseverity = \"M\"\nweight = 20\nclause = [\"-\"]\nreason = \"{fact}\"\nlook = [\"费用明细\", \"医嘱与记录\"]\ndoubt = [\"自编规则,没有经过验证\", \"当地另有规定\"]\nno_loss = true\nbegndate = \"2000-01-01\"\n[rule.official]\ndefinition = {sentence}\nlogic = {sentence}\nresult = \"自编\"\nrange = \"检查期间\"\nlevel = [\"全部\"]\nfacility = [\"全部\"]\nscene = [\"全部\"]\nfee = [\"全部\"]\nstage = [\"事后\"]\ninsurance = [\"全部\"]\nnumbers = []\n{params}",
            self.id()
        )
    }

    /// The rule above the pack in force, checked as every pack is; run it by [`Composed::id`].
    ///
    /// # Errors
    /// [`Error::Pack`] with what is missing or wrong, in words.
    pub fn pack(&self, base: &Pack) -> Result<Pack> {
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
            return Err(lacking("diagnoses", "写出诊断编码的开头,例如 I63"));
        }
        let (head, rule, points) =
            ("name = \"own\"\nversion = \"1\"\n".to_owned(), self.toml(), self.points());
        let list = format!("{LIST}.kp.csv");
        let files: [(&str, &[u8]); 3] = [
            (PACK_TOML, head.as_bytes()),
            ("own.toml", rule.as_bytes()),
            (&list, points.as_bytes()),
        ];
        Pack::read(&files, Some(base))
    }
}
