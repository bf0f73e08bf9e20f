//! order.json, segments.jsonl and outcome.json: each line with its own SHA-256, each file twice.
//!
//! Nothing else on the handheld says what these say while the vault is locked: to whom a recording is encrypted, which
//! segments it has, how it ended. So a line carries `sum`, the SHA-256 of itself with zeros in that place; one wrong bit
//! is turned back ([`mend`](super::mend)), and what is worse is read from the second copy. Lines without a sum were
//! written before there were sums and are taken as they are.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spotcheck_domain::to_canonical;
use spotcheck_evidence::Hash32;

use super::layout::broken;
use super::mend::{one_bit, pieces};
use crate::atomic::{self, AppendFile};
use crate::error::VaultError;

const MEMBER: &str = "sum";
/// How the member begins in the canonical form; quotes inside texts are escaped, so it stands nowhere else.
const NEEDLE: &[u8] = b"\"sum\":\"";
const HEX: usize = 64;

/// The second copy of a list.
fn second(name: &str) -> String {
    format!("second-{name}")
}

/// Whether a file is a list of this name or its second copy.
pub(super) fn is_of(file: &str, name: &str) -> bool {
    file == name || file == second(name)
}

/// The canonical line of a value (a struct), with its sum.
pub(super) fn line<T: Serialize>(folder: &Path, value: &T) -> Result<Vec<u8>, VaultError> {
    let no = || broken(folder, "a line cannot be written");
    let mut value = serde_json::to_value(value).map_err(|_| no())?;
    let Value::Object(members) = &mut value else { return Err(no()) };
    members.insert(MEMBER.to_owned(), Value::String("0".repeat(HEX)));
    let mut line = to_canonical(&value)?;
    let sum = Hash32::sha256(&line).to_string();
    let at = place(&line).ok_or_else(no)?;
    line.get_mut(at..at.saturating_add(HEX)).ok_or_else(no)?.copy_from_slice(sum.as_bytes());
    Ok(line)
}

/// Where the sum's digits begin.
fn place(line: &[u8]) -> Option<usize> {
    let at = line.windows(NEEDLE.len()).position(|part| part == NEEDLE)?;
    let from = at.checked_add(NEEDLE.len())?;
    line.get(from..from.checked_add(HEX)?)?;
    Some(from)
}

/// Whether a line has a sum, and it fits.
fn fits(line: &[u8]) -> bool {
    let Some(at) = place(line) else { return false };
    let mut bare = line.to_vec();
    let Some(digits) = bare.get_mut(at..at.saturating_add(HEX)) else { return false };
    let said = digits.to_vec();
    digits.fill(b'0');
    Hash32::sha256(&bare).to_string().as_bytes() == said
}

/// Whether a line may be taken: its sum fits, or it is JSON of a time before sums.
fn good(line: &[u8]) -> bool {
    match place(line) {
        Some(_) => fits(line),
        None => serde_json::from_slice::<Value>(line).is_ok(),
    }
}

/// The good lines of a list, in order, and whether any other was there: a tail that was cut off counts as well.
fn lines_of(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut lines, mut bad, mut lost) = (Vec::new(), Vec::<&[u8]>::new(), false);
    let mut tell = |bad: &mut Vec<&[u8]>, lines: &mut Vec<Vec<u8>>| {
        if !bad.is_empty() {
            // A bit in a line feed makes one line of two; a bit that becomes one makes two of one.
            let all_fit = |text: &[u8]| pieces(text).iter().all(|line| fits(line));
            match one_bit(&bad.join(&b'\n'), all_fit) {
                Some(text) => lines.extend(pieces(&text).into_iter().map(<[u8]>::to_vec)),
                None => lost = true,
            }
            bad.clear();
        }
    };
    for piece in pieces(bytes) {
        if good(piece) {
            tell(&mut bad, &mut lines);
            lines.push(piece.to_vec());
        } else {
            bad.push(piece);
        }
    }
    tell(&mut bad, &mut lines);
    (lines, lost)
}

/// Whether every line of a list is good as it lies. Trying bits takes time, and these files are read every second.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.last() == Some(&b'\n') && pieces(bytes).into_iter().all(good)
}

/// Reads a file of one value; `None` if neither it nor its second copy is there.
///
/// # Errors
/// Both are damaged, or cannot be read.
pub(super) fn read<T: DeserializeOwned>(
    folder: &Path,
    name: &str,
    what: &'static str,
) -> Result<Option<T>, VaultError> {
    let mut both = Vec::new();
    for name in [name.to_owned(), second(name)] {
        both.extend(atomic::read_if_there(&folder.join(&name))?);
    }
    // One that is as it was, before bits of a damaged one are tried.
    let as_it_was = both.iter().filter(|bytes| good(bytes)).map(|bytes| vec![bytes.clone()]);
    let mended = both.iter().map(|bytes| lines_of(bytes).0);
    for lines in as_it_was.chain(mended) {
        if let [line] = lines.as_slice()
            && let Ok(value) = serde_json::from_slice(line)
        {
            return Ok(Some(value));
        }
    }
    if both.is_empty() { Ok(None) } else { Err(broken(folder, what)) }
}

