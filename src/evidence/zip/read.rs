//! Reads a bag's ZIP and refuses what two programs could read differently.
//!
//! Every byte of the file must be accounted for: entries back to back from offset 0, then the directory,
//! then the end records. Nothing is trusted before it was compared: each local header with its directory
//! entry, sizes with what the content really yields.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};

use super::fields::{Fields, Fixed, halves, u16_at};
use super::names::check_names;
use super::{
    CENTRAL_SIGNATURE, END_SIGNATURE, END64_SIGNATURE, EXTRA_ZIP64, FULL16, FULL32,
    LOCAL_SIGNATURE, LOCATOR64_SIGNATURE,
};

/// Most entries that are looked at.
pub const MAX_ENTRIES: u64 = 100_000;
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;
const END_BYTES: u64 = 22;
const MAX_COMMENT: u64 = 0xffff;
const BUFFER_BYTES: usize = 64 * 1024;
/// An archive may yield at most this many times its own size, plus [`SLACK_BYTES`].
const MAX_RATIO: u64 = 64;
const SLACK_BYTES: u64 = 64 << 20;
/// Deflate options and UTF-8 names; everything else (encryption, data descriptor, patch data, strong
/// encryption, masked headers) is refused.
const HARMLESS_FLAGS: u16 = 0b0000_1000_0000_0110;
const METHOD_STORED: u16 = 0;
const METHOD_DEFLATED: u16 = 8;
/// Times and owners, as Info-ZIP, Windows and others add them when a folder is packed again.
const HARMLESS_EXTRAS: [u16; 5] = [0x5455, 0x7875, 0x5855, 0x7855, 0x000a];

/// Why an archive is refused. Each has a stable code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZipFault {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No ZIP at all, or its end is missing.
    #[error("not a ZIP, or cut off")]
    NotAZip,
    /// More than one end record.
    #[error("a second end record")]
    SecondArchive,
    /// Bytes before, between or behind the parts.
    #[error("bytes that belong to no part of the archive")]
    Gap,
    /// Several disks.
    #[error("split over several disks")]
    Split,
    /// A header is malformed.
    #[error("a malformed header")]
    Header,
    /// Too many entries or too large a directory.
    #[error("too many entries")]
    TooMany,
    /// Encrypted, with data descriptor, or another flag two programs could read differently.
    #[error("encrypted, or with a forbidden flag")]
    Flags,
    /// A compression method other than stored and deflated.
    #[error("a compression method that is not allowed")]
    Method,
    /// An extra field that may change name or content.
    #[error("an extra field that is not allowed")]
    Extra,
    /// A name that is not `[A-Za-z0-9._-]` parts, absolute, with `..`, or too long.
    #[error("a name that is not allowed")]
    Name,
    /// Two entries of one name, or names equal but for case.
    #[error("two entries of one name")]
    Duplicate,
    /// A link or another special file.
    #[error("neither a file nor a folder")]
    Special,
    /// Local header and directory disagree.
    #[error("local header and directory disagree")]
    Disagree,
    /// Sizes or CRC-32 are not those of the content.
    #[error("sizes or checksum are not those of the content")]
    Content,
    /// Unpacks to far more than its own size.
    #[error("unpacks to far too much")]
    Bomb,
    /// Not exactly one top folder.
    #[error("not exactly one top folder")]
    Top,
}

impl ZipFault {
    /// Stable code; `None` for I/O, which says nothing about the bundle.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Io(_) => return None,
            Self::NotAZip => "ZIP-NOT-A-ZIP",
            Self::SecondArchive => "ZIP-SECOND-ARCHIVE",
            Self::Gap => "ZIP-GAP",
            Self::Split => "ZIP-SPLIT",
            Self::Header => "ZIP-HEADER",
            Self::TooMany => "ZIP-TOO-MANY",
            Self::Flags => "ZIP-FLAGS",
            Self::Method => "ZIP-METHOD",
            Self::Extra => "ZIP-EXTRA",
            Self::Name => "ZIP-NAME",
            Self::Duplicate => "ZIP-DUPLICATE",
            Self::Special => "ZIP-SPECIAL",
            Self::Disagree => "ZIP-DISAGREE",
            Self::Content => "ZIP-CONTENT",
            Self::Bomb => "ZIP-BOMB",
            Self::Top => "ZIP-TOP",
        })
    }
}

