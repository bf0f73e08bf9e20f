//! Measures the input engines; run with `--run-ignored all -E 'test(measure)' --no-capture`.
//!
//! 200 runs of at least eight characters are taken from the Chinese prose of `shared/research`, ordered by
//! a hash so that nobody picks them, and typed in full pinyin without separators, once by
//! the first reading of each character and once as people speak (phrase readings). Counted is how often
//! the first candidate is the whole sentence. A second set comes from this program's own Chinese messages,
//! which no word list was made from.
//!
//! The word lists were extended after reading what failed of the first 200, so those flatter. Held out from
//! that are the later runs of the same prose with those of the shared tables and drawings (names and terms
//! more than prose), and the records of `heldout.txt`. Each is cut in two by the hash: failures may be looked
//! at in one half (`development`), the other (`test`) is only ever counted. Even that flatters where one hand
//! wrote records and lists; the records of `heldout_later.txt` were written last, and nothing was changed after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pinyin::ToPinyin;
use spotcheck_app::input::{InputMode, TextInput, Typed};

use super::strokes::Strokes;
use super::{InputEngine, InputPlaces, lexicon, phrases};

const SENTENCES: usize = 200;
const SHORTEST: usize = 8;
const LONGEST: usize = 24;

/// Fifty names: common family names, given names of characters few can read.
const RARE_NAMES: &str = "张喆 王赟 李犇 赵骉 陈翀 刘昉 杨玥 黄祎 周甯 吴堃 徐淼 孙焱 朱垚 马骁 胡晟 郭昱 \
    林旸 何珺 高琰 罗翊 郑翯 梁珂 谢瑄 宋璟 唐璘 许甦 邓镕 冯堉 韩彧 曹翃 曾骎 彭韪 萧雱 蔡嬿 潘婳 \
    田堉 董婍 袁黻 于皛 余劼 叶昶 蒋燊 杜晢 苏翾 魏戬 程濛 吕頔 丁彘 任赜 沈鋆";

pub(super) fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("SPOTCHECK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    path.is_dir().then_some(path)
}

fn is_hanzi(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

fn runs_of(text: &str, out: &mut BTreeSet<(u64, String)>) {
    for run in text.split(|c| !is_hanzi(c)) {
        if (SHORTEST..=LONGEST).contains(&run.chars().count()) {
            out.insert((lexicon::name_of(&[run]), run.to_owned()));
        }
    }
}

/// Every entry of our own lists: a sentence that is one of them would measure nothing.
fn entries() -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for entry in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("input/words")).unwrap()
    {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        out.extend(text.split(|c| !is_hanzi(c)).map(str::to_owned));
    }
    out
}

/// Whether no list holds a sentence and it stands nowhere in what the engine learned the order of words from.
fn new(known: &BTreeSet<String>, sentence: &str) -> bool {
    const LEARNED_FROM: &str = include_str!(concat!(env!("OUT_DIR"), "/prose.txt"));
    !known.contains(sentence) && !LEARNED_FROM.contains(sentence)
}

fn first(out: BTreeSet<(u64, String)>) -> Vec<String> {
    let known = entries();
    out.into_iter().map(|r| r.1).filter(|s| new(&known, s)).take(SENTENCES).collect()
}

/// The hash up to which the runs of `shared/research` were looked at when words were collected.
const LOOKED_AT: u64 = 15_986_744_690_925_573_462;
const RECORDS: &str = include_str!("heldout.txt");
const LATER_RECORDS: &str = include_str!("heldout_later.txt");

/// The two halves of a held-out set: what may be looked at, and what is only counted.
fn halves(runs: impl Iterator<Item = (u64, String)>) -> [Vec<String>; 2] {
    let (test, development): (Vec<_>, Vec<_>) = runs.partition(|(hash, _)| hash % 2 == 1);
    [development, test].map(|half| half.into_iter().map(|(_, run)| run).collect())
}

/// Runs of the files of one kind in a shared folder.
fn shared_runs(folder: &Path, kind: &str) -> BTreeSet<(u64, String)> {
    let mut out = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == kind) {
            runs_of(&std::fs::read_to_string(path).unwrap(), &mut out);
        }
    }
    out
}

