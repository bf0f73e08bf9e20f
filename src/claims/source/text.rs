//! Separated text: CSV, TXT, TSV.
//!
//! Lines are split here and not by a CSV library, because one stray quotation mark must cost one row: a
//! general reader would swallow the rest of the file as one field. A quoted field may span lines (course
//! notes do); it is accepted only if the joined record then has exactly the columns of the header.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};

use encoding_rs::{Decoder, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::{TableSink, header_names};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// Longest line; longer means that the file is no table.
const MAX_LINE: u64 = 16 << 20;
/// Lines that one record may span.
const MAX_SPAN: usize = 200;

/// Encodings of text files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// With or without byte order mark.
    Utf8,
    /// Also GBK and GB2312, which it contains.
    Gb18030,
    /// "Unicode text" of spreadsheets.
    Utf16Le,
    /// The same, other byte order.
    Utf16Be,
}

impl TextEncoding {
    /// Name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gb18030 => "gb18030",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        }
    }

    /// Reads the name as a mapping file may write it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_lowercase().replace(['-', '_'], "").as_str() {
            "utf8" => Some(Self::Utf8),
            "gb18030" | "gbk" | "gb2312" | "cp936" => Some(Self::Gb18030),
            "utf16" | "utf16le" => Some(Self::Utf16Le),
            "utf16be" => Some(Self::Utf16Be),
            _ => None,
        }
    }

    pub(crate) const fn codec(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Gb18030 => GB18030,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
        }
    }
}

/// Finds the encoding by reading the whole file once. A few broken bytes in a UTF-8 file must not make it
/// GB18030 (every name would turn into rubbish), so the well-formed characters outvote them ten to one.
pub(crate) fn detect(reader: &mut dyn Read, file: &str) -> Result<TextEncoding> {
    let mut block = vec![0_u8; 1 << 18];
    let (mut kept, mut first) = (0_usize, true);
    let (mut good, mut bad) = (0_u64, 0_u64);
    loop {
        let free = block.get_mut(kept..).unwrap_or_default();
        let n = reader.read(free).map_err(Error::io(file))?;
        let filled = kept.saturating_add(n);
        let mut bytes = block.get(..filled).unwrap_or_default();
        if first && filled >= 3 {
            first = false;
            match bytes {
                [0xef, 0xbb, 0xbf, ..] => return Ok(TextEncoding::Utf8),
                [0xff, 0xfe, ..] => return Ok(TextEncoding::Utf16Le),
                [0xfe, 0xff, ..] => return Ok(TextEncoding::Utf16Be),
                _ => {}
            }
        }
        let mut rest: Vec<u8> = Vec::new();
        while !bytes.is_empty() {
            let (valid, error) = match std::str::from_utf8(bytes) {
                Ok(_) => (bytes, None),
                Err(e) => (bytes.get(..e.valid_up_to()).unwrap_or_default(), Some(e)),
            };
            if !valid.is_ascii() {
                let starts = valid.iter().filter(|b| **b >= 0xc0).count();
                good = good.saturating_add(u64::try_from(starts).unwrap_or(0));
            }
            let after = bytes.get(valid.len()..).unwrap_or_default();
            bytes = match error.map(|e| e.error_len()) {
                None => &[],
                Some(Some(length)) => {
                    bad = bad.saturating_add(1);
                    after.get(length..).unwrap_or_default()
                }
                Some(None) => {
                    if n == 0 {
                        bad = bad.saturating_add(1);
                    }
                    rest = after.to_vec();
                    &[]
                }
            };
        }
        if n == 0 {
            break;
        }
        kept = rest.len();
        if let Some(space) = block.get_mut(..kept) {
            space.copy_from_slice(&rest);
        }
    }
    Ok(if good >= bad.saturating_mul(10) { TextEncoding::Utf8 } else { TextEncoding::Gb18030 })
}

/// A reader that turns another encoding into UTF-8 as it goes; what is malformed becomes U+FFFD, which
/// no cell accepts.
struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    at: usize,
    end: usize,
    eof: bool,
    done: bool,
}

