//! Composed rules as the files of a regional draft pack, for the centre to read, try on history and sign.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::Composed;
use crate::error::Result;
use crate::pack::{PACK_TOML, Pack};

/// Beginning of the name of a draft pack. What its rules are follows, so that the draft of one inspector never takes
/// the place of another's.
pub const DRAFT_NAME: &str = "own-draft";
/// Its rules.
const RULES_TOML: &str = "own.toml";

/// The files of a draft with these rules, by name; each rule once, in the order of their ids. `version` is free.
///
/// # Errors
/// As [`Composed::pack`]: a rule that would not run over `base` is in no draft.
pub fn draft_files(
    rules: &[Composed],
    version: &str,
    base: &Pack,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut sorted: Vec<&Composed> = rules.iter().collect();
    sorted.sort_by_cached_key(|rule| rule.id());
    let ids: BTreeSet<String> = sorted.iter().map(|rule| rule.id()).collect();
    let digest = hex::encode(Sha256::digest(Vec::from_iter(ids).join(" ").as_bytes()));
    let own = digest.get(..8).unwrap_or_default();
    let head = format!("name = \"{DRAFT_NAME}-{own}\"\nversion = {}\n", super::quoted(version));
    let mut files = BTreeMap::from([(PACK_TOML.to_owned(), head.into_bytes())]);
    let (mut toml, mut seen) = (String::new(), BTreeSet::new());
    for rule in sorted {
        if !seen.insert(rule.id()) {
            continue;
        }
        rule.pack(base)?;
        toml.push_str(&rule.toml());
        toml.push('\n');
        files.extend(rule.list_file(base)?);
    }
    files.insert(RULES_TOML.to_owned(), toml.into_bytes());
    let list: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    Pack::read(&list, Some(base))?;
    Ok(files)
}
