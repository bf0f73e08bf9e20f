//! Reference data at the centre: sources as they came, versions of them, and one `reference.db` for all
//! packages.
//!
//! Public data. A source lies among the objects under its hash; what was said about it is a named value of
//! the database, one per addition, so that nothing is ever overwritten. The newest addition of a document
//! (by its number, else its title) is the one in force. `reference.db` is built when something changed and
//! else taken as it lies: equal content has equal bytes, and handhelds fetch it once.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use spotcheck_claims::package::REFERENCE_DB;
use spotcheck_claims::partition::REGION;
use spotcheck_claims::reference::import::{MAX_SOURCE_BYTES, read_source};
use spotcheck_claims::reference::{catalogue, close_replaced, fold};
use spotcheck_claims::{
    PartitionReader, PartitionStore, ReferenceData, RulePackRef, build_reference,
};
use spotcheck_domain::Trouble;
use spotcheck_domain::reference::{SourceOptions, SourceReport};

use crate::centre::Centre;
use crate::claims::{CentrePartitions, master_key};
use crate::objects::sha256_hex;
use crate::{Error, Result};

/// Names of the values that hold sources.
const SOURCE: &str = "reference.source.";
/// Name of the value that tells what the last `reference.db` was built from.
const BUILT: &str = "reference.built";
/// Raised when the same sources give another file.
const BUILDER: u32 = 1;

/// A source that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// ULID: the order of additions.
    pub id: String,
    /// Unix milliseconds.
    pub added_ms: i64,
    /// What the caller said.
    pub options: SourceOptions,
    /// What was read; rejects and remarks are left out.
    pub report: SourceReport,
}

impl Source {
    /// What makes two additions versions of one document.
    fn identity(&self) -> String {
        let named = [&self.report.number, &self.report.title, &self.report.file];
        named.into_iter().map(|n| fold(n)).find(|n| !n.is_empty()).unwrap_or_default()
    }
}

/// A source in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The source.
    #[serde(flatten)]
    pub source: Source,
    /// 1, 2 … of its document.
    pub version: u32,
    /// The newest version: the one that packages carry.
    pub current: bool,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was read.
    #[serde(flatten)]
    pub report: SourceReport,
    /// The same file with the same words was in force already.
    pub unchanged: bool,
}

/// All additions in their order.
///
/// # Errors
/// Those of the database.
pub fn list(centre: &Centre) -> Result<Vec<Listed>> {
    let mut all: Vec<Listed> = Vec::new();
    let mut newest: BTreeMap<String, (usize, u32)> = BTreeMap::new();
    for (_, body) in centre.repo().settings_under(SOURCE)? {
        let source: Source =
            serde_json::from_slice(&body).map_err(|_| Error::Stored("reference source"))?;
        let place = all.len();
        let before = newest.get(&source.identity()).copied();
        if let Some(old) = before.and_then(|(n, _)| all.get_mut(n)) {
            old.current = false;
        }
        let version = before.map_or(1, |(_, version)| version.saturating_add(1));
        newest.insert(source.identity(), (place, version));
        all.push(Listed { source, version, current: true });
    }
    Ok(all)
}

fn files(from: &Path) -> Result<Vec<std::path::PathBuf>> {
    if !from.is_dir() {
        return Ok(vec![from.to_owned()]);
    }
    let what = "read the folder of sources";
    let mut files = Vec::new();
    for entry in std::fs::read_dir(from).map_err(Error::io(what))? {
        let path = entry.map_err(Error::io(what))?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(['.', '~']));
        if path.is_file() && !hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Adds a file, or every file of a folder (not of folders inside it). `check`: reads and reports only.
///
/// # Errors
/// The first file that cannot be read as a whole; what was added before it stays.
pub fn add(
    centre: &Centre,
    from: &Path,
    options: &SourceOptions,
    check: bool,
) -> Result<Vec<Outcome>> {
    let what = "read a source";
    let mut outcomes = Vec::new();
    for path in files(from)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let size = std::fs::metadata(&path).map_err(Error::io(what))?.len();
        if size > MAX_SOURCE_BYTES {
            return Err(Error::refused(
                "REFERENCE-TOO-LARGE",
                format!("文件 {name} 超过 512 MB。"),
                "请拆分后导入。",
            ));
        }
        let bytes = std::fs::read(&path).map_err(Error::io(what))?;
        let (_, report) = read_source(&name, bytes.clone(), options).map_err(Trouble::from)?;
        let same = |l: &Listed| {
            l.current && l.source.report.sha256 == report.sha256 && l.source.options == *options
        };
        let unchanged = list(centre)?.iter().any(same);
        if !check && !unchanged {
            store(centre, &bytes, options, &report)?;
        }
        outcomes.push(Outcome { report, unchanged });
    }
    Ok(outcomes)
}