/// What is unusual but cannot be read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ZipWarning {
    /// A comment of the archive or of an entry.
    Comment,
    /// Recompressed.
    Deflated,
    /// Folder entries.
    Folder,
    /// Extra fields with times and owners.
    Extra,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipEntry {
    /// Path below the top folder.
    pub path: String,
    /// Bytes of its content.
    pub size: u64,
    method: u16,
    crc32: u32,
    packed: u64,
    content_at: u64,
}

struct Directory {
    entries: u64,
    size: u64,
    offset: u64,
}

struct Raw {
    fixed: Fixed,
    name: Vec<u8>,
    size: u64,
    packed: u64,
    offset: u64,
    folder: bool,
}

/// An archive whose structure has been checked.
#[derive(Debug)]
pub struct ZipArchive<R> {
    source: R,
    top: String,
    entries: Vec<ZipEntry>,
    warnings: BTreeSet<ZipWarning>,
}

impl<R: Read + Seek> ZipArchive<R> {
    /// Checks the whole structure; contents are checked by [`Self::read`].
    ///
    /// # Errors
    /// The first [`ZipFault`] and, where it is about one entry, that entry's name.
    pub fn open(mut source: R) -> Result<Self, (ZipFault, Option<String>)> {
        let mut warnings = BTreeSet::new();
        let length = source.seek(SeekFrom::End(0)).map_err(|e| (e.into(), None))?;
        let directory =
            find_directory(&mut source, length, &mut warnings).map_err(|f| (f, None))?;
        let raw = read_directory(&mut source, &directory, &mut warnings)?;
        let named: Vec<_> = raw.iter().map(|e| (e.name.as_slice(), e.folder)).collect();
        let (top, names) = check_names(&named)?;
        let mut entries = Vec::new();
        let mut at: u64 = 0;
        let mut total: u64 = 0;
        let mut order: Vec<_> = raw.iter().zip(names).collect();
        order.sort_by_key(|(entry, _)| entry.offset);
        for (entry, path) in order {
            let place = |fault| (fault, Some(path.clone()));
            if entry.offset != at {
                return Err(place(ZipFault::Gap));
            }
            let content_at =
                check_local(&mut source, entry, directory.offset, &mut warnings).map_err(place)?;
            at = content_at.checked_add(entry.packed).ok_or_else(|| place(ZipFault::Header))?;
            if at > directory.offset {
                return Err(place(ZipFault::Gap));
            }
            total = total.saturating_add(entry.size);
            if !entry.folder {
                entries.push(ZipEntry {
                    path,
                    size: entry.size,
                    method: entry.fixed.method,
                    crc32: entry.fixed.crc32,
                    packed: entry.packed,
                    content_at,
                });
            }
        }
        if at != directory.offset {
            return Err((ZipFault::Gap, None));
        }
        if total > length.saturating_mul(MAX_RATIO).saturating_add(SLACK_BYTES) {
            return Err((ZipFault::Bomb, None));
        }
        entries.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(Self { source, top, entries, warnings })
    }

    /// Name of the top folder.
    #[must_use]
    pub fn top(&self) -> &str {
        &self.top
    }

    /// Files, sorted by path bytes.
    #[must_use]
    pub fn entries(&self) -> &[ZipEntry] {
        &self.entries
    }

    /// What is unusual.
    #[must_use]
    pub const fn warnings(&self) -> &BTreeSet<ZipWarning> {
        &self.warnings
    }

    /// Streams the content of `entry` into `take`, in blocks of at most 64 KiB.
    ///
    /// # Errors
    /// [`ZipFault::Content`] if size or CRC-32 differ (known only after the last block), or I/O.
    pub fn read(&mut self, entry: &ZipEntry, take: &mut dyn FnMut(&[u8])) -> Result<(), ZipFault> {
        self.source.seek(SeekFrom::Start(entry.content_at))?;
        let mut packed = (&mut self.source).take(entry.packed);
        let mut sum = crc32fast::Hasher::new();
        let mut size: u64 = 0;
        let mut emit = |block: &[u8]| -> Result<(), ZipFault> {
            size = size.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
            if size > entry.size {
                return Err(ZipFault::Content);
            }
            sum.update(block);
            take(block);
            Ok(())
        };
        let consumed = if entry.method == METHOD_DEFLATED {
            inflate(&mut packed, &mut emit)?
        } else {
            copy(&mut packed, &mut emit)?
        };
        if consumed != entry.packed || size != entry.size || sum.finalize() != entry.crc32 {
            return Err(ZipFault::Content);
        }
        Ok(())
    }
}

