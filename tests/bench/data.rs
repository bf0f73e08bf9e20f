//! The data under the measures: a planted city, imported and packed as the centre does it, and DuckDB's own file.
//!
//! Made once into `target/bench/data/<name>` and used again as long as the folder is there; the file `made.json`
//! is written last. Text files and partitions are removed when nothing needs them any more, because twelve
//! million lines take gigabytes in every shape. Everything in it is invented, so the key may lie beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use spotcheck_claims::{
    ClaimsKey, DirPartitionStore, FindingRow, ImportRequest, ImportTools, Key, MappingLimits,
    PackageManifest, PackageReader, PackageRequest, ReferenceData, Reject, TruthOptions,
    build_package, import_dir, truth_data,
};
use spotcheck_domain::{ManualClock, PackageId, SeededEntropy, TaskId};

use crate::measure::{Watch, child, number, object, told};

/// The hospital that is measured; the planted city has two smaller houses and a pharmacy beside it.
pub(crate) const HOUSE: &str = "H99010100001";
/// 2026-11-20 09:30 in Beijing.
const NOW_MS: i64 = 1_795_138_200_000;
/// Fee lines of the standard facility (claims.md §2).
pub(crate) const LARGE: u64 = 12_000_000;
/// What must stay free on the disk.
const KEEP_FREE: u64 = 12_000_000_000;

/// How much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// 100,000 lines, 35,000 persons.
    Small,
    /// 1 and 12 million lines, 350,000 persons.
    Full,
}

impl Scale {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Full => "full",
        }
    }

    /// Lines of the hospital in the ordinary package.
    pub(crate) const fn lines(self) -> u64 {
        match self {
            Self::Small => 100_000,
            Self::Full => 1_000_000,
        }
    }
}

/// `target/bench`, made if it is not there.
pub(crate) fn folder() -> Result<PathBuf> {
    let root = spotcheck_tests::root();
    let folder = std::env::var_os("SPOTCHECK_BENCH")
        .map_or_else(|| root.join("target/bench"), PathBuf::from);
    std::fs::create_dir_all(folder.join("data"))?;
    Ok(folder)
}

/// Data that lies ready.
pub(crate) struct Made {
    pub(crate) folder: PathBuf,
    /// What was said when it was made.
    pub(crate) said: Value,
}

impl Made {
    pub(crate) fn claims(&self) -> PathBuf {
        self.folder.join("package/claims.db")
    }

    pub(crate) fn duckdb(&self) -> PathBuf {
        self.folder.join("city.duckdb")
    }

    pub(crate) fn name(&self) -> String {
        self.folder.display().to_string()
    }
}

/// Bytes free where the data lie.
fn free(folder: &Path) -> Result<u64> {
    let there = rustix::fs::statvfs(folder)?;
    Ok(there.f_bavail * there.f_frsize)
}

/// The Python of the peers, or the system's; `None` if it has no such module.
pub(crate) fn python(module: &str) -> Option<PathBuf> {
    let own = spotcheck_tests::root().join("tests/.peers/venv/bin/python3");
    [own, PathBuf::from("python3")].into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", &format!("import {module}")]).output();
        tried.is_ok_and(|o| o.status.success())
    })
}

/// The planted city with about `lines` fee lines in the hospital, and DuckDB's file of it.
pub(crate) fn planted(lines: u64) -> Result<Made> {
    ready(&format!("city-{lines}"), lines, |name| child("city", &[name, &lines.to_string()]))
}

/// Whether a city of that size and what is made of it have room.
pub(crate) fn ensure_room(folder: &Path, lines: u64) -> Result<()> {
    // At most about 1.8 kB a line lie there at one time, in all shapes together.
    let needed = lines * 1_800 + KEEP_FREE;
    let free = free(folder)?;
    ensure!(
        free > needed,
        "{} MB free, {} MB needed for {lines} lines",
        free / 1_000_000,
        needed / 1_000_000
    );
    Ok(())
}

