//! Codes by any part of them: packed, and scanned chunk by chunk.
//!
//! Codes are long and made of few characters, so posting lists of their pieces would be the largest part of
//! the file and still leave most entries to be compared. Packed they are a few megabytes; which chunks can
//! hold a query at all is told by lists of pieces per chunk (nobody's code has `zsy` in it, and no chunk is
//! read for it).

use rusqlite::{Connection, OptionalExtension as _};

use crate::error::{Error, Result};
use crate::search::{Lists, Of, Ranks, Stream, pieces};

/// Entries per chunk.
const CHUNK: u64 = 512;

pub(super) const TABLE: &str =
    "CREATE TABLE code_chunk (chunk INTEGER PRIMARY KEY, codes BLOB NOT NULL) STRICT;";

/// Packs codes while entries come by rank.
#[derive(Default)]
pub(super) struct Packer {
    chunk: String,
    known: std::collections::BTreeSet<String>,
}

impl Packer {
    /// The folded code of the entry with this rank; ranks come from 1 without a gap.
    pub(super) fn add(
        &mut self,
        db: &Connection,
        lists: &mut Lists,
        rank: u64,
        code: &str,
    ) -> Result<()> {
        self.chunk.push_str(code);
        self.chunk.push('\n');
        pieces(Of::RefCode, code, |piece| {
            if !self.known.contains(piece) {
                self.known.insert(piece.to_owned());
            }
        });
        if rank.is_multiple_of(CHUNK) { self.close(db, lists, rank) } else { Ok(()) }
    }

    /// Writes what is left after the last entry.
    pub(super) fn close(&mut self, db: &Connection, lists: &mut Lists, rank: u64) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let number = chunk_of(rank);
        for piece in std::mem::take(&mut self.known) {
            lists.add(Of::RefCode, &piece, number);
        }
        let bytes = std::mem::take(&mut self.chunk).into_bytes();
        db.prepare_cached("INSERT INTO code_chunk VALUES (?1, ?2)")
            .and_then(|mut s| s.execute((i64::try_from(number).unwrap_or(i64::MAX), bytes)))
            .map_err(Error::sql("code_chunk"))?;
        Ok(())
    }
}

/// Number of the chunk that a rank lies in, from 1.
const fn chunk_of(rank: u64) -> u64 {
    match rank.saturating_sub(1).checked_div(CHUNK) {
        Some(n) => n.saturating_add(1),
        None => 1,
    }
}

/// The rank before the first of a chunk.
const fn before(chunk: u64) -> u64 {
    chunk.saturating_sub(1).saturating_mul(CHUNK)
}

/// Ranks up to a last one whose code contains a query.
pub(super) struct CodeScan<'a> {
    db: &'a Connection,
    query: String,
    chunks: Box<dyn Ranks + 'a>,
    last: u64,
    /// The chunk last read: its number and the ranks that match, ascending.
    read: (u64, Vec<u64>),
    /// What was asked last, and the answer.
    known: Option<(u64, Option<u64>)>,
}

impl<'a> CodeScan<'a> {
    pub(super) fn new(db: &'a Connection, query: &str, last: u64) -> Self {
        let longest = query.chars().count().min(3);
        let mut members: Vec<Box<dyn Ranks + 'a>> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        pieces(Of::RefCode, query, |piece| {
            if piece.chars().count() == longest && !seen.iter().any(|s| s == piece) {
                seen.push(piece.to_owned());
                members.push(Box::new(Stream::new(db, Of::RefCode, piece)));
            }
        });
        let chunks: Box<dyn Ranks + 'a> = Box::new(crate::search::All(members));
        Self { db, query: query.to_owned(), chunks, last, read: (0, Vec::new()), known: None }
    }

    fn load(&self, chunk: u64) -> Result<Vec<u64>> {
        let number = i64::try_from(chunk).unwrap_or(i64::MAX);
        let bytes: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT codes FROM code_chunk WHERE chunk = ?1")
            .and_then(|mut s| s.query_row([number], |r| r.get(0)).optional())
            .map_err(Error::sql("code_chunk"))?;
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        // The whole chunk is searched at once; lines are only counted up to the places found.
        let (mut found, mut rank, mut counted) = (Vec::new(), before(chunk), 0_usize);
        let mut rest = 0_usize;
        while let Some(at) = text.get(rest..).and_then(|t| t.find(&self.query)) {
            let at = rest.saturating_add(at);
            let lines = text.get(counted..at).map_or(0, |t| t.matches('\n').count());
            rank = rank.saturating_add(u64::try_from(lines).unwrap_or(0));
            counted = at;
            found.push(rank.saturating_add(1));
            let end = text.get(at..).and_then(|t| t.find('\n'));
            rest = end.map_or(text.len(), |n| at.saturating_add(n));
        }
        Ok(found)
    }

    fn find(&mut self, from: u64) -> Result<Option<u64>> {
        let mut chunk = chunk_of(from.max(1));
        loop {
            let (number, known) = &self.read;
            if *number == chunk {
                if let Some(rank) = known.iter().find(|r| **r >= from) {
                    return Ok(Some(*rank).filter(|rank| *rank <= self.last));
                }
                chunk = chunk.saturating_add(1);
            }
            let Some(next) = self.chunks.at_least(chunk)? else { return Ok(None) };
            if next > chunk_of(self.last) {
                return Ok(None);
            }
            chunk = next;
            self.read = (chunk, self.load(chunk)?);
        }
    }
}

impl Ranks for CodeScan<'_> {
    fn at_least(&mut self, from: u64) -> Result<Option<u64>> {
        if let Some((asked, answer)) = self.known
            && from >= asked
            && answer.is_none_or(|rank| rank >= from)
        {
            return Ok(answer);
        }
        let answer = self.find(from)?;
        self.known = Some((from, answer));
        Ok(answer)
    }
}
