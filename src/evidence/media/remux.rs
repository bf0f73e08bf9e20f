//! A copy of a recording that any player can seek in: the same packets, with duration, seek head and cues.
//!
//! The recorder cannot write these (it streams, and is killed at any moment); the evidence stays without them,
//! byte for byte what was recorded. The copy is made from it by reading it twice, never by holding it: block by
//! block, at most one picture in memory. Blocks are taken over as they are, so their packets are the same bytes
//! at the same times. Ogg needs none of this: it is copied, players seek in it by its granules.

use std::io::{BufReader, Read, Write};

use super::ebml::{
    BLOCK, BLOCK_DURATION, BLOCK_GROUP, CLUSTER, CUE_CLUSTER_POSITION, CUE_POINT, CUE_TIME,
    CUE_TRACK, CUE_TRACK_POSITIONS, CUES, Children, DURATION, EBML, Element, INFO, REFERENCE_BLOCK,
    SEEK, SEEK_HEAD, SEEK_ID, SEEK_POSITION, SEGMENT, SIMPLE_BLOCK, TIMESTAMP, TRACKS, number,
    write, write_head, write_number,
};
use super::matroska::{block_head, scale_of, tracks_of};
use super::{MediaError, Track, TrackKind, opus_samples};

const TAGS: u32 = 0x1254_c367;
/// Bytes of the head of an element of four bytes of id, as [`write_head`] makes it.
const HEAD: u64 = 12;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remuxed {
    /// Bytes written.
    pub bytes: u64,
    /// Blocks taken over; 0 for Ogg, which is copied whole.
    pub blocks: u64,
    /// Length, where it had to be added.
    pub duration_ms: Option<u64>,
    /// Places that a player can jump to, where they had to be added.
    pub cues: u64,
}

/// A recording that has been read once and can be copied.
pub struct Remux(Option<Plan>);

impl std::fmt::Debug for Remux {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remux").field("whole", &self.0.is_none()).finish_non_exhaustive()
    }
}

impl Remux {
    /// The first reading: where clusters lie and how long it is.
    ///
    /// # Errors
    /// [`MediaError`]: not a recording of ours, or I/O.
    pub fn plan(mut source: impl Read) -> Result<Self, MediaError> {
        let mut start = [0_u8; 4];
        source.read_exact(&mut start)?;
        if &start == b"OggS" {
            return Ok(Self(None));
        }
        Plan::make(&mut Elements::new(std::io::Cursor::new(start).chain(source)))
            .map(|plan| Self(Some(plan)))
    }

    /// The second reading, from the beginning again: writes the copy.
    ///
    /// # Errors
    /// [`MediaError`]: another source than the first time, or I/O.
    pub fn copy(&self, mut source: impl Read, out: &mut dyn Write) -> Result<Remuxed, MediaError> {
        let Some(plan) = &self.0 else {
            return Ok(Remuxed { bytes: std::io::copy(&mut source, out)?, ..Remuxed::default() });
        };
        let head = plan.head();
        out.write_all(&head)?;
        let bytes = u64::try_from(head.len()).unwrap_or(u64::MAX);
        let clusters = plan.copy(&mut Elements::new(source), out)?;
        let cues = plan.clusters.iter().filter(|c| c.cue.is_some()).count();
        Ok(Remuxed {
            bytes: bytes.saturating_add(clusters),
            blocks: plan.blocks,
            duration_ms: Some(plan.duration.saturating_mul(plan.scale_ns).div_euclid(1_000_000)),
            cues: u64::try_from(cues).unwrap_or(0),
        })
    }
}

/// Elements of a stream, one after the other; segment and clusters are entered.
struct Elements<R: Read> {
    source: BufReader<R>,
    payload: Vec<u8>,
}

impl<R: Read> Elements<R> {
    fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(256 * 1024, source), payload: Vec::new() }
    }

    /// The next element's id; its payload is in `payload` unless it is entered. `None` at the end, and where
    /// the last element is not whole.
    fn next(&mut self) -> Result<Option<u32>, MediaError> {
        self.payload.clear();
        let mut head = Vec::with_capacity(12);
        let element = loop {
            if let Some(element) = Element::read(&head)? {
                break element;
            }
            let mut byte = [0_u8];
            if self.source.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.extend_from_slice(&byte);
        };
        if matches!(element.id, SEGMENT | CLUSTER) {
            return Ok(Some(element.id));
        }
        let size = u64::try_from(element.payload()?).unwrap_or(u64::MAX);
        let read = self.source.by_ref().take(size).read_to_end(&mut self.payload)?;
        Ok((u64::try_from(read) == Ok(size)).then_some(element.id))
    }
}

