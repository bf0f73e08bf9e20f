//! A file system in memory that remembers every step since it was opened.
//!
//! The steps are what a power cut plays with: which of them were already on stable storage is decided
//! afterwards (`power.rs`), so one story gives a crash state for every moment of it. Contents are shared
//! until they are written, because a handheld's package never changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub(crate) const ROOT: u64 = 1;
pub(crate) type Names = BTreeMap<String, u64>;

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    File(Arc<Vec<u8>>),
    Folder(Names),
    Socket,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) mode: u16,
}

pub(crate) type Nodes = BTreeMap<u64, Node>;

/// One step. Numbers are inodes.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Something new, reachable once a name is given to it.
    Make {
        ino: u64,
        node: Node,
    },
    Write {
        ino: u64,
        at: usize,
        data: Arc<Vec<u8>>,
    },
    Size {
        ino: u64,
        len: usize,
    },
    /// Names that change together: (folder, name, what it names from now on).
    Names(Vec<(u64, String, Option<u64>)>),
    /// fsync or fdatasync of a file or folder returned.
    Sync {
        ino: u64,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) at: Instant,
    pub(crate) step: Step,
}

/// What goes wrong on purpose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// Changes (with [`Fault::Read`]: reads) let through before they fail; `None`: none fails.
    pub(crate) after: Option<u64>,
    /// How many fail then; all of them if absent.
    pub(crate) count: Option<u64>,
    pub(crate) error: Option<Fault>,
    /// What was refused.
    pub(crate) refused: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Changes fail with EIO.
    Io,
    /// Changes fail with ENOSPC.
    Full,
    /// Reads fail with EIO: a worn-out card that still takes what it is given.
    Read,
}

#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) nodes: Nodes,
    base: Nodes,
    log: Vec<Logged>,
    next: u64,
    pub(crate) faults: Faults,
}

impl Disk {
    /// Everything in `nodes` is on stable storage.
    pub(crate) fn new(nodes: Nodes) -> Self {
        let next = nodes.keys().max().map_or(ROOT, |last| last + 1);
        Self { base: nodes.clone(), nodes, log: Vec::new(), next, faults: Faults::default() }
    }

    /// A copy of a folder, without sockets and log files of a running program.
    pub(crate) fn of_folder(folder: &Path) -> std::io::Result<Nodes> {
        let mut nodes = Nodes::new();
        let root = Node { kind: Kind::Folder(Names::new()), mode: 0o700 };
        nodes.insert(ROOT, root);
        let mut next = ROOT + 1;
        let mut todo = vec![(ROOT, folder.to_owned())];
        while let Some((ino, folder)) = todo.pop() {
            let mut names = Names::new();
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let (kind, mode) = if entry.file_type()?.is_dir() {
                    todo.push((next, entry.path()));
                    (Kind::Folder(Names::new()), 0o700)
                } else if entry.file_type()?.is_file() {
                    (Kind::File(Arc::new(std::fs::read(entry.path())?)), 0o600)
                } else {
                    continue;
                };
                nodes.insert(next, Node { kind, mode });
                names.insert(entry.file_name().to_string_lossy().into_owned(), next);
                next += 1;
            }
            nodes.insert(ino, Node { kind: Kind::Folder(names), mode: 0o700 });
        }
        Ok(nodes)
    }

    pub(crate) fn base(&self) -> &Nodes {
        &self.base
    }

    pub(crate) fn log(&self) -> &[Logged] {
        &self.log
    }

    fn note(&mut self, step: Step) {
        self.log.push(Logged { at: Instant::now(), step });
    }

    /// Counts a change, or a read, against the faults that are set.
    pub(crate) fn fault(&mut self, reading: bool) -> Option<Fault> {
        let error = self.faults.error.filter(|e| (*e == Fault::Read) == reading)?;
        match self.faults.after {
            Some(0) => match self.faults.count {
                Some(0) => None,
                count => {
                    self.faults.count = count.map(|n| n - 1);
                    self.faults.refused += 1;
                    Some(error)
                }
            },
            Some(n) => {
                self.faults.after = Some(n - 1);
                None
            }
            None => None,
        }
    }

    pub(crate) fn names(&self, ino: u64) -> Option<&Names> {
        match &self.nodes.get(&ino)?.kind {
            Kind::Folder(names) => Some(names),
            Kind::File(_) | Kind::Socket => None,
        }
    }

    pub(crate) fn child(&self, folder: u64, name: &str) -> Option<u64> {
        self.names(folder)?.get(name).copied()
    }

    pub(crate) fn bytes(&self, ino: u64) -> Option<&Arc<Vec<u8>>> {
        match &self.nodes.get(&ino)?.kind {
            Kind::File(bytes) => Some(bytes),
            Kind::Folder(_) | Kind::Socket => None,
        }
    }

    pub(crate) fn used(&self) -> usize {
        let reachable = |node: &Node| match &node.kind {
            Kind::File(bytes) => bytes.len(),
            Kind::Folder(_) | Kind::Socket => 0,
        };
        self.nodes.values().map(reachable).sum()
    }

    pub(crate) fn make(&mut self, folder: u64, name: &str, kind: Kind, mode: u16) -> u64 {
        let ino = self.next;
        self.next += 1;
        let node = Node { kind, mode };
        self.nodes.insert(ino, node.clone());
        self.note(Step::Make { ino, node });
        self.rename(vec![(folder, name.to_owned(), Some(ino))]);
        ino
    }

    pub(crate) fn rename(&mut self, changes: Vec<(u64, String, Option<u64>)>) {
        apply_names(&mut self.nodes, &changes);
        self.note(Step::Names(changes));
    }

    pub(crate) fn write(&mut self, ino: u64, at: usize, data: &[u8]) {
        put(&mut self.nodes, ino, at, data);
        self.note(Step::Write { ino, at, data: Arc::new(data.to_vec()) });
    }

    pub(crate) fn resize(&mut self, ino: u64, len: usize) {
        set_len(&mut self.nodes, ino, len);
        self.note(Step::Size { ino, len });
    }

    pub(crate) fn sync(&mut self, ino: u64) {
        self.note(Step::Sync { ino });
    }
}

pub(crate) fn apply_names(nodes: &mut Nodes, changes: &[(u64, String, Option<u64>)]) {
    for (folder, name, to) in changes {
        if let Some(Node { kind: Kind::Folder(names), .. }) = nodes.get_mut(folder) {
            match to {
                Some(ino) => names.insert(name.clone(), *ino),
                None => names.remove(name),
            };
        }
    }
}

pub(crate) fn put(nodes: &mut Nodes, ino: u64, at: usize, data: &[u8]) {
    if let Some(Node { kind: Kind::File(bytes), .. }) = nodes.get_mut(&ino) {
        let bytes = Arc::make_mut(bytes);
        let end = at + data.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[at..end].copy_from_slice(data);
    }
}

pub(crate) fn set_len(nodes: &mut Nodes, ino: u64, len: usize) {
    if let Some(Node { kind: Kind::File(bytes), .. }) = nodes.get_mut(&ino) {
        Arc::make_mut(bytes).resize(len, 0);
    }
}