fn records(text: &str) -> BTreeSet<(u64, String)> {
    let mut out = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        runs_of(line, &mut out);
    }
    out
}

/// Every set that is measured, with its name.
fn sets(shared: &Path) -> Vec<(&'static str, Vec<String>)> {
    let known = entries();
    let research = shared_runs(&shared.join("research"), "md");
    let looked_at: BTreeSet<_> = research.iter().filter(|(hash, _)| *hash <= LOOKED_AT).collect();
    let mut later = research.clone();
    for (folder, kind) in [("data", "csv"), ("design/look/src", "py")] {
        later.extend(shared_runs(&shared.join(folder), kind));
    }
    later.retain(|run| !looked_at.contains(run) && new(&known, &run.1));
    let [prose_development, prose_test] = halves(later.into_iter());
    let [records_development, records_test] = halves(records(RECORDS).into_iter());
    let written_last = records(LATER_RECORDS).into_iter().map(|(_, run)| run).collect();
    vec![
        ("research", first(research.clone())),
        ("held-out prose, development", prose_development),
        ("held-out prose, test", prose_test),
        ("held-out records, development", records_development),
        ("held-out records, test", records_test),
        ("held-out records written last, test", written_last),
        ("messages", messages()),
    ]
}

/// Messages of this crate's neighbours and the Chinese README.
fn messages() -> Vec<String> {
    fn walk(dir: &Path, out: &mut BTreeSet<(u64, String)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("device/input") {
                continue;
            }
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs" || e == "typ") {
                runs_of(&std::fs::read_to_string(path).unwrap(), out);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut out = BTreeSet::new();
    walk(&root, &mut out);
    first(out)
}

fn first_reading(c: char) -> String {
    c.to_pinyin().map(|p| p.plain().replace('ü', "v")).unwrap_or_default()
}

fn without_tones(reading: &str) -> String {
    const TONES: [(&str, char); 6] =
        [("āáǎà", 'a'), ("ēéěè", 'e'), ("īíǐì", 'i'), ("ōóǒò", 'o'), ("ūúǔù", 'u'), ("üǖǘǚǜ", 'v')];
    reading
        .chars()
        .map(|c| TONES.iter().find(|(t, _)| t.contains(c)).map_or(c, |(_, plain)| *plain))
        .filter(char::is_ascii_lowercase)
        .collect()
}

/// Readings of phrases as people speak them, from the shared data.
fn spoken(shared: &Path) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(shared.join("data/pinyin/phrases_dict.json")).unwrap();
    let raw: BTreeMap<String, Vec<Vec<String>>> = serde_json::from_str(&text).unwrap();
    raw.into_iter().map(|(k, v)| (k, v.iter().map(|r| without_tones(&r[0])).collect())).collect()
}

fn type_spoken(sentence: &str, phrases: &BTreeMap<String, Vec<String>>) -> String {
    let chars: Vec<char> = sentence.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let phrase = (2..=8.min(chars.len() - at)).rev().find_map(|n| {
            phrases.get(&chars[at..at + n].iter().collect::<String>()).map(|r| (n, r.concat()))
        });
        let (n, reading) = phrase.unwrap_or_else(|| (1, first_reading(chars[at])));
        out.push_str(&reading);
        at += n;
    }
    out
}

fn top(engine: &mut InputEngine, letters: &str) -> String {
    engine.clear();
    for c in letters.chars() {
        assert_eq!(engine.press(c), Typed::Composing);
    }
    engine.candidates(0).items.first().map(|c| c.text.clone()).unwrap_or_default()
}

fn share(hits: usize, all: usize) -> f64 {
    100.0 * hits as f64 / all as f64
}

