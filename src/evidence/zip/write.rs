//! Writes a bag as a stream; memory grows by the directory only, never by content.
//!
//! Size and CRC-32 go before the content, because a data descriptor behind it is one of the things that
//! two programs read differently. So they are known (the centre computes the CRC while it checks the
//! plaintext hash) or a first pass over the content finds them.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use super::{
    CENTRAL_SIGNATURE, END_SIGNATURE, END64_SIGNATURE, EXTRA_ZIP64, FULL16, FULL32,
    LOCAL_SIGNATURE, LOCATOR64_SIGNATURE,
};
use crate::EvidenceError;
use crate::bag::is_bag_path;

/// 1980-01-01 00:00:00: times in a ZIP are local times without zone and prove nothing.
const DOS_DATE: u16 = 0x0021;
const DOS_TIME: u16 = 0;
/// Unix, APPNOTE 2.0 (or 4.5 with ZIP64).
const MADE_BY_UNIX: u16 = 3 << 8;
const REGULAR_0644: u32 = 0o100_644 << 16;
const BUFFER_BYTES: usize = 64 * 1024;

struct Written {
    name: String,
    size: u64,
    crc32: u32,
    offset: u64,
}

/// A ZIP being written to `W`.
pub struct ZipWriter<W: Write> {
    out: W,
    offset: u64,
    entries: Vec<Written>,
    names: BTreeSet<String>,
}

impl<W: Write> ZipWriter<W> {
    /// Begins at the present end of `out`, which must be empty: a bag's ZIP starts at offset 0.
    pub const fn new(out: W) -> Self {
        Self { out, offset: 0, entries: Vec::new(), names: BTreeSet::new() }
    }

    /// Adds a file of known size and CRC-32 and copies it from `content`.
    ///
    /// # Errors
    /// [`EvidenceError::BagPath`] for a name no bag may hold, [`EvidenceError::Announced`] if the content
    /// has another size or CRC-32 (the archive is then damaged and must be thrown away), or I/O.
    pub fn add_known(
        &mut self,
        name: &str,
        size: u64,
        crc32: u32,
        content: &mut dyn Read,
    ) -> Result<(), EvidenceError> {
        self.begin(name, size, crc32)?;
        let mut sum = crc32fast::Hasher::new();
        let mut copied: u64 = 0;
        each_block(content, |block| {
            sum.update(block);
            copied = copied.saturating_add(len(block));
            if copied > size {
                return Err(EvidenceError::Announced);
            }
            Ok(self.out.write_all(block)?)
        })?;
        if copied != size || sum.finalize() != crc32 {
            return Err(EvidenceError::Announced);
        }
        self.offset = self.offset.saturating_add(size);
        Ok(())
    }

    /// Adds a file by reading it twice: `open` is called once for size and CRC-32, once for the content.
    ///
    /// # Errors
    /// As [`Self::add_known`]; also if the two passes differ.
    pub fn add_two_pass<R: Read>(
        &mut self,
        name: &str,
        mut open: impl FnMut() -> io::Result<R>,
    ) -> Result<(), EvidenceError> {
        let mut sum = crc32fast::Hasher::new();
        let mut size: u64 = 0;
        each_block(&mut open()?, |block| {
            sum.update(block);
            size = size.saturating_add(len(block));
            Ok(())
        })?;
        self.add_known(name, size, sum.finalize(), &mut open()?)
    }

    /// Adds a small file from memory.
    ///
    /// # Errors
    /// As [`Self::add_known`].
    pub fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.add_known(name, len(bytes), crc32fast::hash(bytes), &mut &*bytes)
    }

    /// A file whose content is not written: `skip` moves the output over it.
    #[cfg(test)]
    pub(super) fn add_hole(&mut self, name: &str, size: u64, skip: impl FnOnce(&mut W)) {
        self.begin(name, size, 0).unwrap();
        skip(&mut self.out);
        self.offset += size;
    }

    fn begin(&mut self, name: &str, size: u64, crc32: u32) -> Result<(), EvidenceError> {
        if !is_bag_path(name) || !self.names.insert(name.to_ascii_lowercase()) {
            return Err(EvidenceError::BagPath);
        }
        let entry = Written { name: name.to_owned(), size, crc32, offset: self.offset };
        let extra = entry.local_extra();
        let mut header = Vec::new();
        put32(&mut header, LOCAL_SIGNATURE);
        entry.put_shared(&mut header, &extra);
        header.extend_from_slice(name.as_bytes());
        header.extend_from_slice(&extra);
        self.out.write_all(&header)?;
        self.offset = self.offset.saturating_add(len(&header));
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the directory and gives the writer back; the caller flushes and syncs it.
    ///
    /// # Errors
    /// I/O.
    pub fn finish(mut self) -> Result<W, EvidenceError> {
        let start = self.offset;
        let mut length: u64 = 0;
        for entry in &self.entries {
            let record = entry.central_record();
            length = length.saturating_add(len(&record));
            self.out.write_all(&record)?;
        }
        let count = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let end = end_records(count, length, start);
        self.out.write_all(&end)?;
        Ok(self.out)
    }
}