fn copy(
    from: &mut impl Read,
    emit: &mut impl FnMut(&[u8]) -> Result<(), ZipFault>,
) -> Result<u64, ZipFault> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut consumed: u64 = 0;
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return Ok(consumed);
        }
        consumed = consumed.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
        emit(buffer.get(..n).unwrap_or_default())?;
    }
}

/// Inflates until the end of the stream; gives how many packed bytes it took.
fn inflate(
    from: &mut impl Read,
    emit: &mut impl FnMut(&[u8]) -> Result<(), ZipFault>,
) -> Result<u64, ZipFault> {
    let mut state = Decompress::new(false);
    let mut input = vec![0; BUFFER_BYTES];
    let mut output = vec![0; BUFFER_BYTES];
    loop {
        let n = from.read(&mut input)?;
        let mut rest = input.get(..n).unwrap_or_default();
        loop {
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state
                .decompress(rest, &mut output, FlushDecompress::None)
                .map_err(|_| ZipFault::Content)?;
            let took = usize::try_from(state.total_in().saturating_sub(before_in)).unwrap_or(0);
            let gave = usize::try_from(state.total_out().saturating_sub(before_out)).unwrap_or(0);
            rest = rest.get(took..).unwrap_or_default();
            emit(output.get(..gave).unwrap_or_default())?;
            if status == Status::StreamEnd {
                return Ok(state.total_in());
            }
            if rest.is_empty() && gave < output.len() {
                break;
            }
            if took == 0 && gave == 0 {
                return Err(ZipFault::Content);
            }
        }
        if n == 0 {
            return Err(ZipFault::Content);
        }
    }
}

/// Finds the one end record and checks that directory and end records lie back to back.
fn find_directory<R: Read + Seek>(
    source: &mut R,
    length: u64,
    warnings: &mut BTreeSet<ZipWarning>,
) -> Result<Directory, ZipFault> {
    let tail_at = length.saturating_sub(END_BYTES.saturating_add(MAX_COMMENT));
    source.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    source.take(END_BYTES.saturating_add(MAX_COMMENT)).read_to_end(&mut tail)?;
    let signature = END_SIGNATURE.to_le_bytes();
    let mut found = None;
    for (at, window) in tail.windows(4).enumerate() {
        if window != signature {
            continue;
        }
        let comment = tail.get(at..).and_then(|t| u16_at(t, 20));
        let end = comment.map(|c| at.saturating_add(22).saturating_add(usize::from(c)));
        if end == Some(tail.len()) && found.replace(at).is_some() {
            return Err(ZipFault::SecondArchive);
        }
    }
    let at = found.ok_or(ZipFault::NotAZip)?;
    let end = tail.get(at..).ok_or(ZipFault::NotAZip)?;
    let comment = end.get(22..).unwrap_or_default();
    if comment.windows(4).any(|w| w == signature) {
        return Err(ZipFault::SecondArchive);
    }
    if !comment.is_empty() {
        warnings.insert(ZipWarning::Comment);
    }
    let end_at = tail_at.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
    let mut fields = Fields(end.get(4..).unwrap_or_default());
    let (disk, directory_disk) = (fields.u16()?, fields.u16()?);
    let (here, all) = (fields.u16()?, fields.u16()?);
    let (size, offset) = (fields.u32()?, fields.u32()?);
    if here != all || (disk, directory_disk) != (0, 0) {
        return Err(ZipFault::Split);
    }
    let classic =
        Directory { entries: u64::from(all), size: u64::from(size), offset: u64::from(offset) };
    let (directory, parts_end) = match find_end64(source, end_at)? {
        Some((directory, at)) => {
            let agrees = |small: u64, full: u64, large: u64| small == full || small == large;
            let full = u64::from(FULL32);
            if !agrees(classic.entries, u64::from(FULL16), directory.entries)
                || !agrees(classic.size, full, directory.size)
                || !agrees(classic.offset, full, directory.offset)
            {
                return Err(ZipFault::Disagree);
            }
            (directory, at)
        }
        None => (classic, end_at),
    };
    if directory.offset.checked_add(directory.size) != Some(parts_end) {
        return Err(ZipFault::Gap);
    }
    if directory.entries > MAX_ENTRIES || directory.size > MAX_DIRECTORY_BYTES {
        return Err(ZipFault::TooMany);
    }
    Ok(directory)
}

