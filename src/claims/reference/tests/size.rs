//! 700,000 entries: how long the first answer takes. Run by hand, in the release profile.

use std::time::Instant;

use spotcheck_domain::Amount;
use spotcheck_domain::claims::Page;
use spotcheck_domain::reference::{EntryKind, LevelLimit, ReferenceQuery, ReferenceReader as _};

use super::{Entry, ReferenceData, ReferenceFile, build_reference, regulation};
use crate::reference::Document;

const WORDS: [&str; 24] = [
    "注射用",
    "氯化钠",
    "头孢",
    "曲松",
    "阿莫",
    "西林",
    "一次性",
    "使用",
    "无菌",
    "医用",
    "导管",
    "支架",
    "床位",
    "护理",
    "腹腔镜",
    "切除术",
    "平扫",
    "增强",
    "超声",
    "检查",
    "费",
    "治疗",
    "康复",
    "综合",
];

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % n
    }

    fn words(&mut self, n: usize) -> String {
        let mut text = String::new();
        for _ in 0..n {
            text.push_str(WORDS[self.below(WORDS.len())]);
            // One character of the common ones, so that names differ as they do in the field.
            text.push(char::from_u32(0x4e00 + self.below(2500) as u32).unwrap_or('一'));
        }
        text
    }
}

fn documents(count: usize) -> Vec<Document> {
    let mut rng = Rng(7);
    let shares = [
        (EntryKind::Drug, 33),
        (EntryKind::Consumable, 37),
        (EntryKind::Point, 22),
        (EntryKind::Diagnosis, 5),
        (EntryKind::Operation, 2),
        (EntryKind::Item, 1),
    ];
    let mut all = vec![regulation()];
    for (kind, percent) in shares {
        let mut table = Document { title: kind.zh().to_owned(), ..Document::default() };
        for n in 0..count * percent / 100 {
            let code = match kind {
                EntryKind::Drug => {
                    format!("X{:02}{:08}A001010{:09}", rng.below(99), rng.below(99_999_999), n)
                }
                EntryKind::Consumable => {
                    format!("C{:02}{:04}{:013}", rng.below(30), rng.below(9999), n)
                }
                EntryKind::Diagnosis => {
                    format!("A{:02}.{:03}x{:03}", n % 100, n / 100 % 1000, n % 997)
                }
                _ => format!("{:015}", 330_100_000_000_000_usize + n * 7),
            };
            let begin = Some(18_993 + (n % 1500) as i64);
            table.entries.push(Entry {
                code,
                title: rng.words(3),
                text: rng.words(8),
                restriction: if n % 3 == 0 { rng.words(4) } else { String::new() },
                unit: "次".to_owned(),
                limits: vec![LevelLimit {
                    level: "2".to_owned(),
                    amount: Amount::from_millionths(1_000_000),
                }],
                begin,
                end: begin.filter(|_| n % 2 == 0).map(|b| b + 900),
                ..Entry::new(kind)
            });
        }
        all.push(table);
    }
    all
}

#[test]
#[ignore = "minutes; run by hand in the release profile"]
fn first_answers_over_700_000_entries() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("reference.db");
    let data = ReferenceData { documents: documents(700_000), ..ReferenceData::default() };
    let started = Instant::now();
    build_reference(&path, &data, &[]).expect("build");
    let size = std::fs::metadata(&path).expect("file").len();
    eprintln!("built in {:?}, {} MB", started.elapsed(), size / 1_000_000);
    drop(data);
    let queries = [
        "术",
        "一",
        "0",
        "x",
        "zs",
        "ct",
        "床位费",
        "注射用头孢",
        "zsytbqs",
        "头孢曲松钠",
        "X12",
        "33010",
        "00000",
        "330100000700000",
        "第三条",
        "收费 第3条",
        "不存在的词语甲",
        "zzzzzz",
        "9999999999",
        "注射用 支架 检查",
        "限二级",
        "层流病房",
        "腹腔镜切除术检查",
    ];
    let (mut worst_cold, mut worst_warm) = (0_f64, 0_f64);
    for query in queries {
        for on in [None, Some(20_160)] {
            // Cold: the system's pages of this file are dropped, and the file is opened anew.
            let _ = std::process::Command::new("dd")
                .arg(format!("if={}", path.display()))
                .args(["iflag=nocache", "count=0"])
                .output();
            let asked = ReferenceQuery { text: query, on, kinds: &[], page: Page::first(10) };
            let started = Instant::now();
            let file = ReferenceFile::open(&path, false).expect("open");
            let answer = file.look_up(&asked).expect("answer");
            let cold = started.elapsed().as_secs_f64() * 1000.0;
            let started = Instant::now();
            file.look_up(&asked).expect("answer");
            let warm = started.elapsed().as_secs_f64() * 1000.0;
            (worst_cold, worst_warm) = (worst_cold.max(cold), worst_warm.max(warm));
            let hits: usize = answer.iter().map(|k| k.hits.len()).sum();
            eprintln!("{query:<12} on {on:?}: cold {cold:.1} ms, warm {warm:.1} ms, {hits} hits");
        }
    }
    eprintln!("worst: cold {worst_cold:.1} ms, warm {worst_warm:.1} ms");
}
