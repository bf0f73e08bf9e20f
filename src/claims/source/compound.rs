//! A look at an old Excel file before a reader that trusts it gets it.
//!
//! An XLS is a file system in a file: chains of sectors, and in one of its streams a list of records. A
//! chain that runs in a circle, or one cell in the last row and column, makes the reader fill the memory
//! until the program is ended from outside; both were found by fuzzing. So chains are walked once with a
//! budget, and the area of every sheet is counted, before anything is read.

use std::io::{Read, Seek, SeekFrom};

use crate::error::{Error, Result};

/// Largest file of this kind: 65,536 rows do not fill it.
const MAX_BYTES: u64 = 256 << 20;
/// Cells of all sheets together, empty ones between the first and the last counted.
const MAX_CELLS: u64 = 16_000_000;
/// End of a chain, and everything that is no sector.
const LAST_SECTOR: u32 = 0xffff_fffa;
/// Bytes of a mini sector.
const MINI: usize = 64;
/// A stream below this size lies in mini sectors.
const MINI_CUTOFF: u32 = 4096;
/// A directory entry.
const ENTRY: usize = 128;

struct Compound<'b> {
    bytes: &'b [u8],
    /// Bytes of a sector.
    size: usize,
    fat: Vec<u32>,
    /// Sectors that may still be walked: no honest file walks one twice.
    budget: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn place(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Walks a chain of a table with a budget; `None`: it leaves the table or runs in a circle.
fn walk(table: &[u32], first: u32, budget: &mut usize) -> Option<Vec<u32>> {
    let (mut chain, mut next) = (Vec::new(), first);
    while next < LAST_SECTOR {
        *budget = budget.checked_sub(1)?;
        chain.push(next);
        next = *table.get(place(next))?;
    }
    Some(chain)
}

impl<'b> Compound<'b> {
    fn open(bytes: &'b [u8]) -> Option<Self> {
        let size = match u16_at(bytes, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let sectors = bytes.len().checked_div(size)?.saturating_add(2);
        let budget = sectors.saturating_mul(4);
        let mut all = Self { bytes, size, fat: Vec::new(), budget };
        // Where the sector table lies: 109 places in the head, then a chain of its own.
        let mut table = Vec::new();
        for n in 0..109_usize {
            table.push(u32_at(bytes, n.saturating_mul(4).saturating_add(76))?);
        }
        let mut next = u32_at(bytes, 68)?;
        while next < LAST_SECTOR {
            all.budget = all.budget.checked_sub(1)?;
            let sector = all.sector(next)?;
            let mut places = sector.chunks_exact(4).map(|c| u32_at(c, 0).unwrap_or(u32::MAX));
            let last = places.next_back()?;
            table.extend(places);
            next = last;
        }
        let used = place(u32_at(bytes, 44)?).min(sectors);
        for sector in table.into_iter().filter(|s| *s < LAST_SECTOR).take(used) {
            let words = all.sector(sector)?;
            all.fat.extend(words.chunks_exact(4).map(|c| u32_at(c, 0).unwrap_or(u32::MAX)));
        }
        Some(all)
    }

    /// The head takes the place of one sector; the last sector may be shorter than the others.
    fn sector(&self, number: u32) -> Option<&'b [u8]> {
        let from = place(number).checked_add(1)?.checked_mul(self.size)?;
        let to = from.checked_add(self.size)?.min(self.bytes.len());
        self.bytes.get(from..to)
    }

    fn stream(&mut self, first: u32) -> Option<Vec<u8>> {
        let mut budget = self.budget;
        let chain = walk(&self.fat, first, &mut budget)?;
        self.budget = budget;
        let mut bytes = Vec::new();
        for sector in chain {
            bytes.extend_from_slice(self.sector(sector)?);
        }
        Some(bytes)
    }

    /// Every stream can be walked; the one with the workbook comes back.
    fn workbook(&mut self) -> Option<Vec<u8>> {
        let directory = self.stream(u32_at(self.bytes, 48)?)?;
        let mini_table: Vec<u32> = self
            .stream(u32_at(self.bytes, 60)?)?
            .chunks_exact(4)
            .map(|c| u32_at(c, 0).unwrap_or(u32::MAX))
            .collect();
        let mut mini_budget = mini_table.len().saturating_mul(2);
        let (mut mini, mut book) = (Vec::new(), None);
        for (n, entry) in directory.chunks_exact(ENTRY).enumerate() {
            let (first, size) = (u32_at(entry, 116)?, u32_at(entry, 120)?);
            let is_root = n == 0;
            let in_mini = !is_root && size < MINI_CUTOFF;
            let kind = entry.get(66).copied().unwrap_or(0);
            if !is_root && kind != 2 {
                continue;
            }
            let stream = if in_mini {
                let chain = walk(&mini_table, first, &mut mini_budget)?;
                let mut bytes = Vec::new();
                for sector in chain {
                    let from = place(sector).checked_mul(MINI)?;
                    let to = from.checked_add(MINI)?.min(mini.len());
                    bytes.extend_from_slice(mini.get(from..to).unwrap_or_default());
                }
                bytes
            } else {
                self.stream(first)?
            };
            let letters = entry.get(..64).unwrap_or_default().chunks_exact(2);
            let units = letters.map(|c| u16_at(c, 0).unwrap_or(0)).take_while(|u| *u != 0);
            let name: String = char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect();
            if is_root {
                mini = stream;
            } else if name.eq_ignore_ascii_case("workbook") || name.eq_ignore_ascii_case("book") {
                book.get_or_insert(stream);
            }
        }
        book
    }
}

/// Kind, body and the place behind a record.
fn record(stream: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let (kind, length) = (u16_at(stream, at)?, u16_at(stream, at.checked_add(2)?)?);
    let from = at.checked_add(4)?;
    let to = from.checked_add(usize::from(length))?;
    Some((kind, stream.get(from..to)?, to))
}

/// Cells between the first and the last of one sheet, and the bytes that were looked at.
fn area(stream: &[u8], from: usize) -> (u64, usize) {
    let (mut at, mut first_seen) = (from, false);
    let (mut rows, mut columns) = ((u16::MAX, 0_u16), (u16::MAX, 0_u16));
    while let Some((kind, body, next)) = record(stream, at) {
        at = next;
        match kind {
            0x000a => break,
            // Numbers, texts, blanks, formulas: all begin with row and column.
            0x0002..=0x0006
            | 0x00bd
            | 0x00be
            | 0x00d6
            | 0x00fd
            | 0x0201..=0x0206
            | 0x027e
            | 0x0406 => {
                let (Some(row), Some(column)) = (u16_at(body, 0), u16_at(body, 2)) else {
                    continue;
                };
                let many = matches!(kind, 0x00bd | 0x00be);
                let tail = body.len().checked_sub(2).filter(|_| many);
                let last = tail.and_then(|t| u16_at(body, t)).unwrap_or(column).max(column);
                rows = (rows.0.min(row), rows.1.max(row));
                columns = (columns.0.min(column), columns.1.max(last));
                first_seen = true;
            }
            _ => {}
        }
    }
    let span = |(low, high): (u16, u16)| u64::from(high.saturating_sub(low)).saturating_add(1);
    let cells = if first_seen { span(rows).saturating_mul(span(columns)) } else { 0 };
    (cells, at.saturating_sub(from))
}

/// Why a stream of records is refused.
fn too_large(stream: &[u8]) -> Option<&'static str> {
    let (mut at, mut sheets) = (0_usize, Vec::new());
    while let Some((kind, body, next)) = record(stream, at) {
        at = next;
        match kind {
            0x000a => break,
            0x0085 => sheets.push(place(u32_at(body, 0).unwrap_or(0))),
            _ => {}
        }
    }
    let mut budget = stream.len().saturating_mul(2);
    let mut cells = 0_u64;
    for sheet in sheets {
        let (area, looked) = area(stream, sheet);
        cells = cells.saturating_add(area);
        let Some(left) = budget.checked_sub(looked) else { return Some("工作表互相重叠") };
        budget = left;
        if cells > MAX_CELLS {
            return Some("单元格的范围过大，请另存为 XLSX");
        }
    }
    None
}

