//! Text input inside the program: the adapter behind `spotcheck_app::input::TextInput`.
//!
//! Three engines work together, each optional but the first: our own decoder over built-in tables, librime
//! as a further source of candidates, libzinnia for drawings; stroke order comes from a table of Debian's.
//! The state machine is ours, so that no engine ever sees a commit and none can keep what was typed. What
//! is missing is said by [`TextInput::modes`]; nothing that is installed or not changes what a key means.

mod decoder;
mod dl;
mod late;
mod lexicon;
#[cfg(test)]
mod measure;
mod model;
mod phrases;
mod rime;
mod strokes;
#[cfg(test)]
mod tests;
mod zinnia;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use spotcheck_app::input::{
    Candidate, CandidateOrigin, CandidatePage, Composing, InputMode, Learned, ModeState, PAGE,
    PadDrawing, TextInput, Typed,
};
use spotcheck_domain::{Trouble, TroubleResult};

use decoder::Decoder;
use late::Late;
use model::Model;
use rime::Rime;
use strokes::Strokes;
use zinnia::Zinnia;

/// Characters offered for a drawing.
const SHAPES: usize = 30;
/// Stroke keys taken at most.
const LONGEST_STROKES: usize = 64;

/// Where the optional engines and tables are looked for. Set a place to a path that does not exist to do
/// without it.
#[derive(Debug, Clone)]
pub struct InputPlaces {
    /// Folder of librime's data.
    pub rime_data: PathBuf,
    /// A folder in memory in which librime's (empty) user folder is made.
    pub scratch: PathBuf,
    /// Language model of libime; `None`: where distributions put it.
    pub model: Option<PathBuf>,
    /// Stroke order table.
    pub strokes: PathBuf,
    /// Handwriting model.
    pub handwriting: PathBuf,
}

impl Default for InputPlaces {
    fn default() -> Self {
        let memory = Path::new("/dev/shm");
        Self {
            rime_data: PathBuf::from(rime::SHARED),
            scratch: if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() },
            model: None,
            strokes: PathBuf::from(strokes::PLACE),
            handwriting: PathBuf::from(zinnia::MODEL),
        }
    }
}

impl InputPlaces {
    /// Nothing but what is built in.
    #[must_use]
    pub fn none() -> Self {
        let nowhere = PathBuf::from("/nonexistent");
        Self {
            rime_data: nowhere.clone(),
            scratch: nowhere.clone(),
            model: Some(nowhere.clone()),
            strokes: nowhere.clone(),
            handwriting: nowhere,
        }
    }
}

/// A choice inside the composition, so that backspace can take it back.
struct Taken {
    text: String,
    keys: String,
}

/// The engine behind the in-app keyboard.
pub struct InputEngine {
    mode: InputMode,
    decoder: Decoder,
    model: Late<Model>,
    rime: Late<Rime>,
    strokes: Late<Strokes>,
    zinnia: Late<Zinnia>,
    code: String,
    shapes: Vec<String>,
    taken: Vec<Taken>,
    learning: bool,
    learned: Learned,
    /// Candidates of the present state, made when first asked for.
    list: Option<Vec<Candidate>>,
}

impl InputEngine {
    /// Looks what is there. Each part is opened when its mode begins or its first key comes; a language model
    /// then takes about a tenth of a second.
    #[must_use]
    pub fn open(places: &InputPlaces) -> Self {
        let InputPlaces { rime_data, scratch, model, strokes, handwriting } = places.clone();
        let model = model.or_else(Model::place);
        Self {
            mode: InputMode::Pinyin,
            decoder: Decoder::new(),
            model: Late::new(model.as_ref().is_some_and(|m| m.is_file()), move || {
                model.as_deref().and_then(Model::open)
            }),
            rime: Late::new(Rime::is_there(&rime_data), move || Rime::open(&rime_data, &scratch)),
            strokes: Late::new(strokes.is_file(), move || Strokes::open(&strokes)),
            zinnia: Late::new(Zinnia::is_there(&handwriting), move || Zinnia::open(&handwriting)),
            code: String::new(),
            shapes: Vec::new(),
            taken: Vec::new(),
            learning: true,
            learned: Learned::default(),
            list: None,
        }
    }

