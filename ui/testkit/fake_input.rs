//! A text input engine with a dozen words, for tests of the keyboard and for the gallery.
//!
//! It composes as a real one does (keys open, candidates, choice, backspace, passing on what is not its
//! own), so that the keyboard can be driven without dictionaries.

use spotcheck_app::input::{
    Candidate, CandidateOrigin, CandidatePage, Composing, InputMode, Learned, ModeState,
    PadDrawing, TextInput, Typed,
};
use spotcheck_domain::TroubleResult;

const WORDS: [(&str, &[&str]); 5] = [
    ("hushizhan", &["护士站", "护士", "湖", "户", "呼", "胡", "虎"]),
    ("hu", &["护", "户", "湖", "胡", "虎", "呼", "互"]),
    ("zhang", &["张", "章", "长"]),
    ("zai", &["在", "再"]),
    ("h", &["和", "会", "还", "后"]),
];

const PHRASES: [(&str, &[&str]); 4] = [
    ("place", &["住院部", "门诊楼", "护士站", "医生办公室", "会议室", "药库"]),
    ("post", &["院长", "主任", "护士长", "责任护士"]),
    ("relation", &["本人", "配偶", "护工"]),
    ("source", &["原件复印", "系统导出", "现场拍摄"]),
];

/// The engine.
#[derive(Debug, Default)]
pub struct FakeInput {
    keys: String,
    drawn: bool,
    mode: Option<InputMode>,
    learned: Learned,
}

impl FakeInput {
    fn list(&self) -> Vec<Candidate> {
        let found = WORDS.iter().find(|(keys, _)| *keys == self.keys).map(|(_, texts)| *texts);
        let texts = if self.drawn { &["龘", "张"] } else { found.unwrap_or_default() };
        let keys = self.keys.chars().count();
        let candidate = |text: &&str| Candidate {
            text: (*text).to_owned(),
            keys,
            origin: CandidateOrigin::Word,
        };
        let mut list: Vec<Candidate> = texts.iter().map(candidate).collect();
        self.learned.rerank(&self.keys, &mut list);
        list
    }

    fn open(&self) -> bool {
        self.drawn || !self.keys.is_empty()
    }
}

impl TextInput for FakeInput {
    fn modes(&self) -> Vec<ModeState> {
        let state = |mode| ModeState { mode, available: true, engine: "fake".to_owned() };
        InputMode::ALL.into_iter().map(state).collect()
    }

    fn begin(&mut self, mode: InputMode) -> TroubleResult<()> {
        self.clear();
        self.mode = Some(mode);
        Ok(())
    }

    fn mode(&self) -> InputMode {
        self.mode.unwrap_or(InputMode::Pinyin)
    }

    fn press(&mut self, key: char) -> Typed {
        if key.is_ascii_lowercase() {
            self.keys.push(key);
            return Typed::Composing;
        }
        if !self.open() {
            return Typed::Pass;
        }
        if key == '\n' {
            let keys = std::mem::take(&mut self.keys);
            self.clear();
            return Typed::Commit(keys);
        }
        match self.choose(0) {
            Typed::Commit(text) if key == ' ' => Typed::Commit(text),
            Typed::Commit(text) => Typed::Commit(format!("{text}{key}")),
            other => other,
        }
    }

    fn draw(&mut self, drawing: &PadDrawing) -> Typed {
        self.drawn = !drawing.strokes.is_empty();
        Typed::Composing
    }

    fn composing(&self) -> Composing {
        Composing { chosen: String::new(), open: self.keys.clone() }
    }

    fn candidates(&mut self, page: usize) -> CandidatePage {
        let items = if page == 0 { self.list() } else { Vec::new() };
        CandidatePage { items, more: false }
    }

    fn choose(&mut self, n: usize) -> Typed {
        let text = match self.list().get(n) {
            Some(candidate) => candidate.text.clone(),
            None => self.keys.clone(),
        };
        self.learned.learn(&self.keys, &text);
        self.clear();
        Typed::Commit(text)
    }

    fn backspace(&mut self) -> Typed {
        if !self.open() {
            return Typed::Pass;
        }
        self.drawn = false;
        self.keys.pop();
        Typed::Composing
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.drawn = false;
    }

    fn phrases(&self, field: &str, prefix: &str) -> Vec<String> {
        let found = PHRASES.iter().find(|(kind, _)| *kind == field).map(|(_, texts)| *texts);
        let texts = found.unwrap_or_default().iter().filter(|text| text.starts_with(prefix));
        texts.map(|text| (*text).to_owned()).collect()
    }

    fn set_learning(&mut self, _on: bool) {}

    fn learned(&self) -> &Learned {
        &self.learned
    }

    fn set_learned(&mut self, learned: Learned) {
        self.clear();
        self.learned = learned;
    }
}
