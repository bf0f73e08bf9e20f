//! The whole way once in the window, by accessible labels, over the real handheld and a real centre.
//!
//! The same composition as the program, without a display: drawn by the software renderer, tapped by the
//! words a person reads.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spotcheck_device::SystemClock;
use spotcheck_device::config::ClockConfig;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::programs::{HandheldCli, program};
use spotcheck_tests::support::sound::samples;
use spotcheck_tests::support::tsa::Tsa;
use spotcheck_tests::support::visit::{Claims, Sealed, World};
use spotcheck_ui::FaceOptions;
use spotcheck_ui::testkit::face::Face;

fn options(clock: Arc<SystemClock>) -> FaceOptions {
    FaceOptions { input: Some(spotcheck_handheld::text_input()), ..FaceOptions::new(clock) }
}

fn pin(world: &World, who: usize) -> String {
    std::fs::read_to_string(&world.handheld.pins[who].1).unwrap().trim().to_owned()
}

/// Waits in real time for something the device does by itself (fragments, receipts).
fn until(face: &Face, what: &str, seconds: u64, mut done: impl FnMut(&Face) -> bool) {
    let begun = Instant::now();
    while !done(face) {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}: {:?}", face.texts());
        std::thread::sleep(Duration::from_millis(200));
        face.advance(Duration::from_secs(1)).unwrap();
    }
}

/// The first control whose label begins so.
fn label(face: &Face, beginning: &str) -> String {
    let controls = face.controls();
    let found = controls.iter().find(|c| c.label.starts_with(beginning));
    found.unwrap_or_else(|| panic!("no {beginning}: {controls:?}")).label.clone()
}

fn picture(face: &Face, folder: &Path, name: &str) {
    let picture = face.snapshot().unwrap();
    assert!(picture.rgb.iter().any(|b| *b != picture.rgb[0]), "{name} is blank");
    let mut ppm = format!("P6 {} {} 255\n", picture.width, picture.height).into_bytes();
    ppm.extend_from_slice(&picture.rgb);
    std::fs::write(folder.join(format!("{name}.ppm")), ppm).unwrap();
}

/// An answer typed in pinyin on the in-app keyboard, with the engine of the product.
fn written_on_the_screen(face: &Face) {
    face.fill("问", "几时回来？").unwrap();
    face.touch("答").unwrap();
    for (keys, words) in [("zuotian", "昨天"), ("mei", "没"), ("hui", "回")] {
        for key in keys.chars() {
            face.touch(&format!("键 {key}")).unwrap();
        }
        face.touch(&format!("候选 {words}")).unwrap();
    }
    assert_eq!(face.value("答").unwrap(), "昨天没回");
    face.touch("键 收起").unwrap();
    face.tap("记下").unwrap();
}

/// The window over a handheld, and the lock that says that it is in use.
fn window(h: &HandheldCli) -> (Face, impl Sized) {
    let (desk, lock) =
        spotcheck_handheld::open(&h.data, &h.device, &program("spotcheck").unwrap()).unwrap();
    let clock = Arc::new(SystemClock::new(&ClockConfig::default()));
    (Face::open(Box::new(desk), &options(clock), (480, 800)).unwrap(), lock)
}

fn unlock(face: &Face, world: &World) {
    face.tap("检查员甲").unwrap();
    face.fill("PIN", &pin(world, 0)).unwrap();
    face.tap("解锁").unwrap();
}