/// Refuses what would make the reader fill the memory; leaves the reader at its beginning.
pub(super) fn check<R: Read + Seek>(reader: &mut R, file: &str) -> Result<()> {
    let refused = |reason: &str| Error::Source { file: file.to_owned(), reason: reason.to_owned() };
    let size = reader.seek(SeekFrom::End(0)).map_err(Error::io(file))?;
    if size > MAX_BYTES {
        return Err(refused("XLS 文件过大，请另存为 XLSX"));
    }
    reader.seek(SeekFrom::Start(0)).map_err(Error::io(file))?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(Error::io(file))?;
    reader.seek(SeekFrom::Start(0)).map_err(Error::io(file))?;
    let damaged = || refused("文件内部结构损坏");
    let mut compound = Compound::open(&bytes).ok_or_else(damaged)?;
    let book = compound.workbook().ok_or_else(damaged)?;
    too_large(&book).map_or(Ok(()), |reason| Err(refused(reason)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file with one sector table, one directory sector and one long stream of these records.
    fn file(records: &[u8], chain: impl Fn(u32) -> u32) -> Vec<u8> {
        let mut stream = records.to_vec();
        stream.resize(4096, 0);
        let mut bytes = vec![0_u8; 512];
        bytes[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
        bytes[30] = 9;
        bytes[32] = 6;
        bytes[44] = 1;
        bytes[48] = 1;
        bytes[60..64].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
        bytes[68..72].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
        bytes[76..512].fill(0xff);
        bytes[76..80].copy_from_slice(&0_u32.to_le_bytes());
        // Sector 0: the table. 1: directory. 2 to 9: the stream.
        for n in 0..128_u32 {
            let next = match n {
                0 | 1 | 9 => 0xffff_fffe,
                2..=8 => n + 1,
                _ => u32::MAX,
            };
            let next = if (1..10).contains(&n) && chain(n) != 0 { chain(n) } else { next };
            bytes.extend(next.to_le_bytes());
        }
        let mut entry = |name: &str, kind: u8, first: u32, size: u32| {
            let mut e = vec![0_u8; 128];
            for (n, unit) in name.encode_utf16().enumerate() {
                e[n * 2..n * 2 + 2].copy_from_slice(&unit.to_le_bytes());
            }
            e[66] = kind;
            e[116..120].copy_from_slice(&first.to_le_bytes());
            e[120..124].copy_from_slice(&size.to_le_bytes());
            bytes.extend(e);
        };
        entry("Root Entry", 5, 0xffff_fffe, 0);
        entry("Workbook", 2, 2, 4096);
        entry("", 0, 0, 0);
        entry("", 0, 0, 0);
        bytes.extend(stream);
        bytes
    }

    fn cell(row: u16, column: u16) -> Vec<u8> {
        let mut r = vec![0x03, 0x02, 14, 0];
        r.extend(row.to_le_bytes());
        r.extend(column.to_le_bytes());
        r.extend([0; 10]);
        r
    }

    fn book(cells: &[(u16, u16)]) -> Vec<u8> {
        let mut r = vec![0x85, 0, 8, 0];
        r.extend(16_u32.to_le_bytes());
        r.extend([0; 4]);
        r.extend([0x0a, 0, 0, 0]);
        r.extend(cells.iter().flat_map(|(row, column)| cell(*row, *column)));
        r.extend([0x0a, 0, 0, 0]);
        r
    }

    #[test]
    fn a_chain_that_runs_in_a_circle_is_a_damaged_file() {
        let good = file(&book(&[(0, 0), (9, 5)]), |_| 0);
        assert!(check(&mut Cursor::new(good), "a.xls").is_ok());
        for sector in [1, 5, 9] {
            let bad = file(&book(&[(0, 0)]), |n| if n == sector { sector.clamp(1, 2) } else { 0 });
            assert!(check(&mut Cursor::new(bad), "a.xls").is_err(), "sector {sector}");
        }
    }

    #[test]
    fn two_cells_in_opposite_corners_are_refused() {
        let corner = file(&book(&[(0, 0), (65_535, 255)]), |_| 0);
        let error = check(&mut Cursor::new(corner), "a.xls").unwrap_err();
        assert!(error.to_string().contains("过大"), "{error}");
    }

    #[test]
    fn every_cut_of_a_file_is_refused_or_read_without_panic() {
        let good = file(&book(&[(0, 0), (9, 5)]), |_| 0);
        for end in 0..good.len() {
            let _ = check(&mut Cursor::new(&good[..end]), "a.xls");
        }
    }
}
