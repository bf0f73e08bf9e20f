//! Cuts a streamed Matroska file at cluster starts (RFC 9559; EBML: RFC 8794).
//!
//! The stream is read element by element: header, segment and clusters are entered, everything else is
//! skipped whole. Clusters of a streamed file have no size, so one that ends early is still valid; that is
//! why the first fragment may be cut inside the first cluster, after whole blocks, to be stored at once.

use spotcheck_evidence::media::MediaError;
use spotcheck_evidence::media::ebml::{
    BLOCK, BLOCK_GROUP, CLUSTER, Children, Element, SEGMENT, SIMPLE_BLOCK, TIMESTAMP, number, vint,
};

use super::cutter::{Cut, Cutter, FRAGMENT_MS};
use super::secret::SecretBuf;
use crate::Error;

/// The first fragment is cut as soon as this much is in it.
const FIRST_MS: u64 = 400;

pub(super) struct MatroskaCutter {
    pending: SecretBuf,
    current: SecretBuf,
    /// Milliseconds that one block lasts: for the end of the last one.
    block_ms: u64,
    cluster_ms: u64,
    end_ms: u64,
    cut_ms: Option<u64>,
}

/// What breaks while it is being recorded is a container that breaks, not a recording that cannot be played.
fn container(error: MediaError) -> Error {
    match error {
        MediaError::Broken(what) => Error::Container(what),
        other => Error::Unplayable(other),
    }
}

/// Entered; everything else is skipped whole.
const fn is_entered(element: &Element) -> bool {
    matches!(element.id, SEGMENT | CLUSTER)
}

/// Milliseconds of a block's payload relative to its cluster.
fn block_time(payload: &[u8]) -> Option<i64> {
    let (_, track_len, _) = vint(payload)?;
    let time = payload.get(track_len..track_len.checked_add(2)?)?;
    Some(i64::from(i16::from_be_bytes(time.try_into().ok()?)))
}

/// The same for a block group: its `Block` child.
fn group_time(payload: &[u8]) -> Option<i64> {
    Children(payload).find(|(id, _)| *id == BLOCK).and_then(|(_, block)| block_time(block))
}

impl MatroskaCutter {
    pub(super) fn new(block_ms: u64) -> Self {
        Self {
            pending: SecretBuf::default(),
            current: SecretBuf::default(),
            block_ms,
            cluster_ms: 0,
            end_ms: 0,
            cut_ms: None,
        }
    }

    fn cut(&mut self) -> Cut {
        self.cut_ms = Some(self.end_ms);
        Cut { bytes: self.current.take(), media_ms: self.end_ms }
    }

    fn block(&mut self, relative: Option<i64>) {
        if let Some(relative) = relative {
            let begin = self.cluster_ms.saturating_add_signed(relative);
            self.end_ms = self.end_ms.max(begin.saturating_add(self.block_ms));
        }
    }

    /// Handles the whole element of `len` bytes at the front of `pending`.
    fn leaf(&mut self, element: &Element, len: usize) -> bool {
        let payload = self.pending.as_slice().get(element.header..len).unwrap_or_default();
        let is_block = match element.id {
            TIMESTAMP => {
                self.cluster_ms = number(payload);
                false
            }
            SIMPLE_BLOCK => {
                let time = block_time(payload);
                self.block(time);
                true
            }
            BLOCK_GROUP => {
                let time = group_time(payload);
                self.block(time);
                true
            }
            _ => false,
        };
        self.pending.move_front(len, &mut self.current);
        is_block
    }
}

impl Cutter for MatroskaCutter {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Cut>) -> Result<(), Error> {
        self.pending.extend(bytes);
        while let Some(element) = Element::read(self.pending.as_slice()).map_err(container)? {
            if is_entered(&element) {
                let full =
                    self.cut_ms.is_some_and(|cut| self.end_ms >= cut.saturating_add(FRAGMENT_MS));
                if element.id == CLUSTER && full {
                    out.push(self.cut());
                }
                self.pending.move_front(element.header, &mut self.current);
                continue;
            }
            let len = element.header.saturating_add(element.payload().map_err(container)?);
            if self.pending.as_slice().len() < len {
                break;
            }
            let is_block = self.leaf(&element, len);
            if is_block && self.cut_ms.is_none() && self.end_ms >= FIRST_MS {
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

    fn element(id: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = id.to_vec();
        bytes.push(0x40 | (payload.len() >> 8) as u8);
        bytes.push(payload.len() as u8);
        bytes.extend(payload);
        bytes
    }

    fn block(at: i16) -> Vec<u8> {
        let mut payload = vec![0x81];
        payload.extend(at.to_be_bytes());
        payload.extend([0x80; 200]);
        payload
    }

    /// Header, a segment without size, then clusters of one second with a block each 100 ms; each last
    /// block sits in a block group.
    fn stream(clusters: u16) -> Vec<u8> {
        let mut bytes = element(&[0x1a, 0x45, 0xdf, 0xa3], b"header");
        bytes.extend([0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255]);
        bytes.extend(element(&[0x16, 0x54, 0xae, 0x6b], &[0x1f, 0x43, 0xb6, 0x75]));
        for n in 0..clusters {
            bytes.extend([0x1f, 0x43, 0xb6, 0x75, 0x01, 255, 255, 255, 255, 255, 255, 255]);
            bytes.extend(element(&[0xe7], &(n * 1000).to_be_bytes()));
            for at in (0..900).step_by(100) {
                bytes.extend(element(&[0xa3], &block(at)));
            }
            let group = [element(&[0x9b], &[100]), element(&[0xa1], &block(900))].concat();
            bytes.extend(element(&[0xa0], &group));
        }
        bytes
    }

    #[test]
    fn cut_at_cluster_starts_whatever_the_chunks_and_the_first_one_at_once() {
        let whole = stream(4);
        for chunk in [1, 11, 250, whole.len()] {
            let mut cutter = MatroskaCutter::new(100);
            let mut cuts = Vec::new();
            for bytes in whole.chunks(chunk) {
                cutter.feed(bytes, &mut cuts).unwrap();
            }
            cuts.extend(cutter.finish());
            let ends: Vec<u64> = cuts.iter().map(|c| c.media_ms).collect();
            // 400 ms at once, then whole clusters with at least a second in them.
            assert_eq!(ends, [400, 2000, 3000, 4000], "chunks of {chunk}");
            for cut in cuts.iter().skip(2) {
                assert!(cut.bytes.starts_with(&[0x1f, 0x43, 0xb6, 0x75]));
            }
            let joined: Vec<u8> = cuts.iter().flat_map(|c| c.bytes.to_vec()).collect();
            assert_eq!(joined, whole);
        }
    }

    #[test]
    fn a_block_cut_short_is_left_out_and_nonsense_is_refused() {
        let mut cutter = MatroskaCutter::new(100);
        let mut cuts = Vec::new();
        let whole = stream(1);
        cutter.feed(&whole[..whole.len() - 1], &mut cuts).unwrap();
        cuts.extend(cutter.finish());
        assert_eq!(cuts.last().unwrap().media_ms, 900);
        assert!(MatroskaCutter::new(100).feed(&[0; 4], &mut cuts).is_err());
        assert!(MatroskaCutter::new(100).feed(&[0xa3, 0xff], &mut cuts).is_err());
    }
}
