//! The part of librime's C interface that is used, with the checks that make it safe to call.
//!
//! `rime_get_api` gives a table of functions that only grows at its end and says its own size, so a function
//! is taken by its place and only when the table reaches that far (`RIME_API_AVAILABLE` of `rime_api.h`).
//! Layouts are those of librime 1.8.5's header (as Debian packages it, GPL-3-compatible); later versions keep them.
#![allow(unsafe_code, reason = "the C interface of librime; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::{size_of, transmute};
use std::ptr::{NonNull, null, null_mut};
use std::sync::Once;

use super::super::dl::Library;

const NAMES: [&CStr; 2] = [c"librime.so.1", c"librime.so"];

/// Places of functions in the table, after `data_size`.
mod place {
    pub(super) const SETUP: usize = 0;
    pub(super) const INITIALIZE: usize = 2;
    pub(super) const FINALIZE: usize = 3;
    pub(super) const CREATE_SESSION: usize = 13;
    pub(super) const DESTROY_SESSION: usize = 15;
    pub(super) const PROCESS_KEY: usize = 18;
    pub(super) const CLEAR_COMPOSITION: usize = 20;
    pub(super) const GET_CONTEXT: usize = 23;
    pub(super) const FREE_CONTEXT: usize = 24;
    pub(super) const GET_CURRENT_SCHEMA: usize = 33;
    pub(super) const SELECT_SCHEMA: usize = 34;
    pub(super) const GET_VERSION: usize = 72;
    pub(super) const LIST_BEGIN: usize = 75;
    pub(super) const LIST_NEXT: usize = 76;
    pub(super) const LIST_END: usize = 77;
}

type Session = usize;

/// `RimeTraits` up to version 1.6.
#[repr(C)]
struct Traits {
    data_size: c_int,
    shared_data_dir: *const c_char,
    user_data_dir: *const c_char,
    distribution_name: *const c_char,
    distribution_code_name: *const c_char,
    distribution_version: *const c_char,
    app_name: *const c_char,
    modules: *const *const c_char,
    min_log_level: c_int,
    log_dir: *const c_char,
    prebuilt_data_dir: *const c_char,
    staging_dir: *const c_char,
}

#[repr(C)]
struct RawCandidate {
    text: *mut c_char,
    comment: *mut c_char,
    reserved: *mut c_void,
}

#[repr(C)]
struct CandidateIterator {
    ptr: *mut c_void,
    index: c_int,
    candidate: RawCandidate,
}

/// `RimeContext`; only the preedit is read, the rest has to have its size.
#[repr(C)]
struct Context {
    data_size: c_int,
    length: c_int,
    cursor_pos: c_int,
    sel_start: c_int,
    sel_end: c_int,
    preedit: *mut c_char,
    page_size: c_int,
    page_no: c_int,
    is_last_page: c_int,
    highlighted: c_int,
    num_candidates: c_int,
    candidates: *mut RawCandidate,
    select_keys: *mut c_char,
    commit_text_preview: *mut c_char,
    select_labels: *mut *mut c_char,
}

type SetupFn = unsafe extern "C" fn(*mut Traits);
type VoidFn = unsafe extern "C" fn();
type CreateFn = unsafe extern "C" fn() -> Session;
type SessionFn = unsafe extern "C" fn(Session) -> c_int;
type KeyFn = unsafe extern "C" fn(Session, c_int, c_int) -> c_int;
type ContextFn = unsafe extern "C" fn(Session, *mut Context) -> c_int;
type FreeContextFn = unsafe extern "C" fn(*mut Context) -> c_int;
type SchemaFn = unsafe extern "C" fn(Session, *mut c_char, usize) -> c_int;
type SelectFn = unsafe extern "C" fn(Session, *const c_char) -> c_int;
type VersionFn = unsafe extern "C" fn() -> *const c_char;
type BeginFn = unsafe extern "C" fn(Session, *mut CandidateIterator) -> c_int;
type NextFn = unsafe extern "C" fn(*mut CandidateIterator) -> c_int;
type EndFn = unsafe extern "C" fn(*mut CandidateIterator);

