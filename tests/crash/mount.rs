//! The disk in memory as a real file system, by FUSE.
//!
//! A preloaded library would miss memory maps and child processes; this sees all of it. Contents go through
//! the kernel's page cache (no direct I/O: SQLite maps its `-shm` file shared), writes are not held back
//! (no write-back cache: what a program wrote is in the log when the call returns). Locks stay with the
//! kernel.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, Session, TimeOrNow, WriteFlags,
};

use crate::disk::{Disk, Fault, Kind, Nodes, ROOT};

const TTL: Duration = Duration::from_secs(3600);
const BLOCK: u64 = 4096;
/// Room of the disk.
const BLOCKS: u64 = 4_000_000_000 / BLOCK;

pub(crate) type SharedDisk = Arc<Mutex<Disk>>;

pub(crate) fn locked(disk: &SharedDisk) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mounted disk; the mount is gone when this is dropped, also if somebody still has a file open.
pub(crate) struct Mounted {
    pub(crate) disk: SharedDisk,
    pub(crate) at: PathBuf,
    session: Option<BackgroundSession>,
}

impl Mounted {
    /// Mounts what `nodes` hold at an empty folder.
    pub(crate) fn new(nodes: Nodes, at: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(at)?;
        let disk = Arc::new(Mutex::new(Disk::new(nodes)));
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("crash".to_owned()), MountOption::NoAtime, MountOption::NoDev];
        let session = {
            let fuse = Fuse { disk: Arc::clone(&disk), listings: Mutex::default() };
            Session::new(fuse, at, &config)?.spawn()?
        };
        Ok(Self { disk, at: at.to_owned(), session: Some(session) })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a process may just be dying.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.at).status();
        drop(self.session.take());
        let _ = std::fs::remove_dir(&self.at);
    }
}

/// (inode, kind, name)
type Listing = Vec<(u64, FileType, String)>;

struct Fuse {
    disk: SharedDisk,
    /// What an open folder lists, as of its opening: removing while listing skips nothing.
    listings: Mutex<BTreeMap<u64, Listing>>,
}

impl Fuse {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        locked(&self.disk)
    }

    fn listings(&self) -> MutexGuard<'_, BTreeMap<u64, Listing>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk for a change, unless it fails on purpose.
    fn change(&self) -> Result<MutexGuard<'_, Disk>, Errno> {
        let mut disk = self.disk();
        match disk.fault(false) {
            None => Ok(disk),
            Some(Fault::Full) => Err(Errno::ENOSPC),
            Some(Fault::Io | Fault::Read) => Err(Errno::EIO),
        }
    }
}

