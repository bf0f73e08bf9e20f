//! How many taps it takes on the real window over an invented city, by nothing but what is on the screen; and what
//! the party sees of a planted one.
//!
//! The seed is drawn anew in every run (and printed), so that no label, id or order can have been prepared.
//! `SPOTCHECK_SEED` repeats a run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests may panic"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::sync::Arc;

use spotcheck_claims::{TruthOptions, truth_data};
use spotcheck_device::SystemClock;
use spotcheck_device::config::ClockConfig;
use spotcheck_tests::support::programs::program;
use spotcheck_tests::support::visit::{Claims, World};
use spotcheck_ui::FaceOptions;
use spotcheck_ui::testkit::face::Face;
use spotcheck_ui::testkit::reading::read_from_picture;

#[path = "taps/export.rs"]
mod export;

type Row = BTreeMap<String, String>;

fn rows(folder: &Path, table: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(folder.join(format!("{table}.csv"))).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn seed() -> u64 {
    let drawn = RandomState::new().build_hasher().finish();
    let seed = std::env::var("SPOTCHECK_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or(drawn % 10_000);
    eprintln!("SPOTCHECK_SEED={seed}");
    seed
}

/// A thumb that counts. It knows labels and meets what lies on the glass: a press in the middle of what it sees.
struct Thumb<'a> {
    face: &'a Face,
    taps: Cell<u32>,
}

impl Thumb<'_> {
    /// Taps the one control whose label begins so and has `with` in it.
    fn tap(&self, beginning: &str, with: &str) {
        let fits = |l: &str| l.starts_with(beginning) && l.contains(with);
        // Scrolling on is no tap.
        for _ in 0..40 {
            let controls = self.face.controls();
            let found = controls.iter().find(|c| c.enabled && fits(&c.label));
            if let Some(found) = found.filter(|c| !self.half_covered(&c.label)) {
                self.face.touch(&found.label).unwrap();
                self.taps.set(self.taps.get() + 1);
                return;
            }
            self.face.scroll(if found.is_some() { -120.0 } else { -300.0 }).unwrap();
        }
        panic!("no {beginning} … {with}: {:?}", self.face.controls());
    }

    /// The bar with the keys for recording lies over the middle of it: a person scrolls on first.
    fn half_covered(&self, label: &str) -> bool {
        let Ok((bar, _)) = self.face.height_of("录音") else { return false };
        let (top, bottom) = self.face.height_of(label).unwrap();
        top < bar - 1.0 && f32::midpoint(top, bottom) > bar
    }

    fn key(&self, key: char) {
        self.face.touch(&format!("键 {key}")).unwrap();
        self.taps.set(self.taps.get() + 1);
    }
}

/// First and last character, as the screen masks a name.
fn masked(name: &str) -> String {
    spotcheck_domain::mask::name(name)
}

/// A fresh window over the same handheld, and the lock that says so.
fn unlock(world: &World) -> (Face, impl Sized) {
    let h = &world.handheld;
    let program = program("spotcheck").unwrap();
    let (desk, lock) = spotcheck_handheld::open(&h.data, &h.device, &program).unwrap();
    let clock = Arc::new(SystemClock::new(&ClockConfig::default()));
    let input = Some(spotcheck_handheld::text_input());
    let options = FaceOptions { input, ..FaceOptions::new(clock) };
    let face = Face::open(Box::new(desk), &options, (480, 800)).unwrap();
    face.tap("检查员甲").unwrap();
    let pin = std::fs::read_to_string(&h.pins[0].1).unwrap();
    face.fill("PIN", pin.trim()).unwrap();
    face.tap("解锁").unwrap();
    (face, lock)
}

