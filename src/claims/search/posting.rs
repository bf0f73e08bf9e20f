//! Posting lists: ascending ranks in chunks, each chunk one row of table `gram`.
//!
//! A chunk stays small enough to lie in its B-tree page without overflow, and begins with its first rank as
//! part of the key, so that an intersection can jump ahead without reading what lies between.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Of;
use crate::error::{Error, Result};
use crate::value::{get_varint, put_varint};

/// Bytes after which a chunk is closed.
const CHUNK: usize = 700;

/// Table of the lists.
pub(crate) const TABLE: &str = "CREATE TABLE gram (
  kind INTEGER NOT NULL,
  piece TEXT NOT NULL,
  first INTEGER NOT NULL,
  ranks BLOB NOT NULL,
  PRIMARY KEY (kind, piece, first)
) STRICT, WITHOUT ROWID;";

#[derive(Default)]
struct List {
    last: u64,
    bytes: Vec<u8>,
}

/// Collects lists in memory. Ranks must come in ascending order; a repeated one counts once.
#[derive(Default)]
pub(crate) struct Lists {
    lists: BTreeMap<Of, HashMap<Box<str>, List>>,
}

impl Lists {
    pub(crate) fn add(&mut self, of: Of, piece: &str, rank: u64) {
        let lists = self.lists.entry(of).or_default();
        let list = match lists.get_mut(piece) {
            Some(list) => list,
            None => lists.entry(piece.into()).or_default(),
        };
        if list.last == rank {
            return;
        }
        put_varint(&mut list.bytes, rank.saturating_sub(list.last));
        list.last = rank;
    }

    /// Writes all lists, sorted, in chunks.
    pub(crate) fn store(self, db: &Connection) -> Result<()> {
        let mut insert =
            db.prepare("INSERT INTO gram VALUES (?1, ?2, ?3, ?4)").map_err(Error::sql("gram"))?;
        let mut put = |of: Of, piece: &str, first: u64, bytes: &[u8]| {
            let first = i64::try_from(first).unwrap_or(i64::MAX);
            insert.execute(params![of as i64, piece, first, bytes]).map_err(Error::sql("gram"))
        };
        let sorted = self.lists.into_iter().flat_map(|(of, lists)| {
            let mut lists: Vec<_> = lists.into_iter().collect();
            lists.sort_by(|a, b| a.0.cmp(&b.0));
            lists.into_iter().map(move |(piece, list)| (of, piece, list))
        });
        for (of, piece, list) in sorted {
            let mut rest = list.bytes.as_slice();
            let (mut rank, mut first) = (0_u64, None);
            let mut chunk: Vec<u8> = Vec::new();
            while let Some(delta) = get_varint(&mut rest) {
                rank = rank.saturating_add(delta);
                match first {
                    None => first = Some(rank),
                    Some(_) => put_varint(&mut chunk, delta),
                }
                if chunk.len() >= CHUNK {
                    put(of, &piece, first.unwrap_or(rank), &chunk)?;
                    chunk.clear();
                    first = None;
                }
            }
            if let Some(first) = first {
                put(of, &piece, first, &chunk)?;
            }
        }
        Ok(())
    }
}

/// Something that gives ascending ranks.
pub(crate) trait Ranks {
    /// The smallest rank not below `from`.
    fn at_least(&mut self, from: u64) -> Result<Option<u64>>;
}

/// One list, read chunk by chunk.
pub(crate) struct Stream<'a> {
    db: &'a Connection,
    of: Of,
    piece: String,
    chunk: Vec<u64>,
    at: usize,
    started: bool,
    done: bool,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(db: &'a Connection, of: Of, piece: &str) -> Self {
        let piece = piece.to_owned();
        Self { db, of, piece, chunk: Vec::new(), at: 0, started: false, done: false }
    }

    fn load(&mut self, sql: &str, bound: u64) -> Result<bool> {
        let bound = i64::try_from(bound).unwrap_or(i64::MAX);
        let found: Option<(i64, Vec<u8>)> = self
            .db
            .prepare_cached(sql)
            .and_then(|mut s| {
                s.query_row(params![self.of as i64, self.piece, bound], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()
            })
            .map_err(Error::sql("gram"))?;
        let Some((first, bytes)) = found else { return Ok(false) };
        let mut rank = first.unsigned_abs();
        let mut rest = bytes.as_slice();
        self.chunk.clear();
        self.chunk.push(rank);
        while let Some(delta) = get_varint(&mut rest) {
            rank = rank.saturating_add(delta);
            self.chunk.push(rank);
        }
        self.at = 0;
        Ok(true)
    }
}

