//! The whole world a template can see: its own files, the data, two fonts, one date.
//!
//! No file system, no packages, no network, no clock: a template that asks for anything else gets "not
//! found", and the same inputs give the same pages everywhere.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World, WorldExt};

use spotcheck_domain::time::BEIJING_OFFSET_S;

use crate::Error;
use crate::fonts::{Faces, faces};

fn library() -> &'static LazyHash<Library> {
    static LIBRARY: OnceLock<LazyHash<Library>> = OnceLock::new();
    LIBRARY.get_or_init(|| LazyHash::new(Library::builder().build()))
}

/// Calendar fields in Beijing of a Unix time in milliseconds.
pub(crate) fn beijing(unix_ms: i64) -> Result<Datetime, Error> {
    let zone = FixedOffset::east_opt(BEIJING_OFFSET_S).ok_or(Error::Time)?;
    let t = DateTime::from_timestamp_millis(unix_ms).ok_or(Error::Time)?.with_timezone(&zone);
    let small = |n: u32| u8::try_from(n).map_err(|_| Error::Time);
    Datetime::from_ymd_hms(
        t.year(),
        small(t.month())?,
        small(t.day())?,
        small(t.hour())?,
        small(t.minute())?,
        small(t.second())?,
    )
    .ok_or(Error::Time)
}

/// What a template sees.
pub(crate) struct Desk {
    faces: &'static Faces,
    main: FileId,
    sources: BTreeMap<String, Source>,
    files: BTreeMap<String, Bytes>,
    today: Datetime,
}

fn id(name: &str) -> Result<FileId, Error> {
    let path = VirtualPath::new(name).map_err(|_| Error::Template(name.to_owned()))?;
    Ok(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
}

impl Desk {
    /// `templates`: Typst files, the last one is compiled. `data`: files they may read.
    pub(crate) fn new(
        templates: &[(&str, &str)],
        data: Vec<(String, Vec<u8>)>,
        today_ms: i64,
    ) -> Result<Self, Error> {
        let main = templates.last().ok_or(Error::UnknownForm)?.0;
        let mut sources = BTreeMap::new();
        for (name, text) in templates {
            sources.insert((*name).to_owned(), Source::new(id(name)?, (*text).to_owned()));
        }
        let files = data.into_iter().map(|(name, bytes)| (name, Bytes::new(bytes))).collect();
        Ok(Self { faces: faces()?, main: id(main)?, sources, files, today: beijing(today_ms)? })
    }

    /// Where in our templates a diagnostic points. Its message is left out of a release: it could quote a
    /// value of the form.
    pub(crate) fn position(&self, diagnostic: &SourceDiagnostic) -> String {
        let place = diagnostic.span.id().and_then(|file| {
            let name = file.get().vpath().get_without_slash().to_owned();
            let offset = self.range(diagnostic.span)?.start;
            let line = self.sources.get(&name)?.lines().byte_to_line(offset)?;
            Some(format!("{name}:{}", line.saturating_add(1)))
        });
        let place = place.unwrap_or_else(|| "unknown place".to_owned());
        if cfg!(debug_assertions) { format!("{place}: {}", diagnostic.message) } else { place }
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        library()
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.faces.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let path = id.get();
        match path.root() {
            VirtualRoot::Project => self
                .sources
                .get(path.vpath().get_without_slash())
                .cloned()
                .ok_or(FileError::AccessDenied),
            VirtualRoot::Package(_) => Err(FileError::AccessDenied),
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let path = id.get();
        match path.root() {
            VirtualRoot::Project => self
                .files
                .get(path.vpath().get_without_slash())
                .cloned()
                .ok_or(FileError::AccessDenied),
            VirtualRoot::Package(_) => Err(FileError::AccessDenied),
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.faces.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        Some(self.today)
    }
}
