//! The recorder process: listens, records, and ends when nobody needs it any more.
//!
//! It ends three seconds after the last connection if nothing is being recorded. While something is, it
//! goes on without its parent for `recorder.orphan_hours`, until a new parent stops the recordings, until
//! SIGTERM, or until the sink refuses (storage reserve reached): in each case every recording is closed in
//! order.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_app::desk::RecordingKind;
use spotcheck_domain::{Trouble, TroubleResult};
use zeroize::Zeroizing;

use super::frame::{read_frame, write_frame};
use super::message::{Reply, Request, SCHEMA};
use super::session::Session;
use super::spawn::{READY_LINE, TROUBLE_LINE};
use super::{FragmentSink, FragmentSource, Progress, signals, socket};
use crate::capture::Devices;
use crate::{DataLock, DeviceConfig, Error, harden_process};

const TICK: Duration = Duration::from_millis(500);
/// Longest that one progress request may wait.
const WAIT_LIMIT: Duration = Duration::from_secs(5);
/// A recorder that is just ending still holds the lock for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// Makes the sink of one recording from its order.
type MakeSink = Box<dyn FnMut(&Value) -> TroubleResult<Box<dyn FragmentSink>> + Send>;

/// How the recorder behaves; from `device.toml`, shortened in tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildOptions {
    /// The data folder: socket and lock lie here.
    pub data: PathBuf,
    /// How long recordings go on without any parent.
    pub orphan_limit: Duration,
    /// How long an idle recorder stays.
    pub linger: Duration,
}

impl ChildOptions {
    /// As configured.
    #[must_use]
    pub fn new(data: &Path, config: &DeviceConfig) -> Self {
        let hours = u64::from(config.recorder.orphan_hours);
        Self {
            data: data.to_owned(),
            orphan_limit: Duration::from_secs(hours.saturating_mul(3600)),
            linger: Duration::from_secs(3),
        }
    }
}

/// The whole life of the recorder process; to be called from the hidden sub-command that the program starts
/// itself with. Returns when the recorder is no longer needed.
///
/// # Errors
/// Whatever keeps it from starting; the parent is told before it returns.
pub fn child_main(
    options: &ChildOptions,
    config: &DeviceConfig,
    make_sink: impl FnMut(&Value) -> TroubleResult<Box<dyn FragmentSink>> + Send + 'static,
) -> TroubleResult<()> {
    let open = || -> TroubleResult<Arc<Devices>> {
        harden_process()?;
        let devices = Arc::new(Devices::open(config)?);
        let warming = Arc::clone(&devices);
        std::thread::spawn(move || warming.warm_up());
        Ok(devices)
    };
    match open() {
        Ok(devices) => serve(options, devices, make_sink),
        Err(trouble) => {
            announce_trouble(&trouble);
            Err(trouble)
        }
    }
}

