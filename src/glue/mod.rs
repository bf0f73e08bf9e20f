//! Adapters that need more than one crate: where claims, documents, evidence, vault and device meet.

mod copies;
mod exports;
mod forms;
mod packages;
mod probes;
mod recorder;
mod reference;
mod rescue;
mod who;

pub(crate) use copies::{CopyRoom, LastRounds, SpareBlobs};
pub(crate) use exports::SticksAndPaths;
pub(crate) use forms::TypstForms;
pub(crate) use packages::PackageFolder;
pub(crate) use probes::DeviceProbes;
pub(crate) use recorder::{RecorderProcess, launch, run_recorder};
pub(crate) use reference::ReferenceFolder;
pub(crate) use rescue::RescueDir;
pub(crate) use who::Who;
