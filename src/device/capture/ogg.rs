//! Cuts an Ogg/Opus stream at page starts (RFC 3533, RFC 7845).
//!
//! A page is self-contained and carries its own checksum and end time (granule position, 48 kHz samples
//! from the beginning, pre-skip included), so the cutter needs nothing from the pipeline.

use super::cutter::{Cut, Cutter, FRAGMENT_MS};
use super::secret::SecretBuf;
use crate::Error;

const HEADER_BYTES: usize = 27;
const SAMPLES_PER_MS: u64 = 48;

#[derive(Default)]
pub(super) struct OggCutter {
    pending: SecretBuf,
    current: SecretBuf,
    pre_skip: u64,
    end_ms: u64,
    cut_ms: Option<u64>,
}

struct Page {
    len: usize,
    granule: i64,
    pre_skip: Option<u64>,
}

impl OggCutter {
    /// The page at the beginning of `bytes`, if all of it is there.
    fn page(bytes: &[u8]) -> Result<Option<Page>, Error> {
        let Some(header) = bytes.get(..HEADER_BYTES) else { return Ok(None) };
        if !header.starts_with(b"OggS") {
            return Err(Error::Container("no Ogg page where one must begin"));
        }
        let granule =
            header.get(6..14).and_then(|g| g.try_into().ok()).map_or(-1, i64::from_le_bytes);
        let segments = usize::from(header.get(26).copied().unwrap_or(0));
        let body_at = HEADER_BYTES.saturating_add(segments);
        let Some(lacing) = bytes.get(HEADER_BYTES..body_at) else { return Ok(None) };
        let body_len: usize = lacing.iter().copied().map(usize::from).sum();
        let len = body_at.saturating_add(body_len);
        let Some(body) = bytes.get(body_at..len) else { return Ok(None) };
        let pre_skip = body
            .strip_prefix(b"OpusHead")
            .and_then(|head| head.get(2..4)?.try_into().ok())
            .map(|p| u64::from(u16::from_le_bytes(p)));
        Ok(Some(Page { len, granule, pre_skip }))
    }

    fn is_due(&self) -> bool {
        // The first fragment goes out with the first sound, so that the press is safe at once.
        match self.cut_ms {
            None => self.end_ms > 0,
            Some(cut) => self.end_ms >= cut.saturating_add(FRAGMENT_MS),
        }
    }

    fn cut(&mut self) -> Cut {
        self.cut_ms = Some(self.end_ms);
        Cut { bytes: self.current.take(), media_ms: self.end_ms }
    }
}

impl Cutter for OggCutter {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Cut>) -> Result<(), Error> {
        self.pending.extend(bytes);
        while let Some(page) = Self::page(self.pending.as_slice())? {
            self.pending.move_front(page.len, &mut self.current);
            if let Some(pre_skip) = page.pre_skip {
                self.pre_skip = pre_skip;
            }
            // −1: no packet ends on this page.
            if let Ok(granule) = u64::try_from(page.granule) {
                self.end_ms = granule.saturating_sub(self.pre_skip).div_euclid(SAMPLES_PER_MS);
            }
            if self.is_due() {
                out.push(self.cut());
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Option<Cut> {
        (!self.current.is_empty()).then(|| self.cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page with one packet of `body`; checksums are not looked at by the cutter.
    fn page(granule: i64, body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend([0; 12]);
        let mut lacing = vec![255_u8; body.len() / 255];
        lacing.push((body.len() % 255) as u8);
        page.push(lacing.len() as u8);
        page.extend(lacing);
        page.extend(body);
        page
    }

    fn stream() -> Vec<Vec<u8>> {
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend(312_u16.to_le_bytes());
        head.extend([0; 7]);
        let mut pages = vec![page(0, &head), page(0, b"OpusTags")];
        for n in 1..=8_i64 {
            pages.push(page(n * 12_000 + 312, &[n as u8; 700]));
        }
        pages
    }

    #[test]
    fn cut_at_page_starts_whatever_the_chunks() {
        let pages = stream();
        let whole: Vec<u8> = pages.concat();
        for chunk in [1, 26, 27, 300, whole.len()] {
            let mut cutter = OggCutter::default();
            let mut cuts = Vec::new();
            for bytes in whole.chunks(chunk) {
                cutter.feed(bytes, &mut cuts).unwrap();
            }
            cuts.extend(cutter.finish());
            let ends: Vec<u64> = cuts.iter().map(|c| c.media_ms).collect();
            assert_eq!(ends, [250, 1250, 2000], "chunks of {chunk}");
            assert!(cuts.iter().all(|c| c.bytes.starts_with(b"OggS")));
            let joined: Vec<u8> = cuts.iter().flat_map(|c| c.bytes.to_vec()).collect();
            assert_eq!(joined, whole);
        }
    }

    #[test]
    fn half_a_page_is_left_out_and_nonsense_is_refused() {
        let mut cutter = OggCutter::default();
        let mut cuts = Vec::new();
        let whole = stream().concat();
        cutter.feed(&whole[..whole.len() - 1], &mut cuts).unwrap();
        cuts.extend(cutter.finish());
        assert_eq!(cuts.last().unwrap().media_ms, 1750);
        assert!(OggCutter::default().feed(&[7; 64], &mut cuts).is_err());
    }
}