#[derive(Default)]
struct Cluster {
    time: u64,
    /// Bytes of its children in the copy.
    size: u64,
    /// Tick of the first picture in it that needs none before it.
    cue: Option<u64>,
}

/// What the first reading learns.
#[derive(Default)]
struct Plan {
    ebml: Vec<u8>,
    info: Vec<u8>,
    tracks_payload: Vec<u8>,
    tags: Vec<u8>,
    tracks: Vec<Track>,
    /// The track that cues are about: pictures, else sound.
    led_by: u64,
    scale_ns: u64,
    clusters: Vec<Cluster>,
    blocks: u64,
    /// Ticks.
    duration: u64,
}

impl Plan {
    fn make<R: Read>(elements: &mut Elements<R>) -> Result<Self, MediaError> {
        if elements.next()? != Some(EBML) {
            return Err(MediaError::Unknown);
        }
        let mut plan = Self { ebml: elements.payload.clone(), ..Self::default() };
        let mut last: Vec<(u64, u64)> = Vec::new();
        while let Some(id) = elements.next()? {
            let payload = &elements.payload;
            match id {
                INFO => {
                    plan.scale_ns = scale_of(payload);
                    plan.info.clone_from(payload);
                }
                TRACKS => {
                    plan.tracks = tracks_of(payload);
                    plan.tracks_payload.clone_from(payload);
                    let of = |kind| plan.tracks.iter().find(|t| t.kind == kind);
                    let led = of(TrackKind::Pictures).or_else(|| of(TrackKind::Sound));
                    plan.led_by = led.map_or(0, |t| t.number);
                }
                TAGS if plan.clusters.is_empty() => plan.tags.clone_from(payload),
                CLUSTER => plan.clusters.push(Cluster::default()),
                TIMESTAMP | SIMPLE_BLOCK | BLOCK_GROUP => plan.child(id, payload, &mut last)?,
                _ => {}
            }
        }
        if plan.tracks.is_empty() {
            return Err(MediaError::Broken("no tracks"));
        }
        Ok(plan)
    }

    /// A child of a cluster that is taken over. `last`: tick of the newest block by track.
    fn child(
        &mut self,
        id: u32,
        payload: &[u8],
        last: &mut Vec<(u64, u64)>,
    ) -> Result<(), MediaError> {
        let scale_ns = self.scale_ns.max(1);
        let led_by = self.led_by;
        let sound =
            |n: u64| self.tracks.iter().any(|t| t.number == n && t.kind == TrackKind::Sound);
        let whole = |block: &[u8]| {
            let head = block_head(block)?;
            let toc = block.get(head.header..).unwrap_or_default();
            let ticks = opus_samples(toc).saturating_mul(1_000_000).div_euclid(48);
            let ticks = if sound(head.track) { ticks.div_euclid(scale_ns) } else { 0 };
            Ok::<_, MediaError>((head, ticks))
        };
        let block = match id {
            SIMPLE_BLOCK => Some(whole(payload)?),
            BLOCK_GROUP => {
                let child = |wanted| Children(payload).find(|(id, _)| *id == wanted);
                let (_, block) = child(BLOCK).ok_or(MediaError::Broken("group without a block"))?;
                let (mut head, ticks) = whole(block)?;
                head.key = child(REFERENCE_BLOCK).is_none();
                Some((head, child(BLOCK_DURATION).map_or(ticks, |(_, told)| number(told))))
            }
            _ => None,
        };
        let cluster = self.clusters.last_mut().ok_or(MediaError::Broken("block outside"))?;
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        cluster.size = cluster.size.saturating_add(head_len(id)).saturating_add(length);
        let Some((head, ticks)) = block else {
            cluster.time = number(payload);
            return Ok(());
        };
        self.blocks = self.blocks.saturating_add(1);
        let at = cluster.time.saturating_add_signed(head.relative);
        if head.track == led_by && head.key && cluster.cue.is_none() {
            cluster.cue = Some(at);
        }
        let before = last.iter_mut().find(|(track, _)| *track == head.track);
        let step = before.as_ref().map_or(0, |(_, before)| at.saturating_sub(*before));
        match before {
            Some((_, before)) => *before = at,
            None => last.push((head.track, at)),
        }
        // A picture lasts as long as the one before it did.
        let lasts = if ticks > 0 { ticks } else { step };
        self.duration = self.duration.max(at.saturating_add(lasts));
        Ok(())
    }

