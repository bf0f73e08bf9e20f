//! Tables as they come: a directory or ZIP of CSV, TXT, XLSX, XLS and DBF files, read row by row.
//!
//! Every reader pushes rows into a sink instead of returning a table, so that memory stays flat however
//! long a file is (XLS excepted: it ends at 65,536 rows). Nothing is unpacked to disk; text inside a ZIP
//! is decompressed in a stream, spreadsheets and DBF inside a ZIP in memory.

mod compound;
pub(crate) mod dbf;
pub(crate) mod sheet;
pub(crate) mod text;

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::cell::Cell;
use crate::cipher::file_name;
use crate::error::{Error, Result};

pub use text::TextEncoding;

/// Largest spreadsheet or DBF inside a ZIP, uncompressed.
const MAX_IN_MEMORY: u64 = 1 << 30;

/// Receives one table after another.
pub trait TableSink {
    /// A table begins; `part` names the sheet where a file has several. `false`: not wanted.
    fn header(&mut self, part: Option<&str>, names: &[String]) -> Result<bool>;
    /// One row with as many cells as the header has names. `line` counts from 1, the header is line 1.
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<()>;
    /// A row that does not fit the header.
    fn broken(&mut self, line: u64, cells: &[String], reason: &str) -> Result<()>;
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Separated text.
    Text,
    /// Excel since 2007.
    Xlsx,
    /// Excel before.
    Xls,
    /// dBASE, FoxPro.
    Dbf,
}

