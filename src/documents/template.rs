//! The templates: words and layout of each form, as text.
//!
//! A template is a set of Typst files. Its hash is the SHA-256 of the lines that `sha256sum` prints for its
//! files in the order of their names, so `sha256sum common.typ w03.typ | sha256sum` checks it by hand. It
//! is a set of texts, not code of ours: a signed provincial pack will bring other texts through the same
//! type.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Names a template in elements file and record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateRef {
    /// Form id, `W03`.
    pub id: String,
    /// Lower-case hex SHA-256 over its files.
    pub sha256: String,
}

/// Name and text of one file.
pub(crate) type TemplateFile = (&'static str, &'static str);

const COMMON: TemplateFile = ("common.typ", include_str!("templates/common.typ"));
const W03: TemplateFile = ("w03.typ", include_str!("templates/w03.typ"));
const W04: TemplateFile = ("w04.typ", include_str!("templates/w04.typ"));
const W25: TemplateFile = ("w25.typ", include_str!("templates/w25.typ"));

/// The files of a form's template, sorted by name; the last one is where compiling starts.
pub(crate) fn files(form: &str) -> Result<[TemplateFile; 2], Error> {
    match form {
        "W03" => Ok([COMMON, W03]),
        "W04" => Ok([COMMON, W04]),
        "W25" => Ok([COMMON, W25]),
        _ => Err(Error::UnknownForm),
    }
}

/// The template this program uses for a form.
///
/// # Errors
/// [`Error::UnknownForm`].
pub fn template(form: &str) -> Result<TemplateRef, Error> {
    let listing: String = files(form)?
        .iter()
        .map(|(name, text)| format!("{}  {name}\n", hex::encode(digest(&SHA256, text.as_bytes()))))
        .collect();
    let sha256 = hex::encode(digest(&SHA256, listing.as_bytes()));
    Ok(TemplateRef { id: form.to_owned(), sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms;

    /// inspection.md: a record says what was seen and heard, never what it amounts to.
    #[test]
    fn templates_use_neutral_words_only() {
        for spec in forms() {
            for (name, text) in files(spec.id).unwrap() {
                for word in ["违规", "违法", "骗保", "欺诈", "处罚", "罚款", "封存", "嫌疑"]
                {
                    assert!(!text.contains(word), "{name}: {word}");
                }
            }
        }
    }

    /// Everything that a form can say by itself: templates by what lies in the folder, titles, labels and signers by
    /// what the program can fill.
    #[test]
    fn no_form_accuses_and_every_template_in_the_folder_belongs_to_one() {
        const NEVER: &[&str] = &[
            "违规",
            "违法",
            "骗保",
            "欺诈",
            "处罚",
            "罚款",
            "第三十八条",
            "第三十九条",
            "第四十条",
            "第四十一条",
        ];
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut known: Vec<&str> =
            forms().iter().flat_map(|f| files(f.id).unwrap()).map(|f| f.0).collect();
        // What is read aloud before them.
        known.extend(["opening-agreement.txt", "opening-daily.txt", "opening-enforcement.txt"]);
        known.sort_unstable();
        known.dedup();
        let entries = std::fs::read_dir(folder).unwrap();
        let mut there: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        assert_eq!(there, known, "a template that no form uses is a paper that nobody reads");
        for name in &there {
            let text = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
            for word in NEVER {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
        for spec in forms() {
            let said = format!("{spec:?}");
            for word in NEVER {
                assert!(!said.contains(word), "{}: {word}", spec.id);
            }
        }
    }

    #[test]
    fn the_hash_is_that_of_sha256sum() {
        let listing = std::process::Command::new("sh")
            .arg("-c")
            .arg("cd templates && sha256sum common.typ w03.typ | sha256sum")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let by_hand = String::from_utf8(listing.stdout).unwrap();
        assert_eq!(by_hand.split(' ').next().unwrap(), template("W03").unwrap().sha256);
    }
}
