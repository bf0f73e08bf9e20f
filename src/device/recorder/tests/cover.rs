//! A blanked picture and a program on screen that dies.

use super::*;

fn order_of(folder: &Path) -> Value {
    json!({"folder": folder.join("media").join("v")})
}

/// A program that dies while the key is held must not bring anybody's picture back: it stays blank until the
/// next order. The next program is told since when.
#[test]
fn a_blanked_picture_stays_blank_when_the_program_is_gone() {
    let mut handheld = Handheld::new();
    let order = order_of(handheld.data());
    handheld.parent.start("v", RecordingKind::Video, &order).unwrap();
    handheld.wait("v", 900);
    let trouble = handheld.parent.cover("a", true).unwrap_err();
    assert_eq!(trouble.code, "RECORDER-UNKNOWN");
    let from_ms = handheld.parent.cover("v", true).unwrap();
    // As the kernel does it when the process is killed: the connection is gone, no word is said.
    handheld.parent.link = None;

    let mut next = Parent::new(handheld.data(), launch(handheld.data()));
    assert!(next.attach().unwrap());
    let held = next.list().unwrap();
    assert_eq!(held[0].progress.covered_from_ms, Some(from_ms));
    while next.wait_past("v", from_ms + 1_500, 5000).unwrap().unwrap().stored_ms <= from_ms + 1_500
    {
    }
    let stopped = next.stop("v").unwrap();
    assert!(stopped["media_ms"].as_u64().unwrap() > from_ms + 1_500);
    let test = "a_blanked_picture_stays_blank_when_the_program_is_gone";
    let Some(means) = brightness(test, &handheld.media("v")) else { return };
    let shown = means.iter().take_while(|mean| **mean > 50).count();
    assert!(shown > 3 && means.len() > shown + 10, "{means:?}");
    assert!(means[shown..].iter().all(|mean| *mean < 8), "black to the end: {means:?}");
    assert!(shown as u64 * 100 <= from_ms + 200, "{shown} pictures before {from_ms} ms");
}

#[test]
fn the_recorder_names_the_encoder_that_worked() {
    let mut handheld = Handheld::new();
    let name = handheld.parent.encoder().unwrap().unwrap();
    assert_eq!(handheld.parent.report().unwrap().encoder, Some(name));
    handheld.start("a", RecordingKind::Audio);
    assert_eq!(handheld.parent.cover("a", true).unwrap_err().code, "DEVICE-NOT-FILMING");
}

/// Mean brightness of each picture by ffmpeg; `None` if it is not installed.
fn brightness(test: &str, media: &[u8]) -> Option<Vec<u64>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), media).unwrap();
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file.path())
        .args(["-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo"])
        .args(["-pix_fmt", "gray", "pipe:1"])
        .output();
    let Ok(out) = out else {
        eprintln!("SKIPPED {test}: ffmpeg is not installed");
        return None;
    };
    let mean = |f: &[u8]| f.iter().map(|b| u64::from(*b)).sum::<u64>() / (320 * 240);
    Some(out.stdout.chunks_exact(320 * 240).map(mean).collect())
}