/// [`child_main`] over any source.
///
/// # Errors
/// Another recorder holds this data folder, or the socket cannot be made.
pub fn serve(
    options: &ChildOptions,
    source: Arc<dyn FragmentSource>,
    make_sink: impl FnMut(&Value) -> TroubleResult<Box<dyn FragmentSink>> + Send + 'static,
) -> TroubleResult<()> {
    let (events, inbox) = mpsc::channel();
    let prepared = lock(&options.data).and_then(|lock| {
        let on_signal = events.clone();
        signals::on_terminate(move || drop(on_signal.send(Event::Terminate)))?;
        let listener = socket::listen(&options.data).map_err(|e| Error::io("listen", e))?;
        Ok((lock, listener))
    });
    let (_lock, listener) = match prepared {
        Ok(prepared) => prepared,
        Err(e) => {
            let trouble = Trouble::from(e);
            announce_trouble(&trouble);
            return Err(trouble);
        }
    };
    let recorder = Arc::new(Recorder {
        source,
        make_sink: Mutex::new(Box::new(make_sink)),
        sessions: Mutex::default(),
        connections: AtomicUsize::new(0),
    });
    let accepting = Arc::clone(&recorder);
    std::thread::spawn(move || accept(&listener, &accepting, &events));
    announce(READY_LINE);
    let mut last_needed = Instant::now();
    let mut heard = false;
    loop {
        match inbox.recv_timeout(TICK) {
            Ok(Event::Terminate) => break,
            Ok(Event::Connected) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        recorder.tick();
        let limit = if recorder.is_recording() { options.orphan_limit } else { options.linger };
        if recorder.connections.load(Ordering::Acquire) > 0 {
            last_needed = Instant::now();
            heard = true;
        } else if std::mem::take(&mut heard) {
            // Whoever asked to listen ahead is gone: nothing is kept for nobody.
            if let Err(trouble) = recorder.source.listen_ahead(false) {
                tracing::debug!(code = %trouble.code, "Listening ahead did not end.");
            }
        } else if last_needed.elapsed() > limit {
            break;
        }
    }
    // No new parent from here on; then everything that runs is closed.
    socket::remove(&options.data);
    recorder.end_all();
    Ok(())
}

enum Event {
    Connected,
    Terminate,
}

fn lock(data: &Path) -> Result<DataLock, Error> {
    let begun = Instant::now();
    loop {
        match DataLock::acquire_named(data, "recorder.lock") {
            Err(Error::DataLocked { .. }) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

/// Tells the parent on standard output, then lets go of it.
fn announce(line: &str) {
    let mut out = std::io::stdout();
    // On a line of its own, whatever was printed before.
    let told = writeln!(out, "\n{line}").and_then(|()| out.flush());
    if let Err(e) = told {
        tracing::debug!(error = %e, "Nobody waits for the recorder.");
    }
    let silence = std::fs::OpenOptions::new().write(true).open("/dev/null");
    if let Ok(silence) = silence
        && let Err(e) = rustix::stdio::dup2_stdout(&silence)
    {
        tracing::warn!(error = %e, "Standard output could not be closed.");
    }
}

fn announce_trouble(trouble: &Trouble) {
    match serde_json::to_string(trouble) {
        Ok(json) => announce(&format!("{TROUBLE_LINE}{json}")),
        Err(e) => tracing::error!(error = %e, "A trouble could not be written."),
    }
}

fn accept(listener: &UnixListener, recorder: &Arc<Recorder>, events: &Sender<Event>) {
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(e) => {
                tracing::warn!(error = %e, "A connection failed.");
                continue;
            }
        };
        if !socket::is_own_user(&stream) {
            tracing::warn!("A connection of another user was refused.");
            continue;
        }
        let connection = Connection::new(recorder);
        std::thread::spawn(move || {
            if let Err(e) = connection.0.converse(stream) {
                tracing::debug!(error = %e, "A connection ended.");
            }
        });
        if events.send(Event::Connected).is_err() {
            return;
        }
    }
}

/// Counted as long as it lives, however its thread ends.
struct Connection(Arc<Recorder>);

impl Connection {
    fn new(recorder: &Arc<Recorder>) -> Self {
        recorder.connections.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(recorder))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Recorder {
    source: Arc<dyn FragmentSource>,
    make_sink: Mutex<MakeSink>,
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
    connections: AtomicUsize,
}

impl Recorder {
    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Session>> {
        self.sessions().values().map(Arc::clone).collect()
    }

    fn session(&self, key: &str) -> Option<Arc<Session>> {
        self.sessions().get(key).map(Arc::clone)
    }

    fn tick(&self) {
        self.source.tick();
        for session in self.all() {
            session.end_if_broken();
        }
    }

    fn is_recording(&self) -> bool {
        self.all().iter().any(|session| session.is_running())
    }

    fn end_all(&self) {
        for session in self.all() {
            // Its trouble is in the log; whatever is on disk is closed by the recovery.
            drop(session.end());
        }
    }

    fn converse(&self, mut stream: UnixStream) -> std::io::Result<()> {
        while let Some((request, _)) = read_frame::<Request>(&mut stream)? {
            let (reply, bytes) = self.answer(request).unwrap_or_else(|trouble| {
                tracing::info!(code = %trouble.code, cause = %trouble.cause, "A request failed.");
                (Reply::Trouble { trouble }, Zeroizing::default())
            });
            write_frame(&mut stream, &reply, &bytes)?;
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> TroubleResult<(Reply, Zeroizing<Vec<u8>>)> {
        let reply = match request {
            Request::Hello { schema } if schema == SCHEMA => {
                Reply::Welcome { schema: SCHEMA.to_owned(), pid: std::process::id() }
            }
            Request::Hello { schema } => return Err(Error::RecorderProtocol(schema).into()),
            Request::Start { key, kind, order } => {
                Reply::Started { progress: self.start(&key, kind, order)? }
            }
            Request::Progress { key, past_ms, wait_ms } => {
                let wait = Duration::from_millis(wait_ms).min(WAIT_LIMIT);
                let session = self.session(&key);
                Reply::Progress { progress: session.map(|s| s.progress(past_ms, wait)) }
            }
            Request::Stop { key } => {
                let session = self.session(&key).ok_or(Error::NoSuchRecording)?;
                Reply::Stopped { outcome: session.end()? }
            }
            Request::Cover { key, on } => {
                let session = self.session(&key).ok_or(Error::NoSuchRecording)?;
                Reply::Covered { at_ms: session.cover(on)? }
            }
            Request::Encoder {} => Reply::Encoder { name: self.source.encoder()? },
            Request::List {} => {
                let recordings = self.all().iter().map(|s| s.describe()).collect();
                Reply::List { recordings }
            }
            Request::Photo {} => return Ok((Reply::Picture {}, self.source.photo()?)),
            Request::Viewfinder {} => match self.source.viewfinder()? {
                Some(jpeg) => return Ok((Reply::Picture {}, Zeroizing::new(jpeg))),
                None => Reply::NoPicture {},
            },
            Request::Sound { ms } => {
                let length = Duration::from_millis(ms).min(WAIT_LIMIT);
                Reply::Sound { level: self.source.loudest(length)? }
            }
            Request::Ahead { on } => Reply::Ahead { held_ms: self.source.listen_ahead(on)? },
            Request::Report {} => Reply::Report { report: self.source.report() },
        };
        Ok((reply, Zeroizing::default()))
    }

    fn start(&self, key: &str, kind: RecordingKind, order: Value) -> TroubleResult<Progress> {
        let session = {
            let mut sessions = self.sessions();
            if sessions.get(key).is_some_and(|s| s.is_running()) {
                return Err(Error::AlreadyRunning.into());
            }
            // Under the lock, so that one key is ordered once; making a sink is opening a folder.
            let mut make = self.make_sink.lock().unwrap_or_else(PoisonError::into_inner);
            let sink = make(&order)?;
            let session = Session::new(key.to_owned(), kind, order, sink);
            sessions.insert(key.to_owned(), Arc::clone(&session));
            session
        };
        session.begin(self.source.as_ref()).inspect_err(|_| {
            session.give_up();
            let mut sessions = self.sessions();
            if sessions.get(key).is_some_and(|s| Arc::ptr_eq(s, &session)) {
                sessions.remove(key);
            }
        })
    }
}
