//! A facility's exports on sticks: what is mounted below the usual places, read as a whole, opened by `claims`.
//!
//! Only folders of two levels are looked at and links are not followed: a stick is somebody else's.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spotcheck_app::compare::FreshFile;
use spotcheck_app::ports::{ExportFile, Exports};
use spotcheck_claims::source::Format;
use spotcheck_claims::table::{Table, TableLimits};
use spotcheck_domain::grid::Grid;
use spotcheck_domain::{Trouble, TroubleResult};

/// Where sticks are mounted; one level of users' folders may lie between.
const MOUNTS: &[&str] = &["/media", "/run/media", "/mnt"];
/// Folders below these that are looked at.
const DEPTH: usize = 4;
/// Files that are shown.
const MOST: usize = 500;
/// What an export can be called.
const ENDINGS: &[&str] = &["xlsx", "xlsm", "xls", "csv", "txt", "tsv", "dbf"];

/// Sticks of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SticksAndPaths;

fn unreadable(cause: std::io::Error) -> Trouble {
    Trouble::new(
        "COMPARE-FILE",
        "导出文件读不出来",
        "没有改动任何数据",
        "检查U盘是否插好,重新插入后再选",
    )
    .because(cause)
    .retry()
}

fn fits(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    ENDINGS.contains(&ending.as_str()) && !name.starts_with(['.', '~', '$'])
}

fn search(folder: &Path, volume: &str, depth: usize, found: &mut Vec<(FreshFile, u64)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 && found.len() < MOST {
            // The first folders are mount points: the last of them names the stick.
            let volume = if depth > 2 { name.as_str() } else { volume };
            search(&path, volume, depth.saturating_sub(1), found);
        } else if kind.is_file() && fits(&path) && found.len() < MOST {
            let Ok(meta) = entry.metadata() else { continue };
            let changed = meta
                .modified()
                .ok()
                .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
                .map_or(0, |d| d.as_secs());
            let place = path.to_string_lossy().into_owned();
            let volume = volume.to_owned();
            found.push((FreshFile { place, name, volume, size: meta.len() }, changed));
        }
    }
}

impl Exports for SticksAndPaths {
    fn handle(&self) -> Box<dyn Exports> {
        Box::new(*self)
    }

    fn list(&mut self) -> TroubleResult<Vec<FreshFile>> {
        let mut found = Vec::new();
        for mount in MOUNTS {
            search(Path::new(mount), "", DEPTH, &mut found);
        }
        // What was just written comes first.
        found.sort_by(|(a, changed_a), (b, changed_b)| {
            (changed_b, &a.place).cmp(&(changed_a, &b.place))
        });
        Ok(found.into_iter().map(|(file, _)| file).collect())
    }

    fn read(&mut self, place: &str) -> TroubleResult<(String, Arc<[u8]>)> {
        let path = PathBuf::from(place);
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let most = TableLimits::default().bytes;
        let file = fs::File::open(&path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(unreadable(std::io::Error::other("no file")));
        }
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok((name, bytes.into()))
    }

    fn open(&self, name: &str, bytes: Arc<[u8]>) -> TroubleResult<Box<dyn ExportFile>> {
        Ok(Box::new(OpenTable(Table::open(name, bytes, TableLimits::default())?)))
    }
}

/// A table of `claims`.
struct OpenTable(Table);

impl ExportFile for OpenTable {
    fn sheets(&self) -> &[String] {
        self.0.sheets()
    }

    fn read(&self, sheet: usize, rows: &mut dyn FnMut(u64) -> bool) -> TroubleResult<Grid> {
        Ok(self.0.read(sheet, rows)?)
    }

    fn kind(&self) -> (&'static str, &'static str) {
        match self.0.format() {
            Format::Xlsx => {
                ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
            }
            Format::Xls => ("xls", "application/vnd.ms-excel"),
            Format::Dbf => ("dbf", "application/x-dbf"),
            Format::Text => ("csv", "text/csv"),
        }
    }
}
