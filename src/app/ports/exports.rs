//! Files that a facility hands over on a stick, and findings that go onto one.

use std::sync::Arc;

use spotcheck_domain::TroubleResult;
use spotcheck_domain::grid::Grid;

use crate::compare::FreshFile;
use crate::findings::Stick;

/// An opened table of a facility. Implemented over `claims` in the composition root.
pub trait ExportFile: Send + Sync {
    /// Names of the sheets.
    fn sheets(&self) -> &[String];
    /// Reads one sheet; `rows` hears how many rows were read and stops by `false`.
    fn read(&self, sheet: usize, rows: &mut dyn FnMut(u64) -> bool) -> TroubleResult<Grid>;
    /// Extension in the bag and media type, by what the file is, not by what it calls itself.
    fn kind(&self) -> (&'static str, &'static str);
}

/// Files that a facility hands over on a stick.
pub trait Exports: Send {
    /// Another handle, for work beside the desk.
    fn handle(&self) -> Box<dyn Exports>;
    /// Tables on sticks.
    fn list(&mut self) -> TroubleResult<Vec<FreshFile>>;
    /// Name and bytes of a file, whole: what is hashed, kept and compared are the same bytes.
    fn read(&mut self, place: &str) -> TroubleResult<(String, Arc<[u8]>)>;
    /// Opens what was read.
    fn open(&self, name: &str, bytes: Arc<[u8]>) -> TroubleResult<Box<dyn ExportFile>>;
    /// Sticks that are mounted.
    fn sticks(&mut self) -> TroubleResult<Vec<Stick>>;
    /// Writes a new file onto a stick, durably; a name that is taken gets a number. Gives the name back.
    fn write(&mut self, stick: &str, name: &str, bytes: &[u8]) -> TroubleResult<String>;
}