#[test]
fn two_officers_make_the_whole_visit_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(&folder.path().join("tsa")).unwrap();
    let roots = tsa.roots.to_string_lossy().into_owned();
    let serve = ["--tsa", tsa.url.as_str(), "--tsa-roots", roots.as_str()];
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 11 }, &serve, None).unwrap();
    let h = &world.handheld;
    let tasks = h.ok(&["tasks"]).unwrap();
    let facility =
        tasks["items"][0]["task"]["facility"]["fixmedins_name"].as_str().unwrap().to_owned();
    let pictures = std::env::var_os("SPOTCHECK_PICTURES")
        .map_or_else(|| folder.path().join("pictures"), std::path::PathBuf::from);
    std::fs::create_dir_all(&pictures).unwrap();

    let (face, lock) = window(h);
    assert!(face.shows("安全"));
    picture(&face, &pictures, "01-unlock");
    unlock(&face, &world);
    picture(&face, &pictures, "02-today");
    face.tap(&facility).unwrap();
    picture(&face, &pictures, "03-task");
    face.tap("开始检查").unwrap();
    face.tap("出示证件 检查员甲").unwrap();
    face.tap("出示证件 检查员乙").unwrap();
    face.tap("登记当事人").unwrap();
    face.fill("姓名或名称", "李四").unwrap();
    face.fill("职务或与患者的关系", "护士长").unwrap();
    face.tap("登记").unwrap();

    face.tap("查找").unwrap();
    face.fill("查询", "王").unwrap();
    picture(&face, &pictures, "05-search");
    let person = label(&face, "王*");
    face.tap(&person).unwrap();
    picture(&face, &pictures, "06-person");
    face.tap("打开最近一次就诊").unwrap();
    assert!(face.shows("¥"));
    picture(&face, &pictures, "07-visit");
    for _ in 0..3 {
        face.tap("返回").unwrap();
    }

    face.tap("录音").unwrap();
    until(&face, "the recording runs", 20, |face| face.shows("录音中"));
    face.tap("拍照").unwrap();
    until(&face, "the camera", 20, |face| face.controls().iter().any(|c| c.label == "拍照"));
    face.tap("拍照").unwrap();
    until(&face, "the photo", 20, |face| {
        face.controls().iter().any(|c| c.label.starts_with("未归类"))
    });
    picture(&face, &pictures, "08-capture");
    face.tap("返回").unwrap();

    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    for (question, answer) in
        [("姓名、职务？", "李四，护士长。"), ("12 床在不在？", "不在，回家了。")]
    {
        face.fill("问", question).unwrap();
        face.fill("答", answer).unwrap();
        face.tap("记下").unwrap();
    }
    written_on_the_screen(&face);
    picture(&face, &pictures, "09-interview");
    face.tap("笔录").unwrap();
    for (field, words) in [
        ("性别", "女"),
        ("身份证件种类及号码", "居民身份证 110101199001011234"),
        ("与本案的关系", "被检查单位工作人员"),
        ("是否申请回避的答复", "不申请回避。"),
    ] {
        face.tap(field).unwrap();
        face.fill(field, words).unwrap();
        face.tap("填好").unwrap();
    }
    picture(&face, &pictures, "10-document");
    freeze_and_sign(&face, &pictures, "询问");
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();

    face.tap("现场检查笔录").unwrap();
    for (field, words) in [
        ("现场负责人", "李四"),
        ("是否申请回避的答复", "不申请回避。"),
        ("现场检查情况", "核对一病区 12 床：床上无人，未见请假记录。"),
    ] {
        face.tap(field).unwrap();
        face.fill(field, words).unwrap();
        face.tap("填好").unwrap();
    }
    freeze_and_sign(&face, &pictures, "检查");
    face.tap("返回").unwrap();

    face.tap("停止").unwrap();
    until(&face, "the recording stops", 30, |face| !face.shows("录音中"));
    face.tap("收尾").unwrap();
    face.tap("完整性与封存").unwrap();
    picture(&face, &pictures, "14-seal");
    for (who, name) in ["检查员甲", "检查员乙"].into_iter().enumerate() {
        face.tap(&format!("输入 PIN {name}")).unwrap();
        face.fill(&format!("PIN {name}"), &pin(&world, who)).unwrap();
        face.tap("输好了").unwrap();
    }
    // Two items lie in the tray without words: the visit is left as it is, with a reason.
    face.fill("没有做完的原因", "证据说明回单位补写").unwrap();
    face.tap("封存").unwrap();
    face.tap("确认封存").unwrap();
    picture(&face, &pictures, "14-sealed");
    face.tap("回传").unwrap();
    face.tap("回传").unwrap();
    until(&face, "the receipt", 60, |face| face.shows("中心已收"));
    picture(&face, &pictures, "15-sync");
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    face.tap("概览").unwrap();
    // The next day, in the same window: what is sealed stays, and a part of its own is begun.
    face.tap("再次到场").unwrap();
    face.tap("继续检查").unwrap();
    until(&face, "the next part", 30, |face| face.shows("出示证件"));
    drop(face);
    drop(lock);

    let outbox = h.ok(&["receipts"]).unwrap();
    let (bundle, case) = (outbox["items"][0]["bundle"].clone(), outbox["items"][0]["case"].clone());
    let sealed = Sealed {
        case: case.as_str().unwrap().to_owned(),
        bundle: bundle.as_str().unwrap().to_owned(),
        documents: vec!["D1".to_owned(), "D2".to_owned()],
    };
    let out = collect(&world, &sealed, &folder.path().join("out")).unwrap();
    assert_eq!(verify(&out, true).unwrap()["verdict"], "accepted");
}

