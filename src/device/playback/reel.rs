//! A recording as packets from any place on: finds the place by the times in its parts, and goes on behind what
//! cannot be opened.
//!
//! Parts begin at page and cluster starts, so the first packet of each tells its time. A place is found by
//! halving: eight hours in segments of a minute are nine parts to look into. Knows nothing of pipelines.

use std::collections::BTreeMap;

use spotcheck_app::ports::{Part, RecordingBytes};
use spotcheck_domain::{Trouble, TroubleResult};
use spotcheck_evidence::media::{Heading, Packet, TrackKind};
use zeroize::Zeroizing;

use crate::Error;

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    /// A packet of a track.
    Packet { track: u64, at_us: u64, until_us: u64, bytes: Zeroizing<Vec<u8>> },
    /// Parts that cannot be read, in milliseconds from and to; the next step is behind them.
    Damaged(u64, u64),
    /// The end of what is stored.
    End,
}

struct Loaded {
    from: u64,
    data: Zeroizing<Vec<u8>>,
    packets: Vec<Packet>,
    next: usize,
}

impl Loaded {
    /// The next packet that is not before a time.
    fn take(&mut self, from_us: u64) -> Option<(Packet, Zeroizing<Vec<u8>>)> {
        loop {
            let packet = self.packets.get(self.next)?.clone();
            self.next = self.next.saturating_add(1);
            if packet.at_us >= from_us
                && let Some(bytes) = packet.copy(&self.data)
            {
                return Some((packet, Zeroizing::new(bytes)));
            }
        }
    }

    fn end(&self) -> u64 {
        self.from.saturating_add(u64::try_from(self.data.len()).unwrap_or(u64::MAX))
    }
}

/// A recording being read.
pub(super) struct Reel {
    bytes: Box<dyn RecordingBytes>,
    pub(super) heading: Heading,
    /// First time in each part that was looked into, by its place; `None` where it does not open.
    starts: BTreeMap<u64, Option<u64>>,
    part: Option<Loaded>,
    /// Byte behind what was loaded last.
    next_byte: u64,
    cluster: Option<u64>,
    /// Sound before this is left out: it belongs to pictures that are not shown.
    drop_before_us: u64,
    /// Microseconds at the end of what was given out.
    until_us: u64,
    last: Option<(Part, u64)>,
}

/// What a damaged or missing part is told by.
fn is_damage(trouble: &Trouble) -> bool {
    matches!(trouble.code.as_str(), "VAULT-BLOB-DAMAGED" | "VAULT-BLOB-MISSING")
}

const fn ms(us: u64) -> u64 {
    us.div_euclid(1_000)
}

impl Reel {
    /// Reads the beginning.
    ///
    /// # Errors
    /// `PLAY-NOTHING` if nothing of it is stored or can be read; locked.
    pub(super) fn open(mut bytes: Box<dyn RecordingBytes>) -> TroubleResult<Self> {
        let heading = match bytes.read(0) {
            Ok(Some((_, first))) => Heading::read(&first).map_err(Error::from)?,
            Ok(None) => return Err(Error::NothingToPlay.into()),
            // Sound can be read without its beginning, pictures cannot.
            Err(trouble) if is_damage(&trouble) => {
                let second = bytes.parts()?.get(1).map(|part| part.from).ok_or(trouble)?;
                let (_, second) = bytes.read(second)?.ok_or(Error::NothingToPlay)?;
                Heading::beheaded(&second).map_err(Error::from)?
            }
            Err(trouble) => return Err(trouble),
        };
        Ok(Self {
            bytes,
            heading,
            starts: BTreeMap::new(),
            part: None,
            next_byte: 0,
            cluster: None,
            drop_before_us: 0,
            until_us: 0,
            last: None,
        })
    }

    /// Milliseconds stored now.
    pub(super) fn duration_ms(&mut self) -> TroubleResult<u64> {
        let parts = self.bytes.parts()?;
        if let (Some((known, us)), Some(last)) = (self.last, parts.last())
            && known == *last
        {
            return Ok(ms(us));
        }
        for part in parts.iter().rev() {
            let Some((_, packets)) = self.packets_of(part.from, &mut None)? else { continue };
            let end = packets.iter().map(Packet::until_us).max();
            if let (Some(end), Some(last)) = (end, parts.last()) {
                self.last = Some((*last, end));
                return Ok(ms(end));
            }
        }
        Ok(0)
    }

