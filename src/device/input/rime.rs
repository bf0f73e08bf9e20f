//! librime as one source of candidates, without any memory of its own.
//!
//! librime normally learns into a database of clear text. Here it cannot: the schema is ours, switches the
//! user dictionary off and names no other writer; nothing is ever committed inside librime (a choice is
//! made in our own state machine); no log file is opened; and the only folder it may write to holds one
//! file of ours. Dictionaries come prebuilt from Debian's `rime-data-luna-pinyin`, so nothing is deployed.
//! A test plants a sentence and searches every folder for it.

mod ffi;

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ffi::{Api, Folders};

/// Where Debian puts schemas and prebuilt dictionaries.
pub(crate) const SHARED: &str = "/usr/share/rime-data";
/// Files the prebuilt folder must have.
const NEEDED: [&str; 3] =
    ["luna_pinyin.table.bin", "luna_pinyin_simp.prism.bin", "luna_pinyin.reverse.bin"];
/// Our schema's id.
const SCHEMA: &str = "spotcheck_pinyin";
/// Candidates taken at most.
const MOST: usize = 40;

/// Full pinyin, sentences, simplified characters, and nothing that writes.
const SCHEMA_YAML: &str = "\
schema:
  schema_id: spotcheck_pinyin
  name: spotcheck
  version: '1'
switches:
  - name: zh_simp
    reset: 1
engine:
  processors: [speller, express_editor]
  segmentors: [abc_segmentor, fallback_segmentor]
  translators: [script_translator]
  filters: [simplifier, uniquifier]
speller:
  alphabet: zyxwvutsrqponmlkjihgfedcba
  delimiter: \" '\"
translator:
  dictionary: luna_pinyin
  prism: luna_pinyin_simp
  enable_user_dict: false
simplifier:
  option_name: zh_simp
";

/// librime keeps one global state per process.
static IN_USE: AtomicBool = AtomicBool::new(false);

/// A running librime with one session.
pub(crate) struct Rime {
    api: Api,
    session: usize,
    folder: PathBuf,
}

/// A candidate with the number of typed letters it stands for.
pub(crate) struct RimeCandidate {
    pub(crate) text: String,
    pub(crate) letters: usize,
}

impl Rime {
    /// Whether librime's data is there; the library is not asked for yet.
    pub(crate) fn is_there(shared: &Path) -> bool {
        let prebuilt = shared.join("build");
        NEEDED.iter().all(|f| prebuilt.join(f).is_file())
    }

    /// Starts librime if library and data are there. `scratch` is a folder in memory or of the program; a
    /// folder of ours is made in it, which is removed again when this value goes.
    pub(crate) fn open(shared: &Path, scratch: &Path) -> Option<Self> {
        if !Self::is_there(shared) {
            return None;
        }
        let prebuilt = shared.join("build");
        if IN_USE.swap(true, Ordering::SeqCst) {
            return None;
        }
        let started = Self::start(shared, &prebuilt, scratch);
        if started.is_none() {
            IN_USE.store(false, Ordering::SeqCst);
        }
        started
    }

    fn start(shared: &Path, prebuilt: &Path, scratch: &Path) -> Option<Self> {
        let api = Api::load()?;
        tracing::info!(version = api.version(), "librime is there.");
        let folder = scratch.join(format!("spotcheck-rime-{}", std::process::id()));
        let staging = folder.join("build");
        fs::create_dir_all(&staging).ok()?;
        fs::write(staging.join(format!("{SCHEMA}.schema.yaml")), SCHEMA_YAML).ok()?;
        let name = |p: &Path| CString::new(p.as_os_str().as_encoded_bytes()).ok();
        let folders = Folders {
            shared: name(shared)?,
            prebuilt: name(prebuilt)?,
            user: name(&folder)?,
            staging: name(&staging)?,
        };
        api.start(&folders);
        let schema = CString::new(SCHEMA).ok()?;
        let Some(session) = api.session(&schema) else {
            api.stop();
            fs::remove_dir_all(&folder).ok();
            return None;
        };
        Some(Self { api, session, folder })
    }

    /// Candidates for letters `a`–`z` and separators, best first; nothing stays open in librime.
    pub(crate) fn candidates(&self, letters: &str) -> Vec<RimeCandidate> {
        self.api.type_keys(self.session, letters);
        let syllables: Vec<usize> = self
            .api
            .preedit(self.session)
            .split([' ', '\''])
            .map(str::len)
            .filter(|n| *n > 0)
            .collect();
        let texts = self.api.candidates(self.session, MOST);
        self.api.clear(self.session);
        let plain = letters.bytes().filter(|b| *b != b'\'').count();
        texts
            .into_iter()
            .filter_map(|text| {
                let count = text.chars().count();
                let letters: usize = syllables.iter().take(count).sum();
                // A candidate stands for as many syllables as it has characters.
                (count <= syllables.len() && letters > 0 && letters <= plain)
                    .then_some(RimeCandidate { text, letters })
            })
            .collect()
    }
}

impl Drop for Rime {
    fn drop(&mut self) {
        self.api.end(self.session);
        self.api.stop();
        fs::remove_dir_all(&self.folder).ok();
        IN_USE.store(false, Ordering::SeqCst);
    }
}
