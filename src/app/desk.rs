//! What can be done with a handheld: one interface for the GUI and for the sub-commands.
//!
//! Every method is one act of the officer. It returns only after what it confirms is durable
//! (architecture.md: "confirmed to the user" means committed and fsynced). Methods block; the GUI calls
//! them on its worker thread. View structs are flat values; masking and wording are the face's business.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use spotcheck_domain::claims::{
    FacilityView, FeeFilter, FeeLine, FeeSummary, ItemHit, Page, PersonHit, PersonView, StaffHit,
    VisitElsewhere, VisitEvent, VisitView, Ward,
};
use spotcheck_domain::reference::{KindHits, ReferenceDocument, ReferenceEntry, SourceReport};
use spotcheck_domain::task::Task;
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{BundleId, CaseId, DeviceId, OfficerId, TaskId, TroubleResult};

use spotcheck_rules::export::{Audience, Format};
use spotcheck_rules::indicators::{Answer, BehindRow, Catalogue};
use spotcheck_rules::{Finding, Merged, Outcome, Pack, Silence};

use crate::behind::BehindTold;
use crate::budget::Budget;
use crate::compare::FreshFile;
use crate::errand::{AuditPart, Brought, Errand, Home, Journey, Watch};
use crate::findings::{FindingCard, FindingLook, Judgement, SilencedRule, Stick};
use crate::indicators::IndicatorQuery;
use crate::pages::PageOf;
use crate::ports::PlaceState;
use crate::reference::{AddedSource, LineReference, LookUp};
use crate::timeline::Timeline;
use crate::troubles;

mod custody;
mod filing;
mod looks;
mod marks;
mod on_site;
mod papers;
mod results;
mod second_copies;

pub use self::custody::Custody;
pub use self::filing::{Filing, PartyWords};
pub use self::looks::{Looks, Zeroizing};
pub use self::marks::{Mark, Marks};
pub use self::on_site::{OnSite, Opening, RecordingKind, RecordingView};
pub use self::results::{OutboxItem, PullReport, SealReport};
pub use self::second_copies::{SecondCopies, SecondCopiesView};
pub use papers::{
    AnswerView, DocumentCard, DocumentState, DocumentView, FieldView, GivenView, PaperActs,
    PrintReport, PrinterView, RefusedView, SignatureView, Stroke,
};

/// An officer who has a key on this handheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerCard {
    /// Id.
    pub id: OfficerId,
    /// Name.
    pub name: String,
    /// Last day of the signing certificate, `yyyy-MM-dd`.
    pub certificate_until: String,
    /// A token takes part in this officer's keys: its PIN is asked for, too.
    pub token: bool,
}

/// What may be known before anybody unlocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The handheld, if it has been enrolled.
    pub device: Option<DeviceId>,
    /// Centre's address, if enrolled.
    pub centre: Option<String>,
    /// How keys are protected.
    pub key_protection: KeyProtection,
    /// Officers with a key here.
    pub officers: Vec<OfficerCard>,
    /// Who has unlocked, if anybody.
    pub unlocked: Option<OfficerId>,
    /// The first sentence after a start: what is safe, e.g. `安全: 12 分 08 秒, 缺 ≤ 2 秒`.
    pub safe: String,
    /// False while the wall clock lies before the program's build time.
    pub clock_set: bool,
    /// Bundles sealed and not yet receipted.
    pub unsent: u32,
    /// Free space in bytes.
    pub free_bytes: u64,
    /// The same as minutes of recording, with the battery.
    pub budget: Budget,
    /// Where the handheld is, as far as a receiver tells.
    pub place: PlaceState,
    /// Recordings running now (also while locked).
    pub recordings: Vec<RecordingView>,
}

/// A task with its state on this handheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCard {
    /// The task.
    pub task: Task,
    /// The package on this handheld, if pulled.
    pub package: Option<PackageState>,
    /// The open or newest case of the task, if any.
    pub case: Option<CaseCard>,
}

