//! A form while it is being filled: the same for every form, so that screen and sub-commands need one
//! way only.
//!
//! It is what the case database keeps between two taps. Freezing turns it into [`Elements`]; from then on
//! the draft is history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;
use crate::elements::{Answer, Elements, Officer};
use crate::form::{FormSpec, form};
use crate::printable::{Unprintable, tidy, unprintable};

/// A form being filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// `W03`, `W04`, `W25`.
    pub form: String,
    /// Field key → text; a key that is not there is an empty field.
    pub fields: BTreeMap<String, String>,
    /// Officers in signing order.
    pub officers: Vec<Officer>,
    /// Legal basis, clause by clause, then regional policy.
    pub basis: Vec<String>,
    /// Questions and answers, oldest first (W04 only).
    pub answers: Vec<Answer>,
}

impl Draft {
    /// An empty draft.
    ///
    /// # Errors
    /// [`Error::UnknownForm`].
    pub fn new(id: &str) -> Result<Self, Error> {
        form(id)?;
        Ok(Self {
            form: id.to_owned(),
            fields: BTreeMap::new(),
            officers: Vec::new(),
            basis: Vec::new(),
            answers: Vec::new(),
        })
    }

    /// The form.
    ///
    /// # Errors
    /// [`Error::UnknownForm`] if the stored id is of a form that is gone.
    pub fn spec(&self) -> Result<&'static FormSpec, Error> {
        form(&self.form)
    }

    /// What an officer typed.
    ///
    /// # Errors
    /// [`Error::UnknownField`] for a key the form has not, or one that the program fills.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let field = self.spec()?.field(key).ok_or(Error::UnknownField)?;
        if field.fixed {
            return Err(Error::UnknownField);
        }
        self.put(key, field.multiline, value);
        Ok(())
    }

    /// What the program fills: fixed fields, and prefilled ones (place, names known from the task).
    ///
    /// # Errors
    /// [`Error::UnknownField`] for a key the form has not.
    pub fn prefill(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let field = self.spec()?.field(key).ok_or(Error::UnknownField)?;
        self.put(key, field.multiline, value);
        Ok(())
    }

    fn put(&mut self, key: &str, multiline: bool, value: &str) {
        let tidied = tidy(value);
        let text =
            if multiline { tidied.trim_end().to_owned() } else { tidied.trim().replace('\n', " ") };
        self.fields.insert(key.to_owned(), text);
    }

    /// Text of a field; empty if not filled.
    #[must_use]
    pub fn value(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }

    /// Adds a question (`n: None`) or changes an earlier one; returns it as stored.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if the form has no questions or no such number.
    pub fn answer(
        &mut self,
        n: Option<u32>,
        question: &str,
        answer: &str,
        audio: Option<(&str, u64)>,
    ) -> Result<Answer, Error> {
        if !self.spec()?.interview {
            return Err(Error::UnknownField);
        }
        let (question, answer) = (tidy(question).trim().to_owned(), tidy(answer).trim().to_owned());
        if let Some(n) = n {
            let old = self.answers.iter_mut().find(|a| a.n == n).ok_or(Error::UnknownField)?;
            // The mark stays where the answer was first given.
            (old.question, old.answer) = (question, answer);
            return Ok(old.clone());
        }
        let next = self.answers.iter().map(|a| a.n).max().unwrap_or(0).saturating_add(1);
        let added = Answer {
            n: next,
            question,
            answer,
            at_ms: audio.map(|(_, at)| at),
            audio: audio.map(|(id, _)| id.to_owned()),
        };
        self.answers.push(added.clone());
        Ok(added)
    }

    /// Names (Chinese) of what must be filled before freezing; empty if nothing.
    ///
    /// # Errors
    /// [`Error::UnknownForm`].
    pub fn missing(&self) -> Result<Vec<String>, Error> {
        missing(&self.elements()?)
    }

    /// Characters that cannot be printed, by field.
    ///
    /// # Errors
    /// [`Error::UnknownForm`].
    pub fn unprintable(&self) -> Result<Vec<Unprintable>, Error> {
        let spec = self.spec()?;
        Ok(unprintable(&self.elements()?.to_value()?, &|key| spec.label(key)))
    }

    /// Everything that keeps the form from being frozen, in words: gaps, then characters that cannot be
    /// printed, by field.
    ///
    /// # Errors
    /// [`Error::UnknownForm`].
    pub fn gaps(&self) -> Result<Vec<String>, Error> {
        let mut gaps = self.missing()?;
        gaps.extend(
            self.unprintable()?
                .iter()
                .map(|u| format!("{}中有无法打印的字符 U+{:04X}", u.field, u32::from(u.character))),
        );
        Ok(gaps)
    }

    /// The elements as they stand, complete or not.
    ///
    /// # Errors
    /// [`Error::UnknownForm`], [`Error::Shape`] if stored keys do not fit the form any more.
    pub fn elements(&self) -> Result<Elements, Error> {
        let spec = self.spec()?;
        let shape = || Error::Shape { form: self.form.clone() };
        let mut members: Map<String, Value> = spec
            .fields
            .iter()
            .map(|f| (f.key.to_owned(), Value::from(self.value(f.key))))
            .collect();
        if self.fields.keys().any(|key| spec.field(key).is_none()) {
            return Err(shape());
        }
        let list = |items| serde_json::to_value(items).map_err(|_| shape());
        members.insert(
            "officers".to_owned(),
            serde_json::to_value(&self.officers).map_err(|_| shape())?,
        );
        members.insert("basis".to_owned(), serde_json::to_value(&self.basis).map_err(|_| shape())?);
        if spec.interview {
            members.insert("answers".to_owned(), list(&self.answers)?);
        }
        Elements::parse(&self.form, &Value::Object(members))
    }
}

/// Names (Chinese) of what is still missing in the elements; empty if they can be frozen.
///
/// # Errors
/// [`Error::UnknownForm`], [`Error::Shape`].
pub fn missing(elements: &Elements) -> Result<Vec<String>, Error> {
    let spec = form(elements.form())?;
    let value = elements.to_value()?;
    let blank =
        |key: &str| value.get(key).and_then(Value::as_str).is_none_or(|t| t.trim().is_empty());
    let mut names: Vec<String> = spec
        .fields
        .iter()
        .filter(|f| f.required && blank(f.key))
        .map(|f| f.label.to_owned())
        .collect();
    let (officers, basis, answers) = match elements {
        Elements::W03(w) => (&w.officers, &w.basis, None),
        Elements::W04(w) => (&w.officers, &w.basis, Some(&w.answers)),
        Elements::W25(w) => (&w.officers, &w.basis, None),
    };
    // 行政处罚法 art. 42, 条例 art. 29: at least two different officers.
    let mut credentials: Vec<_> =
        officers.iter().map(|o| (o.credential_kind, o.credential_number.trim())).collect();
    credentials.sort_unstable();
    credentials.dedup();
    if officers.iter().any(|o| o.name.trim().is_empty() || o.credential_number.trim().is_empty()) {
        names.push("执法人员姓名或证件号".to_owned());
    }
    if credentials.len() < 2 {
        names.push("第二名执法人员".to_owned());
    }
    if basis.iter().all(|b| b.trim().is_empty()) {
        names.push("检查依据".to_owned());
    }
    if let Some(answers) = answers {
        if answers.is_empty() {
            names.push("问答".to_owned());
        }
        for answer in answers {
            if answer.question.trim().is_empty() {
                names.push(format!("第 {} 问的问题", answer.n));
            }
            if answer.answer.trim().is_empty() {
                names.push(format!("第 {} 问的回答", answer.n));
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
