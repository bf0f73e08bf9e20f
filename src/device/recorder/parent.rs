//! The program's side of the recorder: connects, or starts one if nobody answers.
//!
//! Whatever happens to the recorder comes back as a trouble, never as an end of this process. After a
//! timeout the connection is thrown away, because an answer that comes late would be taken for the next one.
//! A recorder that hangs holds up nothing else: after one timeout it is asked again for a moment only, what is known of its
//! recordings stands, and a stop ends it, so that what it stored can be closed from disk.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_app::desk::RecordingKind;
use spotcheck_domain::TroubleResult;
use zeroize::Zeroizing;

use super::frame::{read_frame, write_frame};
use super::message::{Progress, Reply, Request, RunningRecording, SCHEMA};
use super::socket;
use super::spawn::{Launch, spawn};
use crate::Error;
use crate::capture::DeviceReport;

/// What the recorder's command line has in it.
const NAME: &[u8] = b"recorder";
const QUICK: Duration = Duration::from_secs(8);
/// A greeting touches no storage and no device.
const HELLO: Duration = Duration::from_secs(3);
/// One that hung a moment ago is asked for so long, and not again for the other.
const AGAIN: Duration = Duration::from_millis(300);
const REST: Duration = Duration::from_secs(5);
/// A hanging one that is told to stop.
const LAST_CALL: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(30);
/// Closing writes a segment of up to 16 MiB on a slow card.
const STOP: Duration = Duration::from_secs(90);

/// Handle on the recorder of one data folder.
#[derive(Debug)]
pub struct Parent {
    data: PathBuf,
    launch: Launch,
    pub(super) link: Option<UnixStream>,
    pid: Option<u32>,
    /// Kept to be reaped; it goes on when this is dropped.
    pub(super) child: Option<Child>,
    last: BTreeMap<String, Progress>,
    /// When it last did not answer in time, if it has not answered since.
    silent: Option<Instant>,
}

impl Parent {
    /// For a data folder; connects to nothing yet.
    #[must_use]
    pub fn new(data: &Path, launch: Launch) -> Self {
        Self {
            data: data.to_owned(),
            launch,
            link: None,
            pid: None,
            child: None,
            last: BTreeMap::new(),
            silent: None,
        }
    }

    /// Connects to a recorder that runs already; `false` if there is none.
    ///
    /// # Errors
    /// `RECORDER-PROTOCOL`: one of another version runs.
    pub fn attach(&mut self) -> TroubleResult<bool> {
        match self.silent {
            Some(since) if since.elapsed() < REST && self.link.is_none() => {
                Err(Error::RecorderTimeout.into())
            }
            Some(_) => self.attach_within(AGAIN),
            None => self.attach_within(HELLO),
        }
    }

