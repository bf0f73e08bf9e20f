//! Where second copies lie and how they get there: beside the desk, without keys, every few minutes.
//!
//! ```text
//! DATA/copies/list.json        which cases are copied
//! DATA/copies/partners.json    handhelds that hold copies for this one
//! DATA/copies/<case>.json      the newest copy of a case
//! DATA/partners/<device>/<case>.copy/   what this handheld holds for others
//! ```

use std::collections::BTreeSet;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use spotcheck_app::copies::{LinkKeys, link_keys};
use spotcheck_app::errand::Stop;
use spotcheck_app::ports::{Blob, Copied, Copies, CopyFolder, KeyRing, Machine, Partner};
use spotcheck_client::{
    COPY_LABEL, COPY_SCHEMA, CopyLabel, PartnerLink, PartnerShelf, copy_folder_name, serve_partners,
};
use spotcheck_device::config::CopyConfig;
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, Clock, DeviceId, Trouble, TroubleResult};
use spotcheck_vault::{
    FolderCopy, bring, create_folder, forget_copies, holds, pack, write_durable,
};

const COPIES: &str = "copies";
const SHELF: &str = "partners";
const LIST: &str = "list.json";
const PARTNERS: &str = "partners.json";
/// With the minute between two times of keeping, a copy is never five minutes behind.
const MOST_SECONDS: u32 = 180;

fn trouble(code: &str, message: &str, advice: &str, cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(code, message, "案卷在本机完整、加密地保存", advice).because(cause)
}

fn address(text: &str, what: &str) -> TroubleResult<std::net::SocketAddr> {
    let failed = |cause: String| {
        trouble(
            "COPY-ADDRESS",
            "第二副本的网络地址不能用",
            "写成 地址:端口",
            format!("{what}: {cause}"),
        )
    };
    let mut found = text.to_socket_addrs().map_err(|cause| failed(cause.to_string()))?;
    found.next().ok_or_else(|| failed("no address".to_owned()))
}

/// What is done with the folder of one case's copy, wherever it lies.
type Copying<'a> = dyn FnMut(&mut dyn CopyFolder) -> TroubleResult<()> + 'a;

/// Second copies of one data folder.
#[derive(Clone)]
pub(crate) struct CopyRoom {
    data: PathBuf,
    config: CopyConfig,
    reserve_bytes: u64,
    machine: Arc<Mutex<dyn Machine>>,
    clock: Arc<dyn Clock>,
}

