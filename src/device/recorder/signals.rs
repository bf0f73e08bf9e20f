//! SIGTERM, SIGINT and SIGHUP as an event of the main loop.
//!
//! The handler writes one byte into a pipe, the only thing it may do; a thread reads it. A signal mask with
//! signalfd was not chosen: it would have to be set before any other thread starts, which only `main` knows.

use std::io::{PipeReader, Read};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::Error;

static PIPE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(_signal: libc::c_int) {
    let fd = PIPE.load(Ordering::Relaxed);
    let byte = 1_u8;
    // SAFETY: write(2) is async-signal-safe; the buffer is one byte on this stack; a bad descriptor is an
    // error that is ignored.
    #[expect(unsafe_code, reason = "only write(2) may be called here")]
    unsafe {
        libc::write(fd, (&raw const byte).cast(), 1);
    }
}

/// Calls `then` on a thread of its own for the first of these signals.
pub(super) fn on_terminate(then: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let (reader, writer) = std::io::pipe().map_err(|e| Error::io("make a pipe", e))?;
    rustix::io::ioctl_fionbio(&writer, true).map_err(|e| Error::io("prepare a pipe", e))?;
    // Kept open for the life of the process: the handler may run at any time.
    PIPE.store(writer.into_raw_fd(), Ordering::Relaxed);
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        install(signal)?;
    }
    std::thread::spawn(move || wait(reader, then));
    Ok(())
}

fn wait(mut reader: PipeReader, then: impl FnOnce()) {
    let mut byte = [0_u8; 1];
    match reader.read_exact(&mut byte) {
        Ok(()) => then(),
        Err(e) => {
            tracing::error!(error = %e, fd = reader.as_raw_fd(), "Signals cannot be read.");
        }
    }
}

#[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
fn install(signal: libc::c_int) -> Result<(), Error> {
    // SAFETY: `sigaction` is a plain C struct for which all bits zero is a value: no flags, empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int) = on_signal;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: both pointers are valid for the call (the second may be null); the handler is
    // async-signal-safe and lives as long as the program.
    let done = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    if done == 0 {
        Ok(())
    } else {
        Err(Error::io("install a signal handler", std::io::Error::last_os_error()))
    }
}
