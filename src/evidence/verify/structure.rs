//! The bag as a bag: which files are there, which are listed, whether tag files are unchanged.
//!
//! BagIt itself allows fetch.txt, further manifests and unlisted tag files; each would let somebody add
//! or take away without breaking a signature, so each is refused (referee/README.md).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::report::Findings;
use super::source::{BagSource, SourceFault};
use crate::Hash32;
use crate::bag::{
    BAG_INFO, BAGIT, BAGIT_TXT, MANIFEST, MANIFEST_SM3, TAGMANIFEST, is_late_path, parse_manifest,
};
use crate::statement::{CHECKPOINT_PATH, STATEMENT_PATH};

/// Largest file in a late folder.
const MAX_LATE_BYTES: u64 = 1 << 20;
/// Largest tag file.
const MAX_TAG_BYTES: u64 = 16 << 20;
/// All tag and late files together.
const MAX_TAGS_BYTES: u64 = 64 << 20;
const REQUIRED: [&str; 6] =
    [BAGIT, BAG_INFO, MANIFEST, TAGMANIFEST, STATEMENT_PATH, CHECKPOINT_PATH];

/// What the bag holds.
#[derive(Default)]
pub(super) struct Structure {
    /// Tag files and late files, whole.
    tags: BTreeMap<String, Vec<u8>>,
    /// Payload files present, with their sizes.
    pub(super) present: BTreeMap<String, u64>,
    /// Payload files listed.
    pub(super) listed: BTreeMap<String, Hash32>,
    /// SM3 list, where there is one that can be read.
    pub(super) sm3: Option<BTreeMap<String, Hash32>>,
}

impl Structure {
    /// A tag file or late file.
    pub(super) fn tag(&self, path: &str) -> Option<&[u8]> {
        self.tags.get(path).map(Vec::as_slice)
    }

    /// Tag files and late files in a folder, `folder` with its slash.
    pub(super) fn inside<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> + 'a {
        self.tags
            .iter()
            .filter(move |(path, _)| path.starts_with(folder))
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    pub(super) fn read(
        source: &mut dyn BagSource,
        partial: bool,
        findings: &mut Findings,
    ) -> io::Result<Self> {
        let mut bag = Self::default();
        let mut total: u64 = 0;
        for (path, size) in source.files() {
            if path.starts_with("data/") {
                bag.present.insert(path, size);
                continue;
            }
            if path == "fetch.txt" {
                findings.error("BAG-FETCH", Some(&path));
            }
            let late = is_late_path(&path);
            total = total.saturating_add(size);
            let most = if late { MAX_LATE_BYTES } else { MAX_TAG_BYTES };
            if size > most || total > MAX_TAGS_BYTES {
                findings
                    .error(if late { "BAG-LATE-TOO-BIG" } else { "BAG-TAG-TOO-BIG" }, Some(&path));
                continue;
            }
            let mut bytes = Vec::new();
            match source.read(&path, &mut |block| bytes.extend_from_slice(block)) {
                Ok(()) => {}
                Err(SourceFault::Io(error)) => return Err(error),
                Err(SourceFault::Bundle(code)) => findings.error(code, Some(&path)),
            }
            bag.tags.insert(path, bytes);
        }
        for path in REQUIRED {
            if !bag.tags.contains_key(path) {
                findings.error("BAG-FILE-MISSING", Some(path));
            }
        }
        if bag.tag(BAGIT).is_some_and(|b| b != BAGIT_TXT.as_bytes()) {
            findings.error("BAG-DECLARATION", Some(BAGIT));
        }
        bag.judge_tagmanifest(findings);
        bag.judge_manifest(partial, findings);
        bag.judge_sm3_list(findings);
        Ok(bag)
    }

