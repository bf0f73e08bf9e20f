//! Ogg pages with Opus packets.
//!
//! A page tells the time of its *last* packet, so packets are dated backwards from there by their own lengths.

use super::{MediaError, Packet, Track, TrackKind, opus_samples, samples_us};

const HEADER: usize = 27;
const CONTINUED: u8 = 1;

struct Page {
    /// Bytes of the whole page.
    len: usize,
    continued: bool,
    /// 48 kHz samples at the end of the last packet that ends here; `None`: none ends here.
    granule: Option<u64>,
    /// Each packet, or piece of one: place in the part, and whether it ends here.
    pieces: Vec<(std::ops::Range<usize>, bool)>,
}

/// The page at `at`, if all of it is there.
fn page(bytes: &[u8], at: usize) -> Result<Option<Page>, MediaError> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(header) = rest.get(..HEADER) else { return Ok(None) };
    if !header.starts_with(b"OggS\0") {
        return Err(MediaError::Broken("no Ogg page where one must begin"));
    }
    let flags = header.get(5).copied().unwrap_or(0);
    let granule = header.get(6..14).and_then(|g| g.try_into().ok()).map_or(-1, i64::from_le_bytes);
    let lacing_end = HEADER.saturating_add(usize::from(header.get(26).copied().unwrap_or(0)));
    let Some(lacing) = rest.get(HEADER..lacing_end) else { return Ok(None) };
    let mut pieces = Vec::new();
    let mut from = at.saturating_add(lacing_end);
    let mut to = from;
    for value in lacing {
        to = to.saturating_add(usize::from(*value));
        if *value < 255 {
            pieces.push((from..to, true));
            from = to;
        }
    }
    if to > from {
        pieces.push((from..to, false));
    }
    if to > bytes.len() {
        return Ok(None);
    }
    Ok(Some(Page {
        len: to.saturating_sub(at),
        continued: flags & CONTINUED != 0,
        granule: u64::try_from(granule).ok(),
        pieces,
    }))
}

/// Pre-skip and the one track.
pub(super) fn heading(first: &[u8]) -> Result<(u64, Track), MediaError> {
    let head = page(first, 0)?.and_then(|page| {
        let (range, _) = page.pieces.first()?.clone();
        first.get(range)
    });
    let head = head
        .filter(|h| h.starts_with(b"OpusHead") && h.len() >= 19)
        .ok_or(MediaError::Broken("no Opus heading"))?;
    let pre_skip = head.get(10..12).and_then(|p| p.try_into().ok()).map_or(0, u16::from_le_bytes);
    let track = track(head.to_vec(), head.get(9).copied().unwrap_or(1));
    Ok((u64::from(pre_skip), track))
}

pub(super) fn track(private: Vec<u8>, channels: u8) -> Track {
    Track {
        number: 1,
        kind: TrackKind::Sound,
        codec: "A_OPUS".to_owned(),
        private,
        width: 0,
        height: 0,
        channels,
    }
}

/// Packets of a part.
pub(super) fn packets(part: &[u8], pre_skip: u64) -> Result<Vec<Packet>, MediaError> {
    let mut all: Vec<Packet> = Vec::new();
    // A packet that a page before this part began cannot be decoded from here.
    let mut open: Option<Vec<std::ops::Range<usize>>> = None;
    let mut at = 0_usize;
    while let Some(page) = page(part, at)? {
        at = at.saturating_add(page.len);
        let mut ended: Vec<(Vec<std::ops::Range<usize>>, u64)> = Vec::new();
        let mut lost = page.continued && open.is_none();
        for (range, ends) in page.pieces {
            let mut pieces = open.take().unwrap_or_default();
            pieces.push(range);
            if !ends {
                open = Some(pieces);
            } else if lost {
                lost = false;
            } else {
                let first = pieces.first().and_then(|r| part.get(r.clone())).unwrap_or_default();
                if !first.starts_with(b"OpusHead") && !first.starts_with(b"OpusTags") {
                    let samples = opus_samples(first);
                    ended.push((pieces, samples));
                }
            }
        }
        let Some(mut end) = page.granule else { continue };
        let fresh = all.len();
        for (bytes, samples) in ended.into_iter().rev() {
            let begin = end.saturating_sub(samples);
            let at_us = samples_us(begin.saturating_sub(pre_skip));
            let lasts_us = samples_us(end.saturating_sub(pre_skip)).saturating_sub(at_us);
            all.push(Packet { track: 1, at_us, lasts_us, key: true, bytes });
            end = begin;
        }
        if let Some(fresh) = all.get_mut(fresh..) {
            fresh.reverse();
        }
    }
    Ok(all)
}