    fn attach_within(&mut self, patience: Duration) -> TroubleResult<bool> {
        if self.link.is_some() {
            return Ok(true);
        }
        let Ok(link) = socket::connect(&self.data) else {
            self.silent = None;
            return Ok(false);
        };
        self.link = Some(link);
        match self.exchange(&hello(), patience) {
            Ok((Reply::Welcome { schema, pid }, _)) if schema == SCHEMA => {
                self.pid = Some(pid);
                Ok(true)
            }
            Ok((Reply::Trouble { trouble }, _)) => {
                self.link = None;
                Err(trouble)
            }
            Ok(_) => {
                self.link = None;
                Err(Error::RecorderProtocol("greeting".to_owned()).into())
            }
            // It was just ending.
            Err(Error::RecorderGone(_)) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Connects, starting the recorder if there is none. Call it early (at the start, at unlocking), so
    /// that the first recording does not wait for it.
    ///
    /// # Errors
    /// `RECORDER-START`, or the recorder's own reason (`DEVICE-GSTREAMER` …).
    pub fn warm(&mut self) -> TroubleResult<()> {
        self.reap();
        // A link to a recorder that is gone looks alive until it is used.
        if self.link.is_some()
            && let Err(error) = self.exchange(&hello(), HELLO)
        {
            tracing::warn!(%error, "The recorder is gone; another one is started.");
        }
        if self.attach()? {
            return Ok(());
        }
        // One that is killed while it starts says nothing about the next one.
        let started = spawn(&self.launch, &self.data).or_else(|trouble| {
            tracing::warn!(code = %trouble.code, "The recorder did not start; once more.");
            spawn(&self.launch, &self.data)
        });
        if let Ok(child) = started {
            self.child = Some(child);
        } else if self.attach()? {
            // Somebody else started one at the same moment.
            return Ok(());
        } else {
            started?;
        }
        if self.attach()? {
            return Ok(());
        }
        Err(Error::RecorderStart("it does not answer".to_owned()).into())
    }

    /// Process id of the recorder we speak with.
    #[must_use]
    pub const fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Starts a recording under `key` (unique among running ones); returns when its first fragment is
    /// durable. `order` goes to the sink's maker as it is and must hold no secret.
    ///
    /// # Errors
    /// `DEVICE-MICROPHONE`, `DEVICE-CAMERA`, `RECORDER-*`, and what making the sink says.
    pub fn start(
        &mut self,
        key: &str,
        kind: RecordingKind,
        order: &Value,
    ) -> TroubleResult<Progress> {
        self.warm()?;
        let request = Request::Start { key: key.to_owned(), kind, order: order.clone() };
        match self.ask(&request, START)? {
            (Reply::Started { progress }, _) => {
                self.last.insert(key.to_owned(), progress.clone());
                Ok(progress)
            }
            _ => Err(unexpected()),
        }
    }

    /// Where a recording stands; `None` if the recorder does not know it. If the recorder is gone, the last
    /// known state with `running` false.
    ///
    /// # Errors
    /// `RECORDER-GONE` if nothing was ever known, `RECORDER-TIMEOUT`.
    pub fn progress(&mut self, key: &str) -> TroubleResult<Option<Progress>> {
        self.progress_when(key, None, 0)
    }

    /// Waits until more than `past_ms` milliseconds are durable, until the recording ends, or until
    /// `wait_ms` (at most 5000) have passed.
    ///
    /// # Errors
    /// As [`Parent::progress`].
    pub fn wait_past(
        &mut self,
        key: &str,
        past_ms: u64,
        wait_ms: u64,
    ) -> TroubleResult<Option<Progress>> {
        self.progress_when(key, Some(past_ms), wait_ms)
    }

    fn progress_when(
        &mut self,
        key: &str,
        past_ms: Option<u64>,
        wait_ms: u64,
    ) -> TroubleResult<Option<Progress>> {
        let request = Request::Progress { key: key.to_owned(), past_ms, wait_ms };
        match self.ask(&request, QUICK) {
            Ok((Reply::Progress { progress }, _)) => {
                if let Some(progress) = &progress {
                    self.last.insert(key.to_owned(), progress.clone());
                }
                Ok(progress)
            }
            Ok(_) => Err(unexpected()),
            Err(trouble) if trouble.code == "RECORDER-GONE" => {
                let Some(last) = self.last.get(key) else { return Err(trouble) };
                Ok(Some(Progress { running: false, trouble: Some(trouble), ..last.clone() }))
            }
            Err(trouble) if trouble.code == "RECORDER-TIMEOUT" => {
                // Nobody knows whether it goes on; what was confirmed is there.
                let Some(last) = self.last.get(key) else { return Err(trouble) };
                Ok(Some(Progress { impaired: true, trouble: Some(trouble), ..last.clone() }))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Stops a recording, or takes the outcome of one that ended by itself; the sink's outcome. May be
    /// asked again after a lost answer, as long as the recorder runs. One that does not answer is ended: whoever
    /// says stop must not be kept by it, and what it stored is closed from disk.
    ///
    /// # Errors
    /// `RECORDER-UNKNOWN`, `RECORDER-GONE` (then recover from disk), and what closing the sink says.
    pub fn stop(&mut self, key: &str) -> TroubleResult<Value> {
        let (hello, stop) =
            if self.silent.is_some() { (LAST_CALL, LAST_CALL) } else { (QUICK, STOP) };
        let request = Request::Stop { key: key.to_owned() };
        match self.attach_within(hello).and_then(|_| self.ask(&request, stop)) {
            Ok((Reply::Stopped { outcome }, _)) => {
                self.last.remove(key);
                Ok(outcome)
            }
            Ok(_) => Err(unexpected()),
            Err(trouble) if trouble.code == "RECORDER-TIMEOUT" => {
                self.end_the_silent_one();
                self.last.remove(key);
                Err(Error::RecorderGone("it hung and was ended".to_owned()).into())
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Ends a recorder that does not answer: its lock on what it stored goes with it.
    fn end_the_silent_one(&mut self) {
        self.link = None;
        let Some(pid) = self.pid.take().or_else(|| socket::peer(&self.data)) else { return };
        let Ok(number) = i32::try_from(pid) else { return };
        let process = PathBuf::from(format!("/proc/{pid}"));
        // A number may belong to another process by now.
        let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
        if !line.windows(NAME.len()).any(|part| part == NAME) {
            return;
        }
        tracing::error!(pid, "The recorder hangs and is ended.");
        if let Some(pid) = rustix::process::Pid::from_raw(number)
            && let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::KILL)
        {
            tracing::warn!(%error, "The recorder could not be ended.");
        }
        let begun = Instant::now();
        while begun.elapsed() < LAST_CALL && is_running(&process) {
            self.reap();
            std::thread::sleep(Duration::from_millis(20));
        }
        self.silent = None;
    }

    /// Blanks the picture of a running video, or shows it again; sound goes on. Media time in milliseconds at
    /// that moment. It stays as ordered until the next order or the end of the recording, also when this
    /// program is gone.
    ///
    /// # Errors
    /// `RECORDER-UNKNOWN`, `DEVICE-NOT-FILMING` for sound, `RECORDER-GONE`.
    pub fn cover(&mut self, key: &str, on: bool) -> TroubleResult<u64> {
        match self.ask(&Request::Cover { key: key.to_owned(), on }, QUICK)? {
            (Reply::Covered { at_ms }, _) => Ok(at_ms),
            _ => Err(unexpected()),
        }
    }

    /// The video encoder that works here, found by trying; may take some seconds the first time.
    ///
    /// # Errors
    /// `DEVICE-ENCODER`, `RECORDER-*`.
    pub fn encoder(&mut self) -> TroubleResult<Option<String>> {
        self.warm()?;
        match self.ask(&Request::Encoder {}, START)? {
            (Reply::Encoder { name }, _) => Ok(name),
            _ => Err(unexpected()),
        }
    }

    /// What the recorder holds; empty if none runs. Starts none.
    ///
    /// # Errors
    /// `RECORDER-TIMEOUT`, `RECORDER-PROTOCOL`.
    pub fn list(&mut self) -> TroubleResult<Vec<RunningRecording>> {
        if !self.attach()? {
            return Ok(Vec::new());
        }
        match self.ask(&Request::List {}, QUICK)? {
            (Reply::List { recordings }, _) => {
                for recording in &recordings {
                    self.last.insert(recording.key.clone(), recording.progress.clone());
                }
                Ok(recordings)
            }
            _ => Err(unexpected()),
        }
    }

    /// One photo.
    ///
    /// # Errors
    /// `DEVICE-CAMERA`, `DEVICE-NO-PICTURE`, `RECORDER-*`.
    pub fn photo(&mut self) -> TroubleResult<Zeroizing<Vec<u8>>> {
        self.warm()?;
        match self.ask(&Request::Photo {}, START)? {
            (Reply::Picture {}, bytes) => Ok(bytes),
            _ => Err(unexpected()),
        }
    }

    /// The newest small picture; opens the camera, which runs as long as this is called.
    ///
    /// # Errors
    /// `DEVICE-CAMERA`, `RECORDER-*`.
    pub fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>> {
        self.warm()?;
        match self.ask(&Request::Viewfinder {}, QUICK)? {
            (Reply::Picture {}, bytes) => Ok(Some(bytes.to_vec())),
            (Reply::NoPicture {}, _) => Ok(None),
            _ => Err(unexpected()),
        }
    }

    /// Keeps the last 30 s of sound in the recorder's memory while this program is connected, or wipes them;
    /// milliseconds kept. Off starts no recorder.
    ///
    /// # Errors
    /// `DEVICE-MICROPHONE`, `RECORDER-*`.
    pub fn listen_ahead(&mut self, on: bool) -> TroubleResult<u64> {
        if on {
            self.warm()?;
        } else if !self.attach()? {
            return Ok(0);
        }
        match self.ask(&Request::Ahead { on }, START)? {
            (Reply::Ahead { held_ms }, _) => Ok(held_ms),
            _ => Err(unexpected()),
        }
    }

    /// Listens to the microphone for `ms` (at most 5000) and keeps nothing: the loudest level, 0–100.
    ///
    /// # Errors
    /// `DEVICE-MICROPHONE`, `RECORDER-*`.
    pub fn loudest(&mut self, ms: u64) -> TroubleResult<u8> {
        self.warm()?;
        match self.ask(&Request::Sound { ms }, START)? {
            (Reply::Sound { level }, _) => Ok(level),
            _ => Err(unexpected()),
        }
    }

    /// Opens everything once and tells what answers; for the self-check.
    ///
    /// # Errors
    /// `RECORDER-*`.
    pub fn report(&mut self) -> TroubleResult<DeviceReport> {
        self.warm()?;
        match self.ask(&Request::Report {}, START)? {
            (Reply::Report { report }, _) => Ok(report),
            _ => Err(unexpected()),
        }
    }

    fn ask(
        &mut self,
        request: &Request,
        timeout: Duration,
    ) -> TroubleResult<(Reply, Zeroizing<Vec<u8>>)> {
        if !self.attach()? {
            return Err(Error::RecorderGone("nobody listens".to_owned()).into());
        }
        match self.exchange(request, timeout)? {
            (Reply::Trouble { trouble }, _) => Err(trouble),
            answer => Ok(answer),
        }
    }

    fn exchange(
        &mut self,
        request: &Request,
        timeout: Duration,
    ) -> Result<(Reply, Zeroizing<Vec<u8>>), Error> {
        let Some(mut link) = self.link.take() else {
            return Err(Error::RecorderGone("not connected".to_owned()));
        };
        let talk = |link: &mut UnixStream| -> io::Result<_> {
            link.set_read_timeout(Some(timeout))?;
            link.set_write_timeout(Some(timeout))?;
            write_frame(link, request, &[])?;
            read_frame::<Reply>(link)
        };
        match talk(&mut link) {
            Ok(Some(answer)) => {
                self.link = Some(link);
                self.silent = None;
                Ok(answer)
            }
            Ok(None) => Err(Error::RecorderGone("it closed the connection".to_owned())),
            Err(e) => Err(match e.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    self.silent = Some(Instant::now());
                    Error::RecorderTimeout
                }
                io::ErrorKind::InvalidData => Error::RecorderProtocol(e.to_string()),
                _ => Error::RecorderGone(e.to_string()),
            }),
        }
    }

    fn reap(&mut self) {
        let gone = self.child.as_mut().is_some_and(|c| !matches!(c.try_wait(), Ok(None)));
        if gone {
            self.child = None;
        }
    }
}

/// A process that is there and not only waits to be reaped.
fn is_running(process: &Path) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    // "pid (name) state …"
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

fn hello() -> Request {
    Request::Hello { schema: SCHEMA.to_owned() }
}

fn unexpected() -> spotcheck_domain::Trouble {
    Error::RecorderProtocol("answer of another kind".to_owned()).into()
}