    /// Exactly the tag files outside the late folders, each unchanged.
    fn judge_tagmanifest(&self, findings: &mut Findings) {
        let Some(bytes) = self.tag(TAGMANIFEST) else { return };
        let Some(listed) = parse_manifest(bytes) else {
            findings.error("BAG-MANIFEST-FORM", Some(TAGMANIFEST));
            return;
        };
        for (path, hash) in &listed {
            if is_late_path(path) || path.starts_with("data/") || path == TAGMANIFEST {
                findings.error("BAG-TAGMANIFEST-SCOPE", Some(path));
            }
            match self.tag(path) {
                None => findings.error("BAG-FILE-MISSING", Some(path)),
                Some(found) if Hash32::sha256(found) != *hash => {
                    findings.error("BAG-TAG-CHANGED", Some(path));
                }
                Some(_) => {}
            }
        }
        for path in self.tags.keys().filter(|p| !is_late_path(p)) {
            if path != TAGMANIFEST && !listed.contains_key(path) && path != "fetch.txt" {
                findings.error("BAG-UNLISTED-FILE", Some(path));
            }
            if is_other_manifest(path) {
                findings.error("BAG-OTHER-MANIFEST", Some(path));
            } else if !is_known_tag(path) {
                findings.not_judged("BAG-UNKNOWN-TAG", Some(path));
            }
        }
        for path in REQUIRED.iter().filter(|p| **p != TAGMANIFEST) {
            if !listed.contains_key(*path) {
                findings.error("BAG-TAGMANIFEST-SCOPE", Some(path));
            }
        }
    }

    fn judge_manifest(&mut self, partial: bool, findings: &mut Findings) {
        let Some(bytes) = self.tag(MANIFEST) else { return };
        let Some(listed) = parse_manifest(bytes) else {
            findings.error("BAG-MANIFEST-FORM", Some(MANIFEST));
            return;
        };
        for path in listed.keys() {
            if !path.starts_with("data/") {
                findings.error("BAG-MANIFEST-FORM", Some(path));
            } else if !partial && !self.present.contains_key(path) {
                findings.error("BAG-PAYLOAD-MISSING", Some(path));
            }
        }
        for path in self.present.keys().filter(|p| !listed.contains_key(*p)) {
            findings.error("BAG-UNLISTED-FILE", Some(path));
        }
        for path in [crate::record::RECORD_PATH, crate::record::JOURNAL_PATH] {
            if !listed.contains_key(path) {
                findings.error("BAG-PAYLOAD-MISSING", Some(path));
            }
        }
        self.listed = listed;
    }

    fn judge_sm3_list(&mut self, findings: &mut Findings) {
        let Some(bytes) = self.tag(MANIFEST_SM3) else {
            findings.warn("SM3-MISSING", Some(MANIFEST_SM3));
            return;
        };
        let Some(list) = parse_manifest(bytes) else {
            findings.error("BAG-MANIFEST-FORM", Some(MANIFEST_SM3));
            return;
        };
        let paths: BTreeSet<_> = list.keys().collect();
        if paths != self.listed.keys().collect() {
            findings.error("SM3-OTHER-FILES", Some(MANIFEST_SM3));
        }
        self.sm3 = Some(list);
    }
}

/// `manifest-*.txt` and `tagmanifest-*.txt` of other kinds.
fn is_other_manifest(path: &str) -> bool {
    let named = path.starts_with("manifest-") || path.starts_with("tagmanifest-");
    named && path != MANIFEST && path != TAGMANIFEST
}

fn is_known_tag(path: &str) -> bool {
    REQUIRED.contains(&path)
        || matches!(
            path,
            MANIFEST_SM3 | "metadata/time.entry.json" | "metadata/time.tlog-proof" | "fetch.txt"
        )
        || folder_and_ending(path, "metadata/crl/", ".crl")
        || folder_and_ending(path, "certificates/", ".pem")
}

fn folder_and_ending(path: &str, folder: &str, ending: &str) -> bool {
    path.strip_prefix(folder)
        .and_then(|rest| rest.strip_suffix(ending))
        .is_some_and(|name| !name.is_empty() && !name.contains('/'))
}
