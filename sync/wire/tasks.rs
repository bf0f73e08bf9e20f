//! `GET /v1/tasks` and `GET /v1/packages/{id}/{file}`.

use serde::{Deserialize, Serialize};
use spotcheck_domain::task::Task;

use crate::enrol::SignedTrust;

/// Schema of [`TaskList`].
pub const TASKS_SCHEMA: &str = "spotcheck-tasks/1";

/// Files of a package on the wire, in the order they are fetched.
pub const PACKAGE_FILES: [&str; 4] =
    ["package.json", "package.json.p7s", "reference.db", "claims.db"];

/// Tasks of the asking device with what it needs to work offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskList {
    /// `spotcheck-tasks/1`.
    pub schema: String,
    /// Tasks with their newest package.
    pub tasks: Vec<TaskItem>,
    /// Revocation lists, PEM, one per issuer.
    pub crls: Vec<NamedText>,
    /// Newest `time/1` entry: canonical JSON bytes as text.
    pub time_entry: String,
    /// Its C2SP tlog-proof (inclusion under a checkpoint at least as new).
    pub time_proof: String,
    /// Newest signed checkpoint.
    pub checkpoint: String,
    /// RFC 6962 consistency proof from the size given in `?from_size=` to the checkpoint, base64 hashes.
    pub consistency: Vec<String>,
    /// The trust statement anew, where the handheld named its intake keys (`?intake=`) and the present one of
    /// the centre is not among them. Only the intake key is taken from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<SignedTrust>,
}

/// Name of the query parameter of `GET /v1/tasks` by which a handheld names the intake keys that something on it
/// is sealed for, the present one first, separated by commas. [`UNKNOWN_INTAKE`] stands for one it cannot name.
pub const INTAKE_PARAMETER: &str = "intake";
/// An intake key that the handheld cannot name: a case it took over was sealed for it elsewhere.
pub const UNKNOWN_INTAKE: &str = "unknown";

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskItem {
    /// The task.
    pub task: Task,
    /// Its newest package for this device, if built.
    pub package: Option<PackageItem>,
}

/// A package that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageItem {
    /// Package id.
    pub id: String,
    /// All files: name, size, SHA-256.
    pub files: Vec<PackageFile>,
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFile {
    /// One of [`PACKAGE_FILES`].
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// A named text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedText {
    /// File name.
    pub name: String,
    /// Text.
    pub text: String,
}
