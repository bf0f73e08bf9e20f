//! Reference data on this handheld: `reference.db` of the packages, and the small file with what officers
//! added.
//!
//! The sources that were added are kept as they came, with what the officer said about them; the file that
//! is searched is built from all of them anew at every addition, whole and durable, so that a stop at any
//! moment leaves the old one or the new one.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spotcheck_app::ports::{KeyRing, References};
use spotcheck_app::reference::AddedSource;
use spotcheck_claims::package::REFERENCE_DB;
use spotcheck_claims::reference::import::read_source;
use spotcheck_claims::reference::{ReferenceData, close_replaced};
use spotcheck_claims::{ReferenceFile, build_reference};
use spotcheck_domain::reference::{ReferenceReader, SourceOptions, SourceReport};
use spotcheck_domain::time::day_number;
use spotcheck_domain::{ClockReading, TaskId, Trouble, TroubleResult};
use spotcheck_vault::{create_folder, write_durable};

use super::packages::PackageFolder;

/// What is searched.
const ADDED: &str = "added.db";
/// The sources as they came: `<sha256>.bin` and `<sha256>.json`.
const SOURCES: &str = "sources";
/// Largest source on a handheld, bytes.
const MAX_BYTES: usize = 64 << 20;

/// `DATA/reference` beside `DATA/packages`.
pub(crate) struct ReferenceFolder {
    packages: PackageFolder,
    folder: PathBuf,
}

/// What the officer said about a source.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    name: String,
    /// Order of addition, from 1.
    n: u64,
    options: SourceOptions,
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err hands over")]
fn failed(cause: std::io::Error) -> Trouble {
    Trouble::new(
        "REFERENCE-FILE",
        "参考资料文件读写失败",
        "原有的参考资料没有改动",
        "检查剩余空间后重试",
    )
    .because(cause.kind())
}

fn damaged(cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(
        "REFERENCE-DAMAGED",
        "以前添加的一份参考资料读不出来",
        "没有改动任何文件，任务的数据包不受影响",
        "请把错误代码和时间告诉中心",
    )
    .because(cause)
}

impl ReferenceFolder {
    /// Over the packages and a folder of its own.
    pub(crate) const fn new(packages: PackageFolder, folder: PathBuf) -> Self {
        Self { packages, folder }
    }

    fn sources(&self) -> PathBuf {
        self.folder.join(SOURCES)
    }

    /// What was added so far, in the order in which it was.
    fn kept(&self) -> TroubleResult<Vec<(Kept, PathBuf)>> {
        let entries = match fs::read_dir(self.sources()) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(failed(cause)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|e| e == "json") {
                let bytes = fs::read(&path).map_err(failed)?;
                let kept: Kept = serde_json::from_slice(&bytes)
                    .map_err(|cause| damaged(format_args!("{:?}", cause.classify())))?;
                all.push((kept, path.with_extension("bin")));
            }
        }
        all.sort_by(|a, b| (a.0.n, &a.1).cmp(&(b.0.n, &b.1)));
        Ok(all)
    }

    fn rebuild(&self) -> TroubleResult<()> {
        let mut documents = Vec::new();
        for (kept, path) in self.kept()? {
            let bytes = fs::read(path).map_err(failed)?;
            documents.extend(read_source(&kept.name, bytes, &kept.options)?.0);
        }
        close_replaced(&mut documents);
        // The centre's code tables come with the packages.
        let data = ReferenceData { codes: Vec::new(), divisions: Vec::new(), documents };
        let part = self.folder.join("added.db.part");
        if part.exists() {
            fs::remove_file(&part).map_err(failed)?;
        }
        build_reference(&part, &data, &[])?;
        fs::rename(&part, self.folder.join(ADDED)).map_err(failed)?;
        fs::File::open(&self.folder).and_then(|f| f.sync_all()).map_err(failed)
    }

    fn keep(
        &self,
        source: &AddedSource,
        options: SourceOptions,
        sha256: &str,
    ) -> TroubleResult<()> {
        create_folder(&self.folder).map_err(Trouble::from)?;
        create_folder(&self.sources()).map_err(Trouble::from)?;
        let kept = self.kept()?;
        let last = kept.iter().map(|(k, _)| k.n).max().unwrap_or(0);
        let path = self.sources().join(format!("{sha256}.json"));
        // The same file again may say something else about its dates; it keeps its place.
        let before = kept.iter().find(|(_, bin)| bin.with_extension("json") == path);
        let n = before.map_or(last.saturating_add(1), |(k, _)| k.n);
        let said = Kept { name: source.name.clone(), n, options };
        let said = serde_json::to_vec(&said).map_err(damaged)?;
        // Bytes first: a description without them would be damage.
        write_durable(&path.with_extension("bin"), &source.bytes).map_err(Trouble::from)?;
        write_durable(&path, &said).map_err(Trouble::from)
    }
}

