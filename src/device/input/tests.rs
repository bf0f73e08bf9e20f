//! What typing has to do, with the engines that are there and without them.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spotcheck_app::input::{InputMode, Learned, PadDrawing, PadPoint, TextInput, Typed};

use super::{InputEngine, InputPlaces};

fn own() -> InputEngine {
    InputEngine::open(&InputPlaces::none())
}

fn type_in(engine: &mut InputEngine, letters: &str) {
    for c in letters.chars() {
        engine.press(c);
    }
}

fn first(engine: &mut InputEngine) -> String {
    engine.candidates(0).items.first().map(|c| c.text.clone()).unwrap_or_default()
}

fn offered(engine: &mut InputEngine) -> Vec<String> {
    (0..60).flat_map(|p| engine.candidates(p).items).map(|c| c.text).collect()
}

#[test]
fn short_sentences_of_a_record_come_out_without_any_library() {
    let mut engine = own();
    for (letters, text) in [
        ("jiancharenyuan", "检查人员"),
        ("chongfushoufei", "重复收费"),
        ("yuyuanjianyizhi", "与原件一致"),
        ("yibaojijin", "医保基金"),
        ("gaihuanzhebuzaichuang", "该患者不在床"),
        ("zhuisuma", "追溯码"),
    ] {
        engine.clear();
        type_in(&mut engine, letters);
        assert_eq!(first(&mut engine), text, "{letters}");
    }
}

#[test]
fn initials_and_unfinished_syllables_are_enough_for_words_of_the_field() {
    let mut engine = own();
    for (letters, text) in [("zsm", "追溯码"), ("jianch", "检查"), ("xxdjbc", "先行登记保存")]
    {
        engine.clear();
        type_in(&mut engine, letters);
        assert!(offered(&mut engine).iter().any(|t| t == text), "{letters}");
    }
}

#[test]
fn a_separator_decides_between_two_readings() {
    let mut engine = own();
    type_in(&mut engine, "xi'an");
    assert_eq!(engine.composing().open, "xi'an");
    let whole = |engine: &mut InputEngine| {
        let all = (0..9).flat_map(|p| engine.candidates(p).items).collect::<Vec<_>>();
        all.into_iter().any(|c| c.text == "先" && c.keys == 4)
    };
    assert!(!whole(&mut engine));
    engine.clear();
    type_in(&mut engine, "xian");
    assert!(whole(&mut engine));
}

#[test]
fn a_rare_character_of_a_name_is_reached_and_then_comes_first() {
    let mut engine = own();
    type_in(&mut engine, "zhangzhe");
    let at = offered(&mut engine).iter().position(|t| t == "张").unwrap();
    assert_eq!(engine.choose(at), Typed::Composing);
    assert_eq!(engine.composing().chosen, "张");
    let at = offered(&mut engine).iter().position(|t| t == "喆").unwrap();
    assert_eq!(engine.choose(at), Typed::Commit("张喆".to_owned()));
    type_in(&mut engine, "zhangzhe");
    assert_eq!(first(&mut engine), "张喆");
    // The table goes to the vault and comes back.
    let kept = engine.learned().to_json();
    let mut other = own();
    other.set_learned(Learned::from_json(&kept));
    type_in(&mut other, "zhangzhedaochang");
    assert_eq!(first(&mut other), "张喆到场");
}

#[test]
fn a_field_that_must_not_be_learned_is_not_learned() {
    let mut engine = own();
    engine.set_learning(false);
    type_in(&mut engine, "zhang");
    engine.choose(0);
    assert!(engine.learned().is_empty());
}

#[test]
fn backspace_takes_back_keys_then_choices_then_leaves_the_field_alone() {
    let mut engine = own();
    type_in(&mut engine, "zhangjun");
    let at = offered(&mut engine).iter().position(|t| t == "张").unwrap();
    engine.choose(at);
    for _ in 0..3 {
        assert_eq!(engine.backspace(), Typed::Composing);
    }
    assert_eq!(engine.composing().open, "");
    assert_eq!(engine.backspace(), Typed::Composing);
    assert_eq!(engine.composing().open, "zhang");
    assert_eq!(engine.composing().chosen, "");
    engine.clear();
    assert_eq!(engine.backspace(), Typed::Pass);
}

#[test]
fn punctuation_takes_the_first_candidate_and_newline_gives_the_letters() {
    let mut engine = own();
    type_in(&mut engine, "jiancha");
    assert_eq!(engine.press('，'), Typed::Commit("检查，".to_owned()));
    type_in(&mut engine, "CT");
    assert_eq!(engine.press('\n'), Typed::Commit("ct".to_owned()));
    assert_eq!(engine.press(' '), Typed::Commit(" ".to_owned()));
    type_in(&mut engine, "jiancha");
    assert_eq!(engine.press(' '), Typed::Commit("检查".to_owned()));
}

