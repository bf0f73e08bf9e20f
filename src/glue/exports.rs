//! A facility's exports on sticks: what is mounted below the usual places, read as a whole, opened by `claims`.
//!
//! Only folders of two levels are looked at and links are not followed: a stick is somebody else's.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spotcheck_app::compare::FreshFile;
use spotcheck_app::findings::Stick;
use spotcheck_app::ports::{ExportFile, Exports};
use spotcheck_claims::source::Format;
use spotcheck_claims::table::{Table, TableLimits};
use spotcheck_device::config::SticksConfig;
use spotcheck_domain::grid::Grid;
use spotcheck_domain::{Trouble, TroubleResult};

/// Folders below these that are looked at.
const DEPTH: usize = 4;
/// Files that are shown.
const MOST: usize = 500;
/// What an export can be called.
const ENDINGS: &[&str] = &["xlsx", "xlsm", "xls", "csv", "txt", "tsv", "dbf"];

/// Sticks of this machine: what is mounted below these folders.
#[derive(Debug, Clone)]
pub(crate) struct SticksAndPaths {
    below: Vec<PathBuf>,
}

impl SticksAndPaths {
    pub(crate) fn new(config: &SticksConfig) -> Self {
        Self { below: config.below.clone() }
    }
}

fn unreadable(cause: std::io::Error) -> Trouble {
    Trouble::new(
        "COMPARE-FILE",
        "导出文件读不出来",
        "没有改动任何数据",
        "检查U盘是否插好，重新插入后再选",
    )
    .because(cause)
    .retry()
}

fn unwritable(cause: std::io::Error) -> Trouble {
    Trouble::new(
        "FINDINGS-STICK",
        "线索清单没有写到U盘上",
        "线索和案卷都没有改动",
        "检查U盘是否插好、有没有写保护、空间够不够，再导出一次",
    )
    .because(cause)
    .retry()
}

/// Mount points below these folders, by the kernel's own table, in which a blank is `\\040`.
fn sticks(mounts: &str, below: &[PathBuf]) -> Vec<Stick> {
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let mut sticks: Vec<Stick> = places
        .map(|place| place.replace("\\040", " "))
        .filter(|place| below.iter().any(|m| Path::new(place).starts_with(m)))
        .map(|place| {
            let name = place.rsplit('/').next().unwrap_or_default().to_owned();
            Stick { place, name }
        })
        .collect();
    sticks.sort_by(|a, b| a.place.cmp(&b.place));
    sticks.dedup();
    sticks
}

/// A file that was not there; a name that is taken gets a number before its ending.
fn write_new(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<String> {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "bin"));
    for n in 1_u32..=999 {
        let name = if n == 1 { name.to_owned() } else { format!("{stem}-{n}.{ending}") };
        let made = fs::OpenOptions::new().write(true).create_new(true).open(folder.join(&name));
        let mut file = match made {
            Ok(file) => file,
            Err(taken) if taken.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        file.write_all(bytes)?;
        file.sync_all()?;
        return Ok(name);
    }
    Err(std::io::Error::other("all names are taken"))
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
        Box::new(self.clone())
    }

    fn list(&mut self) -> TroubleResult<Vec<FreshFile>> {
        let mut found = Vec::new();
        for mount in &self.below {
            search(mount, "", DEPTH, &mut found);
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

    fn sticks(&mut self) -> TroubleResult<Vec<Stick>> {
        let mounts = fs::read_to_string("/proc/self/mounts").map_err(unwritable)?;
        Ok(sticks(&mounts, &self.below))
    }

    fn write(&mut self, stick: &str, name: &str, bytes: &[u8]) -> TroubleResult<String> {
        if !self.sticks()?.iter().any(|s| s.place == stick) {
            return Err(unwritable(std::io::Error::other("no such stick")));
        }
        write_new(Path::new(stick), name, bytes).map_err(unwritable)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

    use super::*;

    #[test]
    fn only_what_is_mounted_at_the_usual_places_is_a_stick() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\n\
                      /dev/sdb1 /media/officer/KEEP\\040IT vfat rw 0 0\n\
                      tmpfs /mediation tmpfs rw 0 0\n";
        let found = sticks(mounts, &SticksConfig::default().below);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].place.ends_with("KEEP IT")),
            ("KEEP IT", true)
        );
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..3)
            .map(|n| write_new(folder.path(), "事实清单-2026-11-20.csv", &[n]).unwrap())
            .collect();
        assert_eq!(names[2], "事实清单-2026-11-20-3.csv");
        assert_eq!(fs::read(folder.path().join(&names[0])).unwrap(), [0]);
        assert!(write_new(&folder.path().join("gone"), "a.csv", &[]).is_err());
    }
}
