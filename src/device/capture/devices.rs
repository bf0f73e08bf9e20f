//! Camera and microphone of this handheld: opened when somebody wants them, closed when nobody does.
//!
//! A device stays open for a moment after its last use, because closing and opening again costs most of the
//! second in which the next recording must be stored.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gstreamer as gst;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::encoder::Describe;
use super::gate::{Beginning, Gate};
use super::hub::Hub;
use super::recording::loudness;
use super::source::{Source, cameras, microphones};
use super::still::{Still, convert, own_jpeg};
use super::{Capture, OnFragment, encoder};
use crate::Error;
use crate::config::{DeviceConfig, Encoder};

/// Unused devices are closed after this time.
const LINGER: Duration = Duration::from_secs(3);
/// A photo that takes longer is a failure.
const PHOTO_TIMEOUT: Duration = Duration::from_secs(6);
/// A microphone that gives nothing for so long has gone.
const SOUND_TIMEOUT: Duration = Duration::from_secs(2);
const PHOTO_QUALITY: u8 = 92;
const VIEWFINDER_WIDTH: u32 = 640;
const VIEWFINDER_QUALITY: u8 = 70;

/// What answered, for the self-check: names of GStreamer elements, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Source element of the microphone.
    pub microphone: Option<String>,
    /// Source element of the camera.
    pub camera: Option<String>,
    /// Video encoder.
    pub encoder: Option<String>,
    /// What does not work, and why (technical).
    pub faults: Vec<String>,
    /// GStreamer's version.
    pub gstreamer: String,
}

/// Camera, microphone and encoders by `device.toml`.
pub struct Devices {
    config: DeviceConfig,
    microphone: Mutex<Slot>,
    camera: Mutex<Slot>,
    encoder: Mutex<Option<Encoder>>,
    /// Encoders that passed their trial and broke at a real start, and why.
    failed: Mutex<Vec<(Encoder, String)>>,
    describe: Box<Describe>,
    photo: Mutex<Option<Still>>,
    finder: Mutex<Option<Still>>,
    /// The microphone that is listened to ahead of a recording.
    ahead: Mutex<Option<Arc<Hub>>>,
}

#[derive(Default)]
struct Slot {
    hub: Option<Arc<Hub>>,
    used: Option<Instant>,
    closing: Option<JoinHandle<()>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// The open device, or the first of `sources` that gives a sample.
    fn open(
        &mut self,
        sources: impl FnOnce() -> Vec<Result<Source, Error>>,
        fault: fn(String) -> Error,
    ) -> Result<Arc<Hub>, Error> {
        self.used = Some(Instant::now());
        if let Some(hub) = &self.hub {
            if hub.ended().is_none() {
                return Ok(Arc::clone(hub));
            }
            self.close();
        }
        if let Some(closing) = self.closing.take()
            && closing.join().is_err()
        {
            tracing::warn!("Closing a device failed.");
        }
        let mut faults = Vec::new();
        for source in sources() {
            match source.and_then(Hub::open) {
                Ok(hub) => {
                    tracing::info!(source = hub.name(), "A device was opened.");
                    let hub = Arc::new(hub);
                    self.hub = Some(Arc::clone(&hub));
                    return Ok(hub);
                }
                Err(e) => faults.push(e.to_string()),
            }
        }
        Err(fault(faults.join("; ")))
    }

    /// On a thread of its own: some drivers take seconds to close, and one that hangs must not hang us.
    fn close(&mut self) {
        if let Some(hub) = self.hub.take() {
            self.closing = Some(std::thread::spawn(move || drop(hub)));
        }
    }

    fn close_if_idle(&mut self) {
        let in_use = self.hub.as_ref().is_some_and(|hub| Arc::strong_count(hub) > 1);
        if in_use {
            self.used = Some(Instant::now());
        } else if self.used.is_some_and(|at| at.elapsed() > LINGER) {
            self.close();
        }
    }
}

