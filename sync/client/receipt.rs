//! The receipt, checked by the handheld itself before anything is called *received*.
//!
//! What the centre claims is worth nothing here: the entry must name this bundle, this tag manifest and
//! this device; it must be proven to be in a log that is signed by the enrolled key and that continues the
//! log seen before; and whatever comes along (revocation list, time stamps) must hold too, because it goes
//! into the bundle.

use spotcheck_app::ports::{DeviceEnrolment, Receipt, SealedBundle};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_evidence::entry::{BundleEntry, LogEntry};
use spotcheck_evidence::tlog::{Checkpoint, LogKey, LogProof};
use spotcheck_wire::bundles::WireReceipt;

use crate::error::{Error, ReceiptFault, Result};
use crate::log::Log;
use crate::proofs;

/// Late files are at most this long (evidence.md §3).
const MAX_LATE_BYTES: usize = 1 << 20;

/// A receipt that holds.
pub(crate) struct Checked {
    pub(crate) receipt: Receipt,
    /// Moment of the entry, milliseconds since 1970.
    pub(crate) received_ms: i64,
}

fn refused(fault: ReceiptFault) -> impl Fn(String) -> Error {
    move |cause| Error::Receipt { fault, cause }
}

/// Checks everything; the first thing that is off refuses the receipt as a whole.
pub(crate) fn check(
    wire: &WireReceipt,
    bundle: &SealedBundle,
    enrolment: &DeviceEnrolment,
    log: &Log,
    last_checkpoint: Option<&str>,
) -> Result<Checked> {
    let (entry, received, received_ms) =
        check_entry(wire, bundle, enrolment).map_err(refused(ReceiptFault::Entry))?;
    let wrong_proof = refused(ReceiptFault::Proof);
    let proof = LogProof::parse(&wire.proof).map_err(|error| wrong_proof(error.to_string()))?;
    let checkpoint =
        proof.verify(&wire.entry, log.key()).map_err(|error| wrong_proof(error.to_string()))?;
    log.continues(last_checkpoint, &checkpoint, &wire.consistency)
        .map_err(|error| refused(ReceiptFault::Log)(error.to_string()))?;
    let late = [wire.entry.len(), wire.proof.len(), wire.crl.len()];
    if late.iter().any(|length| *length > MAX_LATE_BYTES) {
        return Err(refused(ReceiptFault::Entry)("a late file is longer than 1 MiB".to_owned()));
    }
    proofs::revocation_lists(&wire.crl, &[&enrolment.roots]).map_err(refused(ReceiptFault::Crl))?;
    let timestamps =
        check_stamps(wire, bundle, enrolment).map_err(refused(ReceiptFault::TimeStamp))?;
    Ok(Checked {
        receipt: Receipt {
            bundle: bundle.bundle.clone(),
            entry,
            proof: wire.proof.clone(),
            crl: wire.crl.clone(),
            timestamps,
            received,
            log_index: proof.index,
        },
        received_ms,
    })
}

/// The bundle that the log's entry says was received, proven under the log's key. For whoever holds a copy of
/// it: the entry binds bundle and handheld, and nothing else is asked of it.
pub(crate) fn proven(
    entry: &[u8],
    proof: &str,
    log_key: &LogKey,
) -> Result<(BundleEntry, Checkpoint)> {
    let wrong = refused(ReceiptFault::Proof);
    let parsed = LogProof::parse(proof).map_err(|error| wrong(error.to_string()))?;
    let checkpoint = parsed.verify(entry, log_key).map_err(|error| wrong(error.to_string()))?;
    let wrong = refused(ReceiptFault::Entry);
    match LogEntry::parse(entry).map_err(|error| wrong(error.to_string()))? {
        LogEntry::Bundle(entry) => Ok((entry, checkpoint)),
        _ => Err(wrong("an entry of another type".to_owned())),
    }
}

fn check_entry(
    wire: &WireReceipt,
    bundle: &SealedBundle,
    enrolment: &DeviceEnrolment,
) -> std::result::Result<(String, String, i64), String> {
    let LogEntry::Bundle(entry) =
        LogEntry::parse(&wire.entry).map_err(|error| error.to_string())?
    else {
        return Err("an entry of another type".to_owned());
    };
    if entry.bundle != bundle.bundle {
        return Err("another bundle".to_owned());
    }
    if entry.device != enrolment.device {
        return Err("another device".to_owned());
    }
    if entry.tagmanifest_sha256.to_string() != bundle.tagmanifest_sha256 {
        return Err("another tag manifest".to_owned());
    }
    let received_ms = parse_rfc3339(&entry.received).ok_or("received is not a time")?;
    let text = String::from_utf8(wire.entry.clone()).map_err(|error| error.to_string())?;
    Ok((text, entry.received, received_ms))
}

type Stamps = Vec<(String, Vec<u8>)>;

fn check_stamps(
    wire: &WireReceipt,
    bundle: &SealedBundle,
    enrolment: &DeviceEnrolment,
) -> std::result::Result<Stamps, String> {
    let mut stamps: Stamps = Vec::new();
    for stamp in &wire.timestamps {
        let role = stamp
            .path
            .strip_prefix("timestamps/")
            .and_then(|rest| rest.strip_suffix(".tsr"))
            .ok_or("a path that is not timestamps/<role>.tsr")?;
        let signature = format!("signatures/{role}.p7s");
        let (_, signed) = bundle
            .tag_files
            .iter()
            .find(|(path, _)| *path == signature)
            .ok_or("a time stamp for a signature that is not there")?;
        if stamp.bytes.len() > MAX_LATE_BYTES || stamps.iter().any(|(path, _)| *path == stamp.path)
        {
            return Err("a time stamp twice, or longer than 1 MiB".to_owned());
        }
        proofs::time_stamp(&stamp.bytes, signed, &enrolment.tsa_roots)?;
        stamps.push((stamp.path.clone(), stamp.bytes.clone()));
    }
    Ok(stamps)
}
