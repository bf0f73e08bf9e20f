//! Makes the tables of the own pinyin engine at build time.
//!
//! Words and their frequencies are those of jieba-rs' dictionary, readings those of the `pinyin` crate with
//! our corrections, the field's words and the order of words are our own lists in `words/`. Made here and
//! not at start, because reading 300,000 words takes seconds on a handheld and looking up a sorted table
//! takes none. jieba-rs does not expose its dictionary, so its file is found through `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pinyin::{ToPinyin, ToPinyinMulti};

/// Rarer words of the general dictionary are left out; the field's own words never.
const RAREST: u64 = 3;
/// Hanzi per word at most.
const LONGEST: usize = 8;
/// How frequent the single characters of `endings.txt` count at least.
const ENDING: f64 = 90_000.0;
/// Entries kept per sequence of initials.
const PER_INITIALS: usize = 24;
/// Cost, in thousandths of a decade, of a reading that is not the first and not listed.
const ODD_READING: u32 = 3_000;
/// The same for a listed further reading of a character.
const SECOND_READING: u32 = 800;

struct Word {
    text: String,
    cost: u32,
}

fn dictionary() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap();
    let mut command = Command::new(cargo);
    // Not `--offline`: who builds one program has not fetched what the rest of the workspace needs, and `metadata`
    // wants all of it. Nothing is fetched where everything is there.
    command.args(["metadata", "--format-version", "1", "--locked"]);
    if let Ok(host) = std::env::var("HOST") {
        command.args(["--filter-platform", &host]);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let manifest = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == "jieba-rs")
        .and_then(|p| p["manifest_path"].as_str())
        .unwrap();
    Path::new(manifest).with_file_name("src").join("data").join("dict.txt")
}

fn plain(reading: &str) -> String {
    reading.replace('ü', "v").replace("ê", "e")
}

fn first_reading(c: char) -> Option<String> {
    c.to_pinyin().map(|p| plain(p.plain()))
}

fn is_hanzi(c: char) -> bool {
    first_reading(c).is_some()
}

