//! Asking a file of reference data.
//!
//! Four questions of falling weight are put for each kind, each without what the ones before have given:
//! the code or document number is the query, a title begins with it, a title or code contains it, a text
//! contains it. All of them are streams of ascending ranks, so the first page of a kind costs a few
//! look-ups, however many entries match.

mod snippet;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row};
use spotcheck_domain::TroubleResult;
use spotcheck_domain::reference::{
    EntryKind, KindHits, Match, Neighbour, ReferenceDocument, ReferenceEntry, ReferenceHit,
    ReferenceQuery, ReferenceReader, day_text, in_force,
};

use super::build::{Forms, limits_of};
use super::codes::CodeScan;
use super::fold;
use crate::cipher::{self, file_name};
use crate::error::{Error, Result};
use crate::package::REFERENCE_SCHEMA;
use crate::search::{All, Any, Checked, Of, Ranks, Stream, Texts, Within, containing_within};

/// Page cache, KiB.
const CACHE_KIB: u32 = 8 * 1024;
/// Characters of the beginning of a text that stand for a heading.
const HEADING_CHARS: usize = 20;

type Ranked<'a> = Box<dyn Ranks + 'a>;

/// An open file.
#[derive(Debug)]
pub struct ReferenceFile {
    db: Connection,
    added: bool,
    /// Kind, first and last rank.
    ranges: Vec<(EntryKind, u64, u64)>,
}

/// A query folded: as a whole, and word by word.
struct Query {
    whole: String,
    words: Vec<String>,
}

/// A few ranks, ascending.
struct Listed(Vec<u64>);

impl Ranks for Listed {
    fn at_least(&mut self, from: u64) -> Result<Option<u64>> {
        Ok(self.0.iter().copied().find(|rank| *rank >= from))
    }
}

fn sql(what: &str) -> impl FnOnce(rusqlite::Error) -> Error + '_ {
    Error::sql(what)
}

/// True if first letters may be meant.
fn is_spelled(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_alphanumeric())
}

fn no(rank: u64) -> i64 {
    i64::try_from(rank).unwrap_or(i64::MAX)
}

impl ReferenceFile {
    /// Opens a file; `added`: an officer added what is in it. A file of before there were entries answers
    /// nothing.
    ///
    /// # Errors
    /// No such file, or of another schema.
    pub fn open(path: &Path, added: bool) -> Result<Self> {
        let name = file_name(path);
        let db = cipher::open_public(path, CACHE_KIB)?;
        let schema: String = db
            .query_row("SELECT value FROM meta WHERE name = 'schema'", [], |r| r.get(0))
            .map_err(Error::sql(&name))?;
        if schema != REFERENCE_SCHEMA {
            return Err(Error::Schema { found: schema, wanted: REFERENCE_SCHEMA.to_owned() });
        }
        db.set_prepared_statement_cache_capacity(64);
        let mut file = Self { db, added, ranges: Vec::new() };
        file.ranges = file.read_ranges()?;
        Ok(file)
    }

