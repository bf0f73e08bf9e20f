//! A sealed bundle written to a stick, still encrypted: the way home when no network comes.
//!
//! Nothing is decrypted for it, so it works while locked. The label is written last: a stick pulled out in
//! between shows an unfinished export, and the same command goes on where it stopped.

use std::collections::BTreeSet;

use spotcheck_app::ports::{BlobVault, KeyRing, RescueFolder, SealedBundle};
use spotcheck_evidence::Hash32;
use spotcheck_wire::rescue::{
    ANNOUNCEMENT_FILE, LABEL_FILE, RESCUE_SCHEMA, RescueLabel, blob_file,
};

use crate::error::{Error, Result};
use crate::send::{announcement, read_blob};

/// Writes what is missing in `folder`; returns the bytes of all segments, and how many are damaged here and were
/// left out: one bad block must not keep everything else from the centre.
pub(crate) fn export(
    keys: &dyn KeyRing,
    blobs: &mut dyn BlobVault,
    bundle: &SealedBundle,
    folder: &mut dyn RescueFolder,
) -> Result<(u64, u32)> {
    let enrolment = keys.enrolment()?.ok_or(Error::NotEnrolled)?;
    let mut seen = BTreeSet::new();
    let (mut count, mut bytes, mut damaged) = (0_u64, 0_u64, Vec::new());
    for blob in bundle.files.iter().flat_map(|file| &file.blobs) {
        if !seen.insert(blob.ciphertext_sha256.as_str()) {
            continue;
        }
        let upload = match read_blob(blobs, bundle, blob) {
            Ok(upload) => upload,
            Err(error) if error.is_damage() => {
                tracing::error!(%error, "A segment is left out of a rescue export.");
                damaged.push(blob.ciphertext_sha256.clone());
                continue;
            }
            Err(error) => return Err(error),
        };
        let name = blob_file(&blob.ciphertext_sha256);
        if !folder.has(&name, &upload.bytes)? {
            folder.put(&name, &upload.bytes)?;
        }
        count = count.saturating_add(1);
        bytes = bytes.saturating_add(blob.ciphertext_size);
    }
    let plain = serde_json::to_vec(&announcement(bundle))
        .map_err(|cause| Error::Protocol(format!("announcement: {cause}")))?;
    let sealed = keys.seal_for_centre(&plain)?;
    folder.put(ANNOUNCEMENT_FILE, &sealed)?;
    let label = RescueLabel {
        schema: RESCUE_SCHEMA.to_owned(),
        bundle: bundle.bundle.to_string(),
        tagmanifest_sha256: bundle.tagmanifest_sha256.clone(),
        intake_id: enrolment.intake_id,
        announcement_sha256: Hash32::sha256(&sealed).to_string(),
        blobs: count,
        bytes,
        damaged,
    };
    let left_out = u32::try_from(label.damaged.len()).unwrap_or(u32::MAX);
    let label = serde_json::to_vec_pretty(&label)
        .map_err(|cause| Error::Protocol(format!("label: {cause}")))?;
    folder.put(LABEL_FILE, &label)?;
    Ok((bytes, left_out))
}