const BEFORE: &str = "SELECT first, ranks FROM gram WHERE kind = ?1 AND piece = ?2 AND first <= ?3
 ORDER BY first DESC LIMIT 1";
const AFTER: &str = "SELECT first, ranks FROM gram WHERE kind = ?1 AND piece = ?2 AND first > ?3
 ORDER BY first LIMIT 1";

impl Ranks for Stream<'_> {
    fn at_least(&mut self, from: u64) -> Result<Option<u64>> {
        if self.done {
            return Ok(None);
        }
        let last = self.chunk.last().copied();
        if !self.started || last.is_some_and(|l| l < from) {
            self.started = true;
            // The chunk that may hold `from`, else the next one.
            let has = self.load(BEFORE, from)? && self.chunk.last().is_some_and(|l| *l >= from);
            if !has && !self.load(AFTER, from)? {
                self.done = true;
                return Ok(None);
            }
        }
        while let Some(rank) = self.chunk.get(self.at) {
            if *rank >= from {
                return Ok(Some(*rank));
            }
            self.at = self.at.saturating_add(1);
        }
        Ok(None)
    }
}

/// Ranks that all members give.
pub(crate) struct All<'a>(pub(crate) Vec<Box<dyn Ranks + 'a>>);

impl Ranks for All<'_> {
    fn at_least(&mut self, mut from: u64) -> Result<Option<u64>> {
        loop {
            let start = from;
            for member in &mut self.0 {
                match member.at_least(from)? {
                    Some(rank) => from = rank,
                    None => return Ok(None),
                }
            }
            if from == start && !self.0.is_empty() {
                return Ok(Some(from));
            }
            if self.0.is_empty() {
                return Ok(None);
            }
        }
    }
}

/// Ranks that any member gives.
pub(crate) struct Any<'a>(pub(crate) Vec<Box<dyn Ranks + 'a>>);

impl Ranks for Any<'_> {
    fn at_least(&mut self, from: u64) -> Result<Option<u64>> {
        let mut best: Option<u64> = None;
        for member in &mut self.0 {
            if let Some(rank) = member.at_least(from)? {
                best = Some(best.map_or(rank, |b| b.min(rank)));
            }
        }
        Ok(best)
    }
}

/// Ranks of a member that pass a test against the row.
pub(crate) struct Checked<'a> {
    pub(crate) member: Box<dyn Ranks + 'a>,
    #[allow(clippy::type_complexity, reason = "one use")]
    pub(crate) test: Box<dyn FnMut(u64) -> Result<bool> + 'a>,
    /// What was asked last, and the answer: whoever joins lists asks the same again and again.
    pub(crate) known: Option<(u64, Option<u64>)>,
}

impl Ranks for Checked<'_> {
    fn at_least(&mut self, mut from: u64) -> Result<Option<u64>> {
        if let Some((asked, answer)) = self.known
            && from >= asked
            && answer.is_none_or(|rank| rank >= from)
        {
            return Ok(answer);
        }
        let asked = from;
        let answer = loop {
            match self.member.at_least(from)? {
                Some(rank) if !(self.test)(rank)? => from = rank.saturating_add(1),
                answer => break answer,
            }
        };
        self.known = Some((asked, answer));
        Ok(answer)
    }
}

/// Ranks of a member from one to another, both included; the member is not asked beyond.
pub(crate) struct Within<'a>(pub(crate) Box<dyn Ranks + 'a>, pub(crate) u64, pub(crate) u64);

impl Ranks for Within<'_> {
    fn at_least(&mut self, from: u64) -> Result<Option<u64>> {
        let from = from.max(self.1);
        if from > self.2 {
            return Ok(None);
        }
        Ok(self.0.at_least(from)?.filter(|rank| *rank <= self.2))
    }
}

/// Every rank there is.
pub(crate) struct Everything(pub(crate) u64);

impl Ranks for Everything {
    fn at_least(&mut self, from: u64) -> Result<Option<u64>> {
        let from = from.max(1);
        Ok((from <= self.0).then_some(from))
    }
}