impl Written {
    fn big(&self) -> bool {
        self.size >= u64::from(FULL32)
    }

    fn far(&self) -> bool {
        self.offset >= u64::from(FULL32)
    }

    fn local_extra(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.big() {
            put16(&mut extra, EXTRA_ZIP64);
            put16(&mut extra, 16);
            put64(&mut extra, self.size);
            put64(&mut extra, self.size);
        }
        extra
    }

    fn central_extra(&self) -> Vec<u8> {
        let mut values = Vec::new();
        if self.big() {
            put64(&mut values, self.size);
            put64(&mut values, self.size);
        }
        if self.far() {
            put64(&mut values, self.offset);
        }
        let mut extra = Vec::new();
        if !values.is_empty() {
            put16(&mut extra, EXTRA_ZIP64);
            put16(&mut extra, u16::try_from(values.len()).unwrap_or(FULL16));
            extra.append(&mut values);
        }
        extra
    }

    fn version(&self) -> u16 {
        if self.big() || self.far() { 45 } else { 20 }
    }

    /// The fields that stand in both headers, in their common order.
    fn put_shared(&self, to: &mut Vec<u8>, extra: &[u8]) {
        let size = if self.big() { FULL32 } else { u32::try_from(self.size).unwrap_or(FULL32) };
        put16(to, self.version());
        put16(to, 0); // flags: the name is ASCII, nothing follows the content
        put16(to, 0); // stored
        put16(to, DOS_TIME);
        put16(to, DOS_DATE);
        put32(to, self.crc32);
        put32(to, size);
        put32(to, size);
        put16(to, u16::try_from(self.name.len()).unwrap_or(FULL16));
        put16(to, u16::try_from(extra.len()).unwrap_or(FULL16));
    }

    fn central_record(&self) -> Vec<u8> {
        let extra = self.central_extra();
        let mut record = Vec::new();
        put32(&mut record, CENTRAL_SIGNATURE);
        put16(&mut record, MADE_BY_UNIX | self.version());
        self.put_shared(&mut record, &extra);
        put16(&mut record, 0); // comment
        put16(&mut record, 0); // disk
        put16(&mut record, 0); // internal attributes
        put32(&mut record, REGULAR_0644);
        put32(
            &mut record,
            if self.far() { FULL32 } else { u32::try_from(self.offset).unwrap_or(FULL32) },
        );
        record.extend_from_slice(self.name.as_bytes());
        record.extend_from_slice(&extra);
        record
    }
}

fn end_records(count: u64, length: u64, start: u64) -> Vec<u8> {
    let mut end = Vec::new();
    let full = u64::from(FULL32);
    if count >= u64::from(FULL16) || length >= full || start >= full {
        put32(&mut end, END64_SIGNATURE);
        put64(&mut end, 44);
        put16(&mut end, MADE_BY_UNIX | 45);
        put16(&mut end, 45);
        put32(&mut end, 0);
        put32(&mut end, 0);
        put64(&mut end, count);
        put64(&mut end, count);
        put64(&mut end, length);
        put64(&mut end, start);
        put32(&mut end, LOCATOR64_SIGNATURE);
        put32(&mut end, 0);
        put64(&mut end, start.saturating_add(length));
        put32(&mut end, 1);
    }
    put32(&mut end, END_SIGNATURE);
    put16(&mut end, 0);
    put16(&mut end, 0);
    let count = u16::try_from(count).unwrap_or(FULL16);
    put16(&mut end, count);
    put16(&mut end, count);
    put32(&mut end, u32::try_from(length).unwrap_or(FULL32));
    put32(&mut end, u32::try_from(start).unwrap_or(FULL32));
    put16(&mut end, 0);
    end
}

fn each_block(
    content: &mut dyn Read,
    mut take: impl FnMut(&[u8]) -> Result<(), EvidenceError>,
) -> Result<(), EvidenceError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => take(buffer.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn put16(to: &mut Vec<u8>, value: u16) {
    to.extend_from_slice(&value.to_le_bytes());
}

fn put32(to: &mut Vec<u8>, value: u32) {
    to.extend_from_slice(&value.to_le_bytes());
}

fn put64(to: &mut Vec<u8>, value: u64) {
    to.extend_from_slice(&value.to_le_bytes());
}
