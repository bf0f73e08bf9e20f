//! `device.toml`: which camera, microphone, printers and clock this handheld has.
//!
//! Every device has a real kind and a stand-in, chosen here and nowhere else, so that demo and tests run
//! the same pipelines. Files are layered key by key (defaults, `/etc/spotcheck/device.toml`, `--device`)
//! and remember where each value came from; an unknown key is an error that names file, line and key,
//! because a mistyped key that is silently ignored is found in the field.

mod load;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::load::{ConfigError, Layer, Loaded};

/// The whole file. Every key has a default: an empty file is a real handheld with one camera and one
/// microphone found by trying.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceConfig {
    /// Model name for statement.json; read from the firmware where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `[camera]`.
    pub camera: CameraConfig,
    /// `[microphone]`.
    pub microphone: MicrophoneConfig,
    /// `[speaker]`: where recordings are played.
    pub speaker: SpeakerConfig,
    /// `[audio]`: how sound is encoded.
    pub audio: AudioConfig,
    /// `[video]`: how video is encoded.
    pub video: VideoConfig,
    /// `[clock]`: hints about the time source.
    pub clock: ClockConfig,
    /// `[gnss]`: a satellite receiver.
    pub gnss: GnssConfig,
    /// `[recorder]`.
    pub recorder: RecorderConfig,
    /// `[copy]`: where second copies of open cases go.
    pub copy: CopyConfig,
    /// `[keys]`: TPM and tokens.
    pub keys: KeysConfig,
    /// `[sticks]`: where other media are mounted.
    pub sticks: SticksConfig,
    /// `[[printers]]`.
    pub printers: Vec<PrinterConfig>,
}

/// Which camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraKind {
    /// The first of V4L2 and libcamera that answers.
    #[default]
    Auto,
    /// `v4l2src`.
    V4l2,
    /// `libcamerasrc`.
    Libcamera,
    /// A test picture (`videotestsrc`).
    Test,
    /// A media file, played in real time.
    File,
}

/// `[camera]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraConfig {
    /// Which kind.
    pub kind: CameraKind,
    /// `/dev/videoN` for V4L2, the camera's name for libcamera; the first one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Of kind `test`: noise instead of colour bars, for pictures that do not compress.
    pub noise: bool,
    /// Media file of kind `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Pixels; 1920 (test picture: 1280) where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels; 1080 (test picture: 720) where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures per second; 30 (test picture: 15) where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// Pictures thrown away after the camera starts, while exposure and focus settle; 8 (test picture and
    /// file: 0) where absent. Only photos wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_frames: Option<u32>,
}

impl CameraConfig {
    const fn is_stand_in(&self) -> bool {
        matches!(self.kind, CameraKind::Test | CameraKind::File)
    }

    /// Width, height, pictures per second to ask for.
    #[must_use]
    pub fn format(&self) -> (u32, u32, u32) {
        let (w, h, f) = if self.is_stand_in() { (1280, 720, 15) } else { (1920, 1080, 30) };
        (self.width.unwrap_or(w), self.height.unwrap_or(h), self.fps.unwrap_or(f))
    }

    /// Pictures to throw away before a photo.
    #[must_use]
    pub fn warmup(&self) -> u32 {
        self.warmup_frames.unwrap_or(if self.is_stand_in() { 0 } else { 8 })
    }
}

/// Which microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MicrophoneKind {
    /// The first of PulseAudio, ALSA and PipeWire that answers.
    #[default]
    Auto,
    /// `alsasrc`.
    Alsa,
    /// `pulsesrc`.
    Pulse,
    /// `pipewiresrc`.
    Pipewire,
    /// A test tone (`audiotestsrc`).
    Test,
    /// A media file, played in real time.
    File,
}

/// `[microphone]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MicrophoneConfig {
    /// Which kind.
    pub kind: MicrophoneKind,
    /// Of kind `test`: so many times faster than real time, 1–200; for recordings of hours in a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<u32>,
    /// Of kind `test`: so many milliseconds of each second are lost, as at an overrun of a sound card, 1–900.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrun_ms: Option<u32>,
    /// Name in the sound system's own words (`hw:1,0`, a source name); the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Media file of kind `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// Which loudspeaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpeakerKind {
    /// What the sound system has.
    #[default]
    Auto,
    /// `alsasink`.
    Alsa,
    /// `pulsesink`.
    Pulse,
    /// `pipewiresink`.
    Pipewire,
    /// None: time passes, nothing is heard.
    Test,
}