impl CopyRoom {
    pub(crate) fn new(
        data: &Path,
        config: &CopyConfig,
        reserve_bytes: u64,
        machine: impl Machine + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            data: data.to_owned(),
            config: config.clone(),
            reserve_bytes,
            machine: Arc::new(Mutex::new(machine)),
            clock,
        }
    }

    fn case_folder(&self, case: &CaseId) -> PathBuf {
        self.data.join("cases").join(case.as_str())
    }

    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> TroubleResult<T> {
        match std::fs::read(self.data.join(COPIES).join(name)) {
            // A list that cannot be read is made anew: it only says what is where.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
            Err(cause) => Err(trouble("COPY-LIST", "第二副本的清单读不出来", "重启后再试", cause)),
        }
    }

    fn write(&self, name: &str, value: &impl Serialize) -> TroubleResult<()> {
        let failed = |cause: &dyn std::fmt::Display| {
            trouble("COPY-LIST", "第二副本的清单没有写成", "检查剩余空间", cause)
        };
        let folder = self.data.join(COPIES);
        create_folder(&folder).map_err(|cause| failed(&cause))?;
        let bytes = serde_json::to_vec(value).map_err(|cause| failed(&cause))?;
        let path = folder.join(name);
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        write_durable(&path, &bytes).map_err(|cause| failed(&cause))
    }

    /// Brings the copy of every chosen case in `place` up to date; returns their number.
    fn copy_all(
        &self,
        keys: &LinkKeys,
        place: &str,
        with: &mut dyn FnMut(&CaseId, &mut Copying<'_>) -> TroubleResult<()>,
    ) -> TroubleResult<usize> {
        let cases: Vec<CaseId> = self.read(LIST)?;
        for case in &cases {
            with(case, &mut |to| self.copy_one(keys, case, place, to))?;
        }
        Ok(cases.len())
    }

    fn copy_one(
        &self,
        keys: &LinkKeys,
        case: &CaseId,
        place: &str,
        to: &mut dyn CopyFolder,
    ) -> TroubleResult<()> {
        let at_ms = self.clock.read().wall_ms;
        let names = pack(&self.case_folder(case), to)?;
        let mut there = to.names()?;
        let stale: Vec<String> =
            there.keys().filter(|n| !names.contains(*n) && *n != COPY_LABEL).cloned().collect();
        there.retain(|name, _| names.contains(name));
        let label = CopyLabel {
            schema: COPY_SCHEMA.to_owned(),
            case: case.to_string(),
            device: keys.me.device.to_string(),
            intake_id: keys.intake_id.clone(),
            copied: rfc3339(at_ms),
            files: there,
        };
        let json = serde_json::to_vec_pretty(&label)
            .map_err(|cause| trouble("COPY-LIST", "副本标签没有写成", "再试一次", cause))?;
        to.put(COPY_LABEL, &json)?;
        if !stale.is_empty() {
            to.remove(&stale)?;
        }
        let copied = Copied { at_ms, place: place.to_owned(), files: names };
        self.write(&format!("{case}.json"), &copied)
    }

    /// Copies into a folder, e.g. on a stick; returns the number of cases.
    pub(crate) fn copy_to(&self, keys: &LinkKeys, folder: &Path) -> TroubleResult<usize> {
        self.copy_all(keys, &folder.display().to_string(), &mut |case, copy| {
            copy(&mut FolderCopy::create(&folder.join(copy_folder_name(case.as_str())))?)
        })
    }

    /// Copies to a handheld nearby; returns the number of cases and who it is. Keys for it are shared at
    /// the next time of keeping.
    pub(crate) fn copy_to_peer(
        &self,
        keys: &LinkKeys,
        peer: &str,
    ) -> TroubleResult<(usize, Partner)> {
        let mut link = PartnerLink::connect(address(peer, "peer")?, &keys.identity, &keys.roots)?;
        let partner = link.partner().clone();
        self.remember(&partner)?;
        let place = format!("{} ({peer})", partner.device);
        let count = self.copy_all(keys, &place, &mut |case, copy| copy(&mut link.folder(case)))?;
        Ok((count, partner))
    }

    /// Learns who is at the other end.
    pub(crate) fn meet(&self, keys: &LinkKeys, peer: &str) -> TroubleResult<Partner> {
        let link = PartnerLink::connect(address(peer, "peer")?, &keys.identity, &keys.roots)?;
        self.remember(link.partner())?;
        Ok(link.partner().clone())
    }

    fn remember(&self, partner: &Partner) -> TroubleResult<()> {
        let mut known: Vec<Partner> = self.read(PARTNERS)?;
        if !known.contains(partner) {
            known.retain(|p| p.device != partner.device);
            known.push(partner.clone());
            self.write(PARTNERS, &known)?;
        }
        Ok(())
    }

    /// Keeps copies for others at `listen` until `stop` is asked; `ready` hears where it listens.
    pub(crate) fn serve(
        &self,
        keys: &LinkKeys,
        listen: &str,
        stop: &Stop,
        ready: &mut dyn FnMut(std::net::SocketAddr),
    ) -> TroubleResult<()> {
        let at = address(listen, "listen")?;
        let failed = |cause| trouble("COPY-LISTEN", "不能在这个地址等候", "检查地址和端口", cause);
        let listener = TcpListener::bind(at).map_err(failed)?;
        ready(listener.local_addr().map_err(failed)?);
        let shelf: Arc<dyn PartnerShelf> = Arc::new(self.clone());
        serve_partners(&listener, &keys.identity, &keys.roots, &keys.me, &shelf, stop)
    }

    /// Copies that this handheld holds for others: (device, case, folder).
    pub(crate) fn shelf(&self) -> Vec<(String, String, PathBuf)> {
        let mut found = Vec::new();
        for device in subfolders(&self.data.join(SHELF)) {
            for copy in subfolders(&device) {
                let name = |path: &Path| {
                    path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned()
                };
                if let Some(case) = name(&copy).strip_suffix(".copy") {
                    found.push((name(&device), case.to_owned(), copy));
                }
            }
        }
        found
    }

    /// Copies what is held for others into a folder, as it is; returns the number of cases.
    pub(crate) fn hand_over(&self, folder: &Path) -> TroubleResult<usize> {
        let held = self.shelf();
        for (_, case, from) in &held {
            let mut from = FolderCopy::open(from)?;
            let mut to = FolderCopy::create(&folder.join(copy_folder_name(case)))?;
            let there = to.names()?;
            let mut names: Vec<(String, u64)> = from.names()?.into_iter().collect();
            // The label last, as everywhere.
            names.sort_by_key(|(name, _)| name == COPY_LABEL);
            for (name, size) in names {
                let blob = name.ends_with(".age") && there.get(&name) == Some(&size);
                if let Some(bytes) = if blob { None } else { from.get(&name)? } {
                    to.put(&name, &bytes)?;
                }
            }
        }
        Ok(held.len())
    }

    /// The work of a window: copies go out every few minutes, and others' are kept, as configured.
    pub(crate) fn go_on_beside(&self, keys: Box<dyn KeyRing>) {
        let keys = Arc::new(Mutex::new(keys));
        if let Some(listen) = self.config.listen.clone() {
            let (room, keys) = (self.clone(), Arc::clone(&keys));
            std::thread::spawn(move || {
                loop {
                    let served = own_keys(&keys)
                        .and_then(|own| room.serve(&own, &listen, &Stop::default(), &mut |_| ()));
                    if let Err(trouble) = served {
                        tracing::warn!(code = %trouble.code, cause = %trouble.cause, "No copies are kept for others.");
                    }
                    std::thread::sleep(std::time::Duration::from_secs(30));
                }
            });
        }
        if self.configured() {
            let room = self.clone();
            std::thread::spawn(move || {
                loop {
                    room.once(&keys);
                    let seconds = u64::from(room.config.every_seconds.clamp(10, MOST_SECONDS));
                    std::thread::sleep(std::time::Duration::from_secs(seconds));
                }
            });
        }
    }

    fn once(&self, keys: &Mutex<Box<dyn KeyRing>>) {
        let Ok(own) = own_keys(keys) else { return };
        let tell = |done: TroubleResult<usize>| {
            if let Err(trouble) = done {
                tracing::warn!(code = %trouble.code, cause = %trouble.cause, "No second copy could be made.");
            }
        };
        if let Some(peer) = &self.config.peer {
            tell(self.copy_to_peer(&own, peer).map(|(count, _)| count));
        }
        if let Some(folder) = &self.config.folder {
            tell(self.copy_to(&own, folder));
        }
    }
}

