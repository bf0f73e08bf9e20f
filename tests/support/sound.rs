//! Counts what a recording holds, by the container alone (RFC 3533, RFC 7845): nothing of ours reads it.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a damaged file may stop the test"
)]

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Result, ensure};

/// Pages and samples of an Ogg/Opus file by its granule positions: every page follows the one before, and every
/// packet of 20 ms is there.
///
/// # Errors
/// A file that is none, or one that lacks something.
pub fn samples(file: &Path) -> Result<(u64, u64)> {
    let mut file = BufReader::new(std::fs::File::open(file)?);
    let (mut pre_skip, mut before, mut number, mut last) = (0_u64, 0_u64, 0_u32, 0_u64);
    let mut header = [0_u8; 27];
    let mut pages = 0_u64;
    while file.read_exact(&mut header).is_ok() {
        ensure!(header.starts_with(b"OggS"), "page {pages} does not begin where it must");
        let granule = u64::from_le_bytes(header[6..14].try_into()?);
        let sequence = u32::from_le_bytes(header[18..22].try_into()?);
        ensure!(pages == 0 || sequence == number + 1, "page {sequence} follows {number}");
        number = sequence;
        let mut lacing = vec![0_u8; usize::from(header[26])];
        file.read_exact(&mut lacing)?;
        let mut body = vec![0_u8; lacing.iter().copied().map(usize::from).sum()];
        file.read_exact(&mut body)?;
        if let Some(head) = body.strip_prefix(b"OpusHead") {
            pre_skip = u64::from(u16::from_le_bytes(head[2..4].try_into()?));
        } else if !body.starts_with(b"OpusTags") {
            // A packet ends with the first lacing value below 255.
            let packets = lacing.iter().filter(|l| **l < 255).count() as u64;
            let end_of_stream = header[5] & 4 != 0;
            let step = granule - before;
            ensure!(
                step == packets * 960 || (end_of_stream && step <= packets * 960),
                "page {sequence}: {step} samples in {packets} packets"
            );
            before = granule;
            last = granule;
        }
        pages += 1;
    }
    Ok((pages, last.saturating_sub(pre_skip)))
}
