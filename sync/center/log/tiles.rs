//! C2SP tlog-tiles: `tile/<level>/<index>[.p/<width>]` and `tile/entries/<index>[.p/<width>]`.
//!
//! Full tiles are kept as files once asked for, because they never change; partial ones are made anew.

use tlog_tiles::stored_hash_index;

use super::Log;
use crate::{Error, Result};

/// Hashes or entries in a full tile: height 8, fixed by the specification.
const WIDTH: u64 = 256;
/// Levels above this would need more than 2^64 leaves.
const MAX_LEVEL: u8 = 7;

/// A parsed tile path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// `None` for entry bundles.
    level: Option<u8>,
    index: u64,
    width: u64,
}

impl TilePath {
    /// Reads what follows `tile/`; only the one canonical spelling is accepted.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            digits => Some(digits.parse::<u8>().ok().filter(|l| *l <= MAX_LEVEL)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, WIDTH),
            Some((index, width)) => {
                (index, width.parse::<u64>().ok().filter(|w| (1..WIDTH).contains(w))?)
            }
        };
        let mut number = 0_u64;
        let mut groups = index.split('/').rev().peekable();
        let mut factor = 1_u64;
        let mut first = true;
        while let Some(group) = groups.next() {
            let digits = if first { group } else { group.strip_prefix('x')? };
            first = false;
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let value = digits.parse::<u64>().ok()?;
            number = number.checked_add(value.checked_mul(factor)?)?;
            if groups.peek().is_some() {
                factor = factor.checked_mul(1000)?;
            }
        }
        let tile = Self { level, index: number, width };
        (tile.to_text() == path).then_some(tile)
    }

    fn to_text(self) -> String {
        let mut rest = self.index / 1000;
        let mut text = format!("{:03}", self.index % 1000);
        while rest > 0 {
            text = format!("x{:03}/{text}", rest % 1000);
            rest /= 1000;
        }
        let level = self.level.map_or_else(|| "entries".to_owned(), |l| l.to_string());
        let partial =
            if self.width == WIDTH { String::new() } else { format!(".p/{}", self.width) };
        format!("{level}/{text}{partial}")
    }

    /// True if the file never changes.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// First leaf behind the tile, or `None` beyond 2^64.
    fn needs_size(self) -> Option<u64> {
        let end = self.index.checked_mul(WIDTH)?.checked_add(self.width)?;
        let shift = u32::from(self.level.unwrap_or(0)).checked_mul(8)?;
        end.checked_mul(1_u64.checked_shl(shift)?)
    }
}

impl Log {
    /// Bytes of a tile; `None` if the log is not that long.
    ///
    /// # Errors
    /// Those of the database.
    pub fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>> {
        let (size, _) = self.repo.log_state()?;
        if path.needs_size().is_none_or(|needed| needed > size) {
            return Ok(None);
        }
        let file = self.objects.log().join(path.to_text().replace('/', "_"));
        if path.is_full()
            && let Ok(bytes) = std::fs::read(&file)
        {
            return Ok(Some(bytes));
        }
        let bytes = match path.level {
            Some(level) => self.hash_tile(level, path)?,
            None => self.entry_bundle(path)?,
        };
        if path.is_full() {
            self.keep_tile(&file, &bytes)?;
        }
        Ok(Some(bytes))
    }

    fn hash_tile(&self, level: u8, path: TilePath) -> Result<Vec<u8>> {
        let first = path.index.saturating_mul(WIDTH);
        let indexes: Vec<u64> = (first..first.saturating_add(path.width))
            .map(|n| stored_hash_index(level.saturating_mul(8), n))
            .collect();
        Ok(self.repo.log_hashes(&indexes)?.concat())
    }

    /// Each entry with its length before it, two bytes big endian.
    fn entry_bundle(&self, path: TilePath) -> Result<Vec<u8>> {
        let first = path.index.saturating_mul(WIDTH);
        let mut bytes = Vec::new();
        for leaf in self.repo.leaves(first, path.width)? {
            let length = u16::try_from(leaf.entry.len()).map_err(|_| Error::Stored("log entry"))?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&leaf.entry);
        }
        Ok(bytes)
    }

    fn keep_tile(&self, file: &std::path::Path, bytes: &[u8]) -> Result<()> {
        let what = "keep a tile";
        let mut part =
            tempfile::NamedTempFile::new_in(self.objects.log()).map_err(Error::io(what))?;
        std::io::Write::write_all(&mut part, bytes).map_err(Error::io(what))?;
        part.as_file().sync_all().map_err(Error::io(what))?;
        part.persist(file).map_err(|e| Error::io(what)(e.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;

    #[test]
    fn only_the_canonical_path_is_a_tile() {
        let full = TilePath { level: Some(0), index: 1_234_067, width: 256 };
        assert_eq!(TilePath::parse("0/x001/x234/067"), Some(full));
        let part = TilePath { level: None, index: 5, width: 3 };
        assert_eq!(TilePath::parse("entries/005.p/3"), Some(part));
        for bad in [
            "0/5",
            "0/x000/005",
            "0/005.p/256",
            "0/005.p/0",
            "0/005.p/03",
            "00/005",
            "9/005",
            "data/005",
            "0/../005",
            "0/x999/x999/x999/x999/x999/x999/x999/x999/999",
            "0/",
            "0/005/",
        ] {
            assert_eq!(TilePath::parse(bad), None, "{bad}");
        }
    }
}