/// The officer stands in a corridor: "somebody called 王, ward one, bed 12". And at a desk: "show me the day
/// on which this patient was billed twice".
#[test]
fn a_bed_in_five_taps_and_a_double_billed_day_in_eight() {
    let folder = tempfile::tempdir().unwrap();
    let seed = seed();
    let world = World::build(folder.path(), &Claims::DemoCity { seed }, &[], None).unwrap();
    let facility = {
        let tasks = world.handheld.ok(&["tasks"]).unwrap();
        let facility = &tasks["items"][0]["task"]["facility"];
        (
            facility["fixmedins_code"].as_str().unwrap().to_owned(),
            facility["fixmedins_name"].as_str().unwrap().to_owned(),
        )
    };
    // The truth, from the source: somebody in bed here, and the visit that is billed twice on one day.
    let source = folder.path().join("truth");
    let out = source.to_string_lossy().into_owned();
    let arguments = ["demo-data", "--out", &out, "--seed", &seed.to_string()];
    let made = world.center.ok(&arguments).unwrap();
    let visits = rows(&source, "mdtrt_d");
    let names: BTreeMap<String, String> = rows(&source, "psn")
        .into_iter()
        .map(|p| (p["psn_no"].clone(), p["psn_name"].clone()))
        .collect();
    let in_bed: Vec<&Row> = visits
        .iter()
        .filter(|v| v["fixmedins_code"] == facility.0 && v["endtime"].is_empty())
        .filter(|v| !v["wardarea_bed"].is_empty() && !v["adm_bed"].is_empty())
        .collect();
    assert!(!in_bed.is_empty(), "nobody lies in the invented hospital");
    let one = in_bed[usize::try_from(seed).unwrap() % in_bed.len()];

    let (face, lock) = unlock(&world);
    let thumb = Thumb { face: &face, taps: Cell::new(0) };
    thumb.tap(&facility.1, "");
    thumb.tap("查找", "");
    thumb.tap(&one["wardarea_bed"], "");
    let bed = one["adm_bed"].trim_end_matches('床');
    let name = &names[&one["psn_no"]];
    let begins = format!("{bed} 床  {}", masked(name));
    thumb.tap(&begins, "");
    assert!(face.shows(&masked(name)), "{:?}", face.texts());
    assert!(thumb.taps.get() <= 5, "{} taps to a bed", thumb.taps.get());
    // The next story begins at home: the handheld would come back to this person.
    for _ in 0..3 {
        face.tap("返回").unwrap();
    }
    face.key(slint::platform::Key::F4.into()).unwrap();
    drop(face);
    drop(lock);

    let visit = made["double_billed_visit"].as_str().unwrap();
    let person = made["double_billed_person"].as_str().unwrap();
    let mut lines: BTreeMap<(String, String), u32> = BTreeMap::new();
    for line in rows(&source, "fee_list_d").iter().filter(|l| l["mdtrt_id"] == visit) {
        let day = line["fee_ocur_time"].get(..10).unwrap().to_owned();
        *lines.entry((day, line["medins_list_name"].clone())).or_default() += 1;
    }
    let ((day, item), _) =
        lines.iter().find(|((_, item), n)| **n == 2 && item.contains("中频")).unwrap();
    let name = &names[person];
    let initials = spotcheck_claims::search::initials(name);

    let (face, _lock) = unlock(&world);
    let thumb = Thumb { face: &face, taps: Cell::new(0) };
    thumb.tap(&facility.1, "");
    thumb.tap("查找", "");
    for letter in initials.chars().take(3) {
        thumb.key(letter);
    }
    let born = rows(&source, "psn").into_iter().find(|p| p["psn_no"] == *person).unwrap();
    let tail = &born["certno"][born["certno"].len() - 4..];
    thumb.tap(&masked(name), tail);
    thumb.tap("", "同日同项");
    assert!(thumb.taps.get() <= 8, "{} taps to the day", thumb.taps.get());
    assert!(face.shows(day.get(5..10).unwrap()), "{day}: {:?}", face.texts());
    let shown = || face.texts().iter().filter(|t| *t == item).count();
    for _ in 0..6 {
        if shown() < 2 {
            face.scroll(-90.0).unwrap();
        }
    }
    assert_eq!(shown(), 2, "{item} of {day}: {:?}", face.texts());
}

/// What no party is ever shown, whatever lies under it: guilt, penalties, lights and weights.
const NEVER: [&str; 12] = [
    "违规",
    "违法",
    "骗保",
    "欺诈",
    "罚",
    "第三十八条",
    "权重",
    "红·",
    "黄·",
    "绿·",
    "可直接核对",
    "待核实",
];

/// 示证 as the party sees it: no secret and no word about guilt, in the tree and in the picture.
fn for_the_party(face: &Face, what: &str, secrets: &[String]) -> String {
    let party = all(face);
    let read = read_from_picture(face);
    if read.is_none() {
        eprintln!("SKIPPED the picture's own words: tesseract with chi_sim is not installed");
    }
    let read = read.unwrap_or_default();
    // Two characters can also be read out of the middle of other words: a name of two is looked for in what is left of
    // the picture without the words that the tree has.
    let mut rest = read.clone();
    let mut known: Vec<String> = face.texts();
    known.sort_by_key(|words| std::cmp::Reverse(words.chars().count()));
    for words in known {
        let words: String = words.split_whitespace().collect();
        rest = rest.replace(&words, "\n");
    }
    for word in secrets.iter().map(String::as_str).chain(NEVER) {
        assert!(!party.contains(word), "{what} shows {word}: {party}");
        let seen = if word.chars().count() > 2 { &read } else { &rest };
        assert!(!seen.contains(word), "the picture of {what} shows {word}: {read}");
    }
    party
}