#[test]
fn digits_and_latin_letters_are_text_at_once() {
    let mut engine = own();
    engine.begin(InputMode::Digits).unwrap();
    assert_eq!(engine.press('X'), Typed::Commit("X".to_owned()));
    engine.begin(InputMode::Latin).unwrap();
    assert_eq!(engine.press('a'), Typed::Commit("a".to_owned()));
}

#[test]
fn what_is_not_installed_says_so_and_leaves_the_mode_as_it_was() {
    let mut engine = own();
    for mode in [InputMode::Stroke, InputMode::Handwriting] {
        assert_eq!(engine.begin(mode).unwrap_err().code, "INPUT-MODE");
        assert_eq!(engine.mode(), InputMode::Pinyin);
    }
    assert!(engine.modes().iter().any(|m| m.mode == InputMode::Pinyin && m.engine == "own"));
}

#[test]
fn learning_is_a_plain_value_of_the_caller() {
    let mut engine = own();
    type_in(&mut engine, "jianyan");
    let at = offered(&mut engine).iter().position(|t| t == "检验").unwrap();
    engine.choose(at);
    assert_eq!(engine.learned().texts("jianyan")[0].0, "检验");
    type_in(&mut engine, "jianyan");
    assert_eq!(first(&mut engine), "检验");
}

#[test]
fn strokes_find_a_character_nobody_can_read_aloud() {
    let mut engine = InputEngine::open(&InputPlaces::default());
    if engine.begin(InputMode::Stroke).is_err() {
        eprintln!(
            "SKIPPED strokes_find_a_character_nobody_can_read_aloud: rime-data-stroke is missing"
        );
        return;
    }
    for key in "横横横竖".chars() {
        assert_eq!(engine.press(key), Typed::Composing);
    }
    assert_eq!(engine.composing().open, "横横横竖");
    assert!(offered(&mut engine).iter().any(|t| t == "丰"));
    let at = offered(&mut engine).iter().position(|t| t == "丰").unwrap();
    assert_eq!(engine.choose(at), Typed::Commit("丰".to_owned()));
}

/// A stroke from one point to another on a pad of 300.
fn line(from: (f32, f32), to: (f32, f32)) -> Vec<PadPoint> {
    (0..=10_u8)
        .map(|i| {
            let part = f32::from(i) / 10.0;
            PadPoint {
                x: from.0 + (to.0 - from.0) * part,
                y: from.1 + (to.1 - from.1) * part,
                t_ms: u32::from(i) * 20,
            }
        })
        .collect()
}

fn pad(strokes: Vec<Vec<PadPoint>>) -> PadDrawing {
    PadDrawing { width: 300.0, height: 300.0, strokes }
}

#[test]
fn a_finger_writes_simple_characters() {
    let mut engine = InputEngine::open(&InputPlaces::default());
    if engine.begin(InputMode::Handwriting).is_err() {
        eprintln!("SKIPPED a_finger_writes_simple_characters: libzinnia or its model is missing");
        return;
    }
    let heng = line((30.0, 150.0), (270.0, 145.0));
    let shu = line((150.0, 30.0), (150.0, 270.0));
    for (strokes, text) in [
        (vec![heng.clone()], "一"),
        (vec![heng.clone(), shu.clone()], "十"),
        (
            vec![
                heng,
                shu,
                line((150.0, 150.0), (40.0, 260.0)),
                line((150.0, 150.0), (260.0, 260.0)),
            ],
            "木",
        ),
    ] {
        assert_eq!(engine.draw(&pad(strokes)), Typed::Composing);
        let best: Vec<String> =
            engine.candidates(0).items.into_iter().take(5).map(|c| c.text).collect();
        assert!(best.iter().any(|t| t == text), "{text}: {best:?}");
    }
    assert!(matches!(engine.choose(0), Typed::Commit(_)));
    assert!(engine.candidates(0).items.is_empty());
}

#[test]
fn drawings_that_are_none_give_nothing() {
    let mut engine = InputEngine::open(&InputPlaces::default());
    if engine.begin(InputMode::Handwriting).is_err() {
        eprintln!("SKIPPED drawings_that_are_none_give_nothing: libzinnia or its model is missing");
        return;
    }
    let wild = PadPoint { x: f32::NAN, y: f32::INFINITY, t_ms: 0 };
    for drawing in [
        PadDrawing::default(),
        pad(Vec::new()),
        pad(vec![Vec::new()]),
        PadDrawing { width: f32::NAN, height: -1.0, strokes: vec![line((0.0, 0.0), (1.0, 1.0))] },
    ] {
        engine.draw(&drawing);
        assert!(engine.candidates(0).items.is_empty());
    }
    engine.draw(&pad(vec![vec![wild; 2_000]; 100]));
    engine.candidates(0);
}