    /// Kinds of form fields that have phrases.
    #[must_use]
    pub fn phrase_fields() -> Vec<&'static str> {
        phrases::fields()
    }

    /// Opens what pinyin needs, once.
    fn ready(&mut self) {
        if let Some(model) = self.model.take() {
            self.decoder.set_model(model);
        }
        self.rime.get();
    }

    fn open_keys(&self) -> &str {
        match self.mode {
            InputMode::Stroke => &self.code,
            _ => self.decoder.letters(),
        }
    }

    fn nothing_open(&self) -> bool {
        self.taken.is_empty() && self.open_keys().is_empty() && self.shapes.is_empty()
    }

    fn pinyin_candidates(&mut self) -> Vec<Candidate> {
        let letters = self.decoder.letters().to_owned();
        let typed = self.decoder.spelled_with_cuts();
        let mut out: Vec<Candidate> = self
            .decoder
            .proposals(&self.learned)
            .into_iter()
            .map(|p| Candidate {
                text: p.text,
                keys: p.letters,
                origin: if p.sentence { CandidateOrigin::Sentence } else { CandidateOrigin::Word },
            })
            .collect();
        if let Some(rime) = self.rime.get() {
            let known: HashSet<String> = out.iter().map(|c| c.text.clone()).collect();
            let more = rime.candidates(&typed).into_iter().filter(|c| !known.contains(&c.text));
            for found in more {
                let whole = found.letters == letters.len();
                // After our own of the same length, which knows the field's words; before shorter ones.
                let at = out.iter().skip(1).position(|c| c.keys < found.letters);
                let at = at.map_or(out.len(), |i| i.saturating_add(1));
                let origin = if whole && found.text.chars().count() > 4 {
                    CandidateOrigin::Sentence
                } else {
                    CandidateOrigin::Word
                };
                out.insert(at, Candidate { text: found.text, keys: found.letters, origin });
            }
        }
        self.learned.rerank(&letters, &mut out);
        out
    }

    fn make_list(&mut self) -> Vec<Candidate> {
        match self.mode {
            // Nothing typed opens no library.
            InputMode::Pinyin | InputMode::Stroke if self.open_keys().is_empty() => Vec::new(),
            InputMode::Pinyin => self.pinyin_candidates(),
            InputMode::Stroke => {
                let found = self.strokes.get().map(|s| s.find(&self.code)).unwrap_or_default();
                let keys = self.code.len();
                let mut out: Vec<Candidate> = found
                    .into_iter()
                    .map(|c| Candidate {
                        text: c.to_string(),
                        keys,
                        origin: CandidateOrigin::Shape,
                    })
                    .collect();
                self.learned.rerank(&self.code, &mut out);
                out
            }
            InputMode::Handwriting => self
                .shapes
                .iter()
                .map(|s| Candidate { text: s.clone(), keys: 0, origin: CandidateOrigin::Shape })
                .collect(),
            InputMode::Latin | InputMode::Digits => Vec::new(),
        }
    }

    fn list(&mut self) -> &[Candidate] {
        if self.list.is_none() {
            self.list = Some(self.make_list());
        }
        self.list.as_deref().unwrap_or_default()
    }

    fn count(&mut self, keys: &str, text: &str) {
        if self.learning {
            self.learned.learn(keys, text);
        }
    }

    /// Gives the whole composition to the field.
    fn commit(&mut self) -> Typed {
        let text: String = self.taken.iter().map(|t| t.text.as_str()).collect();
        if self.taken.len() > 1 {
            let keys: String = self.taken.iter().map(|t| t.keys.as_str()).collect();
            self.count(&keys, &text);
        }
        self.clear();
        if text.is_empty() { Typed::Composing } else { Typed::Commit(text) }
    }

    /// Takes the first candidates until nothing is open.
    fn take_all(&mut self) -> String {
        for _ in 0..decoder::LONGEST_INPUT {
            match self.choose(0) {
                Typed::Commit(text) => return text,
                Typed::Composing => {}
                Typed::Pass => break,
            }
        }
        // Letters that are no pinyin at all are given as they are.
        let mut text: String = self.taken.iter().map(|t| t.text.as_str()).collect();
        text.push_str(self.open_keys());
        self.clear();
        text
    }
}

impl TextInput for InputEngine {
    fn modes(&self) -> Vec<ModeState> {
        let parts = [
            (true, "own"),
            (self.model.is_there() || self.decoder.has_model(), "libime model"),
            (self.rime.is_there(), "librime"),
        ];
        let there: Vec<&str> = parts.iter().filter(|p| p.0).map(|p| p.1).collect();
        let pinyin = there.join(", ");
        let state = |available: bool, engine: &str| {
            if available { engine.to_owned() } else { "not installed".to_owned() }
        };
        InputMode::ALL
            .into_iter()
            .map(|mode| {
                let (available, engine) = match mode {
                    InputMode::Pinyin => (true, pinyin.clone()),
                    InputMode::Stroke => {
                        let there = self.strokes.is_there();
                        (there, state(there, "rime-data-stroke"))
                    }
                    InputMode::Handwriting => {
                        let there = self.zinnia.is_there();
                        (there, state(there, "libzinnia"))
                    }
                    InputMode::Latin | InputMode::Digits => (true, "own".to_owned()),
                };
                ModeState { mode, available, engine }
            })
            .collect()
    }