impl<R: Read> Transcoder<R> {
    fn new(inner: R, encoding: TextEncoding) -> Self {
        let decoder = encoding.codec().new_decoder_with_bom_removal();
        let input = vec![0; 1 << 17];
        Self { inner, decoder, input, at: 0, end: 0, eof: false, done: false }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if self.done || out.is_empty() {
                return Ok(0);
            }
            if self.at >= self.end && !self.eof {
                self.at = 0;
                self.end = self.inner.read(&mut self.input)?;
                self.eof = self.end == 0;
            }
            let input = self.input.get(self.at..self.end).unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(input, out, self.eof);
            self.at = self.at.saturating_add(read);
            if self.eof && result == encoding_rs::CoderResult::InputEmpty {
                self.done = true;
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

struct Lines<'a> {
    reader: BufReader<Box<dyn Read + 'a>>,
    next: u64,
    pending: VecDeque<(u64, Vec<u8>)>,
    file: &'a str,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        if let Some(line) = self.pending.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::with_capacity(512);
        let mut limited = (&mut self.reader).take(MAX_LINE);
        let n = limited.read_until(b'\n', &mut line).map_err(Error::io(self.file))?;
        if n == 0 {
            return Ok(None);
        }
        if u64::try_from(n).unwrap_or(u64::MAX) >= MAX_LINE {
            let reason = "有一行超过16MB，不像是表格".to_owned();
            return Err(Error::Source { file: self.file.to_owned(), reason });
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        self.next = self.next.saturating_add(1);
        Ok(Some((self.next, line)))
    }
}

/// Splits a line; true if it ended inside a quoted field.
fn split(line: &str, separator: char) -> (Vec<String>, bool) {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    let mut fresh = true;
    while let Some(c) = chars.next() {
        if quoted {
            if c != '"' {
                field.push(c);
            } else if chars.peek() == Some(&'"') {
                field.push('"');
                chars.next();
            } else {
                quoted = false;
            }
        } else if c == separator {
            fields.push(std::mem::take(&mut field));
            fresh = true;
        } else if c == '"' && fresh {
            field.clear();
            quoted = true;
            fresh = false;
        } else {
            fresh = fresh && (c == ' ' || c == '\t');
            field.push(c);
        }
    }
    fields.push(field);
    (fields, quoted)
}

/// The separator is a comma wherever the header has one (exports put a tab after every cell as well).
fn separator(header: &str) -> char {
    [',', '\t', '|', ';'].into_iter().find(|s| header.contains(*s)).unwrap_or(',')
}

/// Reads a whole file into the sink.
pub(super) fn read(
    reader: &mut dyn Read,
    encoding: TextEncoding,
    file: &str,
    sink: &mut dyn TableSink,
) -> Result<()> {
    let reader: Box<dyn Read + '_> = match encoding {
        TextEncoding::Utf8 => Box::new(reader),
        other => Box::new(Transcoder::new(reader, other)),
    };
    let reader = BufReader::with_capacity(1 << 18, reader);
    let mut lines = Lines { reader, next: 0, pending: VecDeque::new(), file };
    let no_header = || Error::Source { file: file.to_owned(), reason: "没有表头".to_owned() };
    let header = loop {
        let Some((_, line)) = lines.next()? else { return Err(no_header()) };
        let line = String::from_utf8_lossy(&line).into_owned();
        let line = line.trim_start_matches('\u{feff}').to_owned();
        if !crate::cell::trim(&line).is_empty() {
            break line;
        }
    };
    let separator = separator(&header);
    let names = header_names(split(&header, separator).0.into_iter().map(Into::into));
    if names.is_empty() {
        return Err(no_header());
    }
    if !sink.header(None, &names)? {
        return Ok(());
    }
    while let Some((number, line)) = lines.next()? {
        let Ok(text) = std::str::from_utf8(&line) else {
            let raw = String::from_utf8_lossy(&line);
            sink.broken(number, &split(&raw, separator).0, "编码错误")?;
            continue;
        };
        if !text.contains('"') {
            let fields = text.split(separator);
            row(sink, number, names.len(), fields.map(|f| Cell::Text(f.into())).collect())?;
            continue;
        }
        let (mut fields, open) = split(text, separator);
        if open {
            let raw = text.to_owned();
            match joined(&mut lines, raw, separator, names.len())? {
                Some(whole) => fields = whole,
                None => {
                    sink.broken(number, &fields, "引号不配对")?;
                    continue;
                }
            }
        }
        row(sink, number, names.len(), fields.into_iter().map(|f| Cell::Text(f.into())).collect())?;
    }
    Ok(())
}

/// Lines that are looked at before the separator is settled.
const HEAD_LINES: usize = 200;

/// The separator and number of columns that most of the first lines have; titles above a header have none.
fn shape(lines: &[String]) -> (char, usize) {
    let mut best = (',', 1, 0_usize);
    for separator in [',', '\t', ';', '|'] {
        let mut counts: std::collections::BTreeMap<usize, usize> =
            std::collections::BTreeMap::new();
        for line in lines {
            let (fields, _) = split(line, separator);
            let seen = counts.entry(fields.len()).or_default();
            *seen = seen.saturating_add(1);
        }
        let common = counts.iter().filter(|(n, _)| **n > 1).max_by_key(|(n, seen)| (**seen, **n));
        let common = common.map(|(columns, seen)| (*columns, seen.saturating_mul(*columns)));
        if let Some((columns, weight)) = common.filter(|(_, weight)| *weight > best.2) {
            best = (separator, columns, weight);
        }
    }
    (best.0, best.1)
}

/// Hands over every record as it stands, whatever its number of columns, with the line it begins on.
/// `false` ends the walk. What is not valid in the encoding comes with U+FFFD.
pub(crate) fn walk(
    reader: &mut dyn Read,
    encoding: TextEncoding,
    file: &str,
    each: &mut dyn FnMut(u64, &[String]) -> Result<bool>,
) -> Result<()> {
    let reader: Box<dyn Read + '_> = match encoding {
        TextEncoding::Utf8 => Box::new(reader),
        other => Box::new(Transcoder::new(reader, other)),
    };
    let reader = BufReader::with_capacity(1 << 18, reader);
    let mut lines = Lines { reader, next: 0, pending: VecDeque::new(), file };
    let mut head = Vec::new();
    while head.len() < HEAD_LINES {
        let Some(line) = lines.next()? else { break };
        head.push(line);
    }
    let texts: Vec<String> =
        head.iter().map(|(_, line)| String::from_utf8_lossy(line).into_owned()).collect();
    let (separator, columns) = shape(&texts);
    lines.pending.extend(head);
    let mut first = true;
    while let Some((number, line)) = lines.next()? {
        let text = String::from_utf8_lossy(&line);
        let text = if first { text.trim_start_matches('\u{feff}') } else { &text };
        first = false;
        let (mut fields, open) = split(text, separator);
        if open && let Some(whole) = joined(&mut lines, text.to_owned(), separator, columns)? {
            fields = whole;
        }
        if !each(number, &fields)? {
            break;
        }
    }
    Ok(())
}

