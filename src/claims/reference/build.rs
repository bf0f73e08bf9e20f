//! Writing `reference.db`.
//!
//! Entries of a kind lie side by side, in the order in which equally good answers are shown: a question for
//! one kind is a range of ranks, and a posting list is the result (see `search`). Narrow columns stand
//! apart from long texts, because a list of answers and a day in force are read far more often than a text.

use std::cmp::Reverse;
use std::path::Path;

use rusqlite::{Connection, params};
use spotcheck_domain::Amount;
use spotcheck_domain::reference::{EntryKind, LevelLimit};

use super::codes::{self, Packer};
use super::{Document, Entry, ReferenceData, fold};
use crate::cipher::file_name;
use crate::error::{Error, Result};
use crate::package::{REFERENCE_SCHEMA, RulePackRef};
use crate::partition::PartitionReader;
use crate::schema::entity;
use crate::search::{GRAM_TABLE, Lists, Of, initials, pieces};
use crate::value::Value;

const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE code (field TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
  confidence TEXT NOT NULL, PRIMARY KEY (field, code)) STRICT, WITHOUT ROWID;
CREATE TABLE division (code TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rule_pack (name TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
  PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
CREATE TABLE document (id INTEGER PRIMARY KEY, title TEXT NOT NULL, title_key TEXT NOT NULL,
  number TEXT NOT NULL, issuer TEXT NOT NULL, source TEXT NOT NULL, sha256 TEXT NOT NULL,
  begndate INTEGER, enddate INTEGER, replaces TEXT NOT NULL, replaced_by TEXT NOT NULL,
  entries INTEGER NOT NULL) STRICT;
CREATE TABLE entry (rank INTEGER PRIMARY KEY, kind TEXT NOT NULL, document INTEGER NOT NULL,
  code TEXT NOT NULL, title TEXT NOT NULL, article TEXT NOT NULL, unit TEXT NOT NULL,
  limits TEXT NOT NULL, restriction TEXT NOT NULL, chrgitm_lv TEXT NOT NULL, begndate INTEGER,
  enddate INTEGER) STRICT;
CREATE TABLE entry_body (rank INTEGER PRIMARY KEY, text TEXT NOT NULL, excluded TEXT NOT NULL,
  aliases TEXT NOT NULL, chapter TEXT NOT NULL, line INTEGER NOT NULL, char_from INTEGER,
  char_to INTEGER) STRICT;
CREATE TABLE entry_key (key TEXT NOT NULL, rank INTEGER NOT NULL, PRIMARY KEY (key, rank))
  STRICT, WITHOUT ROWID;
CREATE TABLE kind_range (kind TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;";

/// Everything that one entry is searched by, folded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forms {
    /// Title, other names; of an article the title of the document with its number and heading.
    pub(super) titles: Vec<String>,
    /// First letters of the titles, where they have Chinese characters.
    pub(super) initials: Vec<String>,
    /// Text, restriction, 除外内容.
    pub(super) texts: Vec<String>,
    /// Code or document number.
    pub(super) key: String,
}

impl Forms {
    /// `title` and `code` as they are stored (of an article: of its document).
    pub(super) fn new(title: &str, code: &str, article: &str, aliases: &[&str]) -> Self {
        let mut forms = Self { key: fold(code), ..Self::default() };
        let mut add = |text: String| {
            if !text.is_empty() && !forms.titles.contains(&text) {
                forms.titles.push(text);
            }
        };
        add(fold(&format!("{title}{article}")));
        for alias in aliases {
            add(fold(alias));
        }
        // People say 第15条 where papers say 第十五条.
        if let Some(digits) = in_digits(article) {
            add(fold(&format!("{title}{digits}")));
        }
        for title in &forms.titles {
            let letters = fold(&initials(title));
            if letters != *title && !forms.initials.contains(&letters) {
                forms.initials.push(letters);
            }
        }
        // Codes are searched packed, which knows ASCII alone; the number of a document is no code.
        if !forms.key.is_ascii() {
            let key = forms.key.clone();
            forms.titles.push(format!("{key}{}", fold(article)));
        }
        forms
    }

    /// Adds what is searched last.
    pub(super) fn with_texts(mut self, texts: [&str; 3]) -> Self {
        self.texts = texts.iter().map(|t| fold(t)).filter(|t| !t.is_empty()).collect();
        self
    }
}

/// 第十五条 → 第15条.
fn in_digits(article: &str) -> Option<String> {
    let number = article.strip_prefix('第')?.split('条').next()?;
    let tail = article.split_once('条').map_or("", |(_, tail)| tail);
    Some(format!("第{}条{tail}", spotcheck_domain::numeral::parse(number)?))
}

/// Price limits as they are stored: `level:millionths` with `;` between.
pub(super) fn limits_text(limits: &[LevelLimit]) -> String {
    let one = |l: &LevelLimit| format!("{}:{}", l.level, l.amount.millionths());
    limits.iter().map(one).collect::<Vec<_>>().join(";")
}

/// Reads [`limits_text`].
pub(super) fn limits_of(text: &str) -> Vec<LevelLimit> {
    let one = |part: &str| {
        let (level, amount) = part.split_once(':')?;
        let amount = Amount::from_millionths(amount.parse().ok()?);
        Some(LevelLimit { level: level.to_owned(), amount })
    };
    text.split(';').filter_map(one).collect()
}

/// The region's price list as a document, for `reference.db`.
///
/// # Errors
/// The partition cannot be read.
pub fn catalogue(region: &PartitionReader) -> Result<Document> {
    let mut document = Document {
        title: "医保目录价格(中心导入)".to_owned(),
        source: "catalogue".to_owned(),
        ..Document::default()
    };
    let Some(table) = entity("catalogue") else { return Ok(document) };
    region.each(table, |row, _| {
        let value = |name: &str| table.position(name).and_then(|at| row.get(at));
        let text = |name: &str| value(name).and_then(Value::text).unwrap_or_default().to_owned();
        let day = |name: &str| value(name).and_then(Value::time).map(|t| t.at.day());
        let kind = match text("list_type").as_str() {
            "101" | "102" | "103" | "104" => EntryKind::Drug,
            "301" => EntryKind::Consumable,
            _ => EntryKind::Item,
        };
        let limit = match value("pric_uplmt_amt") {
            Some(Value::Int(n)) => Some(Amount::from_millionths(*n)),
            _ => None,
        };
        document.entries.push(Entry {
            code: text("med_list_codg"),
            title: text("hilist_name"),
            unit: text("unit"),
            chrgitm_lv: text("chrgitm_lv"),
            limits: limit
                .map(|amount| LevelLimit { level: String::new(), amount })
                .into_iter()
                .collect(),
            begin: day("begndate"),
            end: day("enddate"),
            ..Entry::new(kind)
        });
        Ok(())
    })?;
    Ok(document)
}

/// An entry with its document, and where both stand.
struct Placed<'a> {
    document: &'a Document,
    document_no: i64,
    order: usize,
    entry: &'a Entry,
}

impl Placed<'_> {
    fn begin(&self) -> Option<i64> {
        self.entry.begin.or(self.document.begin)
    }

    /// What ends first: the entry by itself, or its document.
    fn end(&self) -> Option<i64> {
        match (self.entry.end, self.document.end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn title(&self) -> &str {
        if self.entry.title.is_empty() { &self.document.title } else { &self.entry.title }
    }

    fn code(&self) -> &str {
        let by_document = self.entry.kind == EntryKind::Article && self.entry.code.is_empty();
        if by_document { &self.document.number } else { &self.entry.code }
    }
}

/// Entries of one kind in the order in which equally good answers are shown: policies and cases newest
/// document first and in their own order, everything else the shortest name first, of a code the newest.
fn in_order<'a>(documents: &'a [Document], kind: EntryKind) -> Vec<Placed<'a>> {
    let mut all: Vec<Placed<'a>> = Vec::new();
    for (n, document) in documents.iter().enumerate() {
        let document_no = i64::try_from(n).unwrap_or(i64::MAX).saturating_add(1);
        let of_kind = document.entries.iter().enumerate().filter(|(_, e)| e.kind == kind);
        all.extend(of_kind.map(|(order, entry)| Placed { document, document_no, order, entry }));
    }
    if matches!(kind, EntryKind::Article | EntryKind::Case) {
        all.sort_by(|a, b| {
            let key = |p: &Placed<'a>| (Reverse(p.document.begin), p.document_no, p.order);
            key(a).cmp(&key(b))
        });
    } else {
        all.sort_by_cached_key(|p| {
            let begin = Reverse(p.begin());
            let (title, code) = (p.title().to_owned(), p.code().to_owned());
            (title.chars().count(), title, code, begin, p.document_no, p.order)
        });
    }
    all
}