/// Writes a file of one value, and its second copy.
pub(super) fn write<T: Serialize>(folder: &Path, name: &str, value: &T) -> Result<(), VaultError> {
    let line = line(folder, value)?;
    atomic::write_durable(&folder.join(second(name)), &line)?;
    atomic::write_durable(&folder.join(name), &line)
}

/// Writes the second copy of a file that is there.
pub(super) fn write_second(folder: &Path, name: &str, line: &[u8]) -> Result<(), VaultError> {
    atomic::write_durable(&folder.join(second(name)), line)
}

/// All values of a list that either copy has, in the order of the first; what only the second one has comes last.
pub(super) fn list<T: DeserializeOwned + PartialEq>(
    folder: &Path,
    name: &str,
) -> Result<Vec<T>, VaultError> {
    let first = atomic::read_if_there(&folder.join(name))?.unwrap_or_default();
    if is_whole(&first) {
        // The second copy is written before it: a line more there is of a segment that never got its name.
        let lines = pieces(&first);
        return Ok(lines
            .into_iter()
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect());
    }
    let mut all: Vec<T> = Vec::new();
    for bytes in [first, atomic::read_if_there(&folder.join(second(name)))?.unwrap_or_default()] {
        let lines = if is_whole(&bytes) {
            pieces(&bytes).into_iter().map(<[u8]>::to_vec).collect()
        } else {
            // A line that was not synced may be torn anywhere, also before its end: it was never told.
            lines_of(&bytes).0
        };
        for line in lines {
            if let Ok(value) = serde_json::from_slice(&line)
                && !all.contains(&value)
            {
                all.push(value);
            }
        }
    }
    Ok(all)
}

/// Makes both copies of a list hold these values; those that do already stay untouched.
pub(super) fn rewrite<T: Serialize>(
    folder: &Path,
    name: &str,
    values: &[T],
) -> Result<(), VaultError> {
    let mut text = Vec::new();
    for value in values {
        text.extend_from_slice(&line(folder, value)?);
        text.push(b'\n');
    }
    for name in [second(name), name.to_owned()] {
        let path = folder.join(name);
        if atomic::read_if_there(&path)?.unwrap_or_default() != text {
            atomic::write_durable(&path, &text)?;
        }
    }
    Ok(())
}

/// A list that grows, twice.
#[derive(Debug)]
pub(super) struct Both {
    first: AppendFile,
    second: AppendFile,
}

impl Both {
    /// Opens both copies at their ends, or creates them.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self, VaultError> {
        Ok(Self {
            first: AppendFile::open(&folder.join(name))?,
            second: AppendFile::open(&folder.join(second(name)))?,
        })
    }

    /// Appends one value. The second copy first: whatever the list names, both then have.
    pub(super) fn append<T: Serialize>(
        &mut self,
        folder: &Path,
        value: &T,
    ) -> Result<(), VaultError> {
        let line = line(folder, value)?;
        self.second.append_line(&line)?;
        self.first.append_line(&line)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;

    fn text(values: &[Value]) -> Vec<u8> {
        let mut all = Vec::new();
        for value in values {
            all.extend_from_slice(&line(Path::new("0002.ogg"), value).unwrap());
            all.push(b'\n');
        }
        all
    }

    /// R23, R30: whichever bit of a list flips, the line feeds included, the list says what it said.
    #[test]
    fn r23_any_one_bit_of_a_list_is_turned_back() {
        let values: Vec<Value> =
            (1..=3).map(|n| serde_json::json!({"first": n, "name": format!("f-{n}")})).collect();
        let whole = text(&values);
        let (lines, lost) = lines_of(&whole);
        assert_eq!((lines.len(), lost), (3, false));
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                let (found, lost) = lines_of(&damaged);
                // In the name of the sum itself the line is taken for one without a sum: its content is whole.
                let said: Vec<Value> = found
                    .iter()
                    .map(|l| {
                        serde_json::from_slice(l).unwrap_or_else(|e| panic!("{at}.{bit}: {e}"))
                    })
                    .collect();
                assert!(!lost, "byte {at} bit {bit}");
                let same = said
                    .iter()
                    .zip(&values)
                    .all(|(a, b)| a["first"] == b["first"] && a["name"] == b["name"]);
                assert!(same && said.len() == 3, "byte {at} bit {bit}: {said:?}");
            }
        }
    }

    /// Two wrong bits, zeros and a cut are damage, and cost their own line only.
    #[test]
    fn worse_damage_costs_the_line_it_is_in() {
        let values: Vec<Value> = (1..=3).map(|n| serde_json::json!({"first": n})).collect();
        let whole = text(&values);
        let middle = whole.len() / 2;
        let mut two = whole.clone();
        two[middle] ^= 1;
        two[middle + 3] ^= 4;
        let mut zeros = whole.clone();
        zeros[middle..middle + 9].fill(0);
        for damaged in [two, zeros] {
            let (lines, lost) = lines_of(&damaged);
            assert!(lost);
            assert_eq!(lines.len(), 2);
        }
        let (lines, lost) = lines_of(&whole[..whole.len() - 9]);
        assert_eq!((lines.len(), lost), (2, true));
        // Of a time before there were sums.
        let (lines, lost) = lines_of(b"{\"first\":1}\n{\"first\":2}\n");
        assert_eq!((lines.len(), lost), (2, false));
    }
}