/// ZIP64 end record and locator, if they lie directly before the end record.
fn find_end64<R: Read + Seek>(
    source: &mut R,
    end_at: u64,
) -> Result<Option<(Directory, u64)>, ZipFault> {
    let Some(at) = end_at.checked_sub(76) else { return Ok(None) };
    source.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; 76];
    source.read_exact(&mut bytes)?;
    let (record, locator) = bytes.split_at(56);
    let mut locator = Fields(locator);
    if locator.u32()? != LOCATOR64_SIGNATURE {
        return Ok(None);
    }
    let (disk, record_at, disks) = (locator.u32()?, locator.u64()?, locator.u32()?);
    let mut record = Fields(record);
    let (signature, size) = (record.u32()?, record.u64()?);
    let (_made_by, _needed) = (record.u16()?, record.u16()?);
    let this_disks = (record.u32()?, record.u32()?);
    let (here, entries) = (record.u64()?, record.u64()?);
    let (length, offset) = (record.u64()?, record.u64()?);
    if signature != END64_SIGNATURE || size != 44 || record_at != at {
        return Err(ZipFault::Header);
    }
    if disk != 0 || disks != 1 || this_disks != (0, 0) || here != entries {
        return Err(ZipFault::Split);
    }
    Ok(Some((Directory { entries, size: length, offset }, at)))
}

fn read_directory<R: Read + Seek>(
    source: &mut R,
    directory: &Directory,
    warnings: &mut BTreeSet<ZipWarning>,
) -> Result<Vec<Raw>, (ZipFault, Option<String>)> {
    let none = |e: io::Error| (ZipFault::Io(e), None);
    source.seek(SeekFrom::Start(directory.offset)).map_err(none)?;
    let mut bytes = Vec::new();
    source.take(directory.size).read_to_end(&mut bytes).map_err(none)?;
    let mut fields = Fields(&bytes);
    let mut entries = Vec::new();
    for _ in 0..directory.entries {
        let (entry, name) = read_central(&mut fields, warnings).map_err(|f| (f, None))?;
        entries.push(
            entry.map_err(|fault| (fault, Some(String::from_utf8_lossy(&name).into_owned())))?,
        );
    }
    if fields.0.is_empty() { Ok(entries) } else { Err((ZipFault::Header, None)) }
}

type Named<T> = (Result<T, ZipFault>, Vec<u8>);

fn read_central(
    fields: &mut Fields<'_>,
    warnings: &mut BTreeSet<ZipWarning>,
) -> Result<Named<Raw>, ZipFault> {
    if fields.u32()? != CENTRAL_SIGNATURE {
        return Err(ZipFault::Header);
    }
    fields.u16()?; // made by
    let (fixed, extra_len) = fields.fixed()?;
    let comment_len = fields.u16()?;
    let disk = fields.u16()?;
    fields.u16()?; // internal attributes
    let attributes = fields.u32()?;
    let offset = fields.u32()?;
    let name = fields.bytes(usize::from(fixed.name_len))?.to_vec();
    let extra = fields.bytes(usize::from(extra_len))?;
    fields.bytes(usize::from(comment_len))?;
    if comment_len != 0 {
        warnings.insert(ZipWarning::Comment);
    }
    let checked = check_central(fixed, &name, extra, attributes, offset, disk, warnings);
    Ok((checked, name))
}

