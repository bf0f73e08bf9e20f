//! Starts the recorder so that it outlives its parent and inherits nothing from it.
//!
//! A session of its own (a closing terminal or a killed process group does not reach it), standard streams
//! to nowhere (a script that waits for our output must not wait for the recorder), and every other
//! descriptor closed: an inherited lock or database would be held for hours.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use spotcheck_domain::{Trouble, TroubleResult};

use crate::Error;

/// First start after an installation: GStreamer looks at all its plug-ins once.
const READY: Duration = Duration::from_secs(45);
pub(super) const READY_LINE: &str = "spotcheck-recorder ready";
pub(super) const TROUBLE_LINE: &str = "spotcheck-recorder trouble ";

/// How the recorder is started: this executable and the arguments that make it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; no secrets.
    pub args: Vec<OsString>,
    /// Additional environment; no secrets.
    pub env: Vec<(OsString, OsString)>,
}

impl Launch {
    /// This program with other arguments. If its file was replaced by an update meanwhile, the one that
    /// runs is started once more, not the new one: both sides must speak the same version.
    ///
    /// # Errors
    /// [`Error::Io`] if `/proc` is not there.
    pub fn this_program(args: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let exe = std::env::current_exe().map_err(|e| Error::io("find this program", e))?;
        let program = if exe.exists() { exe } else { PathBuf::from("/proc/self/exe") };
        Ok(Self { program, args: args.into_iter().collect(), env: Vec::new() })
    }
}

/// Starts it and waits until it listens or says why it cannot.
pub(super) fn spawn(launch: &Launch, data: &Path) -> TroubleResult<Child> {
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.args)
        .envs(launch.env.iter().map(|(k, v)| (k, v)))
        // Debugging aids of GStreamer that would write files.
        .env_remove("GST_DEBUG_DUMP_DOT_DIR")
        .env_remove("GST_DEBUG_FILE")
        .env_remove("GST_TRACERS")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if std::env::var_os("HOME").is_none() && std::env::var_os("XDG_CACHE_HOME").is_none() {
        // A kiosk without a home: GStreamer's list of plug-ins lies in the data folder.
        command.env("GST_REGISTRY", data.join("cache/gstreamer-registry.bin"));
    }
    leave_everything_behind(&mut command);
    let mut child = command.spawn().map_err(|e| Error::RecorderStart(e.to_string()))?;
    let Some(stdout) = child.stdout.take() else {
        return Err(Error::RecorderStart("no pipe".to_owned()).into());
    };
    match wait_ready(stdout) {
        Ok(()) => Ok(child),
        Err(trouble) => {
            if let Err(e) = child.kill().and_then(|()| child.wait().map(|_| ())) {
                tracing::debug!(error = %e, "A recorder that did not start was gone already.");
            }
            Err(trouble)
        }
    }
}

fn wait_ready(stdout: ChildStdout) -> TroubleResult<()> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut result = Err(Error::RecorderStart("it ended".to_owned()).into());
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line == READY_LINE {
                result = Ok(());
                break;
            }
            if let Some(json) = line.strip_prefix(TROUBLE_LINE) {
                result = Err(serde_json::from_str::<Trouble>(json)
                    .unwrap_or_else(|e| Error::RecorderStart(e.to_string()).into()));
                break;
            }
        }
        // The receiver may have given up.
        drop(tell.send(result));
    });
    told.recv_timeout(READY)
        .unwrap_or_else(|_| Err(Error::RecorderStart("it does not get ready".to_owned()).into()))
}

/// Runs in the new process between fork and exec, where only async-signal-safe calls are allowed.
#[expect(unsafe_code, reason = "pre_exec and close_range have no safe form")]
fn leave_everything_behind(command: &mut Command) {
    // SAFETY: the closure calls system calls only (setsid, close_range, fcntl): nothing that allocates or
    // takes a lock.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            close_on_exec_from(3);
            Ok(())
        });
    }
}

/// Marks all descriptors from `first` on to be closed by exec (marking, because the standard library still
/// needs one of them to report a failing exec).
#[expect(unsafe_code, reason = "close_range has no safe wrapper")]
fn close_on_exec_from(first: libc::c_uint) {
    const MOST: libc::c_int = 4096;
    let flags = libc::c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).unwrap_or(0);
    // SAFETY: only flags of descriptors are changed; no memory is passed.
    let done = unsafe { libc::close_range(first, libc::c_uint::MAX, flags) };
    if done == 0 {
        return;
    }
    // Kernels before 5.11 do not know the flag.
    for fd in libc::c_int::try_from(first).unwrap_or(3)..MOST {
        // SAFETY: as above; a number that is no descriptor is an error that is ignored.
        unsafe {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}
