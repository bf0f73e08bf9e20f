//! Loads a shared library at run time.
//!
//! librime and libzinnia are optional: the program must start without them, so they are opened by name when
//! a keyboard is made and never linked. `libc` is used directly; a wrapper crate would add nothing to three
//! calls. A library stays loaded until the process ends: both keep global state that outlives a handle.
#![allow(unsafe_code, reason = "opening foreign libraries; each block says why it is sound")]

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// An opened library.
#[derive(Debug, Clone, Copy)]
pub(super) struct Library(NonNull<c_void>);

// SAFETY: the handle is only passed to dlsym, which may be called from any thread.
unsafe impl Send for Library {}

impl Library {
    /// Opens the first of these names the loader finds.
    pub(super) fn open(names: &[&CStr]) -> Option<Self> {
        names.iter().find_map(|name| {
            // SAFETY: `name` is a C string; RTLD_LOCAL keeps its symbols to ourselves. Initialisers of the
            // library run here, as they would at program start.
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            NonNull::new(handle).map(Self)
        })
    }

    /// Address of a symbol.
    pub(super) fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>> {
        // SAFETY: the handle came from dlopen and is never closed; `name` is a C string.
        NonNull::new(unsafe { libc::dlsym(self.0.as_ptr(), name.as_ptr()) })
    }
}

#[cfg(test)]
mod tests {
    use super::Library;

    #[test]
    fn a_library_that_is_not_there_is_none() {
        assert!(Library::open(&[c"libspotcheck-none.so.0"]).is_none());
    }
}