fn freeze_and_sign(face: &Face, pictures: &Path, name: &str) {
    face.tap("定稿").unwrap();
    face.tap("确认定稿").unwrap();
    picture(face, pictures, &format!("11-{name}"));
    face.tap("去签字").unwrap();
    for signer in ["李四", "检查员甲", "检查员乙"] {
        let signer = label(face, &format!("签字人 {signer}"));
        face.tap(&signer).unwrap();
        face.draw("签字板", &[&[(0.2, 0.2), (0.3, 0.7), (0.5, 0.3), (0.7, 0.8)]]).unwrap();
        face.tap("签好").unwrap();
    }
    picture(face, pictures, &format!("12-{name}"));
}

/// How long the list is scrolled beside the recording.
const SCROLLED: Duration = Duration::from_secs(20);
/// What starting and stopping may cost of the sound (first stored sound within 1 s), in milliseconds.
const EDGES_MS: u64 = 1_000;
/// One packet of sound, the last of which may be filled up.
const PACKET: Duration = Duration::from_millis(20);

/// The officer reads through a long bill while the talk is recorded: drawing takes the processor, and not one
/// packet of the sound is missing (R11). Counted are the samples of the stand-in microphone, which gives 48,000 of
/// them a second, in the file that the centre exports, against the clock outside.
#[test]
fn scrolling_beside_a_recording_drops_no_sample() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 12 }, &[], None).unwrap();
    let h = &world.handheld;
    let case = h.ok(&["case", "open", "--task", &world.task]).unwrap()["id"].clone();
    let case = case.as_str().unwrap();
    let (face, lock) = window(h);
    unlock(&face, &world);
    let tasks = label(&face, "进行中");
    face.tap(&tasks).unwrap();
    face.tap("查找").unwrap();
    face.fill("查询", "王").unwrap();
    let person = label(&face, "王*");
    face.tap(&person).unwrap();
    face.tap("打开最近一次就诊").unwrap();

    face.tap("录音").unwrap();
    until(&face, "the recording runs", 20, |face| face.shows("录音中"));
    let begun = Instant::now();
    let mut frames = 0_u32;
    while begun.elapsed() < SCROLLED {
        let down = if (frames / 200).is_multiple_of(2) { -60.0 } else { 60.0 };
        face.wheel(down).unwrap();
        face.frame().unwrap();
        frames += 1;
    }
    let scrolled = begun.elapsed();
    face.tap("停止").unwrap();
    until(&face, "the recording stops", 30, |face| !face.shows("录音中"));
    drop(face);
    drop(lock);
    assert!(frames > 100, "only {frames} frames were drawn");

    // What the recorder itself counted: not one buffer was lost before it came to the file (R09).
    let journal = h.ok(&["journal", "--case", case]).unwrap();
    let entries = journal["items"].as_array().unwrap();
    let stopped: Vec<_> = entries.iter().filter(|e| e["kind"] == "capture_stopped").collect();
    assert_eq!(stopped.len(), 1, "{journal}");
    let facts = &stopped[0]["facts"];
    for count in ["gaps", "lost_ms"] {
        assert_eq!(facts[count].as_u64().unwrap_or(0), 0, "{facts}");
    }
    let kept = Duration::from_millis(facts["duration_ms"].as_u64().unwrap());

    let (_, bundle) = h.seal_unfinished(&world.task).unwrap();
    h.ok(&["push"]).unwrap();
    let sealed = Sealed { case: case.to_owned(), bundle, documents: Vec::new() };
    let out = collect(&world, &sealed, &folder.path().join("out")).unwrap();
    let zip = std::process::Command::new("unzip")
        .args(["-q", "-j"])
        .arg(&out.bundle)
        .arg("*/data/media/*.ogg")
        .arg("-d")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(zip.success());
    let sound = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "ogg"))
        .unwrap();
    // Refuses a page that does not follow the one before, or whose packets are fewer than its time.
    let (_, samples) = samples(&sound).unwrap();
    let heard = Duration::from_micros(samples * 1_000_000 / 48_000);
    assert!(heard.abs_diff(kept) <= PACKET, "{heard:?} in the file, {kept:?} by the journal");
    assert!(
        heard + Duration::from_millis(EDGES_MS) >= scrolled,
        "{heard:?} of sound for {scrolled:?} of scrolling with {frames} frames"
    );
}