    fn read_ranges(&self) -> Result<Vec<(EntryKind, u64, u64)>> {
        let has = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'kind_range'";
        let has: i64 = self.db.query_row(has, [], |r| r.get(0)).map_err(sql("kind_range"))?;
        if has == 0 {
            return Ok(Vec::new());
        }
        let mut all = self
            .db
            .prepare("SELECT kind, first, last FROM kind_range ORDER BY first")
            .map_err(sql("kind_range"))?;
        let rows = all
            .query_map([], |r| {
                Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?))
            })
            .map_err(sql("kind_range"))?;
        let mut ranges = Vec::new();
        for row in rows {
            let (kind, first, last) = row.map_err(sql("kind_range"))?;
            // A kind of a later version is not shown; it would have no word on the screen.
            if let Some(kind) = EntryKind::parse(&kind) {
                ranges.push((kind, first.unsigned_abs(), last.unsigned_abs()));
            }
        }
        Ok(ranges)
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().fold(0, |n, (_, first, last)| {
            n.saturating_add(last.saturating_sub(*first)).saturating_add(1)
        })
    }

    /// True if nothing can be found in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    fn id(&self, rank: u64) -> String {
        format!("{}{rank}", if self.added { 'a' } else { 'r' })
    }

    fn rank(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(if self.added { 'a' } else { 'r' })?;
        digits.parse().ok()
    }

    fn forms(&self, rank: u64, with_texts: bool) -> Result<Forms> {
        let mut narrow = self
            .db
            .prepare_cached("SELECT code, title, article, restriction FROM entry WHERE rank = ?1")
            .map_err(sql("entry"))?;
        let (code, title, article, restriction): (String, String, String, String) = narrow
            .query_row([no(rank)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .map_err(sql("entry"))?;
        let mut body = self
            .db
            .prepare_cached("SELECT aliases, text, excluded FROM entry_body WHERE rank = ?1")
            .map_err(sql("entry_body"))?;
        let (aliases, text, excluded): (String, String, String) = body
            .query_row([no(rank)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .map_err(sql("entry_body"))?;
        let aliases: Vec<&str> = aliases.split('\n').filter(|a| !a.is_empty()).collect();
        let forms = Forms::new(&title, &code, &article, &aliases);
        Ok(if with_texts { forms.with_texts([&text, &restriction, &excluded]) } else { forms })
    }

    fn texts(&self) -> Texts<'_> {
        Box::new(|of, rank| {
            let forms = self.forms(rank, of == Of::RefText)?;
            Ok(match of {
                Of::RefInitials => forms.initials,
                Of::RefText => forms.texts,
                _ => forms.titles,
            })
        })
    }

    /// Titles or their initials that begin with a word.
    fn starting<'a>(&'a self, word: &str, within: (u64, u64), texts: &'a Texts<'a>) -> Ranked<'a> {
        let longest = Of::RefStart.piece();
        let piece: String = word.chars().take(longest).collect();
        let start = Box::new(Stream::new(&self.db, Of::RefStart, &piece));
        let start: Ranked<'a> = Box::new(Within(start, within.0, within.1));
        if word.chars().count() <= longest {
            return start;
        }
        // Many titles begin alike; those that have the rest of the word at all are few.
        let mut whole = vec![containing_within(&self.db, Of::RefTitle, word, texts, within)];
        if is_spelled(word) {
            whole.push(containing_within(&self.db, Of::RefInitials, word, texts, within));
        }
        let member = Box::new(All(vec![start, Box::new(Any(whole))]));
        let word = word.to_owned();
        let test = move |rank| {
            let forms = self.forms(rank, false)?;
            Ok(forms.titles.iter().chain(&forms.initials).any(|t| t.starts_with(&word)))
        };
        Box::new(Checked { member, test: Box::new(test), known: None })
    }

    /// Title, initials or code contain a word.
    fn titled<'a>(
        &'a self,
        word: &str,
        within: (u64, u64),
        texts: &'a Texts<'a>,
    ) -> Vec<Ranked<'a>> {
        let mut any = vec![containing_within(&self.db, Of::RefTitle, word, texts, within)];
        if is_spelled(word) {
            any.push(containing_within(&self.db, Of::RefInitials, word, texts, within));
        }
        if word.is_ascii() {
            let codes = CodeScan::new(&self.db, word, within.1);
            any.push(Box::new(Within(Box::new(codes), within.0, within.1)));
        }
        any
    }

    fn of_class<'a>(
        &'a self,
        class: Match,
        query: &Query,
        exact: &[u64],
        within: (u64, u64),
        texts: &'a Texts<'a>,
    ) -> Ranked<'a> {
        let every_word = |of: &dyn Fn(&str) -> Vec<Ranked<'a>>| -> Ranked<'a> {
            let each = query.words.iter().map(|word| {
                let any: Ranked<'a> = Box::new(Any(of(word)));
                any
            });
            Box::new(All(each.collect()))
        };
        let several = query.words.len() > 1;
        let title = |word: &str| self.titled(word, within, texts);
        let text = |word: &str| containing_within(&self.db, Of::RefText, word, texts, within);
        let anywhere = |word: &str| {
            let mut any = self.titled(word, within, texts);
            any.push(text(word));
            any
        };
        let mut any: Vec<Ranked<'a>> = Vec::new();
        match class {
            Match::Code => any.push(Box::new(Listed(exact.to_vec()))),
            Match::Start => {
                any.push(self.starting(&query.whole, within, texts));
                if let (true, Some(first)) = (several, query.words.first()) {
                    let first = self.starting(first, within, texts);
                    any.push(Box::new(All(vec![first, every_word(&title)])));
                }
            }
            Match::Title => {
                any.extend(title(&query.whole));
                if several {
                    any.push(every_word(&title));
                }
            }
            Match::Text => {
                any.push(text(&query.whole));
                if several {
                    any.push(every_word(&anywhere));
                }
            }
        }
        Box::new(Within(Box::new(Any(any)), within.0, within.1))
    }

    /// The best class in which the title or code of an entry answers; texts are not looked at.
    fn named_by(&self, rank: u64, query: &Query) -> Result<Option<Match>> {
        let forms = self.forms(rank, false)?;
        if forms.key == query.whole {
            return Ok(Some(Match::Code));
        }
        let letters = |word: &str| if is_spelled(word) { forms.initials.as_slice() } else { &[] };
        let starts = |word: &str| {
            forms.titles.iter().chain(&forms.initials).any(|title| title.starts_with(word))
        };
        let titled = |word: &str| {
            let code = word.is_ascii() && forms.key.is_ascii() && forms.key.contains(word);
            code || forms.titles.iter().chain(letters(word)).any(|title| title.contains(word))
        };
        let all = query.words.len() > 1 && query.words.iter().all(|word| titled(word));
        let first = query.words.first().is_some_and(|word| starts(word));
        Ok(if starts(&query.whole) || (all && first) {
            Some(Match::Start)
        } else {
            (all || titled(&query.whole)).then_some(Match::Title)
        })
    }

    /// One page of a kind, and one row more: ranks with the class they were found by.
    fn page_of(
        &self,
        (first, last): (u64, u64),
        query: &Query,
        exact: &[u64],
        asked: &ReferenceQuery<'_>,
    ) -> Result<Vec<(Match, u64)>> {
        let texts = self.texts();
        let mut found = Vec::new();
        let (mut skip, mut left) = (asked.page.offset, asked.page.limit.saturating_add(1));
        for class in Match::ALL {
            let mut ranks = self.of_class(*class, query, exact, (first, last), &texts);
            let mut from = first;
            while left > 0 {
                let Some(rank) = ranks.at_least(from)? else { break };
                from = rank.saturating_add(1);
                // An entry is shown once, for the best reason.
                let better = *class != Match::Code
                    && self.named_by(rank, query)?.is_some_and(|named| named < *class);
                if better || !asked.on.map_or(Ok(true), |on| self.was_in_force(rank, on))? {
                    continue;
                }
                if skip > 0 {
                    skip = skip.saturating_sub(1);
                } else {
                    found.push((*class, rank));
                    left = left.saturating_sub(1);
                }
            }
        }
        Ok(found)
    }

    fn was_in_force(&self, rank: u64, on: i64) -> Result<bool> {
        self.db
            .prepare_cached("SELECT begndate, enddate FROM entry WHERE rank = ?1")
            .and_then(|mut s| s.query_row([no(rank)], |r| Ok(in_force(r.get(0)?, r.get(1)?, on))))
            .map_err(sql("entry"))
    }

    /// Ranks of entries whose whole code, or whose document's number, is the query.
    fn exact(&self, key: &str) -> Result<Vec<u64>> {
        let mut find = self
            .db
            .prepare_cached("SELECT rank FROM entry_key WHERE key = ?1 ORDER BY rank")
            .map_err(sql("entry_key"))?;
        let ranks = find.query_map([key], |r| r.get::<_, i64>(0)).map_err(sql("entry_key"))?;
        ranks.map(|r| r.map(i64::unsigned_abs).map_err(sql("entry_key"))).collect()
    }

    fn hit(
        &self,
        rank: u64,
        matched: Match,
        query: Option<&Query>,
    ) -> Result<Option<ReferenceHit>> {
        let mut find = self
            .db
            .prepare_cached(
                "SELECT e.kind, e.code, e.title, e.article, e.unit, e.limits, e.restriction,
                   e.begndate, e.enddate, b.text, b.excluded
                 FROM entry e JOIN entry_body b ON b.rank = e.rank WHERE e.rank = ?1",
            )
            .map_err(sql("entry"))?;
        find.query_row([no(rank)], |r| self.read_hit(r, rank, matched, query))
            .optional()
            .map(Option::flatten)
            .map_err(sql("entry"))
    }

    fn read_hit(
        &self,
        row: &Row<'_>,
        rank: u64,
        matched: Match,
        query: Option<&Query>,
    ) -> rusqlite::Result<Option<ReferenceHit>> {
        let text = |n: usize| row.get::<_, String>(n);
        let some = |n: usize| text(n).map(|t| Some(t).filter(|t| !t.is_empty()));
        let day = |n: usize| row.get::<_, Option<i64>>(n).map(|d| d.map(day_text));
        let Some(kind) = EntryKind::parse(&text(0)?) else { return Ok(None) };
        let (body, excluded, restriction) = (text(9)?, text(10)?, text(6)?);
        let words: &[String] = query.map_or(&[], |q| &q.words);
        let snippet = snippet::of(&[&body, &restriction, &excluded], words);
        Ok(Some(ReferenceHit {
            id: self.id(rank),
            kind,
            matched,
            code: some(1)?,
            title: text(2)?,
            article: some(3)?,
            snippet,
            unit: some(4)?,
            limits: limits_of(&text(5)?),
            restriction: Some(restriction).filter(|t| !t.is_empty()),
            begin: day(7)?,
            end: day(8)?,
            added: self.added,
        }))
    }

    fn hits(
        &self,
        ranks: impl IntoIterator<Item = (Match, u64)>,
        query: Option<&Query>,
    ) -> Result<Vec<ReferenceHit>> {
        let hits = ranks.into_iter().map(|(matched, rank)| self.hit(rank, matched, query));
        hits.filter_map(Result::transpose).collect()
    }

    fn find(&self, asked: &ReferenceQuery<'_>) -> Result<Vec<KindHits>> {
        let words = asked.text.split_whitespace().map(fold).filter(|word| !word.is_empty());
        let query = Query { whole: fold(asked.text), words: words.collect() };
        if query.whole.is_empty() || self.ranges.is_empty() {
            return Ok(Vec::new());
        }
        let exact = self.exact(&query.whole)?;
        let limit = usize::try_from(asked.page.limit).unwrap_or(usize::MAX);
        let mut kinds = Vec::new();
        for (kind, first, last) in &self.ranges {
            if !asked.kinds.is_empty() && !asked.kinds.contains(kind) {
                continue;
            }
            let mut ranks = self.page_of((*first, *last), &query, &exact, asked)?;
            let more = ranks.len() > limit;
            ranks.truncate(limit);
            if !ranks.is_empty() {
                kinds.push(KindHits { kind: *kind, hits: self.hits(ranks, Some(&query))?, more });
            }
        }
        Ok(kinds)
    }

    fn document(&self, id: i64) -> Result<Option<ReferenceDocument>> {
        let columns = DOCUMENT;
        self.db
            .prepare_cached(&format!("SELECT {columns} FROM document WHERE id = ?1"))
            .and_then(|mut s| s.query_row([id], read_document).optional())
            .map_err(sql("document"))
    }

    fn neighbour(&self, rank: u64, document: i64) -> Result<Option<Neighbour>> {
        let found: Option<(String, String)> = self
            .db
            .prepare_cached(
                "SELECT e.article, substr(b.text, 1, 20) FROM entry e
                 JOIN entry_body b ON b.rank = e.rank WHERE e.rank = ?1 AND e.document = ?2",
            )
            .and_then(|mut s| {
                s.query_row((no(rank), document), |r| Ok((r.get(0)?, r.get(1)?))).optional()
            })
            .map_err(sql("entry"))?;
        Ok(found.map(|(article, text)| Neighbour {
            id: self.id(rank),
            heading: if article.is_empty() {
                text.chars().take(HEADING_CHARS).collect()
            } else {
                article
            },
        }))
    }

    fn read_entry(&self, rank: u64) -> Result<Option<ReferenceEntry>> {
        let Some(head) = self.hit(rank, Match::Code, None)? else { return Ok(None) };
        type Body = (String, String, String, String, i64, Option<i64>, Option<i64>);
        let body: Body = self
            .db
            .prepare_cached(
                "SELECT text, excluded, aliases, chapter, line, char_from, char_to FROM entry_body
                 WHERE rank = ?1",
            )
            .and_then(|mut s| {
                s.query_row([no(rank)], |r| {
                    Ok((
                        r.get(0)?,
                        r.get(1)?,
                        r.get(2)?,
                        r.get(3)?,
                        r.get(4)?,
                        r.get(5)?,
                        r.get(6)?,
                    ))
                })
            })
            .map_err(sql("entry_body"))?;
        let (text, excluded, aliases, chapter, line, from, to) = body;
        let (document, chrgitm_lv): (i64, String) = self
            .db
            .prepare_cached("SELECT document, chrgitm_lv FROM entry WHERE rank = ?1")
            .and_then(|mut s| s.query_row([no(rank)], |r| Ok((r.get(0)?, r.get(1)?))))
            .map_err(sql("entry"))?;
        let some = |t: String| Some(t).filter(|t| !t.is_empty());
        // Only policies and cases have an order of their own.
        let ordered = matches!(head.kind, EntryKind::Article | EntryKind::Case);
        let beside = |rank: u64| if ordered { self.neighbour(rank, document) } else { Ok(None) };
        Ok(Some(ReferenceEntry {
            previous: beside(rank.saturating_sub(1))?,
            next: beside(rank.saturating_add(1))?,
            head,
            text,
            excluded: some(excluded),
            aliases: aliases.split('\n').filter(|a| !a.is_empty()).map(str::to_owned).collect(),
            chrgitm_lv: some(chrgitm_lv),
            chapter: some(chapter),
            document: self.document(document)?,
            line: u64::try_from(line).ok().filter(|n| *n > 0),
            chars: from.zip(to).map(|(a, b)| (a.unsigned_abs(), b.unsigned_abs())),
        }))
    }

    fn read_by_code(&self, code: &str) -> Result<Vec<ReferenceHit>> {
        let ranks = self.exact(&fold(code))?;
        let mut hits = self.hits(ranks.into_iter().map(|rank| (Match::Code, rank)), None)?;
        hits.retain(|h| h.kind != EntryKind::Article);
        // What says no day comes last; of equals the one read first.
        hits.sort_by(|a, b| (a.kind, &b.begin).cmp(&(b.kind, &a.begin)));
        Ok(hits)
    }

    fn read_articles(&self, title: &str, article: &str) -> Result<Vec<ReferenceHit>> {
        let mut find = self
            .db
            .prepare_cached(
                "SELECT e.rank FROM document d JOIN entry e ON e.document = d.id
                 WHERE d.title_key = ?1 AND e.article = ?2 AND e.article <> '' ORDER BY e.rank",
            )
            .map_err(sql("entry"))?;
        let ranks: Vec<i64> = find
            .query_map([fold(title).as_str(), article], |r| r.get(0))
            .and_then(Iterator::collect)
            .map_err(sql("entry"))?;
        self.hits(ranks.into_iter().map(|rank| (Match::Title, rank.unsigned_abs())), None)
    }

    fn read_documents(&self) -> Result<Vec<ReferenceDocument>> {
        if self.ranges.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = self
            .db
            .prepare_cached(&format!("SELECT {DOCUMENT} FROM document ORDER BY id"))
            .map_err(sql("document"))?;
        let rows = all.query_map([], read_document).map_err(sql("document"))?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql("document"))
    }
}