/// Words of our lists, by file; a remark begins with `#`.
fn listed(words: &Path, name: &str) -> Vec<String> {
    let path = words.join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|l| !l.starts_with('#'))
        .flat_map(|l| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn thousandths(probability: f64) -> u32 {
    (-probability.log10() * 1_000.0).round().clamp(0.0, 60_000.0) as u32
}

/// Stable 64-bit name of a word or a pair of words (FNV-1a); the engine computes the same.
fn name_of(parts: &[&str]) -> u64 {
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for b in part.bytes().chain([0]) {
            h = (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    h
}

/// Word → (thousandths of a decade); our own words count as if they were this frequent.
fn frequencies(words: &Path) -> BTreeMap<String, u32> {
    let text = fs::read_to_string(dictionary()).unwrap();
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    let mut total = 0.0;
    for line in text.lines() {
        let mut parts = line.split(' ');
        let (Some(word), Some(n)) =
            (parts.next(), parts.next().and_then(|n| n.parse::<u64>().ok()))
        else {
            continue;
        };
        total += n as f64;
        if n >= RAREST && word.chars().count() <= LONGEST && word.chars().all(is_hanzi) {
            counts.insert(word.to_owned(), n as f64);
        }
    }
    for (file, weight) in [
        ("everyday.txt", 80_000.0),
        ("endings.txt", 0.0),
        ("legal.txt", 30_000.0),
        ("office.txt", 30_000.0),
        ("medical.txt", 20_000.0),
        ("terms.txt", 20_000.0),
        ("fields.txt", 16_000.0),
        ("places.txt", 10_000.0),
        ("categories.txt", 8_000.0),
    ] {
        for word in listed(words, file) {
            if !word.chars().all(is_hanzi) {
                continue;
            }
            let floor = match (file, word.chars().count()) {
                ("endings.txt", _) => ENDING,
                (_, 1) => 20.0,
                _ => weight,
            };
            let n = counts.entry(word).or_insert(0.0);
            *n = n.max(floor);
        }
    }
    counts.into_iter().map(|(w, n)| (w, thousandths(n / total))).collect()
}

/// Readings of a word, each with the cost it adds.
struct Readings {
    words: HashMap<String, Vec<String>>,
    chars: HashMap<char, Vec<String>>,
}

impl Readings {
    fn load(words: &Path) -> Self {
        let path = words.join("readings.txt");
        println!("cargo::rerun-if-changed={}", path.display());
        let mut out = Self { words: HashMap::new(), chars: HashMap::new() };
        for line in fs::read_to_string(path).unwrap().lines().filter(|l| !l.starts_with('#')) {
            let mut parts = line.split(' ');
            let word = parts.next().unwrap();
            let readings: Vec<String> = parts.map(str::to_owned).collect();
            let mut chars = word.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => out.chars.entry(c).or_default().extend(readings),
                _ => drop(out.words.insert(word.to_owned(), readings)),
            }
        }
        out
    }

    fn of(&self, word: &str) -> Vec<(Vec<String>, u32)> {
        let chars: Vec<char> = word.chars().collect();
        let first: Vec<String> = chars.iter().filter_map(|c| first_reading(*c)).collect();
        if chars.len() == 1 {
            let listed = self.chars.get(&chars[0]).cloned().unwrap_or_default();
            let mut out = vec![(first.clone(), 0)];
            let mut seen: BTreeSet<String> = first.into_iter().collect();
            for reading in listed {
                if seen.insert(reading.clone()) {
                    out.push((vec![reading], SECOND_READING));
                }
            }
            for odd in word.to_pinyin_multi().flatten().flat_map(|m| m.into_iter()) {
                let reading = plain(odd.plain());
                if seen.insert(reading.clone()) {
                    out.push((vec![reading], ODD_READING));
                }
            }
            return out;
        }
        match self.words.get(word) {
            // Some say a word by the first reading of each character: accepted, but later.
            Some(right) => vec![(right.clone(), 0), (first, 1_000)],
            None => vec![(first, 0)],
        }
    }
}

fn push_entry(out: &mut Vec<u8>, word: &Word) {
    out.extend(u16::try_from(word.cost).unwrap().to_le_bytes());
    out.push(u8::try_from(word.text.len()).unwrap());
    out.extend(word.text.as_bytes());
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    fs::write(dir.join(name), bytes).unwrap();
}

/// Makes all tables in `OUT_DIR`.
pub(crate) fn make() {
    let words = Path::new("input/words");
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap());
    println!("cargo::rerun-if-changed=input/build_lexicon.rs");

    let mut costs = frequencies(words);
    // Every character that has a reading can be reached, however rare.
    for code in 0x3400..0x3_2400_u32 {
        if let Some(c) = char::from_u32(code).filter(|c| is_hanzi(*c)) {
            costs.entry(c.to_string()).or_insert(if (0x4e00..0xa000).contains(&code) {
                8_500
            } else {
                9_500
            });
        }
    }

    let readings = Readings::load(words);
    let mut syllables: BTreeSet<String> = BTreeSet::new();
    let mut groups: BTreeMap<Vec<String>, Vec<Word>> = BTreeMap::new();
    for (text, cost) in &costs {
        for (reading, extra) in readings.of(text) {
            // Interjections without a vowel (嗯 as "ng") would cut syllables in two.
            if !reading.iter().all(|s| {
                s.bytes().all(|b| b.is_ascii_lowercase())
                    && s.contains(['a', 'e', 'i', 'o', 'u', 'v'])
            }) {
                continue;
            }
            syllables.extend(reading.iter().cloned());
            let word = Word { text: text.clone(), cost: (cost + extra).min(60_000) };
            groups.entry(reading).or_default().push(word);
        }
    }
    let ids: BTreeMap<&str, u16> =
        syllables.iter().zip(0_u16..).map(|(s, i)| (s.as_str(), i)).collect();
    write(
        &out,
        "syllables.txt",
        syllables.iter().cloned().collect::<Vec<_>>().join("\n").as_bytes(),
    );

    // Sorted by syllable ids, so that a longer key follows its beginning.
    let (mut bytes, mut index) = (Vec::new(), Vec::new());
    let mut by_initials: BTreeMap<Vec<u8>, Vec<Word>> = BTreeMap::new();
    let mut sorted: Vec<(Vec<u16>, Vec<Word>)> = groups
        .into_iter()
        .map(|(key, list)| (key.iter().map(|s| ids[s.as_str()]).collect(), list))
        .collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&String> = syllables.iter().collect();
    for (key, mut list) in sorted {
        list.sort_by(|a, b| (a.cost, &a.text).cmp(&(b.cost, &b.text)));
        index.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        bytes.push(u8::try_from(key.len()).unwrap());
        for id in &key {
            bytes.extend(id.to_be_bytes());
        }
        bytes.extend(u16::try_from(list.len()).unwrap().to_le_bytes());
        let initials: Vec<u8> =
            key.iter().map(|id| names[usize::from(*id)].as_bytes()[0]).collect();
        for word in list {
            push_entry(&mut bytes, &word);
            if word.cost < 8_000 {
                by_initials.entry(initials.clone()).or_default().push(word);
            }
        }
    }
    write(&out, "groups.bin", &bytes);
    write(&out, "groups.idx", &index);

    let (mut bytes, mut index) = (Vec::new(), Vec::new());
    for (key, mut list) in by_initials {
        list.sort_by(|a, b| (a.cost, &a.text).cmp(&(b.cost, &b.text)));
        list.dedup_by(|a, b| a.text == b.text);
        list.truncate(PER_INITIALS);
        index.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        bytes.push(u8::try_from(key.len()).unwrap());
        for letter in &key {
            bytes.extend(u16::from(*letter).to_be_bytes());
        }
        bytes.extend(u16::try_from(list.len()).unwrap().to_le_bytes());
        for word in &list {
            push_entry(&mut bytes, word);
        }
    }
    write(&out, "initials.bin", &bytes);
    write(&out, "initials.idx", &index);

    let prose = prose(words);
    write(&out, "pairs.bin", &pairs(&prose, &costs));
    write(&out, "prose.txt", prose.join("\n").as_bytes());
}

/// What this product itself says about inspections: folders of the workspace and the kind of file in them.
/// Officers write about the same things in the same words, so the texts are counted beside our own prose.
const SAID_ELSEWHERE: [(&str, &str); 2] =
    [("../rules/packs/national", "toml"), ("../documents/templates", "typ")];

/// As what a word is counted: numbers are one kind, so that what stands beside one number is known of all.
fn kind_of(word: &str) -> &str {
    let number = word.chars().all(|c| "〇零一二三四五六七八九十百千万亿两".contains(c));
    if number { "0" } else { word }
}

/// Clauses to learn the order of words from: our own prose, then what stands in quotation marks elsewhere.
fn prose(words: &Path) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for file in ["prose.txt", "narrative.txt", "statutes.txt"] {
        let path = words.join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        out.extend(clauses(&fs::read_to_string(path).unwrap()));
    }
    for (folder, kind) in SAID_ELSEWHERE {
        println!("cargo::rerun-if-changed={folder}");
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == kind));
        files.sort();
        for file in files {
            out.extend(clauses(&fs::read_to_string(file).unwrap()));
        }
    }
    out
}