/// The key for showing, pressed on whatever screen there is: what the party sees names nobody; the same key, or 退出
/// where there was something to show, leads back.
fn turned_round(face: &Face, what: &str, secrets: &[String]) {
    let officer = all(face);
    face.key(slint::platform::Key::F3.into()).unwrap();
    let party = for_the_party(face, what, secrets);
    assert_ne!(party, officer, "{what} itself is turned to the party");
    if face.controls().iter().any(|c| c.label == "退出") {
        face.tap("退出").unwrap();
    } else {
        face.key(slint::platform::Key::F3.into()).unwrap();
    }
}

/// Everything on the screen, words and labels.
fn all(face: &Face) -> String {
    let mut words = face.texts();
    words.extend(face.controls().into_iter().map(|c| c.label));
    words.join("\n")
}

/// Every screen of the task, and every part of a visit, with the key for showing pressed on it.
fn every_screen_turned_round(face: &Face, thumb: &Thumb<'_>, secrets: &[String]) {
    for part in ["医嘱与记录", "线索", "诊断结算", "费用"] {
        thumb.tap(part, "");
        turned_round(face, &format!("a visit, {part}"), secrets);
    }
    face.tap("返回").unwrap();
    for part in ["线索", "资料", "时间线"] {
        thumb.tap(part, "");
        turned_round(face, &format!("a person, {part}"), secrets);
    }
    face.tap("返回").unwrap();
    let inside: [(&str, &[&str]); 9] = [
        ("概览", &[]),
        ("概览", &["机构指标"]),
        ("概览", &["机构概况、科室与医护"]),
        ("线索", &[]),
        ("查找", &[]),
        ("依据", &[]),
        ("依据", &["核查方法"]),
        ("取证", &[]),
        ("收尾", &[]),
    ];
    for (tab, further) in inside {
        if !face.controls().iter().any(|c| c.label == tab) {
            face.tap("键 收起").unwrap();
        }
        face.tap(tab).unwrap();
        for step in further {
            thumb.tap(step, "");
        }
        turned_round(face, &format!("{tab} {further:?}"), secrets);
        for _ in further {
            face.tap("返回").unwrap();
        }
    }
    face.tap("概览").unwrap();
    face.tap("返回").unwrap();
    for screen in ["设备", "回传"] {
        turned_round(face, "today", secrets);
        thumb.tap(screen, "");
        turned_round(face, screen, secrets);
        face.tap("返回").unwrap();
    }
}