fn store(
    centre: &Centre,
    bytes: &[u8],
    options: &SourceOptions,
    report: &SourceReport,
) -> Result<()> {
    let what = "store a source";
    let id = centre.new_id();
    let file = centre.folder().work().join(format!("reference-{id}"));
    std::fs::write(&file, bytes).map_err(Error::io(what))?;
    centre.objects().adopt_as(&file, &report.sha256)?;
    let kept = SourceReport { rejects: Vec::new(), remarks: Vec::new(), ..report.clone() };
    let source = Source {
        id: id.clone(),
        added_ms: centre.now_ms(),
        options: options.clone(),
        report: kept,
    };
    let body = serde_json::to_vec(&source).map_err(|_| Error::Stored("reference source"))?;
    centre.repo().put_setting(&format!("{SOURCE}{id}"), &body)?;
    centre.record_act("reference-added", &report.sha256)
}

/// What a `reference.db` was built from, and which object it is.
#[derive(Debug, Serialize, Deserialize)]
struct Built {
    inputs: String,
    object: String,
}

/// Puts `reference.db` into the folder of a package: the one that lies there, or a new one if something
/// changed.
///
/// # Errors
/// Those of the system; a source among the objects that cannot be read any more.
pub fn place(centre: &Centre, folder: &Path, rule_packs: &[RulePackRef]) -> Result<()> {
    let what = "place reference.db";
    let current: Vec<Listed> = list(centre)?.into_iter().filter(|l| l.current).collect();
    let store = CentrePartitions::new(centre);
    let region = store.list(Some(REGION))?.into_iter().next();
    let said: Vec<_> = current.iter().map(|l| (&l.source.report, &l.source.options)).collect();
    let packs: Vec<_> = rule_packs.iter().map(|p| (&p.name, &p.version, &p.sha256)).collect();
    let inputs = (BUILDER, said, region.as_ref().map(|r| &r.name), packs);
    let inputs =
        sha256_hex(&serde_json::to_vec(&inputs).map_err(|_| Error::Stored("reference inputs"))?);
    let target = folder.join(REFERENCE_DB);
    let built = centre.repo().setting(BUILT)?;
    let built: Option<Built> = built.and_then(|body| serde_json::from_slice(&body).ok());
    let known = built.filter(|b| b.inputs == inputs).and_then(|b| centre.objects().path(&b.object));
    if let Some(known) = known.filter(|path| path.is_file()) {
        // A file system without hard links gets a copy.
        let linked = std::fs::hard_link(&known, &target);
        return linked
            .or_else(|_| std::fs::copy(&known, &target).map(|_| ()))
            .map_err(Error::io(what));
    }
    let mut data = ReferenceData::default();
    for listed in &current {
        let source = &listed.source;
        let path = centre.objects().path(&source.report.sha256).ok_or(Error::Stored("hash"))?;
        let bytes = std::fs::read(path).map_err(Error::io("read a source"))?;
        let read = read_source(&source.report.file, bytes, &source.options);
        data.documents.extend(read.map_err(Trouble::from)?.0);
    }
    close_replaced(&mut data.documents);
    if let Some(region) = region {
        let reader = PartitionReader::open(&store, &region, &master_key(centre)?);
        let reader = reader.map_err(Trouble::from)?;
        data.documents.push(catalogue(&reader).map_err(Trouble::from)?);
    }
    build_reference(&target, &data, rule_packs).map_err(Trouble::from)?;
    let mut file = std::fs::File::open(&target).map_err(Error::io(what))?;
    let (object, _) = crate::objects::hash_reader(&mut file)?;
    let body = serde_json::to_vec(&Built { inputs, object });
    centre.repo().put_setting(BUILT, &body.map_err(|_| Error::Stored("reference inputs"))?)
}