/// Joins the following lines to one that ended inside quotes. If that gives no proper record, the lines go
/// back, so that only the first one is lost.
fn joined(
    lines: &mut Lines<'_>,
    mut text: String,
    separator: char,
    columns: usize,
) -> Result<Option<Vec<String>>> {
    let mut taken = Vec::new();
    let mut found = None;
    while taken.len() < MAX_SPAN {
        let Some((number, line)) = lines.next()? else { break };
        let Ok(part) = std::str::from_utf8(&line) else {
            taken.push((number, line));
            break;
        };
        text.push('\n');
        text.push_str(part);
        let closes = part.contains('"');
        taken.push((number, line));
        if closes {
            let (fields, open) = split(&text, separator);
            if !open {
                if fields.len() == columns {
                    found = Some(fields);
                }
                break;
            }
        }
    }
    if found.is_none() {
        for line in taken.into_iter().rev() {
            lines.pending.push_front(line);
        }
    }
    Ok(found)
}

fn row(
    sink: &mut dyn TableSink,
    line: u64,
    columns: usize,
    mut cells: Vec<Cell<'_>>,
) -> Result<()> {
    let empty = |c: &Cell<'_>| c.as_text().is_some_and(|t| t.is_empty());
    if cells.iter().all(empty) {
        return Ok(());
    }
    while cells.len() > columns && cells.last().is_some_and(empty) {
        cells.pop();
    }
    if cells.len() == columns {
        return sink.row(line, &cells);
    }
    let reason = format!("列数不符：表头 {columns} 列，本行 {} 列", cells.len());
    let raw: Vec<String> =
        cells.iter().map(|c| c.as_text().unwrap_or_default().into_owned()).collect();
    sink.broken(line, &raw, &reason)
}