/// Issue 3: no page of 示证 names another patient or another facility, over a city in which both are planted; and every
/// look at a person is in the journal, from the window and from a command line, whose lists name nobody.
#[test]
fn the_party_sees_nobody_else_and_every_look_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let city = folder.path().join("city");
    let options = TruthOptions { lines: 20_000, ..TruthOptions::default() };
    truth_data(&city, &options).unwrap();
    let world =
        World::build(folder.path(), &Claims::Folder { from: city.clone() }, &[], None).unwrap();
    let h = &world.handheld;
    let tasks = h.ok(&["tasks"]).unwrap();
    let own = tasks["items"][0]["task"]["facility"]["fixmedins_name"].as_str().unwrap();
    let mut secrets: Vec<String> =
        rows(&city, "psn").into_iter().map(|p| p["psn_name"].clone()).collect();
    for house in rows(&city, "fixmedins_b") {
        if house["fixmedins_code"] != world.facility {
            secrets.push(house["fixmedins_code"].clone());
            secrets.push(house["fixmedins_name"].clone());
        }
    }
    // Invented names can be words of the screen: somebody is called as the third day of the week is.
    let day = |s: &str| s.starts_with('周') && s.chars().count() == 2;
    secrets.retain(|s| s.chars().count() > 1 && !own.contains(s.as_str()) && !day(s));

    let (face, lock) = unlock(&world);
    let thumb = Thumb { face: &face, taps: Cell::new(0) };
    thumb.tap(own, "");
    thumb.tap("线索", "");
    let mut shown = BTreeMap::new();
    for _ in 0..60 {
        let before = face.controls();
        let with_other = |l: &String| l.contains("其他机构") && !shown.contains_key(l);
        let labels: Vec<String> =
            before.iter().map(|c| c.label.clone()).filter(|l| with_other(l)).collect();
        for label in labels {
            face.tap(&label).unwrap();
            let officer = all(&face);
            assert!(
                !secrets.iter().any(|s| s.starts_with('H') && officer.contains(s.as_str())),
                "a name, no code: {officer}"
            );
            face.tap("示证").unwrap();
            let party = for_the_party(&face, &label, &secrets);
            assert!(party.contains("其他机构"), "{label}: {party}");
            shown.insert(label, officer);
            face.tap("退出").unwrap();
            face.tap("返回").unwrap();
        }
        if shown.len() >= 8 {
            break;
        }
        face.scroll(-300.0).unwrap();
        if face.controls() == before {
            break;
        }
    }
    assert!(shown.len() >= 2, "a bill and a stay elsewhere: {:?}", shown.keys());
    let named = shown.values().filter(|o| secrets.iter().any(|s| o.contains(s.as_str()))).count();
    assert!(named > 0, "the officer reads the names: {shown:?}");

    // A person, a visit, and both as the party sees them.
    thumb.tap("查找", "");
    let visits = rows(&city, "mdtrt_d");
    let stay = visits
        .iter()
        .find(|v| v["fixmedins_code"] == world.facility && v["med_type"] == "21")
        .unwrap();
    let person = rows(&city, "psn").into_iter().find(|p| p["psn_no"] == stay["psn_no"]).unwrap();
    let tail = &person["certno"][person["certno"].len() - 4..];
    face.fill("查询", tail).unwrap();
    thumb.tap(&masked(&person["psn_name"]), tail);
    for page in ["person", "visit"] {
        if page == "visit" {
            thumb.tap("打开最近一次就诊", "");
        }
        face.tap("示证").unwrap();
        let party = for_the_party(&face, page, &secrets);
        // The three marks of a fee line are told in words.
        assert!(page == "person" || party.contains("空框：没有对上"), "{party}");
        face.tap("退出").unwrap();
    }
    every_screen_turned_round(&face, &thumb, &secrets);
    face.key(slint::platform::Key::F4.into()).unwrap();
    drop(face);
    drop(lock);

    let viewed = || -> Vec<serde_json::Value> {
        let journal = h.ok(&["journal"]).unwrap();
        let entries = journal["items"].as_array().unwrap().clone();
        entries.into_iter().filter(|e| e["kind"] == "person_viewed").collect()
    };
    let told = viewed();
    let on = |screen: &str| told.iter().filter(|e| e["facts"]["screen"] == screen).count();
    assert!(on("showing") >= 1 && on("person") == 1 && on("visit") == 1, "{told:?}");
    assert!(told.iter().all(|e| !secrets.iter().any(|s| e.to_string().contains(s.as_str()))));

    let no = person["psn_no"].as_str();
    let found =
        h.ok(&["search", "persons", "--task", &world.task, "--limit", "500", tail]).unwrap();
    let text = found.to_string();
    assert!(text.contains(no) && text.contains(&format!("****{tail}")), "{text}");
    assert!(!text.contains(&person["psn_name"]) && !text.contains(&person["certno"]), "{text}");
    let listed = viewed();
    assert_eq!(listed.len(), told.len() + 1);
    let line = listed.last().unwrap();
    let count = found["items"].as_array().unwrap().len();
    assert_eq!(line["facts"]["list"], "search-persons");
    assert_eq!(line["facts"]["count"], count);
    assert!(!line.to_string().contains(tail), "what was asked stays out of the journal: {line}");
    h.ok(&["person", "--task", &world.task, no]).unwrap();
    h.ok(&["visit", "--task", &world.task, &stay["mdtrt_id"]]).unwrap();
    let by_person =
        h.ok(&["indicators", "--task", &world.task, "--id", "I001", "--by", "person"]).unwrap();
    assert!(!secrets.iter().any(|s| by_person.to_string().contains(s.as_str())));
    let last = viewed();
    assert_eq!(last.len(), listed.len() + 3, "a person, a visit, a list: {last:?}");
    assert_eq!(last.last().unwrap()["facts"]["list"], "indicators-by-person");
}