fn options(source: &AddedSource) -> SourceOptions {
    let day = |text: &Option<String>| text.as_deref().and_then(day_number);
    SourceOptions {
        kind: source.kind,
        valid_from: day(&source.valid_from),
        valid_until: day(&source.valid_until),
    }
}

fn open(path: &Path, added: bool) -> TroubleResult<Box<dyn ReferenceReader>> {
    Ok(Box::new(ReferenceFile::open(path, added)?))
}

impl References for ReferenceFolder {
    fn of_package(
        &mut self,
        task: &TaskId,
        keys: &dyn KeyRing,
        at: &ClockReading,
        checked: &str,
    ) -> TroubleResult<Option<Box<dyn ReferenceReader>>> {
        let folder = self.packages.checked_folder(task, keys, at, checked)?;
        let path = folder.join(REFERENCE_DB);
        if path.is_file() { open(&path, false).map(Some) } else { Ok(None) }
    }

    fn added(&mut self) -> TroubleResult<Option<Box<dyn ReferenceReader>>> {
        let path = self.folder.join(ADDED);
        if path.is_file() { open(&path, true).map(Some) } else { Ok(None) }
    }

    fn add(&mut self, source: &AddedSource) -> TroubleResult<SourceReport> {
        if source.bytes.len() > MAX_BYTES {
            return Err(Trouble::new(
                "REFERENCE-TOO-LARGE",
                "文件超过 64 MB，手持机上不能添加",
                "没有添加任何内容",
                "请中心用 spotcheck-center policy add 导入，随数据包下发",
            ));
        }
        let options = options(source);
        let (_, report) = read_source(&source.name, source.bytes.clone(), &options)?;
        self.keep(source, options, &report.sha256)?;
        self.rebuild()?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

    use super::*;
    use spotcheck_domain::claims::Page;
    use spotcheck_domain::reference::ReferenceQuery;

    fn source(name: &str, text: &str) -> AddedSource {
        AddedSource {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
            kind: None,
            valid_from: None,
            valid_until: None,
        }
    }

    /// What officers add stays, each file once, and a later one repeals an earlier one that it names.
    #[test]
    fn additions_add_up_and_a_repealed_one_ends() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("reference");
        let packages = PackageFolder::new(dir.path().join("packages"));
        let mut folder = ReferenceFolder::new(packages, at.clone());
        assert!(folder.added().unwrap().is_none());
        let old = "示例办法\n示医保〔2020〕1号\n第一条 床位费按日计收。\n第二条 本办法自2020年1月1日起施行。\n";
        let new = "示例办法\n示医保〔2024〕2号\n第一条 床位费计入不计出。\n第二条 本办法自2024年1月1日起施行。\
                   《示例办法》(示医保〔2020〕1号)同时废止。\n";
        for text in [old, new, old] {
            folder.add(&source("办法.txt", text)).unwrap();
        }
        let reader = folder.added().unwrap().unwrap();
        let documents = reader.documents().unwrap();
        assert_eq!(documents.len(), 2, "the same file twice is one");
        assert_eq!(documents[0].end.as_deref(), Some("2023-12-31"));
        let asked = |on| ReferenceQuery { text: "床位费", on, kinds: &[], page: Page::first(9) };
        let hits = reader.look_up(&asked(day_number("2025-03-14"))).unwrap();
        assert!(hits[0].hits.len() == 1 && hits[0].hits[0].added, "{hits:?}");
        // What cannot be read changes nothing.
        assert!(folder.add(&source("x.pdf", "x")).is_err());
        assert_eq!(folder.added().unwrap().unwrap().documents().unwrap().len(), 2);
        assert_eq!(fs::read_dir(at.join(SOURCES)).unwrap().count(), 4);
    }
}