impl Format {
    fn of(extension: &str) -> Option<Self> {
        match extension.to_lowercase().as_str() {
            "csv" | "txt" | "tsv" => Some(Self::Text),
            "xlsx" | "xlsm" => Some(Self::Xlsx),
            "xls" => Some(Self::Xls),
            "dbf" => Some(Self::Dbf),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
enum Place {
    Path(PathBuf),
    Zip(usize),
    /// Handed in as bytes.
    Memory(std::sync::Arc<[u8]>),
}

/// One file of a source.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Name without folders, e.g. `MDTRT_D.csv`.
    pub name: String,
    /// Name without extension, lower case.
    pub stem: String,
    /// How it is read.
    pub format: Format,
    place: Place,
}

impl SourceFile {
    /// True for workbooks.
    #[must_use]
    pub const fn has_sheets(&self) -> bool {
        matches!(self.format, Format::Xlsx | Format::Xls)
    }
}

/// A directory or ZIP with tables.
pub struct Source {
    files: Vec<SourceFile>,
    other: Vec<String>,
    zip: Option<zip::ZipArchive<BufReader<File>>>,
}

impl Source {
    /// Lists the tables of a directory (not of folders inside it) or a ZIP file.
    ///
    /// # Errors
    /// Neither can be read.
    pub fn open(from: &Path) -> Result<Self> {
        let mut source = Self { files: Vec::new(), other: Vec::new(), zip: None };
        if from.is_dir() {
            let what = || Error::io(file_name(from));
            for entry in std::fs::read_dir(from).map_err(what())? {
                let path = entry.map_err(what())?.path();
                if path.is_file() {
                    source.add(&file_name(&path), Place::Path(path.clone()));
                }
            }
        } else {
            let what = file_name(from);
            let file = File::open(from).map_err(Error::io(what.clone()))?;
            let fail = |e: zip::result::ZipError| Error::Source {
                file: what.clone(),
                reason: format!("不是可读的文件夹或ZIP ({e})"),
            };
            let archive = zip::ZipArchive::new(BufReader::new(file)).map_err(fail)?;
            let names: Vec<String> = archive
                .file_names()
                .map(|n| n.map(|n| n.into_owned()).unwrap_or_default())
                .collect();
            for (index, name) in names.iter().enumerate() {
                let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
                if !base.is_empty() {
                    source.add(base, Place::Zip(index));
                }
            }
            source.zip = Some(archive);
        }
        source.files.sort_by(|a, b| a.name.cmp(&b.name));
        source.other.sort();
        Ok(source)
    }

    /// One table that was read already; without a file if its name is none of a table.
    #[must_use]
    pub fn single(name: &str, bytes: Vec<u8>) -> Self {
        let mut source = Self { files: Vec::new(), other: Vec::new(), zip: None };
        source.add(name, Place::Memory(bytes.into()));
        source
    }

    fn add(&mut self, name: &str, place: Place) {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        match Format::of(extension) {
            // Office programs leave lock files `~$name.xlsx`, archives of Macs `._name.csv`.
            Some(format) if !name.starts_with(['~', '.']) => self.files.push(SourceFile {
                name: name.to_owned(),
                stem: stem.to_lowercase(),
                format,
                place,
            }),
            _ => self.other.push(name.to_owned()),
        }
    }

    /// Files that can be read, by name.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Names of files of other kinds.
    #[must_use]
    pub fn other(&self) -> &[String] {
        &self.other
    }

    /// The file of that name, in any case, with or without extension.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&SourceFile> {
        let name = name.to_lowercase();
        let same = |f: &&SourceFile| f.name.to_lowercase() == name || f.stem == name;
        self.files.iter().find(same)
    }

    /// Reads a file into `sink`. Returns the encoding it was read in, for text and DBF.
    ///
    /// # Errors
    /// The file as a whole cannot be read, or what the sink returns.
    pub fn read(
        &mut self,
        file: &SourceFile,
        encoding: Option<TextEncoding>,
        sink: &mut dyn TableSink,
    ) -> Result<Option<TextEncoding>> {
        match file.format {
            Format::Text => {
                let encoding = match encoding {
                    Some(encoding) => encoding,
                    None => self.with_reader(file, |r| text::detect(r, &file.name))?,
                };
                self.with_reader(file, |r| text::read(r, encoding, &file.name, sink))?;
                Ok(Some(encoding))
            }
            Format::Dbf => {
                let found = self.with_reader(file, |r| text::detect(r, &file.name))?;
                let encoding = encoding.unwrap_or(found);
                match &file.place {
                    Place::Path(path) => {
                        let reader = open(path)?;
                        dbf::read(reader, encoding, &file.name, sink)?;
                    }
                    Place::Memory(bytes) => {
                        let reader = Cursor::new(bytes.clone());
                        dbf::read(reader, encoding, &file.name, sink)?;
                    }
                    Place::Zip(_) => {
                        let bytes = self.in_memory(file)?;
                        dbf::read(Cursor::new(bytes), encoding, &file.name, sink)?;
                    }
                }
                Ok(Some(encoding))
            }
            Format::Xlsx | Format::Xls => {
                match &file.place {
                    Place::Path(path) => sheet::read(open(path)?, file, sink)?,
                    Place::Memory(bytes) => sheet::read(Cursor::new(bytes.clone()), file, sink)?,
                    Place::Zip(_) => sheet::read(Cursor::new(self.in_memory(file)?), file, sink)?,
                }
                Ok(None)
            }
        }
    }

    /// Names of a workbook's sheets.
    ///
    /// # Errors
    /// It is no workbook.
    pub fn sheets(&mut self, file: &SourceFile) -> Result<Vec<String>> {
        match &file.place {
            Place::Path(path) => sheet::names(open(path)?, file),
            Place::Memory(bytes) => sheet::names(Cursor::new(bytes.clone()), file),
            Place::Zip(_) => sheet::names(Cursor::new(self.in_memory(file)?), file),
        }
    }

    fn with_reader<T>(
        &mut self,
        file: &SourceFile,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        match &file.place {
            Place::Path(path) => read(&mut open(path)?),
            Place::Memory(bytes) => read(&mut Cursor::new(bytes.clone())),
            Place::Zip(index) => {
                let fail = |e: &dyn std::fmt::Display| Error::Source {
                    file: file.name.clone(),
                    reason: format!("ZIP内文件无法读取 ({e})"),
                };
                let archive = self.zip.as_mut().ok_or_else(|| fail(&"no archive"))?;
                let mut entry = archive.by_index(*index).map_err(|e| fail(&e))?;
                read(&mut entry)
            }
        }
    }

    fn in_memory(&mut self, file: &SourceFile) -> Result<Vec<u8>> {
        self.with_reader(file, |reader| {
            let mut bytes = Vec::new();
            let limit = MAX_IN_MEMORY.saturating_add(1);
            reader.take(limit).read_to_end(&mut bytes).map_err(Error::io(file.name.clone()))?;
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_IN_MEMORY {
                let reason = "ZIP内的表格超过1GB，请解压后导入".to_owned();
                return Err(Error::Source { file: file.name.clone(), reason });
            }
            Ok(bytes)
        })
    }
}

/// Calls a reader that is not ours. Some panic over damaged files; that is a damaged file, and must end
/// neither an import nor a program with an open visit. (Found by fuzzing.)
pub(crate) fn guarded<T>(file: &str, read: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .map_err(|_| Error::Source {
            file: file.to_owned(), reason: "文件内部结构损坏".to_owned()
        })
}

/// A text in whatever encoding it came; what cannot be decoded becomes U+FFFD.
///
/// # Errors
/// None for bytes in memory; the signature is that of every reader here.
pub fn decode(bytes: &[u8], name: &str) -> Result<(String, TextEncoding)> {
    let encoding = text::detect(&mut Cursor::new(bytes), name)?;
    let (decoded, _, _) = encoding.codec().decode(bytes);
    Ok((decoded.into_owned(), encoding))
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(Error::io(file_name(path)))?;
    Ok(BufReader::with_capacity(1 << 18, file))
}

/// Column names as the contract writes them: trimmed; what the sink makes of case is its business.
pub(crate) fn header_names<'a>(
    cells: impl Iterator<Item = std::borrow::Cow<'a, str>>,
) -> Vec<String> {
    let mut names: Vec<String> = cells.map(|c| crate::cell::trim(&c).to_owned()).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}
