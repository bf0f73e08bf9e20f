//! EBML elements (RFC 8794): what Matroska is made of.
//!
//! One reader for whoever meets such a stream: the player, the copy that can be seeked in, and the recorder that cuts it.

use super::MediaError;

pub(super) const EBML: u32 = 0x1a45_dfa3;
/// Everything behind the header.
pub const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
pub(super) const SEEK: u32 = 0x4dbb;
pub(super) const SEEK_ID: u32 = 0x53ab;
pub(super) const SEEK_POSITION: u32 = 0x53ac;
pub(super) const INFO: u32 = 0x1549_a966;
pub(super) const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
pub(super) const DURATION: u32 = 0x4489;
pub(super) const TRACKS: u32 = 0x1654_ae6b;
pub(super) const TRACK_ENTRY: u32 = 0xae;
pub(super) const TRACK_NUMBER: u32 = 0xd7;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const CODEC_PRIVATE: u32 = 0x63a2;
pub(super) const VIDEO: u32 = 0xe0;
pub(super) const PIXEL_WIDTH: u32 = 0xb0;
pub(super) const PIXEL_HEIGHT: u32 = 0xba;
pub(super) const AUDIO: u32 = 0xe1;
pub(super) const CHANNELS: u32 = 0x9f;
pub(super) const CUES: u32 = 0x1c53_bb6b;
pub(super) const CUE_POINT: u32 = 0xbb;
pub(super) const CUE_TIME: u32 = 0xb3;
pub(super) const CUE_TRACK_POSITIONS: u32 = 0xb7;
pub(super) const CUE_TRACK: u32 = 0xf7;
pub(super) const CUE_CLUSTER_POSITION: u32 = 0xf1;
/// Blocks of a second or two.
pub const CLUSTER: u32 = 0x1f43_b675;
/// A cluster's time.
pub const TIMESTAMP: u32 = 0xe7;
/// A block alone.
pub const SIMPLE_BLOCK: u32 = 0xa3;
/// A block with what belongs to it.
pub const BLOCK_GROUP: u32 = 0xa0;
/// The block in a group.
pub const BLOCK: u32 = 0xa1;
pub(super) const BLOCK_DURATION: u32 = 0x9b;
pub(super) const REFERENCE_BLOCK: u32 = 0xfb;

/// No element that is read whole is larger: a picture at most.
pub(super) const ELEMENT_LIMIT: u64 = 64 << 20;

/// The head of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// As written, with its marker.
    pub id: u32,
    /// Bytes of id and size.
    pub header: usize,
    /// `None`: unknown, up to the next element of its level.
    pub size: Option<u64>,
}

/// A number of variable length at the beginning of `bytes`: value without marker, length, all ones?
#[must_use]
pub fn vint(bytes: &[u8]) -> Option<(u64, usize, bool)> {
    let first = *bytes.first()?;
    let len = usize::try_from(first.leading_zeros()).ok()?.saturating_add(1);
    if len > 8 {
        return None;
    }
    let marked = bytes.get(..len)?.iter().fold(0_u64, |v, b| (v << 8) | u64::from(*b));
    let mask = (1_u64 << len.saturating_mul(7)).wrapping_sub(1);
    let value = marked & mask;
    Some((value, len, value == mask))
}

impl Element {
    /// The element head at the beginning of `bytes`, if all of it is there.
    ///
    /// # Errors
    /// [`MediaError::Broken`] where no element can begin.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, MediaError> {
        let Some(first) = bytes.first() else { return Ok(None) };
        if *first < 0x10 {
            return Err(MediaError::Broken("no EBML element where one must begin"));
        }
        let Some((_, id_len, _)) = vint(bytes) else { return Ok(None) };
        let Some(id_bytes) = bytes.get(..id_len) else { return Ok(None) };
        let id = id_bytes.iter().fold(0_u32, |v, b| (v << 8) | u32::from(*b));
        let rest = bytes.get(id_len..).unwrap_or_default();
        if rest.first() == Some(&0) {
            return Err(MediaError::Broken("EBML size of more than eight bytes"));
        }
        let Some((size, size_len, unknown)) = vint(rest) else { return Ok(None) };
        let header = id_len.saturating_add(size_len);
        Ok(Some(Self { id, header, size: (!unknown).then_some(size) }))
    }

    /// Bytes of an element whose size is known and sane.
    ///
    /// # Errors
    /// [`MediaError::Broken`] for a size that is unknown or larger than a picture can be.
    pub fn payload(&self) -> Result<usize, MediaError> {
        let size = self.size.filter(|size| *size <= ELEMENT_LIMIT);
        size.and_then(|size| usize::try_from(size).ok())
            .ok_or(MediaError::Broken("element without a usable size"))
    }
}

/// The children of a whole element, in order.
#[derive(Debug)]
pub struct Children<'a>(pub &'a [u8]);

impl<'a> Iterator for Children<'a> {
    type Item = (u32, &'a [u8]);

    /// Ends at the first child that is not whole.
    fn next(&mut self) -> Option<Self::Item> {
        let element = Element::read(self.0).ok()??;
        let end = element.header.checked_add(element.payload().ok()?)?;
        let payload = self.0.get(element.header..end)?;
        self.0 = self.0.get(end..).unwrap_or_default();
        Some((element.id, payload))
    }
}

/// An unsigned integer.
#[must_use]
pub fn number(payload: &[u8]) -> u64 {
    payload.iter().fold(0, |v, b| (v << 8) | u64::from(*b))
}

/// An element with a size of eight bytes, so that sizes are known before contents are.
pub(super) fn write(out: &mut Vec<u8>, id: u32, payload: &[u8]) {
    write_head(out, id, u64::try_from(payload.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(payload);
}

/// The head of an element whose payload follows.
pub(super) fn write_head(out: &mut Vec<u8>, id: u32, size: u64) {
    let id = id.to_be_bytes();
    let first = id.iter().position(|b| *b != 0).unwrap_or(3);
    out.extend_from_slice(id.get(first..).unwrap_or_default());
    out.extend_from_slice(&(size | (1 << 56)).to_be_bytes());
}

/// An unsigned integer of eight bytes as an element.
pub(super) fn write_number(out: &mut Vec<u8>, id: u32, value: u64) {
    write(out, id, &value.to_be_bytes());
}
