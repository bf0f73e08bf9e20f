//! Fixed-width fields of ZIP headers.

use super::{FULL32, ZipFault};

/// The fields that local header and directory share, to be compared as a whole.
#[derive(PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) version: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) crc32: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    pub(super) name_len: u16,
}

pub(super) fn halves(value: u32) -> (u16, u16) {
    let [a, b, c, d] = value.to_le_bytes();
    (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
}

/// Little-endian fields, taken one after another.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, n: usize) -> Result<&'a [u8], ZipFault> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(ZipFault::Header)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ZipFault> {
        self.bytes(N)?.try_into().map_err(|_| ZipFault::Header)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ZipFault> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, ZipFault> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, ZipFault> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A 32-bit field that, full, stands for the next ZIP64 value.
    pub(super) fn widen(&mut self, value: u32) -> Result<u64, ZipFault> {
        if value == FULL32 { self.u64() } else { Ok(u64::from(value)) }
    }

    /// The fields shared by both headers, and the length of the extra fields, which may differ.
    pub(super) fn fixed(&mut self) -> Result<(Fixed, u16), ZipFault> {
        let (version, flags, method) = (self.u16()?, self.u16()?, self.u16()?);
        let (time, date, crc32) = (self.u16()?, self.u16()?, self.u32()?);
        let (packed, size, name_len) = (self.u32()?, self.u32()?, self.u16()?);
        let fixed = Fixed { version, flags, method, time, date, crc32, packed, size, name_len };
        Ok((fixed, self.u16()?))
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u16::from_le_bytes(pair))
}
