//! The two languages of the window: Chinese is the source, English a table that is built in.
//!
//! [`say!`] takes the Chinese words and gives them back, or in English what the catalogue (`lang/en.po`) has for
//! them. Only the window speaks English: what goes into a record, onto paper or into the journal is Chinese in
//! both languages ([`kept!`]), and so are the texts of rules, laws and claims.
//!
//! The choice is one per UI thread, as Slint keeps it, so that windows of parallel tests do not disturb each
//! other. Work of other threads makes no words.

use std::cell::Cell;
use std::fmt::{Display, Write as _};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_face::Shell;

use crate::app::App;
use crate::frame::{place, recording, typing};

/// What the window speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// The source.
    #[default]
    Chinese,
    /// The translation.
    English,
}

impl Language {
    /// As the settings keep it; what is not known, or absent, is Chinese.
    pub(crate) fn parse(kept: Option<&str>) -> Self {
        if kept == Some("en") { Self::English } else { Self::Chinese }
    }

    /// The name in the settings and of the bundled translation of the face.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }
}

/// Chinese key and English words, sorted by key.
pub(crate) const ENGLISH: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/english.rs"));

thread_local! {
    static NOW: Cell<Language> = const { Cell::new(Language::Chinese) };
    static CHOSEN: Cell<Language> = const { Cell::new(Language::Chinese) };
}

/// Words in the language of the window: a Chinese literal, with the values of its `{}` behind it.
///
/// Without values a `&'static str`, with them a `String`. The catalogue may use them in another order (`{0}`,
/// `{1}`), and `{s}` for the plural of the value before it.
macro_rules! say {
    ($words:literal) => {
        $crate::language::word($words)
    };
    ($words:literal, $($value:expr),+ $(,)?) => {
        match $crate::language::english($words) {
            Some(english) => $crate::language::fill(
                english,
                &[$(&$value as &dyn ::std::fmt::Display),+],
            ),
            None => format!($words, $($value),+),
        }
    };
}

/// Words of a table that are shown through [`word`] or [`told`]: marks them for the catalogue.
macro_rules! mark {
    ($words:literal) => {
        $words
    };
}

/// Words that stay Chinese in every language, because they are kept in a record or compared with data.
macro_rules! kept {
    ($words:literal) => {
        $words
    };
}

pub(crate) use {kept, mark, say};

/// The language of the window.
pub(crate) fn now() -> Language {
    NOW.get()
}

/// The English entry of a key while the window speaks English.
pub(crate) fn english(key: &str) -> Option<&'static str> {
    if now() == Language::Chinese {
        return None;
    }
    let place = ENGLISH.binary_search_by(|(known, _)| (*known).cmp(key)).ok()?;
    ENGLISH.get(place).map(|(_, words)| *words)
}

/// Chinese words in the language of the window; those that nobody translated (data) as they are.
pub(crate) fn word(chinese: &str) -> &str {
    english(chinese).unwrap_or(chinese)
}

/// Puts values into the places of a sentence.
pub(crate) fn fill(sentence: &str, values: &[&dyn Display]) -> String {
    let mut text = String::with_capacity(sentence.len().saturating_add(16));
    let (mut rest, mut next, mut last) = (sentence, 0_usize, None);
    while let Some((before, (inside, after))) =
        rest.split_once('{').and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
    {
        text.push_str(before);
        rest = after;
        if inside == "s" {
            let one =
                last.is_some_and(|n: usize| values.get(n).is_some_and(|v| v.to_string() == "1"));
            text.push_str(if one { "" } else { "s" });
            continue;
        }
        let place = inside.parse().unwrap_or_else(|_| {
            next = next.saturating_add(1);
            next.saturating_sub(1)
        });
        last = Some(place);
        if let Some(value) = values.get(place) {
            // Writing to a string does not fail.
            let _written = write!(text, "{value}");
        }
    }
    text.push_str(rest);
    text
}

