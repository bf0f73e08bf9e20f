//! Matroska as the recorder streams it: head, tracks, then clusters without sizes.

use super::ebml::{
    AUDIO, BLOCK, BLOCK_DURATION, BLOCK_GROUP, CHANNELS, CLUSTER, CODEC_ID, CODEC_PRIVATE,
    Children, EBML, Element, INFO, PIXEL_HEIGHT, PIXEL_WIDTH, REFERENCE_BLOCK, SEGMENT,
    SIMPLE_BLOCK, TIMESTAMP, TIMESTAMP_SCALE, TRACK_ENTRY, TRACK_NUMBER, TRACK_TYPE, TRACKS, VIDEO,
    number, vint,
};
use super::{MediaError, Packet, Track, TrackKind, opus_samples, samples_us};

const KEY: u8 = 0x80;
const LACING: u8 = 0x06;
/// Nanoseconds of a tick where the file does not say.
pub(super) const USUAL_SCALE: u64 = 1_000_000;

/// A block's track, its time relative to the cluster, whether it is marked as a key, and where its packet
/// begins.
pub(super) struct BlockHead {
    pub(super) track: u64,
    pub(super) relative: i64,
    pub(super) key: bool,
    pub(super) header: usize,
}

pub(super) fn block_head(payload: &[u8]) -> Result<BlockHead, MediaError> {
    let broken = MediaError::Broken("block is cut short");
    let (track, len, _) = vint(payload).ok_or_else(|| broken.clone())?;
    let time = payload.get(len..len.saturating_add(2)).and_then(|t| t.try_into().ok());
    let relative = time.map(i16::from_be_bytes).ok_or_else(|| broken.clone())?;
    let flags = payload.get(len.saturating_add(2)).copied().ok_or(broken)?;
    if flags & LACING != 0 {
        return Err(MediaError::Broken("laced block"));
    }
    Ok(BlockHead {
        track,
        relative: i64::from(relative),
        key: flags & KEY != 0,
        header: len.saturating_add(3),
    })
}

/// Nanoseconds of a tick, and the tracks.
pub(super) fn heading(first: &[u8]) -> Result<(u64, Vec<Track>), MediaError> {
    let head = Element::read(first)?.filter(|e| e.id == EBML).ok_or(MediaError::Unknown)?;
    let mut at = head.header.saturating_add(head.payload()?);
    let rest = first.get(at..).unwrap_or_default();
    let segment = Element::read(rest)?.filter(|e| e.id == SEGMENT);
    at = at.saturating_add(segment.ok_or(MediaError::Broken("no segment"))?.header);
    let (mut scale, mut tracks) = (USUAL_SCALE, Vec::new());
    for (id, payload) in Children(first.get(at..).unwrap_or_default()) {
        match id {
            INFO => scale = scale_of(payload),
            TRACKS => tracks = tracks_of(payload),
            _ => {}
        }
    }
    if tracks.is_empty() {
        return Err(MediaError::Broken("no tracks"));
    }
    Ok((scale, tracks))
}

pub(super) fn scale_of(info: &[u8]) -> u64 {
    let told = Children(info).find(|(id, _)| *id == TIMESTAMP_SCALE).map(|(_, p)| number(p));
    told.filter(|scale| *scale > 0).unwrap_or(USUAL_SCALE)
}

pub(super) fn tracks_of(payload: &[u8]) -> Vec<Track> {
    Children(payload)
        .filter(|(id, _)| *id == TRACK_ENTRY)
        .filter_map(|(_, entry)| {
            let child = |wanted: u32| Children(entry).find(|(id, _)| *id == wanted).map(|(_, p)| p);
            let inner = |of: u32, wanted: u32| {
                let found = Children(child(of)?).find(|(id, _)| *id == wanted)?;
                u32::try_from(number(found.1)).ok()
            };
            let kind = match number(child(TRACK_TYPE)?) {
                1 => TrackKind::Pictures,
                2 => TrackKind::Sound,
                _ => return None,
            };
            Some(Track {
                number: number(child(TRACK_NUMBER)?),
                kind,
                codec: String::from_utf8_lossy(child(CODEC_ID)?).trim_end_matches('\0').to_owned(),
                private: child(CODEC_PRIVATE).unwrap_or_default().to_vec(),
                width: inner(VIDEO, PIXEL_WIDTH).unwrap_or(0),
                height: inner(VIDEO, PIXEL_HEIGHT).unwrap_or(0),
                channels: inner(AUDIO, CHANNELS).and_then(|c| u8::try_from(c).ok()).unwrap_or(0),
            })
        })
        .collect()
}

/// Packets of a part.
pub(super) fn packets(
    part: &[u8],
    scale_ns: u64,
    tracks: &[Track],
    cluster: &mut Option<u64>,
) -> Result<Vec<Packet>, MediaError> {
    let mut all = Vec::new();
    let mut at = 0_usize;
    while let Some(element) = Element::read(part.get(at..).unwrap_or_default())? {
        let from = at.saturating_add(element.header);
        if matches!(element.id, SEGMENT | CLUSTER) {
            at = from;
            continue;
        }
        let to = from.saturating_add(element.payload()?);
        let Some(payload) = part.get(from..to) else { break };
        match element.id {
            TIMESTAMP => *cluster = Some(number(payload)),
            SIMPLE_BLOCK => {
                let head = block_head(payload)?;
                let key = head.key;
                all.extend(packet(&head, key, 0, (from, to), scale_ns, *cluster));
            }
            BLOCK_GROUP => {
                let mut found = None;
                let (mut key, mut ticks) = (true, 0);
                let mut children = Children(payload);
                while let Some((id, child)) = children.next() {
                    match id {
                        // It ends where what is left of the group begins.
                        BLOCK => found = Some((child, to.saturating_sub(children.0.len()))),
                        BLOCK_DURATION => ticks = number(child),
                        REFERENCE_BLOCK => key = false,
                        _ => {}
                    }
                }
                if let Some((child, end)) = found {
                    let head = block_head(child)?;
                    let range = (end.saturating_sub(child.len()), end);
                    all.extend(packet(&head, key, ticks, range, scale_ns, *cluster));
                }
            }
            _ => {}
        }
        at = to;
    }
    for packet in &mut all {
        let sound = |t: &&Track| t.number == packet.track && t.kind == TrackKind::Sound;
        if tracks.iter().any(|t| sound(&t)) {
            packet.key = true;
            if packet.lasts_us == 0 {
                let range = packet.bytes.first().cloned().unwrap_or_default();
                packet.lasts_us = samples_us(opus_samples(part.get(range).unwrap_or_default()));
            }
        }
    }
    Ok(all)
}

fn packet(
    head: &BlockHead,
    key: bool,
    ticks: u64,
    (from, to): (usize, usize),
    scale_ns: u64,
    cluster: Option<u64>,
) -> Option<Packet> {
    let us = |ticks: u64| ticks.saturating_mul(scale_ns).div_euclid(1_000);
    // Only the first cluster can begin in a part before: it is at the very beginning.
    let at = cluster.unwrap_or(0).checked_add_signed(head.relative)?;
    let bytes = from.saturating_add(head.header)..to;
    Some(Packet { track: head.track, at_us: us(at), lasts_us: us(ticks), key, bytes: vec![bytes] })
}
