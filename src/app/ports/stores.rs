//! The databases of cases and of the device.

use spotcheck_domain::{CaseId, TroubleResult};

use super::Key256;

/// One line of a journal as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// Sequence number, from 1.
    pub seq: u64,
    /// The line without LF.
    pub line: Vec<u8>,
}

/// Kind and key of the value by which a store says that it had to be salvaged: `{"pages","lost_values","kept",
/// "told"}` (R27). Whoever opens it tells and sets `told`.
pub const SALVAGED: &str = "salvaged";
/// See [`SALVAGED`].
pub const SALVAGED_KEY: &str = "store";
/// Kind of the value without which a case is none; see [`SALVAGED`].
pub const HEAD: &str = "meta";

/// The store of one case: journal lines and a few tables of JSON values, all in one database, every
/// method one durable transaction. Implemented by `store`.
pub trait CaseStore: Send {
    /// Appends journal lines and stores values in one transaction, `synchronous=FULL`.
    fn commit(&mut self, change: &CaseChange) -> TroubleResult<()>;
    /// All journal lines in order.
    fn journal(&mut self) -> TroubleResult<Vec<StoredLine>>;
    /// The journal's last line: sequence number and line.
    fn last_line(&mut self) -> TroubleResult<Option<StoredLine>>;
    /// All values of a kind by key, in order of first insertion.
    fn values(&mut self, kind: &str) -> TroubleResult<Vec<(String, String)>>;
    /// How many values of a kind there are.
    fn count(&mut self, kind: &str) -> TroubleResult<usize> {
        Ok(self.values(kind)?.len())
    }
    /// One value.
    fn value(&mut self, kind: &str, key: &str) -> TroubleResult<Option<String>>;
    /// All values: (kind, key, JSON), in order of first insertion.
    fn all_values(&mut self) -> TroubleResult<Vec<(String, String, String)>>;
}

/// One durable change of a case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseChange {
    /// New journal lines, continuing the chain.
    pub lines: Vec<StoredLine>,
    /// Values set: (kind, key, JSON).
    pub set: Vec<(String, String, String)>,
}

/// Opens stores. Implemented by `store`.
pub trait Stores: Send {
    /// Opens the database of a case; creates it where the case has not `begun` and nothing says that it was there.
    fn case_store(
        &mut self,
        case: &CaseId,
        key: &Key256,
        begun: bool,
    ) -> TroubleResult<Box<dyn CaseStore>>;
    /// The device's own store (device journal, tasks, outbox, checkpoints): same form as a case.
    fn device_store(&mut self, key: &Key256) -> TroubleResult<Box<dyn CaseStore>>;
}