/// A pulled package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageState {
    /// The package's id.
    pub id: String,
    /// SHA-256 of package.json.
    pub sha256: String,
    /// Size of its files in bytes.
    pub size: u64,
    /// RFC 3339: the last full check that said yes.
    pub checked: Option<String>,
    /// RFC 3339: may be opened until then.
    pub valid_until: String,
    /// Newest upload of fee lines (cut-off), as text.
    pub cutoff: Option<String>,
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCard {
    /// The case.
    pub id: CaseId,
    /// Where it stands.
    pub state: CaseState,
    /// The bundle, once sealed.
    pub bundle: Option<BundleId>,
}

/// Life of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Work goes on.
    Open,
    /// Sealed on this handheld, nothing can be added.
    Sealed,
    /// Uploaded, waiting for the receipt.
    Sent,
    /// The centre's receipt was checked.
    Received,
    /// Its keys were destroyed on this handheld; nothing of it can be read here any more.
    Shredded,
}

/// The whole case as the workspace shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    /// The case.
    pub id: CaseId,
    /// The task it belongs to.
    pub task: TaskId,
    /// Where it stands.
    pub state: CaseState,
    /// RFC 3339.
    pub opened: String,
    /// Officers of the task, and whether their credential was shown.
    pub officers: Vec<CaseOfficer>,
    /// Parties entered so far.
    pub parties: Vec<PartyView>,
    /// Steps, oldest first.
    pub steps: Vec<StepView>,
    /// Evidence, oldest first.
    pub evidence: Vec<EvidenceView>,
    /// Documents, oldest first.
    pub documents: Vec<DocumentCard>,
    /// What was said about findings of the rules, in the order in which it was first said.
    pub findings: Vec<FindingCard>,
    /// Rules that are not shown again during this visit.
    pub silenced: Vec<SilencedRule>,
    /// RFC 3339: when the opening words were read.
    #[serde(default)]
    pub opening_read: Option<String>,
    /// What is still missing before the visit is complete, by name (may be empty).
    pub missing: Vec<String>,
    /// First 16 hex digits of the case journal's head.
    pub journal_head: String,
    /// The bundle, once sealed.
    pub bundle: Option<BundleId>,
}

/// An officer inside a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseOfficer {
    /// Id.
    pub id: OfficerId,
    /// Name.
    pub name: String,
    /// Credential shown at, RFC 3339.
    pub certificate_shown: Option<String>,
    /// Has a signing key on this handheld.
    pub has_key: bool,
}

/// A party of the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyView {
    /// `party-1` …
    pub id: String,
    /// Name.
    pub name: String,
    /// 被检查单位, 个人 … (vocabulary `PartyKind` text).
    pub kind: String,
    /// Post.
    pub post: Option<String>,
}

/// A step of the visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// `S1` …
    pub id: String,
    /// Kind, e.g. `arrive`.
    pub kind: String,
    /// Title on screen.
    pub title: String,
    /// RFC 3339.
    pub begun: String,
    /// RFC 3339, if ended.
    pub ended: Option<String>,
}

/// An evidence item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceView {
    /// `E1` …
    pub id: String,
    /// Path in the bag, e.g. `data/media/0001.jpg`.
    pub path: String,
    /// `image/jpeg`, `audio/ogg`, `video/x-matroska`.
    pub media_type: String,
    /// RFC 3339.
    pub begun: String,
    /// RFC 3339; equal to `begun` for a photo.
    pub ended: String,
    /// Bytes of plaintext.
    pub size: u64,
    /// SHA-256 of the plaintext.
    pub sha256: String,
    /// What it proves; empty while it lies in the tray.
    pub proves: String,
    /// `(milliseconds from the beginning, words)`.
    pub marks: Vec<(u64, String)>,
    /// True if the recorder was cut off and the item was closed afterwards.
    pub recovered: bool,
    /// Which page of a paper it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageOf>,
    /// All that was said about it, `proves` among it.
    #[serde(default, skip_serializing_if = "Filing::is_empty")]
    pub filing: Filing,
}