/// The functions, looked up once.
#[derive(Clone, Copy)]
pub(super) struct Api {
    setup: SetupFn,
    initialize: SetupFn,
    finalize: VoidFn,
    create_session: CreateFn,
    destroy_session: SessionFn,
    process_key: KeyFn,
    clear_composition: SessionFn,
    get_context: ContextFn,
    free_context: FreeContextFn,
    get_current_schema: SchemaFn,
    select_schema: SelectFn,
    get_version: VersionFn,
    list_begin: BeginFn,
    list_next: NextFn,
    list_end: EndFn,
}

/// Folders librime is told about.
pub(super) struct Folders {
    pub(super) shared: CString,
    pub(super) prebuilt: CString,
    pub(super) user: CString,
    pub(super) staging: CString,
}

/// Size of a versioned struct as librime counts it: without the size field itself.
fn counted<T>() -> c_int {
    size_of::<T>().saturating_sub(size_of::<c_int>()).try_into().unwrap_or(0)
}

/// A function of the table by its place, if the table reaches so far.
macro_rules! at {
    ($table:expr, $place:expr, $kind:ty) => {{
        let address = entry($table, $place)?;
        // SAFETY: `rime_api.h` keeps this function with the signature `$kind` at this place for all
        // versions whose table reaches it; data and function pointers have one size on Linux.
        unsafe { transmute::<NonNull<c_void>, $kind>(address) }
    }};
}

fn entry(table: NonNull<c_int>, place: usize) -> Option<NonNull<c_void>> {
    // SAFETY: the table begins with an int, its size in bytes without that int.
    let size = usize::try_from(unsafe { table.read() }).ok()?;
    let pointer = size_of::<*mut c_void>();
    // The first pointer stands behind the int and its padding.
    let offset = place.checked_add(1)?.checked_mul(pointer)?;
    if offset.checked_add(pointer)? > size.checked_add(size_of::<c_int>())? {
        return None;
    }
    // SAFETY: just checked to lie inside the table, which lives as long as the library; aligned, because
    // table and offset are multiples of a pointer.
    NonNull::new(unsafe { table.cast::<*mut c_void>().add(place.checked_add(1)?).read() })
}

impl Api {
    /// Loads the library and its table; `None` where it is missing or too old.
    pub(super) fn load() -> Option<Self> {
        let library = Library::open(&NAMES)?;
        let get_api = library.symbol(c"rime_get_api")?;
        // SAFETY: `rime_get_api` of rime_api.h takes nothing and returns a table of static lifetime.
        let table = unsafe {
            transmute::<NonNull<c_void>, unsafe extern "C" fn() -> *mut c_int>(get_api)()
        };
        let table = NonNull::new(table)?;
        Some(Self {
            setup: at!(table, place::SETUP, SetupFn),
            initialize: at!(table, place::INITIALIZE, SetupFn),
            finalize: at!(table, place::FINALIZE, VoidFn),
            create_session: at!(table, place::CREATE_SESSION, CreateFn),
            destroy_session: at!(table, place::DESTROY_SESSION, SessionFn),
            process_key: at!(table, place::PROCESS_KEY, KeyFn),
            clear_composition: at!(table, place::CLEAR_COMPOSITION, SessionFn),
            get_context: at!(table, place::GET_CONTEXT, ContextFn),
            free_context: at!(table, place::FREE_CONTEXT, FreeContextFn),
            get_current_schema: at!(table, place::GET_CURRENT_SCHEMA, SchemaFn),
            select_schema: at!(table, place::SELECT_SCHEMA, SelectFn),
            get_version: at!(table, place::GET_VERSION, VersionFn),
            list_begin: at!(table, place::LIST_BEGIN, BeginFn),
            list_next: at!(table, place::LIST_NEXT, NextFn),
            list_end: at!(table, place::LIST_END, EndFn),
        })
    }

    /// Version the library says.
    pub(super) fn version(&self) -> String {
        // SAFETY: takes nothing, returns a static C string.
        text(unsafe { (self.get_version)() }).unwrap_or_default()
    }