/// `[speaker]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeakerConfig {
    /// Which kind.
    pub kind: SpeakerKind,
    /// Name in the sound system's own words; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// `[audio]`: Ogg/Opus mono.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AudioConfig {
    /// Bit/s, 24000–32000 (evidence.md §1).
    pub bitrate: u32,
}

impl Default for AudioConfig {
    fn default() -> Self {
        Self { bitrate: 32_000 }
    }
}

/// A video encoder by GStreamer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// H.264 by a stateful V4L2 encoder (NXP i.MX, Qualcomm, Raspberry Pi 4).
    V4l2h264enc,
    /// H.264 by Rockchip's MPP.
    Mpph264enc,
    /// H.264 by VA-API, new plugin.
    Vah264enc,
    /// H.264 by VA-API, old plugin.
    Vaapih264enc,
    /// H.264 in software.
    Openh264enc,
    /// H.264 in software.
    X264enc,
    /// VP8 in software.
    Vp8enc,
    /// Motion JPEG in software: works everywhere, large.
    Jpegenc,
}

impl Encoder {
    /// GStreamer's name of the element.
    #[must_use]
    pub const fn element(self) -> &'static str {
        match self {
            Self::V4l2h264enc => "v4l2h264enc",
            Self::Mpph264enc => "mpph264enc",
            Self::Vah264enc => "vah264enc",
            Self::Vaapih264enc => "vaapih264enc",
            Self::Openh264enc => "openh264enc",
            Self::X264enc => "x264enc",
            Self::Vp8enc => "vp8enc",
            Self::Jpegenc => "jpegenc",
        }
    }
}

/// `[video]`: Matroska.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VideoConfig {
    /// Pixels of the recorded picture.
    pub width: u32,
    /// Pixels of the recorded picture.
    pub height: u32,
    /// Pictures per second, at most.
    pub fps: u32,
    /// Bit/s, where the encoder can be told.
    pub bitrate: u32,
    /// Record sound with it. Without a working microphone a video with sound does not start: losing the
    /// sound without a word would be worse.
    pub sound: bool,
    /// Encoders in order of preference; each is tried with one second of pictures.
    pub encoders: Vec<Encoder>,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
            fps: 15,
            bitrate: 2_000_000,
            sound: true,
            encoders: vec![
                Encoder::V4l2h264enc,
                Encoder::Mpph264enc,
                Encoder::Vah264enc,
                Encoder::Vaapih264enc,
                Encoder::Openh264enc,
                Encoder::X264enc,
                Encoder::Vp8enc,
                Encoder::Jpegenc,
            ],
        }
    }
}

/// Who keeps the kernel's clock right, where it is kept right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncedBy {
    /// Network time.
    #[default]
    Ntp,
    /// A satellite receiver behind chrony or ntpd.
    Gnss,
}

/// `[clock]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// What a synchronised kernel clock is synchronised by.
    pub synced_by: SyncedBy,
    /// There is a battery-backed clock; looked up in `/sys` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtc: Option<bool>,
    /// Stand-in for tests: a file that says by how much wall and boot time are off, and which boot this is
    /// ([`ClockStandIn`](crate::clock::ClockStandIn)). The clock then never counts as synchronised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<PathBuf>,
}

/// `[gnss]`: a satellite receiver. Without it there is none, and nothing is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GnssConfig {
    /// `127.0.0.1:2947`: where gpsd listens, on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpsd: Option<SocketAddr>,
}

/// `[recorder]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecorderConfig {
    /// Hours for which recordings go on after the program that ordered them is gone, 1–48.
    pub orphan_hours: u32,
    /// Seconds of media in a segment, 2–60: what waits in fragments is written once more when they are full.
    pub segment_seconds: u32,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self { orphan_hours: 12, segment_seconds: 60 }
    }
}

/// `[sticks]`: where this machine mounts sticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SticksConfig {
    /// Folders below which sticks appear; one level of users' folders may lie between.
    pub below: Vec<PathBuf>,
}

impl Default for SticksConfig {
    fn default() -> Self {
        Self { below: ["/media", "/run/media", "/mnt"].map(PathBuf::from).to_vec() }
    }
}

/// `[copy]`: where second copies of what is not at the centre yet go (evidence.md §1). Nothing of it can be
/// read without the case's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CopyConfig {
    /// A folder on another medium, e.g. a stick.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// `host:port` of a handheld nearby that keeps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// `address:port` on which this handheld keeps copies for others: this interface and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Seconds between two copies, 10–180: with what is kept once a minute it stays below five minutes.
    pub every_seconds: u32,
}