#[test]
#[ignore = "measurement"]
fn measure_sentences() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED measure_sentences: shared material is missing");
        return;
    };
    let phrase_readings = spoken(&shared);
    let sets = sets(&shared);
    let known = entries();
    for (_, sentences) in &sets {
        assert!(!sentences.iter().any(|s| known.contains(s)));
        let contained =
            |s: &String| phrases::fields().into_iter().any(|f| phrases::find(f, "").contains(s));
        assert!(!sentences.iter().any(contained));
    }
    let none = InputPlaces::none();
    let all = InputPlaces {
        model: std::env::var_os("SPOTCHECK_INPUT_MODEL").map(PathBuf::from),
        ..InputPlaces::default()
    };
    let rime = InputPlaces { model: none.model.clone(), ..all.clone() };
    let model = InputPlaces { model: all.model.clone(), ..none.clone() };
    for (name, places) in
        [("own", &none), ("own+librime", &rime), ("own+model", &model), ("own+model+librime", &all)]
    {
        if std::env::var("SPOTCHECK_INPUT_ONLY").is_ok_and(|only| only != name) {
            continue;
        }
        let mut engine = InputEngine::open(places);
        let engines = engine.modes().remove(0).engine;
        for (set, sentences) in &sets {
            let readings = if set.starts_with("held-out") {
                &["spoken"][..]
            } else {
                &["spoken", "first"][..]
            };
            for readings in readings {
                let (mut hits, mut right, mut chars) = (0, 0, 0);
                for sentence in sentences {
                    let letters = if *readings == "spoken" {
                        type_spoken(sentence, &phrase_readings)
                    } else {
                        sentence.chars().map(first_reading).collect()
                    };
                    let got = top(&mut engine, &letters);
                    hits += usize::from(got == *sentence);
                    right += got.chars().zip(sentence.chars()).filter(|(a, b)| a == b).count();
                    chars += sentence.chars().count();
                    let show = std::env::var("SPOTCHECK_INPUT_SHOW").is_ok_and(|show| show == *set);
                    if got != *sentence && show {
                        println!("  {sentence} -> {got}");
                    }
                }
                println!(
                    "{name} [{engines}] {set} ({}) {readings}: sentence first {:.1} %, characters {:.1} %",
                    sentences.len(),
                    share(hits, sentences.len()),
                    share(right, chars)
                );
            }
        }
    }
    if let Some(engine) = super::rime::Rime::open(&all.rime_data, &all.scratch) {
        for (set, sentences) in &sets {
            let hits = sentences.iter().filter(|s| {
                let found = engine.candidates(&type_spoken(s, &phrase_readings));
                found.first().is_some_and(|c| c.text == **s)
            });
            println!("librime alone, {set}, spoken: {:.1} %", share(hits.count(), sentences.len()));
        }
    }
}

#[test]
#[ignore = "measurement"]
fn measure_time_per_key() {
    let mut engine = InputEngine::open(&InputPlaces::default());
    let letters =
        "jianchayuanyudangrishangwujiudiandaodagaiyuanbingxiangfuzerenchushizhifazhengjian";
    let mut times = Vec::new();
    for c in letters.chars() {
        let start = std::time::Instant::now();
        engine.press(c);
        engine.candidates(0);
        times.push(start.elapsed());
    }
    times.sort();
    let part = |of_hundred: usize| times[times.len() * of_hundred / 100];
    let worst = times[times.len() - 1];
    println!("per key: median {:?}, nine of ten {:?}, worst {worst:?}", part(50), part(90));
}

#[test]
#[ignore = "measurement"]
fn measure_rare_names_by_stroke() {
    let Some(table) = Strokes::open(&InputPlaces::default().strokes) else {
        eprintln!("SKIPPED measure_rare_names_by_stroke: rime-data-stroke is missing");
        return;
    };
    let mut engine = InputEngine::open(&InputPlaces::default());
    engine.begin(InputMode::Stroke).unwrap();
    engine.set_learning(false);
    let names: Vec<&str> = RARE_NAMES.split_whitespace().collect();
    assert_eq!(names.len(), 50);
    let mut hits = 0;
    for name in &names {
        let found = name.chars().all(|c| {
            table.codes(c).first().is_some_and(|code| {
                engine.clear();
                code.chars().for_each(|key| drop(engine.press(key)));
                engine.candidates(0).items.iter().take(5).any(|x| x.text == c.to_string())
            })
        });
        if !found {
            println!("  not within five: {name}");
        }
        hits += usize::from(found);
    }
    println!("names by stroke within five: {:.1} %", share(hits, names.len()));
    assert!(share(hits, names.len()) >= 90.0);
}
