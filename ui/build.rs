//! Makes the English words into a sorted table, so that the window parses nothing when it opens.
//!
//! The catalogues are gettext files, as those of the Slint files are, and the reader is the one that the
//! Slint compiler uses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

type Failure = Box<dyn std::error::Error>;

const CATALOGUES: [&str; 2] = ["lang/en.po", "lang/en-troubles.po"];
const FACE: &str = "face/lang/en/LC_MESSAGES/spotcheck-face.po";

fn main() -> Result<(), Failure> {
    let own = table(&CATALOGUES)?;
    // Tests and pictures look for the face's own words too.
    let face = table(&[FACE])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("english.rs"), format!("&{own:?}"))?;
    fs::write(out.join("face.rs"), format!("&{face:?}"))?;
    Ok(())
}

/// Keys and words, sorted by key.
fn table(names: &[&str]) -> Result<Vec<(String, String)>, Failure> {
    let ui = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut words = BTreeMap::new();
    for name in names {
        let path = ui.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        for entry in rspolib::pofile(path.as_path())?.entries {
            let english = entry.msgstr.unwrap_or_default();
            if english.is_empty() {
                return Err(format!("{name}: nothing for {}", entry.msgid).into());
            }
            if let Some(twice) = words.insert(entry.msgid, english) {
                return Err(format!("{name}: two entries, one of them {twice}").into());
            }
        }
    }
    Ok(words.into_iter().collect())
}