impl Devices {
    /// Makes GStreamer ready; opens no device yet.
    ///
    /// # Errors
    /// [`Error::GStreamer`] if the libraries cannot be used.
    pub fn open(config: &DeviceConfig) -> Result<Self, Error> {
        Self::open_with(config, Box::new(encoder::description))
    }

    /// [`Devices::open`] with other elements for the encoders: a test lets one break.
    pub(super) fn open_with(config: &DeviceConfig, describe: Box<Describe>) -> Result<Self, Error> {
        gst::init().map_err(|e| Error::GStreamer(e.to_string()))?;
        Ok(Self {
            config: config.clone(),
            microphone: Mutex::default(),
            camera: Mutex::default(),
            encoder: Mutex::new(None),
            failed: Mutex::default(),
            describe,
            photo: Mutex::new(None),
            finder: Mutex::new(None),
            ahead: Mutex::new(None),
        })
    }

    fn microphone(&self) -> Result<Arc<Hub>, Error> {
        locked(&self.microphone).open(|| microphones(&self.config.microphone), Error::NoMicrophone)
    }

    fn camera(&self) -> Result<Arc<Hub>, Error> {
        locked(&self.camera).open(|| cameras(&self.config.camera), Error::NoCamera)
    }

    /// The encoder that works here, found by trying; remembered.
    fn encoder(&self) -> Result<Encoder, Error> {
        let mut known = locked(&self.encoder);
        if let Some(encoder) = *known {
            return Ok(encoder);
        }
        let failed = locked(&self.failed).clone();
        let encoder = encoder::choose(&self.config.video, &failed, self.describe.as_ref())?;
        *known = Some(encoder);
        Ok(encoder)
    }

    /// Not this one again while this program runs.
    fn pass_over(&self, encoder: Encoder, cause: String) {
        tracing::warn!(encoder = encoder.element(), cause, "An encoder broke at its start.");
        let mut known = locked(&self.encoder);
        locked(&self.failed).push((encoder, cause));
        if *known == Some(encoder) {
            *known = None;
        }
    }

    /// Keeps the last 30 s of sound in memory from now on, or wipes them; gives the milliseconds kept. A sound
    /// recording that starts begins with them. May be asked again and again: a microphone that was unplugged
    /// is opened again.
    ///
    /// # Errors
    /// [`Error::NoMicrophone`].
    pub fn listen_ahead(&self, on: bool) -> Result<u64, Error> {
        let mut ahead = locked(&self.ahead);
        let gone = ahead.as_ref().is_some_and(|hub| hub.ended().is_some());
        if !on || gone {
            if let Some(hub) = ahead.take() {
                hub.listen_ahead(false);
            }
            if !on {
                return Ok(0);
            }
        }
        let hub = match ahead.take() {
            Some(hub) => hub,
            None => self.microphone()?,
        };
        hub.listen_ahead(true);
        let held = hub.ahead_ms();
        *ahead = Some(hub);
        Ok(held)
    }

    /// Listens for so long and keeps nothing: the loudest stretch of sound, 0 (−60 dB and below) to 100.
    ///
    /// # Errors
    /// [`Error::NoMicrophone`], also if it goes away meanwhile.
    pub fn loudest(&self, length: Duration) -> Result<u8, Error> {
        let hub = self.microphone()?;
        let begun = Instant::now();
        let mut loudest = 0;
        while begun.elapsed() < length {
            let sample = hub
                .next_sample(0, SOUND_TIMEOUT)
                .map_err(|gone| Error::NoMicrophone(gone.to_string()))?;
            loudest = loudest.max(loudness(&sample));
        }
        Ok(loudest)
    }

    /// Finds the encoder now, so that the first video starts at once. Takes up to some seconds.
    pub fn warm_up(&self) {
        if let Err(e) = self.encoder() {
            tracing::warn!(error = %e, "No video encoder works.");
        }
    }

