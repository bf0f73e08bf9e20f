//! Layers of device.toml and every way a file can be wrong.
use rstest::rstest;

use super::*;
use crate::config::{CameraKind, Encoder, MicrophoneKind};

fn parse(text: &str) -> Result<DeviceConfig, ConfigError> {
    DeviceConfig::parse(text, Path::new("device.toml"))
}

#[test]
fn an_empty_file_is_a_real_handheld() {
    let config = parse("").unwrap();
    assert_eq!(config, DeviceConfig::default());
    assert_eq!(config.camera.kind, CameraKind::Auto);
    assert_eq!(config.microphone.kind, MicrophoneKind::Auto);
    assert_eq!(config.camera.format(), (1920, 1080, 30));
    assert_eq!(config.recorder.orphan_hours, 12);
}

#[test]
fn every_key_is_read() {
    let config = parse(
        r#"
model = "SC-1"
[camera]
kind = "v4l2"
device = "/dev/video2"
width = 1280
height = 960
fps = 25
warmup_frames = 3
[microphone]
kind = "alsa"
device = "hw:1,0"
[audio]
bitrate = 24000
[video]
width = 640
height = 480
fps = 10
bitrate = 500000
sound = false
encoders = ["x264enc", "jpegenc"]
[clock]
synced_by = "gnss"
rtc = false
[gnss]
gpsd = "127.0.0.1:2947"
[recorder]
orphan_hours = 4
[[printers]]
uri = "ipp://printer.local/ipp/print"
name = "移动打印机"
"#,
    )
    .unwrap();
    assert_eq!(config.camera.format(), (1280, 960, 25));
    assert_eq!(config.video.encoders, [Encoder::X264enc, Encoder::Jpegenc]);
    assert_eq!(config.printers.first().unwrap().name, "移动打印机");
    let text = toml::to_string(&config).unwrap();
    assert_eq!(parse(&text).unwrap(), config);
}

#[rstest]
#[case("unknown section", "[kamera]\nkind = \"test\"\n", 1, "kamera")]
#[case("unknown key", "model = \"x\"\n[camera]\nkind = \"test\"\nwitdh = 3\n", 4, "camera.witdh")]
#[case("unknown kind", "[camera]\nkind = \"webcam\"\n", 2, "camera.kind")]
#[case("wrong type", "[video]\nfps = \"fast\"\n", 2, "video.fps")]
#[case("out of range", "[audio]\n\nbitrate = 128000\n", 3, "audio.bitrate")]
#[case("file without path", "[microphone]\nkind = \"file\"\n", 0, "microphone.path")]
#[case("gpsd elsewhere", "[gnss]\ngpsd = \"192.0.2.1:2947\"\n", 2, "gnss.gpsd")]
#[case("no encoder left", "[video]\nencoders = []\n", 2, "video.encoders")]
#[case("printer without name", "[[printers]]\nuri = \"ipp://x/\"\n", 1, "printers")]
#[case("no TOML at all", "model = \"x\"\ncamera\n", 2, "camera")]
fn faults_name_line_and_key(
    #[case] story: &str,
    #[case] text: &str,
    #[case] line: usize,
    #[case] key: &str,
) {
    let error = parse(text).expect_err(story);
    assert_eq!((error.line, error.key.as_str()), (line, key), "{story}: {error}");
    let trouble = spotcheck_domain::Trouble::from(crate::Error::from(error));
    assert_eq!(trouble.code, "DEVICE-CONFIG");
    assert!(trouble.message.contains("device.toml"), "{story}: {}", trouble.message);
}

#[test]
fn layers_are_laid_over_each_other_and_remember_where_values_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc.toml");
    let own = folder.path().join("own.toml");
    std::fs::write(&etc, "model = \"A\"\n[camera]\nkind = \"v4l2\"\nfps = 20\n").unwrap();
    std::fs::write(&own, "[camera]\nkind = \"test\"\n").unwrap();
    let layers = [
        Layer { path: folder.path().join("absent.toml"), required: false },
        Layer { path: etc.clone(), required: false },
        Layer { path: own.clone(), required: true },
    ];
    let loaded = DeviceConfig::load(&layers).unwrap();
    assert_eq!(loaded.config.camera.kind, CameraKind::Test);
    assert_eq!(loaded.config.camera.fps, Some(20));
    assert_eq!(loaded.origins.get("camera.kind"), Some(&own));
    assert_eq!(loaded.origins.get("camera.fps"), Some(&etc));
    assert_eq!(loaded.origins.get("video.fps"), None);

    std::fs::write(&own, "[camera]\nkind = \"test\"\nfps = 999\n").unwrap();
    let error = DeviceConfig::load(&layers).unwrap_err();
    assert_eq!((&error.file, error.line, error.key.as_str()), (&own, 3, "camera.fps"));

    std::fs::remove_file(&own).unwrap();
    assert_eq!(
        DeviceConfig::load(&layers).unwrap_err().file,
        own,
        "a file that was named must exist"
    );
}
