//! Goldens: what every screen looked like when somebody last looked at it.
//!
//! `ui/gallery/PICTURES` lists the SHA-256 of each picture's pixels. A change that nobody meant is a red test; one
//! that was meant is looked at and listed again (`make screenshots`). Letters and lines come out the same only with the
//! same typeface and the same renderer on the same kind of processor, so the list's first line names all three, and
//! with others nothing is compared: another release of a font package is no fault of a screen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use crate::error::Error;
use crate::testkit::face::Picture;

/// Name of the list in the gallery's folder.
pub const LIST: &str = "PICTURES";

/// The versions that decide how letters come out, from the workspace's lock file.
const LOCK: &str = include_str!("../../Cargo.lock");
const DRAWS: &[&str] = &["i-slint-renderer-software", "parley", "swash", "fontique"];

/// What the pictures depend on besides the screens: typeface, renderer, processor.
#[must_use]
pub fn key() -> String {
    let mut key = String::from("# ");
    for line in spotcheck_face::TYPEFACE_SHA256SUMS.lines() {
        let _ = write!(key, "{} ", line.split_whitespace().next().unwrap_or_default());
    }
    for package in DRAWS {
        let _ = write!(key, "{package} {} ", version(package).unwrap_or("-"));
    }
    key.push_str(std::env::consts::ARCH);
    key
}

fn version(package: &str) -> Option<&'static str> {
    let entry = LOCK.split("[[package]]").find(|entry| {
        entry
            .lines()
            .any(|l| l.strip_prefix("name = ").is_some_and(|n| n.trim_matches('"') == package))
    })?;
    let line = entry.lines().find_map(|line| line.strip_prefix("version = "))?;
    Some(line.trim_matches('"'))
}

/// Pictures by name and the SHA-256 of their pixels.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Goldens {
    sums: BTreeMap<String, String>,
}

/// What comparing said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The list was made with another typeface, renderer or processor, or there is none.
    OtherKey,
    /// Names of pictures that differ, are new, or are listed and were not taken.
    Different(Vec<String>),
}

impl Goldens {
    /// Takes a picture in.
    pub fn add(&mut self, name: &str, picture: &Picture) {
        let mut bytes = picture.width.to_be_bytes().to_vec();
        bytes.extend_from_slice(&picture.rgb);
        let sum = digest(&SHA256, &bytes);
        let hex = sum.as_ref().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        self.sums.insert(name.to_owned(), hex);
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join(LIST)
    }

    /// Writes the list into the gallery's folder.
    ///
    /// # Errors
    /// [`Error::Picture`] if the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let mut text = key() + "\n";
        for (name, sum) in &self.sums {
            let _ = writeln!(text, "{sum}  {name}");
        }
        std::fs::write(Self::file(folder), text).map_err(|error| Error::Picture(error.to_string()))
    }

    /// Compares with the list in the gallery's folder.
    #[must_use]
    pub fn compare(&self, folder: &Path) -> Compared {
        let listed = std::fs::read_to_string(Self::file(folder)).unwrap_or_default();
        let mut lines = listed.lines();
        if lines.next() != Some(key().as_str()) {
            return Compared::OtherKey;
        }
        let listed: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once("  "))
            .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
            .collect();
        let names: std::collections::BTreeSet<&String> =
            listed.keys().chain(self.sums.keys()).collect();
        let different = names.into_iter().filter(|n| listed.get(*n) != self.sums.get(*n));
        Compared::Different(different.cloned().collect())
    }
}