/// Files below a folder that contain a text.
fn files_with(dir: &Path, needles: &[&[u8]], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            files_with(&path, needles, found);
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            if needles.iter().any(|n| bytes.windows(n.len()).any(|w| w == *n)) {
                found.push(path);
            }
        }
    }
}

/// Protects the officer's and the patients' secrets: principle "nothing typed is written in clear" of ui.md.
/// Runs itself again in a process whose HOME and TMPDIR are empty folders, types there, and looks.
#[test]
fn nothing_typed_is_found_in_any_folder_afterwards() {
    const INSIDE: &str = "SPOTCHECK_INPUT_PLANT";
    let letters = "zhangfeidenaitoushangdadangguilaile";
    if let Some(scratch) = std::env::var_os(INSIDE) {
        let places = InputPlaces { scratch: PathBuf::from(scratch), ..InputPlaces::default() };
        let mut engine = InputEngine::open(&places);
        for _ in 0..3 {
            type_in(&mut engine, letters);
            engine.candidates(0);
            let typed = engine.press(' ');
            assert!(matches!(typed, Typed::Commit(_)), "{typed:?}");
            for word in ["zhangfei", "dangguilaile"] {
                type_in(&mut engine, word);
                engine.choose(0);
            }
        }
        println!("ENGINES {}", engine.modes()[0].engine);
        // As after a crash: whatever librime wrote stays for the search.
        std::process::exit(0);
    }
    let home = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let out = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "input::tests::nothing_typed_is_found_in_any_folder_afterwards",
            "--nocapture",
        ])
        .env(INSIDE, scratch.path())
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_CACHE_HOME", home.path())
        .env("XDG_DATA_HOME", home.path())
        .env("TMPDIR", temporary.path())
        .current_dir(home.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{printed}{}", String::from_utf8_lossy(&out.stderr));
    assert!(printed.contains("ENGINES own"), "{printed}");
    let needles: Vec<&[u8]> = vec![
        letters.as_bytes(),
        b"zhang fei",
        b"zhangfei",
        "张飞".as_bytes(),
        b"dangguilai",
        "回来了".as_bytes(),
        "归来了".as_bytes(),
    ];
    let mut found = Vec::new();
    for dir in [home.path(), temporary.path(), scratch.path()] {
        files_with(dir, &needles, &mut found);
    }
    assert!(found.is_empty(), "{found:?}");
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(!err.contains("zhangfei") && !err.contains("张飞"), "{err}");
    // Not a word database either, whatever it would hold.
    let mut all = Vec::new();
    files_with(scratch.path(), &[b"e"], &mut all);
    for path in all {
        assert!(path.to_string_lossy().ends_with("spotcheck_pinyin.schema.yaml"), "{path:?}");
    }
    if !printed.contains("librime") {
        eprintln!(
            "SKIPPED librime in nothing_typed_is_found_in_any_folder_afterwards: not installed"
        );
    }
}

#[test]
fn librime_adds_candidates_and_goes_without_a_trace() {
    let scratch = tempfile::tempdir().unwrap();
    let places = InputPlaces { scratch: scratch.path().to_owned(), ..InputPlaces::default() };
    let mut engine = InputEngine::open(&places);
    if !engine.modes()[0].engine.contains("librime") {
        eprintln!("SKIPPED librime_adds_candidates_and_goes_without_a_trace: librime is missing");
        return;
    }
    type_in(&mut engine, "jiancharenyuan");
    assert_eq!(first(&mut engine), "检查人员");
    let page = engine.candidates(0);
    assert!(page.items.iter().all(|c| c.keys <= 14));
    // Again in the same process: librime's logging must not be set up twice.
    drop(engine);
    let begun = || {
        let mut engine = InputEngine::open(&places);
        engine.begin(InputMode::Pinyin).unwrap();
        engine
    };
    let engine = begun();
    assert!(engine.modes()[0].engine.contains("librime"));
    // A second keyboard in the same process does without, instead of breaking the first.
    assert!(!begun().modes()[0].engine.contains("librime"));
    drop(engine);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_language_model_counts_as_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zh_CN.lm");
    let real = super::model::PLACES.iter().find_map(|p| fs::read(p).ok());
    let head = b"mmap lm http://kheafield.com/code format version 5\n\0".to_vec();
    let mut broken = vec![Vec::new(), head.clone(), [head, vec![0xff; 400]].concat()];
    if let Some(mut real) = real {
        real.truncate(5_000_000);
        broken.push(real);
    }
    for bytes in broken {
        fs::write(&path, bytes).unwrap();
        let places = InputPlaces { model: Some(path.clone()), ..InputPlaces::none() };
        let mut engine = InputEngine::open(&places);
        type_in(&mut engine, "jiancha");
        assert_eq!(first(&mut engine), "检查");
    }
}