fn check_central(
    fixed: Fixed,
    name: &[u8],
    extra: &[u8],
    attributes: u32,
    offset: u32,
    disk: u16,
    warnings: &mut BTreeSet<ZipWarning>,
) -> Result<Raw, ZipFault> {
    if fixed.flags & !HARMLESS_FLAGS != 0 {
        return Err(ZipFault::Flags);
    }
    if !matches!(fixed.method, METHOD_STORED | METHOD_DEFLATED) {
        return Err(ZipFault::Method);
    }
    if disk != 0 {
        return Err(ZipFault::Split);
    }
    let folder = name.last() == Some(&b'/');
    check_kind(attributes, folder)?;
    let zip64 = extra_zip64(extra, warnings)?;
    let mut wide = Fields(zip64.unwrap_or_default());
    let size = wide.widen(fixed.size)?;
    let packed = wide.widen(fixed.packed)?;
    let offset = wide.widen(offset)?;
    if !wide.0.is_empty() {
        return Err(ZipFault::Extra);
    }
    if fixed.method == METHOD_STORED && size != packed {
        return Err(ZipFault::Content);
    }
    if folder {
        warnings.insert(ZipWarning::Folder);
        if size != 0 || packed != 0 {
            return Err(ZipFault::Content);
        }
    }
    if fixed.method == METHOD_DEFLATED {
        warnings.insert(ZipWarning::Deflated);
        if size > packed.saturating_mul(1100).saturating_add(1024) {
            return Err(ZipFault::Bomb); // deflate yields at most 1032 times its input
        }
    }
    Ok(Raw { fixed, name: name.to_vec(), size, packed, offset, folder })
}

/// The Unix mode, if any, must say regular file or folder, whatever system is named as the maker.
fn check_kind(attributes: u32, folder: bool) -> Result<(), ZipFault> {
    let (_, mode) = halves(attributes);
    let regular = matches!(mode & 0o170_000, 0 | 0o100_000);
    let directory = matches!(mode & 0o170_000, 0 | 0o040_000);
    let dos_volume = attributes & 0x08 != 0;
    let dos_folder = attributes & 0x10 != 0;
    let fits = if folder { directory } else { regular && !dos_folder };
    if fits && !dos_volume { Ok(()) } else { Err(ZipFault::Special) }
}

/// Walks the extra fields; gives the content of the ZIP64 one.
fn extra_zip64<'a>(
    extra: &'a [u8],
    warnings: &mut BTreeSet<ZipWarning>,
) -> Result<Option<&'a [u8]>, ZipFault> {
    let mut fields = Fields(extra);
    let mut found = None;
    while !fields.0.is_empty() {
        let (id, len) = (fields.u16()?, fields.u16()?);
        let content = fields.bytes(usize::from(len))?;
        if id == EXTRA_ZIP64 {
            if found.replace(content).is_some() {
                return Err(ZipFault::Extra);
            }
        } else if HARMLESS_EXTRAS.contains(&id) {
            warnings.insert(ZipWarning::Extra);
        } else {
            return Err(ZipFault::Extra);
        }
    }
    Ok(found)
}

/// Compares the local header with the directory; gives where the content begins.
fn check_local<R: Read + Seek>(
    source: &mut R,
    entry: &Raw,
    limit: u64,
    warnings: &mut BTreeSet<ZipWarning>,
) -> Result<u64, ZipFault> {
    source.seek(SeekFrom::Start(entry.offset))?;
    let mut header = [0; 30];
    if entry.offset.checked_add(30).is_none_or(|end| end > limit) {
        return Err(ZipFault::Gap);
    }
    source.read_exact(&mut header)?;
    let mut fields = Fields(&header);
    if fields.u32()? != LOCAL_SIGNATURE {
        return Err(ZipFault::Disagree);
    }
    let (fixed, extra_len) = fields.fixed()?;
    let mut variable = vec![0; usize::from(fixed.name_len).saturating_add(usize::from(extra_len))];
    let content_at = entry
        .offset
        .saturating_add(30)
        .saturating_add(u64::try_from(variable.len()).unwrap_or(u64::MAX));
    if content_at > limit {
        return Err(ZipFault::Gap);
    }
    source.read_exact(&mut variable)?;
    let (name, extra) =
        variable.split_at_checked(usize::from(fixed.name_len)).ok_or(ZipFault::Header)?;
    let mut wide = Fields(extra_zip64(extra, warnings)?.unwrap_or_default());
    let (size, packed) = (wide.widen(fixed.size)?, wide.widen(fixed.packed)?);
    if !wide.0.is_empty() {
        return Err(ZipFault::Extra);
    }
    if fixed != entry.fixed || name != entry.name || (size, packed) != (entry.size, entry.packed) {
        return Err(ZipFault::Disagree);
    }
    Ok(content_at)
}