    fn begin(&mut self, mode: InputMode) -> TroubleResult<()> {
        let missing = match mode {
            InputMode::Stroke => self.strokes.get().is_none().then_some("rime-data-stroke"),
            InputMode::Handwriting => self
                .zinnia
                .get()
                .is_none()
                .then_some("libzinnia0 和 tegaki-zinnia-simplified-chinese"),
            InputMode::Pinyin => {
                self.ready();
                None
            }
            InputMode::Latin | InputMode::Digits => None,
        };
        if let Some(package) = missing {
            return Err(Trouble::new(
                "INPUT-MODE",
                &format!("本机没有安装{}输入所需的组件。", mode.label()),
                "已输入的内容没有改动。",
                &format!("请改用拼音输入，或请维护人员安装 {package}。"),
            ));
        }
        self.clear();
        self.mode = mode;
        Ok(())
    }

    fn mode(&self) -> InputMode {
        self.mode
    }

    fn press(&mut self, key: char) -> Typed {
        let taken = match self.mode {
            InputMode::Latin | InputMode::Digits => return Typed::Commit(key.to_string()),
            InputMode::Pinyin => {
                self.ready();
                self.decoder.push(key.to_ascii_lowercase(), &self.learned)
            }
            InputMode::Stroke => {
                let letter = spotcheck_app::input::STROKE_KEYS
                    .iter()
                    .find(|(label, letter)| *label == key || *letter == key)
                    .map(|(_, letter)| *letter);
                match letter {
                    Some(letter) if self.code.len() < LONGEST_STROKES => {
                        self.code.push(letter);
                        true
                    }
                    _ => false,
                }
            }
            InputMode::Handwriting => false,
        };
        if taken {
            self.list = None;
            return Typed::Composing;
        }
        if self.nothing_open() {
            return if key.is_control() { Typed::Pass } else { Typed::Commit(key.to_string()) };
        }
        match key {
            '\n' | '\r' => {
                let mut text: String = self.taken.iter().map(|t| t.text.as_str()).collect();
                text.push_str(self.open_keys());
                self.clear();
                Typed::Commit(text)
            }
            ' ' => match self.choose(0) {
                Typed::Pass => Typed::Commit(self.take_all()),
                other => other,
            },
            // Too many keys: the composition stays as it is.
            _ if key.is_ascii_lowercase() || key == '\'' || key.is_control() => Typed::Composing,
            _ => {
                let mut text = self.take_all();
                text.push(key);
                Typed::Commit(text)
            }
        }
    }

    fn draw(&mut self, drawing: &PadDrawing) -> Typed {
        if self.mode != InputMode::Handwriting {
            return Typed::Pass;
        }
        self.list = None;
        self.shapes = self.zinnia.get().map(|z| z.recognise(drawing, SHAPES)).unwrap_or_default();
        Typed::Composing
    }

    fn composing(&self) -> Composing {
        let open = match self.mode {
            InputMode::Stroke => self
                .code
                .chars()
                .filter_map(|c| {
                    spotcheck_app::input::STROKE_KEYS.iter().find(|(_, l)| *l == c).map(|k| k.0)
                })
                .collect(),
            _ => self.decoder.spelled(),
        };
        Composing { chosen: self.taken.iter().map(|t| t.text.as_str()).collect(), open }
    }

    fn candidates(&mut self, page: usize) -> CandidatePage {
        let list = self.list();
        let from = page.saturating_mul(PAGE);
        let items: Vec<Candidate> = list.iter().skip(from).take(PAGE).cloned().collect();
        let more = list.len() > from.saturating_add(PAGE);
        CandidatePage { items, more }
    }

    fn choose(&mut self, n: usize) -> Typed {
        let Some(candidate) = self.list().get(n).cloned() else { return Typed::Pass };
        let keys: String = self.open_keys().chars().take(candidate.keys).collect();
        if !keys.is_empty() {
            self.count(&keys, &candidate.text);
        }
        match self.mode {
            InputMode::Pinyin => self.decoder.consume(candidate.keys, &self.learned),
            _ => self.code.clear(),
        }
        self.shapes.clear();
        self.list = None;
        self.taken.push(Taken { text: candidate.text, keys });
        if self.open_keys().is_empty() { self.commit() } else { Typed::Composing }
    }

    fn backspace(&mut self) -> Typed {
        if self.nothing_open() {
            return Typed::Pass;
        }
        self.list = None;
        if !self.shapes.is_empty() {
            self.shapes.clear();
        } else if self.open_keys().is_empty() {
            if let Some(last) = self.taken.pop() {
                for key in last.keys.chars() {
                    self.decoder.push(key, &self.learned);
                }
            }
        } else if self.mode == InputMode::Stroke {
            self.code.pop();
        } else {
            self.decoder.pop();
        }
        Typed::Composing
    }

    fn clear(&mut self) {
        self.decoder.clear();
        self.code.clear();
        self.shapes.clear();
        self.taken.clear();
        self.list = None;
    }

    fn phrases(&self, field: &str, prefix: &str) -> Vec<String> {
        phrases::find(field, prefix)
    }

    fn set_learning(&mut self, on: bool) {
        self.learning = on;
    }

    fn learned(&self) -> &Learned {
        &self.learned
    }

    fn set_learned(&mut self, learned: Learned) {
        self.clear();
        self.learned = learned;
    }
}
