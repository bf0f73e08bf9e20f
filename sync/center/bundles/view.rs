//! A whole bag as a ZIP that exists only while it is read.
//!
//! Headers and tag files lie in memory, payload is decrypted from the stored blobs where a reader looks. So
//! the same verifier that a court runs on a file judges a bundle here, and no plaintext file comes to be.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use spotcheck_evidence::zip::ZipWriter;
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{AnnouncedBlob, AnnouncedFile, Announcement};

use super::assemble::{BlobReader, Opener};
use crate::centre::Centre;
use crate::{Error, Result};

enum Extent {
    Memory(Vec<u8>),
    Blob(AnnouncedBlob),
}

impl Extent {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Blob(blob) => blob.size,
        }
    }
}

/// The bag of an announcement, as `Read + Seek`.
pub struct BagView<'a> {
    opener: Opener<'a>,
    /// Extents with their starts, in order.
    extents: Vec<(u64, Extent)>,
    length: u64,
    position: u64,
    open: Option<(usize, BlobReader)>,
}

/// Takes the ZIP's own bytes and leaves payload out.
struct Layout {
    bytes: Vec<u8>,
    length: Rc<Cell<usize>>,
    payload: Rc<Cell<bool>>,
}

impl Write for Layout {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if !self.payload.get() {
            self.bytes.extend_from_slice(buffer);
            self.length.set(self.bytes.len());
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plaintext of a file's blobs one after the other; tells when the first byte is asked for.
pub(super) struct Joined<'o, 'c> {
    opener: &'o mut Opener<'c>,
    blobs: std::slice::Iter<'o, AnnouncedBlob>,
    open: Option<BlobReader>,
    begun: Option<Rc<Cell<bool>>>,
}

impl<'o, 'c> Joined<'o, 'c> {
    pub(super) fn new(opener: &'o mut Opener<'c>, file: &'o AnnouncedFile) -> Self {
        Self { opener, blobs: file.blobs.iter(), open: None, begun: None }
    }
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a blob cannot be opened")
}

impl Read for Joined<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(begun) = &self.begun {
            begun.set(true);
        }
        loop {
            if let Some(reader) = &mut self.open {
                let n = reader.read(buffer)?;
                if n > 0 || buffer.is_empty() {
                    return Ok(n);
                }
            }
            let Some(blob) = self.blobs.next() else { return Ok(0) };
            let reader = self.opener.open(blob).map_err(io::Error::other)?;
            self.open = Some(reader.ok_or_else(unreadable)?);
        }
    }
}

impl<'a> BagView<'a> {
    /// Lays the bag out. `checked` is the CRC-32 of each payload file in order, `late` what the centre adds.
    ///
    /// # Errors
    /// A path no bag may hold, or a blob that is not what it was when it was checked.
    pub fn new(
        centre: &'a Centre,
        announcement: &Announcement,
        checked: &[u32],
        late: &[CarriedFile],
    ) -> Result<Self> {
        let failed = |e: spotcheck_evidence::EvidenceError| Error::Log(format!("bag: {e}"));
        let mut opener = Opener::new(centre, &announcement.bundle);
        let payload = Rc::new(Cell::new(false));
        let length = Rc::new(Cell::new(0));
        let layout =
            Layout { bytes: Vec::new(), length: Rc::clone(&length), payload: Rc::clone(&payload) };
        let mut zip = ZipWriter::new(layout);
        let top = &announcement.bundle;
        let mut cuts: Vec<(usize, &AnnouncedFile)> = Vec::new();
        for file in announcement.tag_files.iter().chain(late) {
            zip.add_bytes(&format!("{top}/{}", file.path), &file.bytes).map_err(failed)?;
        }
        for (file, crc32) in announcement.files.iter().zip(checked) {
            let mut content = Joined::new(&mut opener, file);
            content.begun = Some(Rc::clone(&payload));
            let name = format!("{top}/{}", file.path);
            let added = zip.add_known(&name, file.size, *crc32, &mut content);
            payload.set(false);
            added.map_err(failed)?;
            cuts.push((length.get(), file));
        }
        let bytes = zip.finish().map_err(failed)?.bytes;
        let mut view = Self { opener, extents: Vec::new(), length: 0, position: 0, open: None };
        let mut rest = bytes.as_slice();
        let mut taken = 0_usize;
        for (at, file) in cuts {
            let (head, tail) = rest
                .split_at_checked(at.saturating_sub(taken))
                .ok_or(Error::Stored("bag layout"))?;
            view.push(Extent::Memory(head.to_vec()));
            for blob in &file.blobs {
                view.push(Extent::Blob(blob.clone()));
            }
            rest = tail;
            taken = at;
        }
        view.push(Extent::Memory(rest.to_vec()));
        Ok(view)
    }

    fn push(&mut self, extent: Extent) {
        let length = extent.len();
        if length > 0 {
            self.extents.push((self.length, extent));
            self.length = self.length.saturating_add(length);
        }
    }
}

impl Read for BagView<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.extents.partition_point(|(start, _)| *start <= self.position);
        let Some(index) = at.checked_sub(1) else { return Ok(0) };
        let Some((start, extent)) = self.extents.get(index) else { return Ok(0) };
        let offset = self.position.saturating_sub(*start);
        let left = extent.len().saturating_sub(offset);
        if left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room) else { return Ok(0) };
        let n = match extent {
            Extent::Memory(bytes) => {
                let from = usize::try_from(offset).ok().and_then(|o| bytes.get(o..));
                from.unwrap_or_default().read(buffer)?
            }
            Extent::Blob(blob) => {
                let mut reader = match self.open.take() {
                    Some((open, reader)) if open == index => reader,
                    _ => {
                        self.opener.open(blob).map_err(io::Error::other)?.ok_or_else(unreadable)?
                    }
                };
                if reader.stream_position()? != offset {
                    reader.seek(SeekFrom::Start(offset))?;
                }
                let n = reader.read(buffer)?;
                self.open = Some((index, reader));
                n
            }
        };
        if n == 0 {
            return Err(unreadable());
        }
        self.position = self.position.saturating_add(u64::try_from(n).unwrap_or(0));
        Ok(n)
    }
}

impl Seek for BagView<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