/// Data that `write` puts into `city` as text files, imported and packed; made once.
pub(crate) fn ready(
    name: &str,
    lines: u64,
    write: impl FnOnce(&str) -> Result<Value>,
) -> Result<Made> {
    let folder = folder()?.join("data").join(name);
    let made = folder.join("made.json");
    if let Ok(bytes) = std::fs::read(&made) {
        return Ok(Made { folder, said: serde_json::from_slice(&bytes)? });
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    ensure_room(&folder, lines)?;
    eprintln!("making {name}");
    let path = folder.display().to_string();
    let city = write(&path)?;
    eprintln!("{city}");
    let import = child("import", &[&path])?;
    eprintln!("{import}");
    let duckdb = match python("duckdb") {
        Some(python) if name.starts_with("city") => {
            let script = spotcheck_tests::root().join("tests/python/rules_bench.py");
            let mut load = Command::new(python);
            load.arg(script).arg("load").arg(folder.join("city")).arg(HOUSE);
            load.arg(folder.join("city.duckdb"));
            object(load, "DuckDB load")?
        }
        _ => Value::Null,
    };
    eprintln!("{duckdb}");
    std::fs::remove_dir_all(folder.join("city"))?;
    let package = child("package", &[&path])?;
    eprintln!("{package}");
    std::fs::remove_dir_all(folder.join("partitions"))?;
    let said = json!({ "city": city, "import": import, "package": package, "duckdb": duckdb });
    std::fs::write(made, said.to_string())?;
    Ok(Made { folder, said })
}

fn place(arguments: &[String]) -> Result<&Path> {
    Ok(Path::new(arguments.first().context("which folder?")?))
}

/// Share of the city's lines that fall to [`HOUSE`], in hundredths.
const SHARE: u64 = 72;

/// Child: the text files.
pub(crate) fn city(arguments: &[String]) -> Result<Value> {
    let lines: u64 = arguments.get(1).context("how many lines?")?.parse()?;
    let watch = Watch::start();
    let options = TruthOptions { lines: lines * 100 / SHARE, ..TruthOptions::default() };
    let made = truth_data(&place(arguments)?.join("city"), &options)?;
    Ok(
        json!({ "lines": made.rows.get("fee_list_d"), "persons": made.rows.get("psn"), "wall": watch.wall() }),
    )
}

fn master() -> ClaimsKey {
    ClaimsKey::new([7; 32])
}

/// Child: `city` into `partitions`.
pub(crate) fn import(arguments: &[String]) -> Result<Value> {
    let folder = place(arguments)?;
    let (work, from) = (folder.join("work"), folder.join("city"));
    let store = DirPartitionStore::open(&folder.join("partitions")).map_err(told)?;
    let mut rejects: Vec<Reject> = Vec::new();
    let watch = Watch::start();
    let request = ImportRequest {
        from: &from,
        mapping: None,
        facility: None,
        check: false,
        work: &work,
        limits: MappingLimits::default(),
    };
    let mut tools = ImportTools {
        store: &store,
        master: &master(),
        rejects: &mut rejects,
        clock: &ManualClock::at_ms(NOW_MS),
        entropy: &SeededEntropy::new(1),
        progress: None,
    };
    import_dir(&request, &mut tools)?;
    let said = json!({ "wall": watch.wall(), "cpu": watch.cpu(), "rejected": rejects.len() });
    let _ = std::fs::remove_dir_all(work);
    Ok(said)
}

/// Findings of the centre as the package carries them: as many and as long as an audit of such a house gives.
fn findings() -> Vec<FindingRow> {
    let body = json!({
        "rule": "C05", "pack": "national@2026.1", "grade": "S", "fixmedins_code": HOUSE,
        "reason": "同一日同一项目收取的次数多于所记执行次数,多 2 次,涉及金额 86.00 元。".repeat(4),
        "look_at": "医嘱单、执行记录与费用清单逐日对照。".repeat(4),
        "why_wrong": "补记账、跨日执行或者执行记录未上传时,可能没有多收。".repeat(4),
    });
    (0..3_000)
        .map(|n| FindingRow {
            rule: "C05".to_owned(),
            pack: "national@2026.1".to_owned(),
            grade: "S".to_owned(),
            fixmedins_code: Some(HOUSE.to_owned()),
            bkkp_sn: vec![format!("F{n:07}")],
            reason: format!("第 {n} 条"),
            body: body.to_string(),
            ..FindingRow::default()
        })
        .collect()
}

/// Child: the package of [`HOUSE`].
pub(crate) fn package(arguments: &[String]) -> Result<Value> {
    let folder = place(arguments)?;
    let store = DirPartitionStore::open(&folder.join("partitions")).map_err(told)?;
    let (clock, entropy) = (ManualClock::at_ms(NOW_MS), SeededEntropy::new(2));
    let task = TaskId::parse("T-2026-0001").ok().context("task")?;
    let id = PackageId::generate(&clock, &entropy);
    let request = PackageRequest {
        task: &task,
        package: &id,
        fixmedins_code: HOUSE,
        period: None,
        valid_from: "2026-11-20T00:00:00.000+08:00",
        valid_until: "2026-12-20T00:00:00.000+08:00",
        rule_packs: &[],
        pack_files: &[],
        findings: &findings(),
        peer_stats: &[],
        reference: &ReferenceData::default(),
    };
    let out = folder.join("package");
    std::fs::create_dir_all(&out)?;
    let watch = Watch::start();
    let built = build_package(&request, &out, &store, &master(), &clock, &entropy)?;
    let (wall, cpu) = (watch.wall(), watch.cpu());
    std::fs::write(out.join("package.json"), built.manifest.to_bytes()?)?;
    std::fs::write(out.join("key"), built.key.as_slice())?;
    let rows = |table: &str| built.manifest.tables.get(table).map(|t| t.rows);
    let size = std::fs::metadata(out.join("claims.db"))?.len();
    let (lines, persons) = (rows("fee_list_d"), rows("person_search"));
    Ok(json!({ "wall": wall, "cpu": cpu, "lines": lines, "persons": persons, "bytes": size }))
}

/// The manifest and the key of a package made by [`package`].
pub(crate) fn manifest(folder: &Path) -> Result<(PackageManifest, Key)> {
    let manifest = PackageManifest::parse(&std::fs::read(folder.join("package/package.json"))?)?;
    let bytes = std::fs::read(folder.join("package/key"))?;
    let Ok(bytes) = <[u8; 32]>::try_from(bytes) else { bail!("the key has another length") };
    Ok((manifest, Key::new(bytes)))
}

/// Opens the package as the handheld does.
pub(crate) fn open(folder: &Path) -> Result<PackageReader> {
    let (manifest, key) = manifest(folder)?;
    Ok(PackageReader::open(&folder.join("package"), &manifest, &key)?)
}

/// Fee lines in the package, in millions.
pub(crate) fn millions(made: &Made) -> Result<String> {
    let lines = number(&made.said["package"], "lines")? / 1e6;
    Ok(format!("{lines:.2}"))
}
