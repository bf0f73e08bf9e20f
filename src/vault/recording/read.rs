//! Reading a recording back, part by part, also while the recorder still writes it.
//!
//! A part is decrypted when it is asked for and handed over; nothing is kept here but sizes. While it runs,
//! fragments become a segment between two questions: places in the recording stay what they were, so whoever
//! reads goes on at his byte. Reading takes no lock of the writer's and needs the case identity at every part, so
//! it ends with the lock.

use std::collections::BTreeMap;

use spotcheck_app::ports::{Blob, BlobVault, Part, RecordingBytes, StoredFile};
use spotcheck_domain::{CaseId, TroubleResult};
use zeroize::Zeroizing;

use super::layout::{self, LOG};
use crate::atomic;
use crate::blobs;
use crate::error::VaultError;
use crate::sealing;
use crate::vault::Vault;

/// Where a part lies.
enum Place {
    Segment(Blob),
    Fragment(u64, String),
}

/// Where a part begins, and its plaintext.
type Opened = (u64, Zeroizing<Vec<u8>>);

/// A recording of an open case.
struct Reading {
    vault: Vault,
    case: CaseId,
    path: String,
    /// How it ended, if it has.
    file: Option<StoredFile>,
    /// Bytes of fragments that were opened, by number; `None` for one that does not open.
    fragments: BTreeMap<u64, Option<u64>>,
}

impl Reading {
    /// What is stored now.
    fn places(&mut self) -> Result<Vec<(Part, Place)>, VaultError> {
        let mut places = Places::default();
        if let Some(file) = &self.file {
            places.segments(&file.blobs);
            return Ok(places.all);
        }
        let case_folder = self.vault.case_folder(&self.case);
        let folder = layout::folder(&case_folder, &self.path)?;
        // The lists first: they may then name less than what is there, and never what is gone.
        if let Some(outcome) = layout::read_outcome(&folder)? {
            places.segments(&outcome.media.blobs);
            self.file = Some(outcome.media);
            return Ok(places.all);
        }
        let names = atomic::names(&folder)?;
        let mut covered = 0;
        for segment in layout::read_segments(&folder)? {
            // A line whose file has not got its name yet is no segment: its fragments are still here.
            if segment.first > covered && blobs::exists(&case_folder, &segment.blob) {
                covered = segment.last;
                places.add(segment.blob.size, Place::Segment(segment.blob));
            }
        }
        let mut left: Vec<(u64, String)> = names
            .into_iter()
            .filter_map(|name| Some((layout::parse_fragment(&name)?.0, name)))
            .filter(|(number, _)| *number > covered)
            .collect();
        left.sort();
        self.fragments.retain(|number, _| *number > covered);
        for (number, name) in left {
            // One that does not open is left out, as the recovery will leave it out.
            if let Some(size) = self.fragment_size(number, &name)? {
                places.add(size, Place::Fragment(number, name));
            }
        }
        Ok(places.all)
    }

    fn fragment_size(&mut self, number: u64, name: &str) -> Result<Option<u64>, VaultError> {
        if let Some(size) = self.fragments.get(&number) {
            return Ok(*size);
        }
        let size = match self.fragment(name) {
            Ok(plaintext) => u64::try_from(plaintext.len()).ok(),
            Err(VaultError::BlobDamaged(_)) => None,
            // It became part of a segment just now; the next question finds it there.
            Err(VaultError::BlobMissing(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.fragments.insert(number, size);
        Ok(size)
    }

    fn fragment(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let mut state = self.vault.state();
        let folder = layout::folder(&state.case_folder(&self.case), &self.path)?;
        let sealed = atomic::read_if_there(&folder.join(name))?;
        let sealed = sealed.ok_or_else(|| VaultError::BlobMissing(name.to_owned()))?;
        let identity = &state.case_keys(&self.case)?.identity;
        sealing::open(identity, &sealed).ok_or_else(|| VaultError::BlobDamaged(name.to_owned()))
    }

    fn segment(&self, blob: &Blob) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.vault.mended(&self.case, std::slice::from_ref(blob), || {
            let mut state = self.vault.state();
            let folder = state.case_folder(&self.case);
            let identity = &state.case_keys(&self.case)?.identity;
            blobs::plaintext(&folder, identity, blob)
        })
    }

    fn part(&mut self, at: u64) -> Result<Option<Opened>, VaultError> {
        // What vanished between the list and the file has become part of a segment.
        for _ in 0..3 {
            let places = self.places()?;
            let holds = |part: &Part| at.checked_sub(part.from).is_some_and(|d| d < part.size);
            let Some((part, place)) = places.into_iter().find(|(part, _)| holds(part)) else {
                return Ok(None);
            };
            let bytes = match &place {
                Place::Segment(blob) => self.segment(blob),
                Place::Fragment(_, name) => self.fragment(name),
            };
            match (bytes, place) {
                (Err(VaultError::BlobMissing(_)), Place::Fragment(number, _)) => {
                    self.fragments.remove(&number);
                }
                (bytes, _) => return bytes.map(|bytes| Some((part.from, bytes))),
            }
        }
        Err(VaultError::BlobMissing(self.path.clone()))
    }
}

#[derive(Default)]
struct Places {
    all: Vec<(Part, Place)>,
    end: u64,
}

impl Places {
    fn add(&mut self, size: u64, place: Place) {
        self.all.push((Part { from: self.end, size }, place));
        self.end = self.end.saturating_add(size);
    }

    fn segments(&mut self, blobs: &[Blob]) {
        for blob in blobs {
            self.add(blob.size, Place::Segment(blob.clone()));
        }
    }
}

impl RecordingBytes for Reading {
    fn parts(&mut self) -> TroubleResult<Vec<Part>> {
        Ok(self.places()?.into_iter().map(|(part, _)| part).collect())
    }

    fn read(&mut self, at: u64) -> TroubleResult<Option<(u64, Zeroizing<Vec<u8>>)>> {
        Ok(self.part(at)?)
    }
}

impl Vault {
    /// A recording of an open case to be read part by part.
    pub(crate) fn reading(
        &self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> Result<Box<dyn RecordingBytes>, VaultError> {
        // Now, and not at the first part: whoever may not read it is told at once.
        self.state().case_keys(case)?;
        Ok(Box::new(Reading {
            vault: self.clone(),
            case: case.clone(),
            path: path.to_owned(),
            file: file.cloned(),
            fragments: BTreeMap::new(),
        }))
    }

    /// The log of a recording as far as it is written.
    pub(crate) fn log_so_far(
        &mut self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> TroubleResult<Zeroizing<Vec<u8>>> {
        if let Some(file) = file {
            return BlobVault::read(self, case, file);
        }
        let folder = layout::folder(&self.case_folder(case), path)?;
        if let Some(outcome) = layout::read_outcome(&folder)? {
            return BlobVault::read(self, case, &outcome.log);
        }
        // In clear there: hashes, ids and clocks.
        let log = atomic::read_if_there(&folder.join(LOG))?;
        Ok(Zeroizing::new(log.unwrap_or_default()))
    }
}