    /// Everything before the first cluster.
    fn head(&self) -> Vec<u8> {
        let mut info = Vec::new();
        for (id, payload) in Children(&self.info).filter(|(id, _)| *id != DURATION) {
            write(&mut info, id, payload);
        }
        #[allow(clippy::cast_precision_loss, reason = "the format has it as a float")]
        write(&mut info, DURATION, &(self.duration as f64).to_be_bytes());
        let mut parts = vec![(INFO, info), (TRACKS, self.tracks_payload.clone())];
        if !self.tags.is_empty() {
            parts.push((TAGS, self.tags.clone()));
        }
        parts.push((CUES, Vec::new()));
        // Positions have eight bytes each, so that neither depends on the other.
        let seek_len = seek_head(&parts, 0).len();
        let cues_len = self.cues(0).len();
        let before: usize = parts.iter().map(|(_, p)| p.len()).sum();
        let heads = HEAD.saturating_mul(u64::try_from(parts.len()).unwrap_or(0));
        let sum = |a: usize, b: usize| u64::try_from(a.saturating_add(b)).unwrap_or(u64::MAX);
        let to_clusters =
            sum(seek_len, cues_len).saturating_add(sum(before, 0)).saturating_add(heads);
        if let Some((_, cues)) = parts.last_mut() {
            *cues = self.cues(to_clusters);
        }
        let clusters = self.clusters.iter();
        let size =
            clusters.fold(to_clusters, |sum, c| sum.saturating_add(HEAD).saturating_add(c.size));
        let mut out = Vec::new();
        write(&mut out, EBML, &self.ebml);
        write_head(&mut out, SEGMENT, size);
        out.extend(seek_head(&parts, u64::try_from(seek_len).unwrap_or(0)));
        for (id, payload) in &parts {
            write(&mut out, *id, payload);
        }
        out
    }

    /// Cues, with the first cluster at `begin` in the segment.
    fn cues(&self, begin: u64) -> Vec<u8> {
        let mut all = Vec::new();
        let mut at = begin;
        for cluster in &self.clusters {
            if let Some(time) = cluster.cue {
                let mut place = Vec::new();
                write_number(&mut place, CUE_TRACK, self.led_by);
                write_number(&mut place, CUE_CLUSTER_POSITION, at);
                let mut point = Vec::new();
                write_number(&mut point, CUE_TIME, time);
                write(&mut point, CUE_TRACK_POSITIONS, &place);
                write(&mut all, CUE_POINT, &point);
            }
            at = at.saturating_add(HEAD).saturating_add(cluster.size);
        }
        all
    }

    /// The second reading: clusters with their sizes, children as they are.
    fn copy<R: Read>(
        &self,
        elements: &mut Elements<R>,
        out: &mut dyn Write,
    ) -> Result<u64, MediaError> {
        let mut bytes = 0_u64;
        let mut clusters = self.clusters.iter();
        let mut left = 0_u64;
        let mut head = Vec::new();
        let changed = MediaError::Broken("the source changed while it was read");
        while let Some(id) = elements.next()? {
            head.clear();
            match id {
                CLUSTER => {
                    let size = clusters.next().filter(|_| left == 0).map(|c| c.size);
                    left = size.ok_or_else(|| changed.clone())?;
                    write_head(&mut head, CLUSTER, left);
                }
                TIMESTAMP | SIMPLE_BLOCK | BLOCK_GROUP => {
                    write(&mut head, id, &elements.payload);
                    let length = u64::try_from(head.len()).unwrap_or(u64::MAX);
                    left = left.checked_sub(length).ok_or_else(|| changed.clone())?;
                }
                _ => continue,
            }
            out.write_all(&head)?;
            bytes = bytes.saturating_add(u64::try_from(head.len()).unwrap_or(u64::MAX));
        }
        if left == 0 && clusters.next().is_none() { Ok(bytes) } else { Err(changed) }
    }
}

/// Bytes of an element's head as [`write_head`] makes it.
const fn head_len(id: u32) -> u64 {
    match id.leading_zeros() {
        0..=7 => 12,
        8..=15 => 11,
        16..=23 => 10,
        _ => 9,
    }
}

/// The seek head for what follows it; `len` is its own length.
fn seek_head(parts: &[(u32, Vec<u8>)], len: u64) -> Vec<u8> {
    let mut seeks = Vec::new();
    let mut at = len;
    for (id, payload) in parts {
        let mut seek = Vec::new();
        write(&mut seek, SEEK_ID, &id.to_be_bytes());
        write_number(&mut seek, SEEK_POSITION, at);
        write(&mut seeks, SEEK, &seek);
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        at = at.saturating_add(HEAD).saturating_add(length);
    }
    let mut out = Vec::new();
    write(&mut out, SEEK_HEAD, &seeks);
    out
}
