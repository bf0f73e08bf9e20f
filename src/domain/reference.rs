//! What is looked up beside a fee line: policy articles, price items, drugs, consumables, ICD codes,
//! operations, typical cases, knowledge points.
//!
//! Public data, the same for every facility (`reference.db`, claims.md §2). A fee is judged by what was in
//! force on its day, so every entry says from when until when it holds, and every question may name a day.
//! `claims` implements [`ReferenceReader`]; an entry that an officer added on the handheld is marked so.

mod source;

use serde::{Deserialize, Serialize};

use crate::claims::Page;
use crate::time::{BeijingTime, Precision};
use crate::{Amount, TroubleResult, numeral, words};

pub use source::{Remark, SOURCE_SCHEMA, SourceOptions, SourceReport};

words!(
    /// Kinds of entries, in the order in which answers are shown.
    EntryKind {
        /// A sentence of a policy: one article or numbered paragraph.
        Article = "article", "政策条文";
        /// 医疗服务项目.
        Item = "item", "医疗服务项目";
        /// 药品.
        Drug = "drug", "药品";
        /// 医用耗材.
        Consumable = "consumable", "医用耗材";
        /// 疾病诊断 (ICD-10).
        Diagnosis = "diagnosis", "疾病诊断";
        /// 手术操作 (ICD-9-CM-3).
        Operation = "operation", "手术操作";
        /// 典型案例.
        Case = "case", "典型案例";
        /// 知识点.
        Point = "point", "知识点";
    }
);

words!(
    /// Why an entry answers a query, best first.
    Match {
        /// The code, or the number of the document, is the query.
        Code = "code";
        /// The title or its initials begin with the query.
        Start = "start";
        /// Title, initials or code contain it.
        Title = "title";
        /// The text contains it.
        Text = "text";
    }
);

/// A price limit for hospitals of one level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LevelLimit {
    /// Empty: any level. `3`, `2`, `1`, `0`: 三级, 二级, 一级, 未定级. Two digits: exactly this `hosp_lv`.
    pub level: String,
    /// Yuan per unit.
    pub amount: Amount,
}

impl LevelLimit {
    /// The level in words.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self.level.as_str() {
            "" => "各级",
            "3" => "三级",
            "2" => "二级",
            "1" => "一级",
            "0" => "未定级",
            other => other,
        }
    }
}

/// 三级, 二级, 一级, 未定级 of a `hosp_lv` (01–04, 05–07, 08–10, 11).
#[must_use]
pub fn grade_of(hosp_lv: &str) -> Option<&'static str> {
    match hosp_lv.parse::<u8>().ok()? {
        1..=4 => Some("3"),
        5..=7 => Some("2"),
        8..=10 => Some("1"),
        11 => Some("0"),
        _ => None,
    }
}

/// The limit that counts for a hospital: that of its exact level, else of its grade, else the one for all.
/// A hospital whose level is not known has only the one for all.
#[must_use]
pub fn limit_for<'a>(limits: &'a [LevelLimit], hosp_lv: Option<&str>) -> Option<&'a LevelLimit> {
    let of = |level: &str| limits.iter().find(|l| l.level == level);
    let exact = hosp_lv.and_then(of);
    exact.or_else(|| hosp_lv.and_then(grade_of).and_then(of)).or_else(|| of(""))
}

/// A law or regulation that rules cite by letter (T, X) and article: `T38(3)`.
///
/// Title of the document and heading of the article, e.g. 第三十八条.
#[must_use]
pub fn clause(text: &str) -> Option<(&'static str, String)> {
    let title = match text.chars().next()? {
        'T' => "医疗保障基金使用监督管理条例",
        'X' => "医疗保障基金使用监督管理条例实施细则",
        _ => return None,
    };
    let digits = text.get(1..)?.split('(').next()?;
    let article = digits.parse().ok().filter(|n| *n > 0)?;
    Some((title, format!("第{}条", numeral::chinese(article))))
}

/// One entry in a list of answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceHit {
    /// For [`ReferenceReader::entry`]; holds as long as the file of reference data is the same.
    pub id: String,
    /// Kind.
    pub kind: EntryKind,
    /// Why it is an answer.
    pub matched: Match,
    /// Item code, ICD code; of an article the number of its document, e.g. 示医保〔2024〕12号.
    pub code: Option<String>,
    /// Name; of an article the title of its document.
    pub title: String,
    /// Of an article: 第十五条, 二、(三).
    pub article: Option<String>,
    /// The words around the match, or the beginning of the text; at most 80 characters.
    pub snippet: String,
    /// Unit of the price, e.g. 次.
    pub unit: Option<String>,
    /// Price limits by level.
    pub limits: Vec<LevelLimit>,
    /// Payment restriction.
    pub restriction: Option<String>,
    /// In force from, `yyyy-MM-dd`; `None`: the source does not say.
    pub begin: Option<String>,
    /// In force until, `yyyy-MM-dd`; `None`: until further notice.
    pub end: Option<String>,
    /// An officer added it on this handheld; else it came from the centre.
    pub added: bool,
}

/// The entry before or after, in the same document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its id.
    pub id: String,
    /// Its heading, e.g. 第十四条, else the beginning of its text.
    pub heading: String,
}

