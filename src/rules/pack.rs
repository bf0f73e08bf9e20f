//! Rule packs: rules as TOML, knowledge points as CSV, both data with official attributes.
//!
//! A rule is kernel × parameters × knowledge points × attributes (rules.md). Kernels are code; everything
//! else is here, so that a region can change a threshold without a new program. A pack is a list of named
//! files; where they come from, and who signed them, is the caller's business.

mod check;
mod knowledge;
mod national;
mod parse;
mod rule;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

pub use knowledge::{Knowledge, Matcher, Origin, Origin as SetBy, Point};
pub use national::{NATIONAL_FILES, NOT_CARRIED, OFFICIAL_88, national};
pub use rule::{
    Exclusion, Form, Grade, KernelId, Official, Param, Rule, Scope, Selector, Severity, Use,
};

use crate::error::{Error, PackError, Result};
use crate::indicators::Catalogue;

pub(crate) use parse::File;

/// Name of the file with the pack's own name and version.
pub const PACK_TOML: &str = "pack.toml";

/// Name of the signature over [`pack_digest`]: CMS, detached. It is no part of what it signs.
pub const PACK_SIGNATURE: &str = "pack.p7s";

/// A loaded pack, or several composed.
#[derive(Debug, Clone, Default)]
pub struct Pack {
    /// e.g. `national`; composed packs are joined with `+`.
    pub name: String,
    /// e.g. `2026.11`.
    pub version: String,
    /// All versions of all rules, by id and first day.
    pub rules: Vec<Rule>,
    /// Knowledge lists by name.
    pub knowledge: BTreeMap<String, Knowledge>,
    /// Indicators, warnings and topics.
    pub indicators: Catalogue,
    /// SHA-256 of the listing of its files, lower-case hex; of composed packs: of the joined digests.
    pub digest: String,
}

/// What is signed of a pack: one line `sha256-of-file  name` per file in byte order of the names.
#[must_use]
pub fn pack_listing(files: &[(&str, &[u8])]) -> String {
    let mut lines: Vec<(&str, String)> =
        files.iter().map(|(name, bytes)| (*name, hex::encode(Sha256::digest(bytes)))).collect();
    lines.sort_unstable();
    lines.into_iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect()
}

/// `pack_digest`: SHA-256 over the [`pack_listing`], lower-case hex.
#[must_use]
pub fn pack_digest(files: &[(&str, &[u8])]) -> String {
    hex::encode(Sha256::digest(pack_listing(files).as_bytes()))
}

impl Pack {
    /// Reads a pack from its files (name, bytes). `base` is what an overlay is laid over: regional packs may
    /// adjust and replace rules of the national one, the inspector's own pack those of both.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line, field and reason; nothing is loaded then.
    pub fn read(files: &[(&str, &[u8])], base: Option<&Self>) -> Result<Self> {
        let files: Vec<(&str, &[u8])> =
            files.iter().copied().filter(|f| f.0 != PACK_SIGNATURE).collect();
        let mut sorted = files.clone();
        sorted.sort_unstable_by_key(|f| f.0);
        let own = parse::read(&sorted)?;
        let pack = match base {
            Some(base) => own.over(base)?,
            None => own.alone()?,
        };
        let digest = pack_digest(&files);
        let digest = match base {
            Some(base) => {
                hex::encode(Sha256::digest(format!("{}\n{digest}\n", base.digest).as_bytes()))
            }
            None => digest,
        };
        Ok(Self { digest, ..pack })
    }

    /// `name@version` as findings carry it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// The version of a rule that was in force on a day.
    #[must_use]
    pub fn rule_at(&self, id: &str, day: i64) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id && r.from <= day && day <= r.to)
    }

    /// Distinct rule ids in order.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.rules.iter().map(|r| r.id.as_str()).collect();
        ids.dedup();
        ids
    }

    /// Refuses ids of rules that are not in the pack: nothing found by a rule that does not exist reads as nothing wrong.
    ///
    /// # Errors
    /// [`crate::Error::NoRule`] of the first such id.
    pub fn must_have(&self, ids: &[String]) -> Result<()> {
        let unknown = ids.iter().find(|id| !self.rules.iter().any(|r| r.id == **id));
        unknown.map_or(Ok(()), |id| Err(Error::NoRule(id.clone())))
    }

    /// True if a knowledge list of the rule has no points yet: official or regional ones still have to come.
    #[must_use]
    pub fn waits_for_points(&self, rule: &Rule) -> bool {
        let u = &rule.usage;
        let lists = [&u.items, &u.other].into_iter().flatten().filter_map(|s| s.list.as_ref());
        let empty = |l: &String| self.knowledge.get(l).is_none_or(|k| k.points.is_empty());
        lists.chain(u.list.as_ref()).any(empty)
    }

    /// Refuses a pack of which a rule gave more hits than it may in a house of so many fee lines ([`Rule::bound`]),
    /// with file and line.
    ///
    /// # Errors
    /// [`PackError`] of the first such rule.
    pub fn check_hits(
        &self,
        hits: &BTreeMap<String, u64>,
        lines: u64,
    ) -> std::result::Result<(), PackError> {
        for rule in &self.rules {
            let found = hits.get(&rule.id).copied().unwrap_or(0);
            let bound = rule.bound(lines);
            if found > bound {
                return Err(PackError {
                    file: rule.file.clone(),
                    line: rule.line,
                    field: format!("rule {} .max_hits", rule.id),
                    reason: format!("命中 {found} 条，超过上限 {bound}"),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