fn attr(disk: &Disk, ino: u64) -> Option<FileAttr> {
    let node = disk.nodes.get(&ino)?;
    let (kind, size) = match &node.kind {
        Kind::File(bytes) => (FileType::RegularFile, bytes.len() as u64),
        Kind::Folder(_) => (FileType::Directory, BLOCK),
        Kind::Socket => (FileType::Socket, 0),
    };
    Some(FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: node.mode,
        nlink: 1,
        uid: own_user(),
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn own_user() -> u32 {
    use std::os::unix::fs::MetadataExt;
    static UID: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *UID.get_or_init(|| std::fs::metadata("/proc/self").map_or(0, |own| own.uid()))
}

fn mode_of(mode: u32, umask: u32) -> u16 {
    u16::try_from(mode & 0o777 & !umask).unwrap_or(0o600)
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

const PLAIN: FopenFlags = FopenFlags::FOPEN_KEEP_CACHE;

impl Filesystem for Fuse {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = self.disk();
        match disk.child(parent.0, &text(name)).and_then(|ino| attr(&disk, ino)) {
            Some(attr) => reply.entry(&TTL, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attr(&self.disk(), ino.0) {
            Some(attr) => reply.attr(&TTL, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = match size {
            Some(_) => match self.change() {
                Ok(disk) => disk,
                Err(error) => return reply.error(error),
            },
            None => self.disk(),
        };
        if let Some(len) = size {
            disk.resize(ino.0, usize::try_from(len).unwrap_or(0));
        }
        if let (Some(mode), Some(node)) = (mode, disk.nodes.get_mut(&ino.0)) {
            node.mode = mode_of(mode, 0);
        }
        match attr(&disk, ino.0) {
            Some(attr) => reply.attr(&TTL, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let mut disk = match self.change() {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        let kind =
            if mode & 0o170_000 == 0o140_000 { Kind::Socket } else { Kind::File(Arc::default()) };
        let ino = disk.make(parent.0, &text(name), kind, mode_of(mode, umask));
        match attr(&disk, ino) {
            Some(attr) => reply.entry(&TTL, &attr, Generation(0)),
            None => reply.error(Errno::EIO),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let mut disk = match self.change() {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        let kind = Kind::Folder(crate::disk::Names::new());
        let ino = disk.make(parent.0, &text(name), kind, mode_of(mode, umask));
        match attr(&disk, ino) {
            Some(attr) => reply.entry(&TTL, &attr, Generation(0)),
            None => reply.error(Errno::EIO),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        // Removing works on a full disk.
        self.disk().rename(vec![(parent.0, text(name), None)]);
        reply.ok();
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut disk = self.disk();
        let name = text(name);
        let empty = disk
            .child(parent.0, &name)
            .and_then(|ino| disk.names(ino))
            .is_some_and(crate::disk::Names::is_empty);
        if !empty {
            return reply.error(Errno::ENOTEMPTY);
        }
        disk.rename(vec![(parent.0, name, None)]);
        reply.ok();
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut disk = match self.change() {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        let name = text(name);
        let Some(ino) = disk.child(parent.0, &name) else { return reply.error(Errno::ENOENT) };
        disk.rename(vec![(parent.0, name, None), (newparent.0, text(newname), Some(ino))]);
        reply.ok();
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // What fails to be read must not be had from the kernel's memory either.
        let reads_fail = self.disk().faults.error == Some(Fault::Read);
        reply.opened(FileHandle(0), if reads_fail { FopenFlags::empty() } else { PLAIN });
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut disk = match self.change() {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        let kind = Kind::File(Arc::default());
        let ino = disk.make(parent.0, &text(name), kind, mode_of(mode, umask));
        match attr(&disk, ino) {
            Some(attr) => reply.created(&TTL, &attr, Generation(0), FileHandle(0), PLAIN),
            None => reply.error(Errno::EIO),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut disk = self.disk();
        let bytes = disk.bytes(ino.0).map(Arc::clone).filter(|_| disk.fault(true).is_none());
        drop(disk);
        let Some(bytes) = bytes else { return reply.error(Errno::EIO) };
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = from.saturating_add(size as usize).min(bytes.len());
        reply.data(&bytes[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut disk = match self.change() {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        disk.write(ino.0, usize::try_from(offset).unwrap_or(0), data);
        reply.written(u32::try_from(data.len()).unwrap_or(0));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.change() {
            Ok(mut disk) => {
                disk.sync(ino.0);
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.change() {
            Ok(mut disk) => {
                disk.sync(ino.0);
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let disk = self.disk();
        let Some(names) = disk.names(ino.0) else { return reply.error(Errno::ENOTDIR) };
        let kind_of = |child| attr(&disk, child).map_or(FileType::RegularFile, |a| a.kind);
        let own = [(".", ino.0), ("..", ROOT)];
        let own = own.map(|(name, at)| (at, FileType::Directory, name.to_owned()));
        let inside = names.iter().map(|(name, child)| (*child, kind_of(*child), name.clone()));
        let listing: Listing = own.into_iter().chain(inside).collect();
        drop(disk);
        let mut listings = self.listings();
        let handle = listings.keys().max().map_or(1, |last| last + 1);
        listings.insert(handle, listing);
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.listings().remove(&handle.0);
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listings = self.listings();
        let skip = usize::try_from(offset).unwrap_or(0);
        let all = listings.get(&handle.0).into_iter().flatten();
        for (n, (child, kind, name)) in (1_u64..).zip(all).skip(skip) {
            if reply.add(INodeNo(*child), n, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let disk = self.disk();
        let used = (disk.used() as u64).div_ceil(BLOCK);
        let full = disk.faults.error == Some(Fault::Full) && disk.faults.after == Some(0);
        let free = if full { 0 } else { BLOCKS.saturating_sub(used) };
        reply.statfs(BLOCKS, free, free, 1_000_000, 1_000_000, 4096, 255, 4096);
    }
}