/// An entry in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceEntry {
    /// As in a list; `matched` says nothing here.
    pub head: ReferenceHit,
    /// Text in full: article, 项目内涵, case.
    pub text: String,
    /// 除外内容.
    pub excluded: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// `chrgitm_lv`: 01 甲类, 02 乙类, 03 丙类.
    pub chrgitm_lv: Option<String>,
    /// Chapter or section that an article stands in.
    pub chapter: Option<String>,
    /// The document it comes from.
    pub document: Option<ReferenceDocument>,
    /// Line in the source file, from 1.
    pub line: Option<u64>,
    /// First character and the one after the last, in the decoded source text; articles only.
    pub chars: Option<(u64, u64)>,
    /// The entry before it in its document.
    pub previous: Option<Neighbour>,
    /// The entry after it.
    pub next: Option<Neighbour>,
}

/// A document or table that entries come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReferenceDocument {
    /// Title.
    pub title: String,
    /// Document number, e.g. 示医保〔2024〕12号.
    pub number: Option<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Name of the file it was read from.
    pub source: String,
    /// SHA-256 of that file, lower-case hex.
    pub sha256: String,
    /// In force from, `yyyy-MM-dd`.
    pub begin: Option<String>,
    /// In force until, `yyyy-MM-dd`.
    pub end: Option<String>,
    /// Numbers or titles of what it repeals.
    pub replaces: Vec<String>,
    /// What repealed it.
    pub replaced_by: Option<String>,
    /// Entries.
    pub entries: u64,
}

/// Answers of one kind, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindHits {
    /// The kind.
    pub kind: EntryKind,
    /// One page.
    pub hits: Vec<ReferenceHit>,
    /// There are more behind this page.
    pub more: bool,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceQuery<'a> {
    /// Words; several narrow each other.
    pub text: &'a str,
    /// Days since 1970-01-01: only what was in force then. What does not say from when stays in.
    pub on: Option<i64>,
    /// Kinds wanted; none: all.
    pub kinds: &'a [EntryKind],
    /// The page of *each* kind.
    pub page: Page,
}

/// True if something that holds from `begin` until `end` (days, both inclusive) was in force on a day.
#[must_use]
pub const fn in_force(begin: Option<i64>, end: Option<i64>, on: i64) -> bool {
    let begun = match begin {
        Some(begin) => begin <= on,
        None => true,
    };
    let ended = match end {
        Some(end) => end < on,
        None => false,
    };
    begun && !ended
}

/// `yyyy-MM-dd` of a day number.
#[must_use]
pub fn day_text(day: i64) -> String {
    BeijingTime::from_seconds(day.saturating_mul(86_400)).display(Precision::Day)
}

/// Read access to one file of reference data.
pub trait ReferenceReader: Send {
    /// Answers by kind in the order of [`EntryKind`]; kinds without an answer are left out. Recall equals
    /// `LIKE '%x%'` on folded text over title, other names, initials, code, text, restriction and 除外内容.
    fn look_up(&self, query: &ReferenceQuery<'_>) -> TroubleResult<Vec<KindHits>>;
    /// An entry in full with its neighbours; `None` if the file has no such id.
    fn entry(&self, id: &str) -> TroubleResult<Option<ReferenceEntry>>;
    /// All entries of a code of the kinds that fee lines carry, newest first, also those not in force.
    fn by_code(&self, code: &str) -> TroubleResult<Vec<ReferenceHit>>;
    /// The articles of documents of a title that have this heading, newest first.
    fn articles(&self, title: &str, article: &str) -> TroubleResult<Vec<ReferenceHit>>;
    /// Documents and tables the entries come from.
    fn documents(&self) -> TroubleResult<Vec<ReferenceDocument>>;
}

#[cfg(test)]
mod tests {
    use super::{LevelLimit, clause, in_force, limit_for};
    use crate::Amount;

    /// The limit of a county hospital (二级甲等 05) is that of 二级 unless its own level has one.
    #[test]
    fn the_limit_of_a_hospital_is_that_of_its_level() {
        let limit = |level: &str, yuan: i64| LevelLimit {
            level: level.to_owned(),
            amount: Amount::from_millionths(yuan.saturating_mul(1_000_000)),
        };
        let graded = [limit("3", 110), limit("2", 100), limit("06", 95), limit("", 90)];
        let of = |lv| limit_for(&graded, lv).map(|l| l.amount.to_cents());
        assert_eq!(of(Some("05")).as_deref(), Some("100.00"));
        assert_eq!(of(Some("06")).as_deref(), Some("95.00"));
        assert_eq!(of(Some("01")).as_deref(), Some("110.00"));
        assert_eq!(of(Some("11")).as_deref(), Some("90.00"));
        assert_eq!(of(None).as_deref(), Some("90.00"));
        let only_third = [limit("3", 110)];
        assert!(limit_for(&only_third, Some("05")).is_none());
        assert!(limit_for(&only_third, None).is_none());
    }

    #[test]
    fn clauses_of_rules_name_an_article() {
        let (title, article) = clause("T38(3)").expect("clause");
        assert_eq!((title, article.as_str()), ("医疗保障基金使用监督管理条例", "第三十八条"));
        assert_eq!(clause("X35").map(|c| c.1).as_deref(), Some("第三十五条"));
        assert!(clause("-").is_none() && clause("T").is_none());
    }

    #[test]
    fn both_ends_count() {
        assert!(in_force(Some(10), Some(20), 10) && in_force(Some(10), Some(20), 20));
        assert!(!in_force(Some(10), Some(20), 9) && !in_force(Some(10), Some(20), 21));
        assert!(in_force(None, None, 0));
    }
}
