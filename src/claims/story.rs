//! Stories over the whole crate: a centre imports, builds a package, a handheld reads it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "tests may panic, and say what they skip"
)]

mod again;
mod both_sides;
mod dirt;
mod fresh;
mod guard;
mod packages;
mod peers;
mod searching;
mod secrets;
mod synthea;

use std::path::{Path, PathBuf};
use std::process::Command;

use ring::rand::SecureRandom as _;
use spotcheck_domain::{Entropy, ManualClock, PackageId, TaskId};

use crate::cipher::{ClaimsKey, Key};
use crate::import::{ImportReport, ImportRequest, ImportTools, Progress, Reject, import_dir};
use crate::package::{BuiltPackage, PackageRequest, Period, ReferenceData, build_package};
use crate::partition::DirPartitionStore;
use crate::{DemoOptions, DemoSummary, MappingLimits, PackageReader, demo_data};

/// 2026-11-20 09:30 in Beijing.
const NOW_MS: i64 = 1_795_138_200_000;

/// The system's random numbers: two tests must never share a key.
pub(crate) struct RealEntropy;

impl Entropy for RealEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        ring::rand::SystemRandom::new().fill(buffer).expect("random numbers");
    }
}

/// A centre with its folders.
pub(crate) struct Centre {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: DirPartitionStore,
    pub(crate) master: ClaimsKey,
    pub(crate) clock: ManualClock,
}

impl Centre {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let store = DirPartitionStore::open(&dir.path().join("partitions")).expect("store");
        let mut key = [0; 32];
        RealEntropy.fill(&mut key);
        Self { store, master: ClaimsKey::new(key), clock: ManualClock::at_ms(NOW_MS), dir }
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn try_import(
        &self,
        from: &Path,
        mapping: Option<&Path>,
        change: impl FnOnce(&mut ImportRequest<'_>),
        progress: Option<&mut dyn FnMut(&Progress)>,
    ) -> crate::Result<(ImportReport, Vec<Reject>)> {
        let work = self.work();
        let mut request = ImportRequest {
            from,
            mapping,
            facility: None,
            check: false,
            work: &work,
            limits: MappingLimits::default(),
        };
        change(&mut request);
        let mut rejects: Vec<Reject> = Vec::new();
        let mut tools = ImportTools {
            store: &self.store,
            master: &self.master,
            rejects: &mut rejects,
            clock: &self.clock,
            entropy: &RealEntropy,
            progress: progress.map(|p| p as &mut dyn FnMut(&Progress)),
        };
        let report = import_dir(&request, &mut tools)?;
        Ok((report, rejects))
    }

    pub(crate) fn import(&self, from: &Path) -> (ImportReport, Vec<Reject>) {
        self.try_import(from, None, |_| (), None).expect("import")
    }

    pub(crate) fn package(&self, facility: &str, period: Option<Period>) -> Package {
        self.package_beside(facility, period, &[])
    }

    /// A package that knows what the peers are like.
    pub(crate) fn package_beside(
        &self,
        facility: &str,
        period: Option<Period>,
        peers: &[crate::PeerStat],
    ) -> Package {
        let folder = tempfile::tempdir().expect("dir");
        let task = TaskId::parse("T-2026-0001").expect("task");
        let package = PackageId::generate(&self.clock, &RealEntropy);
        let request = PackageRequest {
            task: &task,
            package: &package,
            fixmedins_code: facility,
            period,
            valid_from: "2026-11-20T00:00:00.000+08:00",
            valid_until: "2026-12-20T00:00:00.000+08:00",
            rule_packs: &[],
            pack_files: &[],
            findings: &[],
            peer_stats: peers,
            reference: &ReferenceData::default(),
        };
        let built = build_package(
            &request,
            folder.path(),
            &self.store,
            &self.master,
            &self.clock,
            &RealEntropy,
        )
        .expect("package");
        Package { folder, built }
    }
}

/// A package as a handheld has it.
pub(crate) struct Package {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) built: BuiltPackage,
}

impl Package {
    pub(crate) fn open(&self) -> PackageReader {
        PackageReader::open(self.folder.path(), &self.built.manifest, &self.built.key)
            .expect("open")
    }

    pub(crate) fn key(&self) -> &Key {
        &self.built.key
    }
}

/// The demo city in a folder.
pub(crate) fn city() -> (tempfile::TempDir, DemoSummary) {
    let dir = tempfile::tempdir().expect("dir");
    let made = demo_data(dir.path(), &DemoOptions::default()).expect("city");
    (dir, made)
}

/// A centre that has imported the demo city.
pub(crate) fn centre_with_city() -> (Centre, DemoSummary) {
    let (dir, made) = city();
    let centre = Centre::new();
    let (report, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(report.entities["fee_list_d"].imported, made.rows["fee_list_d"]);
    (centre, made)
}

/// Writes a minimal export: the four mandatory tables, then `more` (which may replace them).
pub(crate) fn export(more: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("dir");
    for (name, text) in MINIMAL {
        std::fs::write(dir.path().join(name), text).expect("file");
    }
    for (name, bytes) in more {
        std::fs::write(dir.path().join(name), bytes).expect("file");
    }
    dir
}

const MINIMAL: &[(&str, &str)] = &[
    ("fixmedins_b.csv", "fixmedins_code,fixmedins_name\nH01,示例医院\n"),
    (
        "mdtrt_d.csv",
        "mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime\n\
         V1,P1,H01,21,2026-01-05 08:00:00,2026-01-20 10:00:00\n\
         V2,P2,H01,11,2026-02-05 08:00:00,2026-02-05 09:00:00\n",
    ),
    (
        "setl_d.csv",
        "setl_id,mdtrt_id,psn_no,fixmedins_code,setl_time,medfee_sumamt\n\
         S1,V1,P1,H01,2026-01-20 10:30:00,100.10\n",
    ),
    (
        "fee_list_d.csv",
        "bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,fee_ocur_time,cnt,pric,det_item_fee_sumamt\n\
         1,V1,S1,P1,H01,2026-01-06 09:00:00,2,25.05,50.10\n\
         2,V1,S1,P1,H01,2026-01-07 09:00:00,1,50,50\n\
         1,V2,,P2,H01,2026-02-05 08:30:00,1,9.9,9.90\n",
    ),
];

/// Folder with the shared data, or `None` with a loud line.
pub(crate) fn shared(test: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("SPOTCHECK_SHARED").map_or(beside, PathBuf::from);
    if path.join("data").is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED {test}: the folder with the shared data is not there");
    None
}

/// Output of a Python script, or `None` with a loud line if a module is missing.
pub(crate) fn python(test: &str, modules: &[&str], script: &str, args: &[&str]) -> Option<String> {
    for module in modules {
        let found = Command::new("python3")
            .args(["-c", &format!("import {module}")])
            .output()
            .is_ok_and(|o| o.status.success());
        if !found {
            eprintln!("SKIPPED {test}: python3 module {module} is not installed");
            return None;
        }
    }
    let output =
        Command::new("python3").arg("-c").arg(script).args(args).output().expect("python3");
    assert!(output.status.success(), "{test}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text").trim().to_owned())
}
