//! What keeps the memory of this process to itself.
//!
//! Keys and recordings are in memory in clear while they are used. A core dump or a debugger of the same
//! user would put them on disk, so both are switched off before anything secret is read. Locking all memory
//! was not chosen: the GUI's fonts and images would use up the limit that the key pages need.

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask,
};

use crate::Error;

/// Switches off core dumps and tracing (`RLIMIT_CORE` 0, `PR_SET_DUMPABLE` 0) and lets new files be
/// readable by their owner only (umask 077). Call first thing in `main`.
///
/// # Errors
/// [`Error::Io`] if the kernel refuses; the caller must not go on then.
pub fn harden_process() -> Result<(), Error> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(|e| Error::io("switch off core dumps", e))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| Error::io("switch off tracing", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_core_dump_and_no_tracing_after_hardening() {
        harden_process().unwrap();
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
    }
}