/// What the face keeps for one officer under that officer's own key: it names persons and holds words that
/// somebody typed. Each is JSON that names its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Own {
    /// What the keyboard learned (`spotcheck-input-learned/1`).
    Learned,
    /// Which screens lie above one another (`spotcheck-places/1`), so that a lock or a kill leads back.
    Places,
    /// Words that were typed and not yet stored where they belong (`spotcheck-drafts/1`).
    Drafts,
    /// Rules that this officer composed (`spotcheck-own-rules/1`).
    Rules,
    /// How this officer likes the screen (`spotcheck-settings/1`).
    Settings,
}

/// Everything the GUI and the sub-commands can do.
pub trait Desk:
    Looks + OnSite + Marks + PaperActs + Custody + SecondCopies + crate::playing::PlayDesk + Send
{
    /// What may be known before anybody unlocks.
    fn status(&mut self) -> TroubleResult<Status>;
    /// Unlocks for one officer.
    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()>;
    /// What is kept for the unlocked officer alone, if anything.
    fn own(&mut self, what: Own) -> TroubleResult<Option<String>>;
    /// Keeps something for the unlocked officer, readable by nobody else.
    fn keep_own(&mut self, what: Own, json: &str) -> TroubleResult<()>;
    /// Drops all keys; recordings go on.
    fn lock(&mut self) -> TroubleResult<()>;

    /// Tasks of this handheld, next first.
    fn tasks(&mut self) -> TroubleResult<Vec<TaskCard>>;
    /// What a push consists of now: every bundle without a receipt, and the device journal.
    fn push_errands(&mut self) -> TroubleResult<Vec<Errand>>;
    /// Takes along what an errand needs; the journey itself does not hold the desk.
    fn set_out(&mut self, errand: &Errand) -> TroubleResult<Journey>;
    /// Stores what a journey brought, or what went wrong.
    fn come_home(&mut self, brought: Brought) -> TroubleResult<Home>;
    /// A whole errand while the caller waits.
    fn run(&mut self, errand: &Errand) -> TroubleResult<Home> {
        let journey = self.set_out(errand)?;
        let brought = journey(&mut Watch::unheard());
        self.come_home(brought)
    }
    /// Fetches tasks, packages, revocation lists and time entries from the centre.
    fn pull(&mut self, task: Option<&TaskId>) -> TroubleResult<PullReport> {
        let Home::Pulled { report, check, refused } = self.run(&Errand::Pull(task.cloned()))?
        else {
            return Ok(PullReport::default());
        };
        for task in check {
            self.run(&Errand::Check(task))?;
        }
        // Everything else is stored; the officer still has to hear of it.
        refused.map_or(Ok(report), Err)
    }
    /// Full check of the package (signature, hashes, database integrity, counts), kept for the fast open.
    fn check_package(&mut self, task: &TaskId) -> TroubleResult<PackageState> {
        match self.run(&Errand::Check(task.clone()))? {
            Home::Checked(state) => Ok(state),
            _ => Err(troubles::no_package()),
        }
    }

    /// Runs the rules over the task's package while the caller waits: those named, or all.
    fn audit(&mut self, task: &TaskId, rules: Option<Vec<String>>) -> TroubleResult<Outcome> {
        match self.run(&Errand::Audit(task.clone(), rules))? {
            Home::Audited(outcome) => Ok(*outcome),
            _ => Ok(Outcome::default()),
        }
    }
    /// Runs the rules over a part of the task's package while the caller waits.
    fn audit_part(&mut self, task: &TaskId, part: AuditPart) -> TroubleResult<Outcome> {
        match self.run(&Errand::AuditPart(task.clone(), Box::new(part)))? {
            Home::Audited(outcome) => Ok(*outcome),
            _ => Ok(Outcome::default()),
        }
    }
    /// The rules in force for a task, and packs of its package that this program cannot read: the national pack
    /// where nothing else is known.
    fn rules_in_force(&mut self, _task: &TaskId) -> TroubleResult<(Pack, Vec<Silence>)> {
        Ok((spotcheck_rules::national()?, Vec::new()))
    }
    /// The journey of a first look: the rules that judge a line by itself over a part of the package, within
    /// seconds. It comes home as [`Home::Audited`]; the whole run takes its place. A desk without one runs none.
    fn first_look(&mut self, task: &TaskId) -> TroubleResult<Journey> {
        self.set_out(&Errand::Audit(task.clone(), Some(Vec::new())))
    }
    /// What the centre's rules found, as the package carries it: there before the handheld's own run ends.
    fn packed_findings(&mut self, task: &TaskId) -> TroubleResult<Vec<Finding>>;
    /// Indicators and topics of the packs in force for the task.
    ///
    /// # Errors
    /// No such task for this officer.
    fn catalogue(&mut self, task: &TaskId) -> TroubleResult<Catalogue> {
        Ok(self.rules_in_force(task)?.0.indicators)
    }

    /// Computes indicators over the task's package while the caller waits. What is guarded against 统方 needs
    /// a reason, which goes to the device journal first.
    fn indicators(&mut self, task: &TaskId, query: &IndicatorQuery) -> TroubleResult<Answer> {
        match self.run(&Errand::Indicators(task.clone(), Box::new(query.clone())))? {
            Home::Indicators(answer) => Ok(*answer),
            _ => Err(troubles::no_package()),
        }
    }
    /// What stands for rows behind a figure; persons are covered.
    fn behind_told(&mut self, task: &TaskId, rows: &[BehindRow]) -> TroubleResult<Vec<BehindTold>>;
    /// Tables on sticks that a facility's export can be (see [`crate::compare`]).
    fn fresh_files(&mut self) -> TroubleResult<Vec<FreshFile>> {
        Ok(Vec::new())
    }
    /// Head data of the task's facility.
    fn facility(&mut self, task: &TaskId) -> TroubleResult<FacilityView>;
    /// Person search; `screen` names where it was asked (access record).
    fn search_persons(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<PersonHit>>;
    /// Wards in which somebody lies as of the data's cut-off.
    fn wards(&mut self, task: &TaskId) -> TroubleResult<Vec<Ward>>;
    /// Who lies in a ward, by bed.
    fn in_ward(&mut self, task: &TaskId, ward: &str, page: Page) -> TroubleResult<Vec<PersonHit>>;
    /// Item search.
    fn search_items(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<ItemHit>>;
    /// Staff search.
    fn search_staff(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<StaffHit>>;
    /// A person; journals the access with the screen it came from.
    fn person(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        screen: &str,
    ) -> TroubleResult<Option<PersonView>>;
    /// A visit; journals the access with the screen it came from.
    fn visit(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        screen: &str,
    ) -> TroubleResult<Option<VisitView>>;
    /// Fee lines of a visit.
    fn fee_lines(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        filter: &FeeFilter,
        page: Page,
    ) -> TroubleResult<Vec<FeeLine>>;
    /// What the fees of a visit consist of.
    fn fee_summary(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        filter: &FeeFilter,
    ) -> TroubleResult<FeeSummary>;
    /// What was ordered, done, seen and written during a visit.
    fn visit_events(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        page: Page,
    ) -> TroubleResult<Vec<VisitEvent>>;
    /// The person's visits at other facilities. Diagnoses come only for a reason, which is journaled
    /// (ui.md: sensitive diagnoses from elsewhere).
    fn elsewhere(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        reason: Option<&str>,
    ) -> TroubleResult<Vec<VisitElsewhere>>;

    /// Looks up policies, prices, drugs, consumables, ICD codes, cases: answers by kind, one page of each.
    /// Without a task: in the newest checked package of this handheld, also while locked. What officers added
    /// here answers too and is marked.
    fn look_up(&mut self, task: Option<&TaskId>, query: &LookUp) -> TroubleResult<Vec<KindHits>>;
    /// One entry in full, with the article before and after it.
    fn reference_entry(
        &mut self,
        task: Option<&TaskId>,
        id: &str,
    ) -> TroubleResult<Option<ReferenceEntry>>;
    /// What was in force for a fee line on its day: item, limit for the facility's level, restriction, policy.
    /// `clauses`: those of the line's findings, e.g. `T38(3)`.
    fn look_up_line(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        clauses: &[String],
    ) -> TroubleResult<LineReference>;
    /// Documents and tables that are here, each with whether an officer added it.
    fn reference_documents(
        &mut self,
        task: Option<&TaskId>,
    ) -> TroubleResult<Vec<(bool, ReferenceDocument)>>;
    /// Adds a policy text or table to this handheld: durable, marked as added, journaled.
    fn add_reference(&mut self, source: &AddedSource) -> TroubleResult<SourceReport>;

    /// Opens (or continues) the case of a task.
    fn open_case(&mut self, task: &TaskId) -> TroubleResult<CaseView>;
    /// The case as it stands.
    fn case(&mut self, case: &CaseId) -> TroubleResult<CaseView>;
    /// The visit as its journal tells it.
    fn timeline(&mut self, case: &CaseId) -> TroubleResult<Timeline>;
    /// Notes that an officer's credential was shown to the party.
    fn show_certificate(&mut self, case: &CaseId, officer: &OfficerId) -> TroubleResult<()>;
    /// Adds a party; `kind` is a vocabulary `PartyKind` text. Returns its id (`party-1` …).
    fn add_party(
        &mut self,
        case: &CaseId,
        name: &str,
        kind: &str,
        post: Option<&str>,
    ) -> TroubleResult<String>;
    /// Begins a step; returns its id.
    fn begin_step(&mut self, case: &CaseId, kind: &str, title: &str) -> TroubleResult<String>;
    /// Ends a step.
    fn end_step(&mut self, case: &CaseId, step: &str) -> TroubleResult<()>;
    /// What stands behind a finding: visit, people by name, lines, articles. A look at the person it is about.
    fn look_finding(&mut self, task: &TaskId, finding: &Finding) -> TroubleResult<FindingLook>;
    /// What the officers make of a finding of the rules: facts confirmed, excluded (with a reason), more
    /// evidence needed, or open again.
    fn judge_finding(
        &mut self,
        case: &CaseId,
        finding: &Finding,
        judgement: &Judgement,
    ) -> TroubleResult<FindingCard>;
    /// Silences a rule for this visit, with a reason; `None` lets it speak again.
    fn silence_rule(
        &mut self,
        case: &CaseId,
        rule: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()>;
    /// Findings of a task as a file, with what the officers made of them; the party's has what they confirmed
    /// and nothing else. The journal says that it was made.
    fn export_findings(
        &mut self,
        task: &TaskId,
        findings: &[Merged],
        audience: Audience,
        format: Format,
    ) -> TroubleResult<Vec<u8>>;
    /// Sticks that findings can be written onto.
    fn sticks(&mut self) -> TroubleResult<Vec<Stick>> {
        Ok(Vec::new())
    }
    /// As [`Desk::export_findings`], written onto a stick; gives the name of the file back.
    fn hand_out_findings(
        &mut self,
        task: &TaskId,
        findings: &[Merged],
        how: (Audience, Format),
        stick: &str,
    ) -> TroubleResult<String>;
    /// Departments of visits, as far as they were uploaded.
    fn departments(
        &mut self,
        task: &TaskId,
        visits: &BTreeSet<String>,
    ) -> TroubleResult<BTreeMap<String, String>>;
    /// A free note in the journal.
    fn note(&mut self, case: &CaseId, text: &str) -> TroubleResult<()>;

    /// One photo, sealed as it is taken. `None`: as [`Desk::start_recording`].
    fn capture_photo(&mut self, case: Option<&CaseId>) -> TroubleResult<EvidenceView>;
    /// The newest viewfinder picture as JPEG, if the camera runs.
    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>>;
    /// Starts a recording, also while locked. `None`: into the only open case, else into the arrival case,
    /// which the next case that is opened takes over.
    fn start_recording(
        &mut self,
        case: Option<&CaseId>,
        kind: RecordingKind,
    ) -> TroubleResult<RecordingView>;
    /// A mark in a running recording.
    fn mark_recording(&mut self, evidence: &str, words: &str) -> TroubleResult<()>;
    /// Stops a recording.
    fn stop_recording(&mut self, evidence: &str) -> TroubleResult<EvidenceView>;
    /// Says what an item proves, where it comes from, who keeps it, for whom it speaks, which step and finding it
    /// belongs to (tray → filed).
    fn describe_evidence(
        &mut self,
        case: &CaseId,
        evidence: &str,
        filing: &Filing,
    ) -> TroubleResult<()>;

    /// A new document of a form (`W03`, `W04`, `W25`), prefilled; `party` is the interviewee for W04.
    fn new_document(
        &mut self,
        case: &CaseId,
        form: &str,
        party: Option<&str>,
    ) -> TroubleResult<DocumentView>;
    /// The document as it stands.
    fn document(&mut self, case: &CaseId, document: &str) -> TroubleResult<DocumentView>;
    /// Sets a field of a draft.
    fn fill(&mut self, case: &CaseId, document: &str, key: &str, value: &str) -> TroubleResult<()>;
    /// Adds question and answer; stamped into the running audio. `n: Some` changes an earlier one.
    fn answer(
        &mut self,
        case: &CaseId,
        document: &str,
        n: Option<u32>,
        question: &str,
        answer: &str,
    ) -> TroubleResult<AnswerView>;
    /// Freezes the draft: content hash, PDF/A, both named in the journal.
    fn freeze(&mut self, case: &CaseId, document: &str) -> TroubleResult<DocumentView>;
    /// One page (from 1) of the frozen document, or a preview of the draft, as PNG, `width` pixels wide.
    fn page_image(
        &mut self,
        case: &CaseId,
        document: &str,
        page: u32,
        width: u32,
    ) -> TroubleResult<Vec<u8>>;
    /// A handwritten signature on the pad.
    fn sign_document(
        &mut self,
        case: &CaseId,
        document: &str,
        signer: &str,
        strokes: &[Stroke],
    ) -> TroubleResult<DocumentView>;
    /// Printers that can be reached.
    fn printers(&mut self) -> TroubleResult<Vec<PrinterView>>;
    /// Prints a frozen document; the page carries QR, copy number and journal head.
    fn print(
        &mut self,
        case: &CaseId,
        document: &str,
        printer: &str,
        copies: u32,
    ) -> TroubleResult<PrintReport>;

    /// Seals the case: everything that runs is stopped, the bag's tag files are written and signed by the
    /// device and by every officer whose PIN is given (two at least).
    fn seal(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        incomplete_reason: Option<&str>,
    ) -> TroubleResult<SealReport>;
    /// Ends a practice case and destroys it: keys, records, recordings. It can be begun anew.
    fn wipe_practice(&mut self, case: &CaseId) -> TroubleResult<()>;
    /// What waits to be sent and what was received.
    fn outbox(&mut self) -> TroubleResult<Vec<OutboxItem>>;
    /// Sends everything that waits, one bad item never blocking the others; returns the state afterwards.
    fn push(&mut self) -> TroubleResult<Vec<OutboxItem>> {
        let mut first = None;
        for errand in self.push_errands()? {
            if let Err(trouble) = self.run(&errand) {
                first.get_or_insert(trouble);
            }
        }
        first.map_or_else(|| self.outbox(), Err)
    }
}