/// Runs of hanzi of lines that are no remarks.
fn clauses(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines()
        .filter(|line| !line.starts_with(['#', '/']))
        .flat_map(|line| line.split(|c| !is_hanzi(c)))
        .filter(|clause| clause.chars().nth(1).is_some())
        .map(str::to_owned)
}

/// Which of our words follow one or two others in our own prose: sorted (name, count), 10 bytes each. A single
/// word's name carries how often it occurs; the empty word is the beginning of a clause, and two empty words count all.
fn pairs(prose: &[String], costs: &BTreeMap<String, u32>) -> Vec<u8> {
    let mut jieba = jieba_rs::Jieba::empty();
    for (word, cost) in costs {
        let n = 10_f64.powf(8.0 - f64::from(*cost) / 1_000.0).round().max(1.0);
        jieba.add_word(word, Some(n as usize), None);
    }
    let mut counts: BTreeMap<u64, u16> = BTreeMap::new();
    let mut count = |parts: &[&str]| {
        let n = counts.entry(name_of(parts)).or_insert(0);
        *n = n.saturating_add(1);
    };
    for clause in prose {
        let (mut earlier, mut before) = (None, "");
        count(&[before]);
        for token in jieba.cut(clause, false) {
            let word = kind_of(token.word);
            count(&["", ""]);
            count(&[word]);
            count(&[before, word]);
            if let Some(earlier) = earlier {
                count(&[earlier, before, word]);
            }
            (earlier, before) = (Some(before), word);
        }
    }
    let mut out = Vec::new();
    for (name, n) in counts {
        out.extend(name.to_le_bytes());
        out.extend(n.to_le_bytes());
    }
    out
}
