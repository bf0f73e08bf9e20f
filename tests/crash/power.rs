//! What a power cut may leave of a log of steps.
//!
//! Certain is only what was synced: a file's bytes by a sync of the file, a name by a sync of its folder.
//! All the rest may be there or not, in any mixture that the chosen kind of storage allows:
//!
//! * unsynced writes of a file are dropped, kept, cut off at some point, kept at random, torn at 512 bytes,
//!   or only the new length is kept and zeros are in it;
//! * unsynced names are, on a *journalled* disk, a prefix of what happened (any sync commits all earlier
//!   names), on a *loose* one any subset: a name may survive without the one that was made before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::disk::{Kind, Logged, Nodes, ROOT, Step, apply_names, put, set_len};
use crate::random::Random;

pub(crate) const SECTOR: usize = 512;

/// How storage orders names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Journalled,
    Loose,
}

/// What became of one file's unsynced bytes.
#[derive(Debug, Clone, Copy)]
enum Fate {
    None,
    All,
    Prefix { steps: usize, torn: bool },
    Some,
    Sectors,
    LengthOnly,
}

impl Fate {
    fn draw(random: &mut Random, unsynced: usize) -> Self {
        match random.below(6) {
            0 => Self::None,
            1 => Self::All,
            2 => Self::Prefix { steps: random.index(unsynced + 1), torn: random.half() },
            3 => Self::Some,
            4 => Self::Sectors,
            _ => Self::LengthOnly,
        }
    }
}

/// The state after a cut when `log` is all that had been done; reachable things only.
pub(crate) fn cut(base: &Nodes, log: &[Logged], storage: Storage, random: &mut Random) -> Nodes {
    let mut synced: BTreeMap<u64, usize> = BTreeMap::new();
    let mut unsynced: BTreeMap<u64, usize> = BTreeMap::new();
    for (index, logged) in log.iter().enumerate() {
        match &logged.step {
            Step::Sync { ino } => {
                synced.insert(*ino, index);
                unsynced.remove(ino);
            }
            Step::Write { ino, .. } | Step::Size { ino, .. } => {
                *unsynced.entry(*ino).or_default() += 1;
            }
            Step::Make { .. } | Step::Names(_) => {}
        }
    }
    let last_sync = synced.values().max().copied().unwrap_or(0);
    // Names up to here survive on a journalled disk.
    let names_until = last_sync + random.index(log.len().saturating_sub(last_sync) + 1);
    let fates: BTreeMap<u64, Fate> =
        unsynced.iter().map(|(ino, count)| (*ino, Fate::draw(random, *count))).collect();
    let mut done: BTreeMap<u64, usize> = BTreeMap::new();
    let mut nodes = base.clone();
    for (index, logged) in log.iter().enumerate() {
        let safe = |ino: &u64| synced.get(ino).is_some_and(|at| *at > index);
        match &logged.step {
            Step::Make { ino, node } => {
                nodes.insert(*ino, node.clone());
            }
            Step::Names(changes) => {
                let kept = changes.iter().all(|(folder, _, _)| safe(folder))
                    || match storage {
                        Storage::Journalled => index < names_until,
                        Storage::Loose => random.half(),
                    };
                if kept {
                    apply_names(&mut nodes, changes);
                }
            }
            Step::Write { ino, at, data } if safe(ino) => put(&mut nodes, *ino, *at, data),
            Step::Size { ino, len } if safe(ino) => set_len(&mut nodes, *ino, *len),
            Step::Write { ino, at, data } => {
                let nth = done.entry(*ino).or_default();
                *nth += 1;
                let fate = fates.get(ino).copied().unwrap_or(Fate::All);
                write(&mut nodes, (*ino, *at, data), fate, *nth, random);
            }
            Step::Size { ino, len } => {
                let nth = done.entry(*ino).or_default();
                *nth += 1;
                let kept = match fates.get(ino).copied().unwrap_or(Fate::All) {
                    Fate::None => false,
                    Fate::All | Fate::LengthOnly => true,
                    Fate::Prefix { steps, .. } => *nth <= steps,
                    Fate::Some | Fate::Sectors => random.half(),
                };
                if kept {
                    set_len(&mut nodes, *ino, *len);
                }
            }
            Step::Sync { .. } => {}
        }
    }
    reachable(&nodes)
}

