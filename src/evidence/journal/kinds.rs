//! Kinds of journal entries that this version knows.
//!
//! Kinds are open: a later version may add some, and a verifier shows one it does not know as not judged
//! instead of refusing the journal (evidence.md §2; schema `$defs.known_kinds`).

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+
    };
}

kinds! {
    /// First line of a case journal.
    CASE_OPENED = "case_opened";
    /// An officer showed the certificate; facts: `to`.
    CERTIFICATE_SHOWN = "certificate_shown";
    /// A step of the visit began.
    STEP_BEGUN = "step_begun";
    /// A step of the visit ended.
    STEP_ENDED = "step_ended";
    /// A recording began; facts: `evidence`, and `log_first` where it began while the vault was locked.
    CAPTURE_STARTED = "capture_started";
    /// A capture is finished; facts: `evidence`, of a recording also `fragments`, `log`, `log_head`.
    CAPTURE_STOPPED = "capture_stopped";
    /// The recording log is a payload file now.
    LOG_CLOSED = "log_closed";
    /// An answer was added.
    ANSWER_ADDED = "answer_added";
    /// An answer was changed.
    ANSWER_CHANGED = "answer_changed";
    /// An annex is a payload file now; facts: `schema`.
    ANNEX_ADDED = "annex_added";
    /// The content of a document is fixed; facts: `document`, `version`, `content_sha256`.
    DOCUMENT_FROZEN = "document_frozen";
    /// A frozen version was rendered; facts as `document_frozen`.
    DOCUMENT_RENDERED = "document_rendered";
    /// A document was corrected by a new version.
    DOCUMENT_CORRECTED = "document_corrected";
    /// A document was printed; facts: `document`, `version`, `copies`, `journal_head`.
    DOCUMENT_PRINTED = "document_printed";
    /// A document was signed by hand; facts: `document`, `version`, `signer`.
    DOCUMENT_SIGNED = "document_signed";
    /// Somebody refused to sign a document.
    DOCUMENT_REFUSED = "document_refused";
    /// A copy was given to a party.
    COPY_GIVEN = "copy_given";
    /// A finding changed its state.
    FINDING_STATE = "finding_state";
    /// An approval was recorded.
    APPROVAL = "approval";
    /// A refusal was recorded.
    REFUSAL = "refusal";
    /// A measure was taken.
    MEASURE = "measure";
    /// One officer handed over to another.
    HANDOVER = "handover";
    /// Personal data were shown on the screen; facts: `screen`.
    PERSON_VIEWED = "person_viewed";
    /// Personal data were printed.
    DATA_PRINTED = "data_printed";
    /// Personal data were copied: a case to a place of its second copies, encrypted, once per place; a page of a
    /// document as a picture. Facts: `what`, `to` or `page`, `encrypted`.
    DATA_COPIED = "data_copied";
    /// Personal data were exported.
    DATA_EXPORTED = "data_exported";
    /// The wall clock jumped against the boot clock by more than two seconds.
    CLOCK_STEPPED = "clock_stepped";
    /// The case went on from another handheld's second copy; facts: `from_device`, `entries`, `head`. The
    /// only place where the device of a case journal changes. With `entries` 0 there was no journal yet, only
    /// what had been captured at the door: its recording logs are by that handheld.
    RESCUED = "rescued";
    /// A remark.
    NOTE = "note";
    /// Last line of a case journal; in the device journal: a case was sealed.
    SEALED = "sealed";
    /// An officer unlocked.
    UNLOCKED = "unlocked";
    /// A wrong PIN was entered.
    WRONG_PIN = "wrong_pin";
    /// The handheld was locked.
    LOCKED = "locked";
    /// A package was checked and taken.
    PACKAGE_CHECKED = "package_checked";
    /// A package was refused.
    PACKAGE_REFUSED = "package_refused";
    /// A bundle was exported.
    EXPORTED = "exported";
    /// A bundle was sent.
    SENT = "sent";
    /// The centre's receipt was checked.
    RECEIPT = "receipt";
    /// How far the journal of a case has got, in the device journal; subject: the case; facts: `seq`; hash: that line.
    CASE_HEAD = "case_head";
    /// A case was crypto-shredded.
    SHREDDED = "shredded";
    /// A fragment of a recording; facts: `fragment`, `ciphertext_sha256`.
    FRAGMENT = "fragment";
}

/// Kinds of the case journal.
pub const CASE: &[&str] = &[
    CASE_OPENED,
    CERTIFICATE_SHOWN,
    STEP_BEGUN,
    STEP_ENDED,
    CAPTURE_STARTED,
    CAPTURE_STOPPED,
    LOG_CLOSED,
    ANSWER_ADDED,
    ANSWER_CHANGED,
    ANNEX_ADDED,
    DOCUMENT_FROZEN,
    DOCUMENT_RENDERED,
    DOCUMENT_CORRECTED,
    DOCUMENT_PRINTED,
    DOCUMENT_SIGNED,
    DOCUMENT_REFUSED,
    COPY_GIVEN,
    FINDING_STATE,
    APPROVAL,
    REFUSAL,
    MEASURE,
    HANDOVER,
    PERSON_VIEWED,
    DATA_PRINTED,
    DATA_COPIED,
    DATA_EXPORTED,
    CLOCK_STEPPED,
    RESCUED,
    NOTE,
    SEALED,
];

/// Kinds of the device journal.
pub const DEVICE: &[&str] = &[
    UNLOCKED,
    WRONG_PIN,
    LOCKED,
    PACKAGE_CHECKED,
    PACKAGE_REFUSED,
    PERSON_VIEWED,
    DATA_PRINTED,
    DATA_COPIED,
    DATA_EXPORTED,
    CLOCK_STEPPED,
    SEALED,
    EXPORTED,
    SENT,
    RECEIPT,
    RESCUED,
    CASE_HEAD,
    SHREDDED,
];