impl Default for CopyConfig {
    fn default() -> Self {
        Self { folder: None, peer: None, listen: None, every_seconds: 120 }
    }
}

/// `[keys]`: where the device secret of a new data folder goes, and officers' tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
    /// `auto` (the system's TPM, if there is one we may use), `none`, or a TCTI such as
    /// `device:/dev/tpmrm0` or `swtpm:host=127.0.0.1,port=2321`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<String>,
    /// PKCS#11 library of officers' tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_module: Option<PathBuf>,
    /// Label of the token; without it the one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Label of the P-256 key pair on it; without it `spotcheck`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_key: Option<String>,
}

/// Where Linux offers a TPM to several programs.
const SYSTEM_TPM: &str = "/dev/tpmrm0";

impl KeysConfig {
    /// The TPM as its library names it; `None`: there is none, or it is not wanted.
    #[must_use]
    pub fn tcti(&self) -> Option<String> {
        match self.tpm.as_deref() {
            None | Some("auto") => {
                let ours = std::fs::OpenOptions::new().read(true).write(true).open(SYSTEM_TPM);
                ours.is_ok().then(|| format!("device:{SYSTEM_TPM}"))
            }
            Some("none") => None,
            Some(tcti) => Some(tcti.to_owned()),
        }
    }
}

/// A printer that is known beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterConfig {
    /// `ipp://…`, `ipps://…`.
    pub uri: String,
    /// Name on screen.
    pub name: String,
}

impl DeviceConfig {
    /// Camera and microphone by stand-ins: for demo and tests.
    #[must_use]
    pub fn stand_ins() -> Self {
        Self {
            camera: CameraConfig { kind: CameraKind::Test, ..CameraConfig::default() },
            microphone: MicrophoneConfig {
                kind: MicrophoneKind::Test,
                ..MicrophoneConfig::default()
            },
            speaker: SpeakerConfig { kind: SpeakerKind::Test, device: None },
            ..Self::default()
        }
    }

    /// The first value that cannot be used: its key and why (Chinese).
    fn first_fault(&self) -> Option<(&'static str, String)> {
        let (width, height, fps) = self.camera.format();
        let within = |key, value: u32, from: u32, to: u32| {
            (!(from..=to).contains(&value)).then(|| (key, format!("应在 {from} 到 {to} 之间")))
        };
        let needs_path = |key, is_file: bool, path: &Option<PathBuf>| {
            (is_file && path.is_none()).then(|| (key, "kind 为 file 时必须给出 path".to_owned()))
        };
        within("camera.width", width, 64, 8192)
            .or_else(|| within("camera.height", height, 64, 8192))
            .or_else(|| within("camera.fps", fps, 1, 120))
            .or_else(|| within("camera.warmup_frames", self.camera.warmup(), 0, 120))
            .or_else(|| {
                needs_path("camera.path", self.camera.kind == CameraKind::File, &self.camera.path)
            })
            .or_else(|| {
                let is_file = self.microphone.kind == MicrophoneKind::File;
                needs_path("microphone.path", is_file, &self.microphone.path)
            })
            .or_else(|| within("microphone.pace", self.microphone.pace.unwrap_or(1), 1, 200))
            .or_else(|| within("audio.bitrate", self.audio.bitrate, 24_000, 32_000))
            .or_else(|| within("video.width", self.video.width, 64, 4096))
            .or_else(|| within("video.height", self.video.height, 64, 4096))
            .or_else(|| within("video.fps", self.video.fps, 1, 60))
            .or_else(|| within("video.bitrate", self.video.bitrate, 100_000, 50_000_000))
            .or_else(|| {
                self.video
                    .encoders
                    .is_empty()
                    .then(|| ("video.encoders", "至少要有一个编码器".to_owned()))
            })
            .or_else(|| {
                let far = self.gnss.gpsd.is_some_and(|address| !address.ip().is_loopback());
                far.then(|| ("gnss.gpsd", "只能是本机地址，如 127.0.0.1:2947".to_owned()))
            })
            .or_else(|| within("recorder.orphan_hours", self.recorder.orphan_hours, 1, 48))
            .or_else(|| within("recorder.segment_seconds", self.recorder.segment_seconds, 2, 60))
            .or_else(|| {
                let bad = |p: &PrinterConfig| p.uri.is_empty() || p.name.is_empty();
                self.printers
                    .iter()
                    .any(bad)
                    .then(|| ("printers", "uri 和 name 都不能为空".to_owned()))
            })
    }
}
