//! DBF files (dBASE, FoxPro).
//!
//! The library reads numeric fields as floating point, which would lose the last digits of a long id. They
//! lie in the file as text, so the field descriptors are shown to the library as character fields on the
//! way in, and the exact digits come out. Field names end at ten characters: see `import::columns`.

use std::io::{Read, Seek, SeekFrom};

use dbase::{FieldIterator, FieldValue, ReadableRecord, ReaderBuilder};

use super::{TableSink, TextEncoding, guarded};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// Offset of the first field descriptor, and of the type letter inside one.
const DESCRIPTORS: u64 = 32;
const TYPE_AT: u64 = 11;

/// Shows number and date fields as character fields, and a missing date of the file as a valid one.
struct AsText<R> {
    inner: R,
    at: u64,
    header_end: u64,
    /// Records that the file has room for: its head may promise four billion.
    room: u64,
}

impl<R: Read + Seek> AsText<R> {
    fn new(mut inner: R) -> std::io::Result<Self> {
        let mut head = [0_u8; 32];
        inner.read_exact(&mut head)?;
        let size = inner.seek(SeekFrom::End(0))?;
        inner.seek(SeekFrom::Start(0))?;
        let [_, _, _, _, _, _, _, _, low, high, record_low, record_high, ..] = head;
        let header_end = u64::from(u16::from_le_bytes([low, high]));
        let record = u64::from(u16::from_le_bytes([record_low, record_high]));
        let room = size.saturating_sub(header_end).checked_div(record).unwrap_or(0);
        Ok(Self { inner, at: 0, header_end, room })
    }
}

impl<R: Read> Read for AsText<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(out)?;
        let mut at = self.at;
        for byte in out.iter_mut().take(n) {
            if at >= self.header_end {
                break;
            }
            match at {
                // Month and day of the last change are zero in files of many programs.
                2 | 3 if *byte == 0 => *byte = 1,
                _ => {}
            }
            let in_descriptor = at.checked_sub(DESCRIPTORS).and_then(|o| o.checked_rem(32));
            if in_descriptor == Some(TYPE_AT) && matches!(*byte, b'N' | b'F' | b'D') {
                *byte = b'C';
            }
            at = at.saturating_add(1);
        }
        self.at = self.at.saturating_add(u64::try_from(n).unwrap_or(0));
        Ok(n)
    }
}

impl<R: Seek> Seek for AsText<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.at = self.inner.seek(to)?;
        Ok(self.at)
    }
}

struct Cells(Vec<Cell<'static>>);

impl ReadableRecord for Cells {
    fn read_using<S: Read + Seek, M: Read + Seek>(
        fields: &mut FieldIterator<'_, S, M>,
    ) -> Result<Self, dbase::FieldError> {
        let mut cells = Vec::new();
        for field in fields {
            cells.push(cell(field?.value));
        }
        Ok(Self(cells))
    }
}

fn cell(value: FieldValue) -> Cell<'static> {
    match value {
        FieldValue::Character(text) => text.map_or(Cell::Empty, |t| {
            // A number field full of asterisks overflowed when it was written.
            if !t.is_empty() && t.bytes().all(|b| b == b'*') {
                Cell::Bad("数字溢出")
            } else {
                Cell::Text(t.into())
            }
        }),
        FieldValue::Memo(text) => Cell::Text(text.into()),
        FieldValue::Numeric(n) => n.map_or(Cell::Empty, Cell::Real),
        FieldValue::Float(n) => n.map_or(Cell::Empty, |x| Cell::Real(f64::from(x))),
        FieldValue::Integer(n) => Cell::Int(i64::from(n)),
        FieldValue::Currency(x) | FieldValue::Double(x) => Cell::Real(x),
        FieldValue::Logical(b) => {
            b.map_or(Cell::Empty, |b| Cell::Text(if b { "1" } else { "0" }.into()))
        }
        FieldValue::Date(date) => date.map_or(Cell::Empty, |d| {
            let text = format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day());
            Cell::Text(text.into())
        }),
        FieldValue::DateTime(at) => {
            let (d, t) = (at.date(), at.time());
            let day = format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day());
            let clock = format!("{:02}:{:02}:{:02}", t.hours(), t.minutes(), t.seconds());
            Cell::Text(format!("{day} {clock}").into())
        }
    }
}

/// Reads all records that are not marked deleted into the sink.
pub(crate) fn read<R: Read + Seek>(
    reader: R,
    encoding: TextEncoding,
    file: &str,
    sink: &mut dyn TableSink,
) -> Result<()> {
    let fail = |e: &dyn std::fmt::Display| Error::Source {
        file: file.to_owned(),
        reason: format!("不是可读的DBF ({e})"),
    };
    let source = AsText::new(reader).map_err(|e| fail(&e))?;
    let room = source.room;
    let codec = dbase::encoding::EncodingRs::from(encoding.codec());
    let build = || ReaderBuilder::new().with_encoding(codec).build(source);
    let mut table = guarded(file, build)?.map_err(|e| fail(&e))?;
    let names: Vec<String> = table.fields().iter().map(|f| f.name().to_owned()).collect();
    if !sink.header(None, &names)? {
        return Ok(());
    }
    let total = u64::from(table.header().num_records);
    let mut line = 1_u64;
    let mut records = table.iter_records_as::<Cells>();
    while let Some(record) = guarded(file, || records.next())? {
        line = line.saturating_add(1);
        if line.saturating_sub(1) > room {
            sink.broken(line, &[], "文件在此中断")?;
            break;
        }
        match record {
            Ok(Cells(cells)) => {
                if cells.iter().any(|c| c.as_text().is_none_or(|t| !t.is_empty())) {
                    sink.row(line, &cells)?;
                }
            }
            Err(error) => {
                let read = line.saturating_sub(1);
                sink.broken(line, &[], "记录无法读取")?;
                // A file that ends early fails again for every record that its header promises.
                if read < total && error.to_string().contains("fill whole buffer") {
                    break;
                }
            }
        }
    }
    Ok(())
}