/// Writes the file at `path`, where nothing may lie.
///
/// # Errors
/// The file cannot be written.
pub fn build_reference(
    path: &Path,
    data: &ReferenceData,
    rule_packs: &[RulePackRef],
) -> Result<()> {
    let sql = || Error::sql("reference.db");
    let db = Connection::open(path).map_err(sql())?;
    let run = |text: &str| db.execute_batch(text).map_err(sql());
    run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    run("BEGIN;")?;
    run(TABLES)?;
    run(codes::TABLE)?;
    run(GRAM_TABLE)?;
    let put = |statement: &str, values: &[&str]| {
        db.prepare_cached(statement)
            .and_then(|mut s| s.execute(rusqlite::params_from_iter(values)))
            .map(|_| ())
            .map_err(sql())
    };
    put("INSERT INTO meta VALUES (?1, ?2)", &["schema", REFERENCE_SCHEMA])?;
    let mut codes: Vec<_> = data.codes.iter().collect();
    codes.sort_by(|a, b| (&a.field, &a.code).cmp(&(&b.field, &b.code)));
    for c in codes {
        let values = [c.field.as_str(), &c.code, &c.name, &c.confidence];
        put("INSERT OR IGNORE INTO code VALUES (?1, ?2, ?3, ?4)", &values)?;
    }
    let mut divisions: Vec<&(String, String)> = data.divisions.iter().collect();
    divisions.sort();
    for (code, name) in divisions {
        put("INSERT OR IGNORE INTO division VALUES (?1, ?2)", &[code, name])?;
    }
    for pack in rule_packs {
        let values = [pack.name.as_str(), &pack.version, &pack.sha256];
        put("INSERT OR IGNORE INTO rule_pack VALUES (?1, ?2, ?3)", &values)?;
    }
    documents(&db, &data.documents)?;
    entries(&db, &data.documents)?;
    run("CREATE INDEX entry_article ON entry (document, article) WHERE article <> '';
         COMMIT; PRAGMA journal_mode = DELETE;")?;
    db.close().map_err(|(_, e)| sql()(e))?;
    let file = std::fs::File::open(path).map_err(Error::io(file_name(path)))?;
    file.sync_all().map_err(Error::io(file_name(path)))
}

fn documents(db: &Connection, documents: &[Document]) -> Result<()> {
    let sql = || Error::sql("document");
    let mut insert = db
        .prepare("INSERT INTO document VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")
        .map_err(sql())?;
    for (n, d) in documents.iter().enumerate() {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        insert
            .execute(params![
                number(n).saturating_add(1),
                d.title,
                fold(&d.title),
                d.number,
                d.issuer,
                d.source,
                d.sha256,
                d.begin,
                d.end,
                d.replaces.join("\n"),
                d.replaced_by,
                number(d.entries.len())
            ])
            .map_err(sql())?;
    }
    Ok(())
}

fn entries(db: &Connection, documents: &[Document]) -> Result<()> {
    let sql = || Error::sql("entry");
    let mut lists = Lists::default();
    let mut packer = Packer::default();
    let mut rank = 0_u64;
    let mut narrow = db
        .prepare("INSERT INTO entry VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")
        .map_err(sql())?;
    let mut body =
        db.prepare("INSERT INTO entry_body VALUES (?1,?2,?3,?4,?5,?6,?7,?8)").map_err(sql())?;
    let mut key = db.prepare("INSERT OR IGNORE INTO entry_key VALUES (?1, ?2)").map_err(sql())?;
    for kind in EntryKind::ALL {
        let first = rank.saturating_add(1);
        for placed in in_order(documents, *kind) {
            rank = rank.saturating_add(1);
            let no = i64::try_from(rank).unwrap_or(i64::MAX);
            let e = placed.entry;
            narrow
                .execute(params![
                    no,
                    kind.as_str(),
                    placed.document_no,
                    placed.code(),
                    placed.title(),
                    e.article,
                    e.unit,
                    limits_text(&e.limits),
                    e.restriction,
                    e.chrgitm_lv,
                    placed.begin(),
                    placed.end()
                ])
                .map_err(sql())?;
            let chars = |n: Option<u64>| n.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            body.execute(params![
                no,
                e.text,
                e.excluded,
                e.aliases.join("\n"),
                e.chapter,
                i64::try_from(e.line).unwrap_or(i64::MAX),
                chars(e.chars.map(|c| c.0)),
                chars(e.chars.map(|c| c.1))
            ])
            .map_err(sql())?;
            let aliases: Vec<&str> = e.aliases.iter().map(String::as_str).collect();
            let forms = Forms::new(placed.title(), placed.code(), &e.article, &aliases)
                .with_texts([&e.text, &e.restriction, &e.excluded]);
            if !forms.key.is_empty() {
                key.execute(params![forms.key, no]).map_err(sql())?;
            }
            index(&forms, rank, &mut lists);
            let ascii = if forms.key.is_ascii() { forms.key.as_str() } else { "" };
            packer.add(db, &mut lists, rank, ascii)?;
        }
        if rank >= first {
            let range = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            db.execute(
                "INSERT INTO kind_range VALUES (?1, ?2, ?3)",
                params![kind.as_str(), range(first), range(rank)],
            )
            .map_err(sql())?;
        }
    }
    packer.close(db, &mut lists, rank)?;
    lists.store(db)
}

fn index(forms: &Forms, rank: u64, lists: &mut Lists) {
    for title in &forms.titles {
        pieces(Of::RefTitle, title, |p| lists.add(Of::RefTitle, p, rank));
    }
    for letters in &forms.initials {
        pieces(Of::RefInitials, letters, |p| lists.add(Of::RefInitials, p, rank));
    }
    for text in forms.titles.iter().chain(&forms.initials) {
        let ends = text.char_indices().map(|(n, c)| n.saturating_add(c.len_utf8()));
        for end in ends.take(Of::RefStart.piece()) {
            lists.add(Of::RefStart, text.get(..end).unwrap_or_default(), rank);
        }
    }
    for text in &forms.texts {
        pieces(Of::RefText, text, |p| lists.add(Of::RefText, p, rank));
    }
}
