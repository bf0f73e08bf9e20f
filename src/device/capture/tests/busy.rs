//! R11: sound while everything else happens at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;

/// Writes and syncs megabytes until told to stop, as an import and a sync do; how many.
fn keep_disk_busy(
    folder: &std::path::Path,
    name: &str,
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<u32> {
    let (path, stop) = (folder.join(name), Arc::clone(stop));
    std::thread::spawn(move || {
        let block = vec![0x5a_u8; 1 << 20];
        let mut written = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut file = std::fs::File::create(&path).unwrap();
            file.write_all(&block).unwrap();
            file.sync_all().unwrap();
            written += 1;
        }
        written
    })
}

/// Two writers that sync each megabyte, a burst of photos, a video, and fragments that are synced themselves: every sample
/// from the first to the last is there, none is counted as lost, and the tone has no hole.
#[test]
fn r11_every_sample_is_there_while_the_disk_is_busy_and_photos_are_taken() {
    const TEST: &str = "r11_every_sample_is_there_while_the_disk_is_busy_and_photos_are_taken";
    let devices = Devices::open(&small()).unwrap();
    devices.warm_up();
    let folder = tempfile::tempdir().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> =
        ["import", "sync"].map(|name| keep_disk_busy(folder.path(), name, &stop)).into();
    let (tell, told) = mpsc::channel();
    let (place, number) = (folder.path().to_owned(), AtomicU32::new(0));
    let on_fragment: OnFragment = Box::new(move |fragment: Fragment| {
        let name = format!("f{}", number.fetch_add(1, Ordering::Relaxed));
        let mut file = std::fs::File::create(place.join(name)).unwrap();
        file.write_all(&fragment.bytes).unwrap();
        file.sync_all().unwrap();
        drop(tell.send(fragment));
        ControlFlow::Continue(())
    });
    let capture = devices.start_audio(on_fragment).unwrap();
    let begun = Instant::now();
    let (on_video, video) = collector();
    let filming = devices.start_video(on_video).unwrap();
    let mut photos = 0;
    let mut fragments: Vec<Fragment> = Vec::new();
    while begun.elapsed() < Duration::from_secs(4) {
        assert!(devices.photo().unwrap().starts_with(&[0xff, 0xd8]));
        photos += 1;
        fragments.extend(told.try_iter());
    }
    let recorded = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let gaps = capture.gaps();
    fragments.extend(capture.stop());
    fragments.extend(told.try_iter());
    fragments.sort_by_key(|f| f.media_ms);
    record(filming, &video, 1_000);
    stop.store(true, Ordering::Relaxed);
    let written: u32 = busy.into_iter().map(|writer| writer.join().unwrap()).sum();
    eprintln!("{photos} photos, {written} MiB synced in {recorded} ms");
    assert!(photos >= 3 && written >= 4, "{photos} photos, {written} MiB");
    assert_eq!(gaps, Gaps::default());
    let media_ms = fragments.last().unwrap().media_ms;
    assert!(media_ms + 500 >= recorded, "{media_ms} ms of {recorded} ms");
    let Some(samples) = decode_sound(TEST, &joined(&fragments)) else { return };
    assert_eq!(samples.len() as u64, media_ms * 48, "every sample");
    let silent = samples.chunks(480).skip(10).filter(|c| c.iter().all(|s| s.abs() < 1000)).count();
    assert!(silent <= 2, "{silent} silent hundredths of a second");
}