    /// A part and its packets; `None` where it cannot be read.
    fn packets_of(
        &mut self,
        at: u64,
        cluster: &mut Option<u64>,
    ) -> TroubleResult<Option<(Loaded, Vec<Packet>)>> {
        let (from, data) = match self.bytes.read(at) {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(None),
            Err(trouble) if is_damage(&trouble) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let Ok(packets) = self.heading.packets(&data, cluster) else { return Ok(None) };
        let first = packets.first().map(|p| p.at_us);
        self.starts.insert(from, first);
        Ok(Some((Loaded { from, data, packets: Vec::new(), next: 0 }, packets)))
    }

    /// The first time in a part.
    fn start_us(&mut self, part: &Part) -> TroubleResult<Option<u64>> {
        if let Some(known) = self.starts.get(&part.from) {
            return Ok(*known);
        }
        let found = self.packets_of(part.from, &mut None)?;
        let first = found.and_then(|(_, packets)| packets.first().map(|p| p.at_us));
        self.starts.insert(part.from, first);
        Ok(first)
    }

    /// The last part that begins at or before a time.
    fn part_at(&mut self, us: u64) -> TroubleResult<Option<Part>> {
        let parts = self.bytes.parts()?;
        let (mut low, mut high) = (0_usize, parts.len());
        while high.saturating_sub(low) > 1 {
            let middle = low.saturating_add(high).div_euclid(2);
            // One that does not open says nothing; the next one that does says it for it.
            let mut told = None;
            for (n, part) in parts.iter().enumerate().take(high).skip(middle) {
                if let Some(start) = self.start_us(part)? {
                    told = Some((n, start));
                    break;
                }
            }
            match told {
                Some((n, start)) if start <= us => low = n,
                _ => high = middle,
            }
        }
        Ok(parts.get(low).copied())
    }

    /// Goes to a place; [`Reel::next`] then begins there, or at the last picture before it that needs none
    /// before it.
    pub(super) fn seek(&mut self, to_ms: u64) -> TroubleResult<()> {
        let us = to_ms.saturating_mul(1_000);
        let part = self.part_at(us)?;
        self.part = None;
        self.cluster = None;
        self.drop_before_us = 0;
        self.until_us = us;
        self.next_byte = part.map_or(0, |part| part.from);
        if !self.load()? {
            return Ok(());
        }
        let pictures = self.heading.track(TrackKind::Pictures).map(|t| t.number);
        let Some(part) = &mut self.part else { return Ok(()) };
        let key = |p: &Packet| p.key && Some(p.track) == pictures;
        let packets = &part.packets;
        let anchor = if pictures.is_some() {
            let before = packets.iter().rposition(|p| key(p) && p.at_us <= us);
            before.or_else(|| packets.iter().position(key))
        } else {
            packets.iter().position(|p| p.until_us() > us)
        };
        part.next = anchor.unwrap_or(packets.len());
        self.drop_before_us = packets.get(part.next).map_or(us, |p| p.at_us);
        Ok(())
    }

    /// Loads the part at `next_byte`; false if it cannot be read or nothing is there.
    fn load(&mut self) -> TroubleResult<bool> {
        let mut cluster = self.cluster;
        let Some((mut part, packets)) = self.packets_of(self.next_byte, &mut cluster)? else {
            return Ok(false);
        };
        // What were several parts may be one now: its beginning was played already.
        let played = usize::try_from(self.next_byte.saturating_sub(part.from)).unwrap_or(0);
        let begins = |p: &Packet| p.bytes.first().map_or(0, |range| range.start);
        part.next = packets.iter().take_while(|p| begins(p) < played).count();
        part.packets = packets;
        self.cluster = cluster;
        self.part = Some(part);
        Ok(true)
    }

    /// What comes next.
    ///
    /// # Errors
    /// Locked; storage that cannot be read at all.
    pub(super) fn next(&mut self) -> TroubleResult<Step> {
        loop {
            let from_us = self.drop_before_us;
            if let Some((packet, bytes)) = self.part.as_mut().and_then(|part| part.take(from_us)) {
                let (track, at_us, until_us) = (packet.track, packet.at_us, packet.until_us());
                self.until_us = self.until_us.max(until_us);
                return Ok(Step::Packet { track, at_us, until_us, bytes });
            }
            if let Some(part) = self.part.take() {
                self.next_byte = part.end();
            }
            if self.load()? {
                continue;
            }
            return self.behind_damage();
        }
    }

    /// At the end, or before something that does not open.
    fn behind_damage(&mut self) -> TroubleResult<Step> {
        let parts = self.bytes.parts()?;
        let end = parts.last().map_or(0, |p| p.from.saturating_add(p.size));
        if self.next_byte >= end {
            return Ok(Step::End);
        }
        let from = ms(self.until_us);
        self.cluster = None;
        let here = self.next_byte;
        for part in parts.iter().filter(|p| p.from > here) {
            if let Some(start) = self.start_us(part)? {
                self.next_byte = part.from;
                self.drop_before_us = 0;
                return Ok(Step::Damaged(from, ms(start).max(from)));
            }
        }
        self.next_byte = end;
        Ok(Step::Damaged(from, from))
    }
}