    /// Starts librime on these folders. It neither logs to files nor deploys.
    pub(super) fn start(&self, folders: &Folders) {
        let name = c"spotcheck".as_ptr();
        let mut traits = Traits {
            data_size: counted::<Traits>(),
            shared_data_dir: folders.shared.as_ptr(),
            user_data_dir: folders.user.as_ptr(),
            distribution_name: name,
            distribution_code_name: name,
            distribution_version: c"1".as_ptr(),
            app_name: c"rime.spotcheck".as_ptr(),
            modules: null(),
            // Fatal errors only: messages may quote what was typed.
            min_log_level: 3,
            // Empty means the standard error stream instead of files.
            log_dir: c"".as_ptr(),
            prebuilt_data_dir: folders.prebuilt.as_ptr(),
            staging_dir: folders.staging.as_ptr(),
        };
        // Once per process: a second set-up makes the logging library end the program.
        static SET_UP: Once = Once::new();
        // SAFETY: `traits` has the layout and size it says and outlives both calls, which copy it.
        SET_UP.call_once(|| unsafe { (self.setup)(&raw mut traits) });
        // SAFETY: as above; may be called again after `finalize`.
        unsafe { (self.initialize)(&raw mut traits) };
    }

    /// Ends librime.
    pub(super) fn stop(&self) {
        // SAFETY: called once, after the last session is destroyed.
        unsafe { (self.finalize)() };
    }

    /// A session under a schema; `None` where the schema cannot be loaded.
    pub(super) fn session(&self, schema: &CStr) -> Option<Session> {
        // SAFETY: librime is started; 0 means no session.
        let session = unsafe { (self.create_session)() };
        if session == 0 {
            return None;
        }
        let mut current = [0_u8; 64];
        // SAFETY: a live session, a C string, and a buffer with its size.
        let selected = unsafe {
            (self.select_schema)(session, schema.as_ptr()) != 0
                && (self.get_current_schema)(session, current.as_mut_ptr().cast(), current.len())
                    != 0
        };
        let is_ours = CStr::from_bytes_until_nul(&current).is_ok_and(|c| c == schema);
        if selected && is_ours {
            return Some(session);
        }
        self.end(session);
        None
    }

    /// Ends a session.
    pub(super) fn end(&self, session: Session) {
        // SAFETY: librime looks the number up and ignores unknown ones.
        unsafe { (self.destroy_session)(session) };
    }

    /// Drops what is open and types these ASCII keys.
    pub(super) fn type_keys(&self, session: Session, keys: &str) {
        // SAFETY: librime looks the session up and ignores unknown ones.
        unsafe {
            (self.clear_composition)(session);
            for key in keys.bytes() {
                (self.process_key)(session, c_int::from(key), 0);
            }
        }
    }

    /// Drops what is open.
    pub(super) fn clear(&self, session: Session) {
        self.type_keys(session, "");
    }

    /// The keys as librime cuts them, with spaces between syllables.
    pub(super) fn preedit(&self, session: Session) -> String {
        let mut context = Context {
            data_size: counted::<Context>(),
            length: 0,
            cursor_pos: 0,
            sel_start: 0,
            sel_end: 0,
            preedit: null_mut(),
            page_size: 0,
            page_no: 0,
            is_last_page: 0,
            highlighted: 0,
            num_candidates: 0,
            candidates: null_mut(),
            select_keys: null_mut(),
            commit_text_preview: null_mut(),
            select_labels: null_mut(),
        };
        // SAFETY: `context` has the layout and size it says; librime fills it and frees what it filled; the
        // preedit is copied before.
        unsafe {
            if (self.get_context)(session, &raw mut context) == 0 {
                return String::new();
            }
            let preedit = text(context.preedit).unwrap_or_default();
            (self.free_context)(&raw mut context);
            preedit
        }
    }

    /// The first candidates.
    pub(super) fn candidates(&self, session: Session, most: usize) -> Vec<String> {
        let nothing = RawCandidate { text: null_mut(), comment: null_mut(), reserved: null_mut() };
        let mut list = CandidateIterator { ptr: null_mut(), index: 0, candidate: nothing };
        let mut out = Vec::new();
        // SAFETY: `list` has the layout of the header; begin, next and end are called as it demands, and each
        // text is copied before the next call frees it.
        unsafe {
            if (self.list_begin)(session, &raw mut list) == 0 {
                return out;
            }
            while out.len() < most && (self.list_next)(&raw mut list) != 0 {
                out.extend(text(list.candidate.text));
            }
            (self.list_end)(&raw mut list);
        }
        out
    }
}

/// Copies a C string.
fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: every caller passes a string librime just gave and has not freed.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}