    /// GStreamer's name of the encoder that works here.
    ///
    /// # Errors
    /// [`Error::NoEncoder`].
    pub fn encoder_name(&self) -> Result<String, Error> {
        Ok(self.encoder()?.element().to_owned())
    }

    /// Starts an Ogg/Opus recording.
    ///
    /// # Errors
    /// [`Error::NoMicrophone`], [`Error::Pipeline`].
    pub fn start_audio(&self, on_fragment: OnFragment) -> Result<Capture, Error> {
        Capture::audio(self.microphone()?, &self.config.audio, on_fragment)
    }

    /// Starts a Matroska recording with sound (unless `video.sound` is off). Returns when its encoder has given
    /// a second: one that breaks before is passed over, and the next begins. [`Devices::encoder_name`] then
    /// names the one that records.
    ///
    /// # Errors
    /// [`Error::NoCamera`], [`Error::NoMicrophone`], [`Error::NoEncoder`], [`Error::Pipeline`].
    pub fn start_video(&self, on_fragment: OnFragment) -> Result<Capture, Error> {
        let gate = Gate::new(on_fragment);
        loop {
            let encoder = self.encoder()?;
            let camera = self.camera()?;
            let microphone = if self.config.video.sound { Some(self.microphone()?) } else { None };
            let formats = (&self.config.audio, &self.config.video);
            let encode = (self.describe)(encoder, &self.config.video);
            let watched = Arc::clone(&camera);
            let cause = match Capture::video(camera, microphone, formats, &encode, gate.attempt()) {
                Ok(capture) => match gate.prove(|| capture.broken()) {
                    Beginning::Proved => return Ok(capture),
                    // A camera that is gone, or at the end of its file, is no fault of the encoder's.
                    Beginning::Failed(_) if watched.ended().is_some() => {
                        gate.open();
                        return Ok(capture);
                    }
                    Beginning::Failed(cause) => cause,
                },
                Err(error) => error.to_string(),
            };
            self.pass_over(encoder, cause);
        }
    }

    /// Takes one photo: the first picture after this call, the camera's own JPEG bytes where it gives
    /// JPEG, else encoded from the raw picture.
    ///
    /// # Errors
    /// [`Error::NoCamera`], [`Error::NoPicture`], [`Error::Pipeline`].
    pub fn photo(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let sample = self.camera()?.next_sample(self.config.camera.warmup(), PHOTO_TIMEOUT)?;
        match own_jpeg(&sample) {
            Some(bytes) => Ok(bytes),
            None => convert(&mut locked(&self.photo), &sample, None, PHOTO_QUALITY),
        }
    }

    /// The newest picture as a small JPEG. Opens the camera, which then runs as long as this is called.
    ///
    /// # Errors
    /// [`Error::NoCamera`], [`Error::Pipeline`].
    pub fn viewfinder(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some(sample) = self.camera()?.newest() else { return Ok(None) };
        let mut kept = locked(&self.finder);
        let jpeg = convert(&mut kept, &sample, Some(VIEWFINDER_WIDTH), VIEWFINDER_QUALITY)?;
        Ok(Some(jpeg.to_vec()))
    }

    /// Closes what nobody has used for a while; to be called about twice a second.
    pub fn close_idle(&self) {
        // One that is just being opened is not idle, and opening may take seconds.
        for slot in [&self.microphone, &self.camera] {
            if let Ok(mut slot) = slot.try_lock() {
                slot.close_if_idle();
            }
        }
    }

    /// Opens everything once and tells what answers.
    #[must_use]
    pub fn report(&self) -> DeviceReport {
        let mut faults = Vec::new();
        let mut known =
            |result: Result<String, Error>| result.map_err(|e| faults.push(e.to_string())).ok();
        DeviceReport {
            microphone: known(self.microphone().map(|hub| hub.name().to_owned())),
            camera: known(self.camera().map(|hub| hub.name().to_owned())),
            encoder: known(self.encoder_name()),
            gstreamer: gst::version_string().to_string(),
            faults,
        }
    }
}