fn write(
    nodes: &mut Nodes,
    (ino, at, data): (u64, usize, &Arc<Vec<u8>>),
    fate: Fate,
    nth: usize,
    random: &mut Random,
) {
    match fate {
        Fate::None => {}
        Fate::All => put(nodes, ino, at, data),
        Fate::Prefix { steps, .. } if nth <= steps => put(nodes, ino, at, data),
        Fate::Prefix { steps, torn: true } if nth == steps + 1 => {
            // Torn at a sector border of the file.
            let first = SECTOR - at % SECTOR;
            let borders = data.len().saturating_sub(first).div_ceil(SECTOR);
            let keep = first + random.index(borders + 1) * SECTOR;
            if keep < data.len() {
                put(nodes, ino, at, &data[..keep]);
            }
        }
        Fate::Prefix { .. } => {}
        Fate::Some => {
            if random.half() {
                put(nodes, ino, at, data);
            }
        }
        Fate::Sectors => {
            let mut from = 0;
            while from < data.len() {
                let to = (from + SECTOR - (at + from) % SECTOR).min(data.len());
                if random.half() {
                    put(nodes, ino, at + from, &data[from..to]);
                }
                from = to;
            }
        }
        Fate::LengthOnly => {
            let end = at + data.len();
            let len = match nodes.get(&ino).map(|node| &node.kind) {
                Some(Kind::File(bytes)) => bytes.len(),
                _ => return,
            };
            if len < end {
                set_len(nodes, ino, end);
            }
        }
    }
}

/// Only what a name leads to, and no sockets: nobody listens on them after a cut.
fn reachable(nodes: &Nodes) -> Nodes {
    let mut kept = Nodes::new();
    let mut todo = vec![ROOT];
    while let Some(ino) = todo.pop() {
        let Some(node) = nodes.get(&ino) else { continue };
        let mut node = node.clone();
        if let Kind::Folder(names) = &mut node.kind {
            names.retain(|_, child| {
                nodes.get(child).is_some_and(|n| !matches!(n.kind, Kind::Socket))
            });
            todo.extend(names.values());
        }
        kept.insert(ino, node);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, Names, Node};

    fn empty() -> Disk {
        let root = Node { kind: Kind::Folder(Names::new()), mode: 0o700 };
        Disk::new(Nodes::from([(ROOT, root)]))
    }

    fn states(disk: &Disk, storage: Storage) -> Vec<Option<Vec<u8>>> {
        let mut random = Random::new(7);
        (0..400)
            .map(|_| {
                let nodes = cut(disk.base(), disk.log(), storage, &mut random);
                let after = Disk::new(nodes);
                after.child(ROOT, "a").and_then(|ino| after.bytes(ino).map(|b| b.to_vec()))
            })
            .collect()
    }

    #[test]
    fn what_was_synced_is_always_there_and_a_file_sync_keeps_no_name() {
        for storage in [Storage::Journalled, Storage::Loose] {
            let mut disk = empty();
            let file = disk.make(ROOT, "a", Kind::File(Arc::default()), 0o600);
            disk.write(file, 0, b"first");
            disk.sync(file);
            let found = states(&disk, storage);
            assert!(found.iter().flatten().all(|bytes| bytes == b"first"), "{storage:?}");
            // On a journalled disk any sync commits the names before it.
            assert_eq!(found.iter().any(Option::is_none), storage == Storage::Loose);
            disk.sync(ROOT);
            disk.write(file, 5, b" and more");
            let found = states(&disk, storage);
            assert!(found.iter().all(|b| b.as_ref().is_some_and(|b| b.starts_with(b"first"))));
            assert!(found.iter().any(|b| b.as_deref() == Some(b"first")));
            assert!(found.iter().any(|b| b.as_deref() == Some(b"first and more")));
            assert!(found.iter().any(|b| b.as_deref() == Some(b"first\0\0\0\0\0\0\0\0\0")));
        }
    }

    #[test]
    fn a_long_write_is_torn_at_sectors_and_a_rename_without_sync_may_be_empty() {
        let mut disk = empty();
        let file = disk.make(ROOT, "a", Kind::File(Arc::default()), 0o600);
        disk.sync(ROOT);
        disk.write(file, 100, &[7; 3000]);
        let found = states(&disk, Storage::Journalled);
        let torn = found.iter().flatten().find(|b| b.len() > 100 && b.len() < 3100);
        assert_eq!(torn.unwrap().len() % SECTOR, 0);

        let mut disk = empty();
        let file = disk.make(ROOT, ".tmp-a", Kind::File(Arc::default()), 0o600);
        disk.write(file, 0, b"words");
        disk.rename(vec![(ROOT, ".tmp-a".to_owned(), None), (ROOT, "a".to_owned(), Some(file))]);
        disk.sync(ROOT);
        let found = states(&disk, Storage::Loose);
        assert!(found.iter().any(|b| b.as_deref() == Some(b"")), "R30: the empty file");
    }
}