/// What the desk tells in sentences of its own, with `{}` where names and numbers stand; the longer one of two
/// that fit comes first.
const TOLD: &[&str] = &[
    // What a visit still lacks.
    mark!("{}未出示证件"),
    mark!("{}的签名证书已于 {} 到期，须续期后补签"),
    mark!("没有制作现场检查笔录"),
    mark!("{}({})尚未定稿"),
    mark!("{}({})尚未签字或打印"),
    mark!("{} 件证据未写明证明内容"),
    mark!("{} 件证据超过 5 分钟还没有第二副本"),
    // What is safe.
    mark!("安全：在办案卷 {} 件、待回传证据包 {} 个，都在本机加密保存"),
    mark!("中断的录音录像 {} 段已恢复，共 {}，缺 ≤ 2 秒"),
    mark!("{} 段暂未恢复，原样保留，下次解锁再试"),
    mark!("{} 份案卷没有打开（{}），原样保留，请勿删除并联系中心"),
    mark!("到场采集 {} 件，打开任务后归入案卷"),
    mark!("安全：{}"),
    mark!("{} 分 {} 秒"),
];

/// A sentence of the desk in the language of the window; one that is not known stays as it was told.
pub(crate) fn told(sentence: &str) -> String {
    if now() == Language::Chinese {
        return sentence.to_owned();
    }
    // Several that were strung together.
    if sentence.contains('；') {
        return sentence.split('；').map(told).collect::<Vec<_>>().join("; ");
    }
    if let Some(english) = english(sentence) {
        return english.to_owned();
    }
    for pattern in TOLD {
        if let (Some(values), Some(english)) = (values_of(pattern, sentence), english(pattern)) {
            let values: Vec<String> = values.into_iter().map(told).collect();
            let values: Vec<&dyn Display> = values.iter().map(|v| v as &dyn Display).collect();
            return fill(english, &values);
        }
    }
    sentence.to_owned()
}

/// What stands in the places of a pattern; none where the sentence is another one.
pub(crate) fn values_of<'a>(pattern: &str, sentence: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = sentence.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let (value, after) = match (part, parts.peek()) {
            ("", None) => (rest, ""),
            (part, None) => (rest.strip_suffix(part)?, ""),
            (part, Some(_)) => rest.split_once(part)?,
        };
        values.push(value);
        rest = after;
    }
    rest.is_empty().then_some(values)
}

/// The Chinese words behind what somebody tapped: `shown` as the window says it, else what was typed.
pub(crate) fn behind<'a>(shown: &'a str, choices: &[&'a str]) -> &'a str {
    choices.iter().copied().find(|choice| word(choice) == shown).unwrap_or(shown)
}

/// Slint takes the language of the system for a beginning; this program begins in its own.
pub(crate) fn begin(app: &App) {
    NOW.set(Language::Chinese);
    CHOSEN.set(Language::Chinese);
    select(Language::Chinese);
    show_places(app);
}

/// What the party is shown is Chinese, whatever the officer chose.
pub(crate) fn to_the_party(app: &App, shown: bool) {
    let language = if shown { Language::Chinese } else { CHOSEN.get() };
    if now() != language {
        NOW.set(language);
        select(language);
        show_places(app);
    }
}

/// Speaks a language from now on; true if it is another one than before.
pub(crate) fn choose(app: &Rc<App>, language: Language) -> bool {
    if now() == language {
        return false;
    }
    NOW.set(language);
    CHOSEN.set(language);
    select(language);
    app.window.global::<Shell<'_>>().set_english(language == Language::English);
    show_places(app);
    typing::rename(app);
    // The status line is written by what the device tells, not by a screen.
    app.ask_result(
        |desk| desk.status(),
        |app, now| {
            if let Ok(now) = now {
                recording::show(app, &now);
            }
        },
    );
    true
}

fn select(language: Language) {
    // The source language has no name of its own in the bundle.
    let name = if language == Language::English { language.as_str() } else { "" };
    if let Err(error) = slint::select_bundled_translation(name) {
        tracing::warn!("The face cannot speak {name:?}: {error}.");
    }
}

fn show_places(app: &App) {
    let places: Vec<SharedString> = place::TABS.iter().map(|tab| word(tab).into()).collect();
    app.window.global::<Shell<'_>>().set_places(ModelRc::new(VecModel::from(places)));
}

#[cfg(test)]
#[path = "language/tests.rs"]
mod tests;