fn own_keys(keys: &Mutex<Box<dyn KeyRing>>) -> TroubleResult<LinkKeys> {
    link_keys(keys.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = listed.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

impl Copies for CopyRoom {
    fn configured(&self) -> bool {
        self.config.folder.is_some() || self.config.peer.is_some()
    }

    fn keep(&mut self, case: &CaseId, name: &str, sealed: &[u8]) -> TroubleResult<()> {
        let path = self.case_folder(case).join(name);
        write_durable(&path, sealed)
            .map_err(|cause| trouble("COPY-KEEP", "第二副本的内容没有写成", "检查剩余空间", cause))
    }

    fn choose(&mut self, cases: &[CaseId]) -> TroubleResult<()> {
        self.write(LIST, &cases)
    }

    fn partners(&mut self) -> TroubleResult<Vec<Partner>> {
        self.read(PARTNERS)
    }

    fn copied(&mut self, case: &CaseId) -> TroubleResult<Option<Copied>> {
        let copied: Copied = self.read(&format!("{case}.json"))?;
        Ok((copied.at_ms != 0).then_some(copied))
    }

    fn bring(
        &mut self,
        case: &CaseId,
        from: &mut dyn CopyFolder,
        recordings: &BTreeSet<String>,
    ) -> TroubleResult<u32> {
        bring(&self.case_folder(case), from, recordings)
    }

    fn holds(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<bool> {
        holds(&self.case_folder(case), blob)
    }

    fn forget(&mut self, case: &CaseId) -> TroubleResult<()> {
        let held = self.shelf().into_iter().filter(|(_, of, _)| of == case.as_str());
        let held: Vec<PathBuf> = held.map(|(_, _, folder)| folder).collect();
        forget_copies(&self.case_folder(case), &held)
    }
}

impl PartnerShelf for CopyRoom {
    fn open(&self, device: &DeviceId, case: &CaseId) -> TroubleResult<Box<dyn CopyFolder>> {
        let free = self.machine.lock().unwrap_or_else(PoisonError::into_inner).free_bytes()?;
        if free < self.reserve_bytes {
            return Err(trouble(
                "COPY-NO-ROOM",
                "剩余空间不足,不替别的手持机保存副本",
                "先回传",
                free,
            ));
        }
        let folder = self.data.join(SHELF).join(device.as_str());
        create_folder(&folder)
            .map_err(|cause| trouble("COPY-SHELF", "副本目录不能建立", "检查剩余空间", cause))?;
        Ok(Box::new(FolderCopy::create(&folder.join(copy_folder_name(case.as_str())))?))
    }
}