const DOCUMENT: &str = "title, number, issuer, source, sha256, begndate, enddate, replaces,
   replaced_by, entries";

fn read_document(row: &Row<'_>) -> rusqlite::Result<ReferenceDocument> {
    let some = |n: usize| row.get::<_, String>(n).map(|t| Some(t).filter(|t| !t.is_empty()));
    let day = |n: usize| row.get::<_, Option<i64>>(n).map(|d| d.map(day_text));
    let replaces: String = row.get(7)?;
    Ok(ReferenceDocument {
        title: row.get(0)?,
        number: some(1)?,
        issuer: some(2)?,
        source: row.get(3)?,
        sha256: row.get(4)?,
        begin: day(5)?,
        end: day(6)?,
        replaces: replaces.split('\n').filter(|r| !r.is_empty()).map(str::to_owned).collect(),
        replaced_by: some(8)?,
        entries: row.get::<_, i64>(9)?.unsigned_abs(),
    })
}

impl ReferenceReader for ReferenceFile {
    fn look_up(&self, query: &ReferenceQuery<'_>) -> TroubleResult<Vec<KindHits>> {
        Ok(self.find(query)?)
    }

    fn entry(&self, id: &str) -> TroubleResult<Option<ReferenceEntry>> {
        let Some(rank) = self.rank(id).filter(|_| !self.ranges.is_empty()) else { return Ok(None) };
        Ok(self.read_entry(rank)?)
    }

    fn by_code(&self, code: &str) -> TroubleResult<Vec<ReferenceHit>> {
        if self.ranges.is_empty() || code.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.read_by_code(code)?)
    }

    fn articles(&self, title: &str, article: &str) -> TroubleResult<Vec<ReferenceHit>> {
        if self.ranges.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.read_articles(title, article)?)
    }

    fn documents(&self) -> TroubleResult<Vec<ReferenceDocument>> {
        Ok(self.read_documents()?)
    }
}