#[test]
fn the_language_model_knows_which_word_follows_which() {
    let path = std::env::var_os("SPOTCHECK_INPUT_MODEL").map(PathBuf::from);
    let model = path.or_else(super::Model::place).and_then(|p| super::Model::open(&p));
    let Some(model) = model else {
        eprintln!(
            "SKIPPED the_language_model_knows_which_word_follows_which: libime's model is missing"
        );
        return;
    };
    let id = |word: &str| model.id(word).unwrap();
    let score = |a: &str, b: &str| model.score([0, id(a)], id(b)).unwrap();
    let alone = |b: &str| model.score([0, 0], id(b)).unwrap();
    for (a, b) in [("检查", "人员"), ("进行", "检查"), ("中国", "人民")] {
        println!("{a} {b}: {} alone {}", score(a, b), alone(b));
        assert!(score(a, b) > alone(b) + 0.5);
        assert!(score(a, b) < 0.0);
    }
    assert!(model.id("没有这样的词").is_none());
    // Three in a row: what was said before a word still counts after it.
    let after = |a: &str, b: &str, c: &str| model.score([id(a), id(b)], id(c)).unwrap();
    assert!(after("进行", "检查", "治疗") > score("检查", "治疗"));
    assert!(after("我们", "的", "生活") < 0.0);
    // A word that the model lacks is made of those it knows.
    assert_eq!(model.pieces("医保基金"), [id("医保"), id("基金")]);
    assert_eq!(model.pieces("检查"), [id("检查")]);
    assert!(model.pieces("\u{2a700}").is_empty());
}

#[test]
fn the_language_model_shares_one_unit_of_likelihood_among_all_words() {
    let path = std::env::var_os("SPOTCHECK_INPUT_MODEL").map(PathBuf::from);
    let Some(model) = path.or_else(super::Model::place).and_then(|p| super::Model::open(&p)) else {
        eprintln!(
            "SKIPPED the_language_model_shares_one_unit_of_likelihood_among_all_words: no model"
        );
        return;
    };
    let id = |word: &str| model.id(word).unwrap();
    // Tables read at a wrong place give sums of another order.
    for before in [[0, id("的")], [id("我们"), id("的")], [id("这"), id("是")]] {
        let sum: f64 = (1_u32..164_887)
            .filter_map(|word| model.score(before, word))
            .map(|score| 10_f64.powf(f64::from(score)))
            .sum();
        assert!((0.85..1.05).contains(&sum), "{sum}");
    }
}

fn any_key() -> impl Strategy<Value = char> {
    prop_oneof![
        8 => proptest::char::range('a', 'z'),
        1 => Just('\''),
        1 => Just(' '),
        1 => any::<char>(),
    ]
}

#[derive(Debug, Clone)]
enum Act {
    Key(char),
    Choose(usize),
    Backspace,
    Page(usize),
    Mode(usize),
    Clear,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => any_key().prop_map(Act::Key),
        3 => (0_usize..15).prop_map(Act::Choose),
        3 => Just(Act::Backspace),
        2 => prop_oneof![0_usize..4, Just(usize::MAX)].prop_map(Act::Page),
        1 => (0_usize..5).prop_map(Act::Mode),
        1 => Just(Act::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// R: no key sequence may stop a record from being written.
    #[test]
    fn no_sequence_of_acts_panics_or_gets_stuck(acts in proptest::collection::vec(any_act(), 1..60)) {
        let mut engine = InputEngine::open(&InputPlaces {
            rime_data: InputPlaces::none().rime_data,
            model: InputPlaces::none().model,
            ..InputPlaces::default()
        });
        for act in acts {
            match act {
                Act::Key(c) => drop(engine.press(c)),
                Act::Choose(n) => drop(engine.choose(n)),
                Act::Backspace => drop(engine.backspace()),
                Act::Page(p) => drop(engine.candidates(p)),
                Act::Mode(m) => drop(engine.begin(InputMode::ALL[m])),
                Act::Clear => engine.clear(),
            }
            let open = engine.composing();
            prop_assert!(open.open.len() < 400);
        }
        // Whatever is open can always be given up.
        for _ in 0..2_000 {
            if engine.backspace() == Typed::Pass {
                break;
            }
        }
        prop_assert!(engine.composing().is_empty());
    }
}

#[test]
fn keys_without_end_neither_panic_nor_grow() {
    let mut engine = own();
    for _ in 0..50 {
        type_in(&mut engine, "zhuangzhuang");
    }
    assert!(engine.composing().open.len() <= 400);
    assert!(matches!(engine.press('。'), Typed::Commit(_)));
    assert!(engine.composing().is_empty());
}
