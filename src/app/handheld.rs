//! The handheld put together from its ports; implements [`Desk`] by handing each act to its module.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use spotcheck_domain::claims::{
    FacilityView, FeeFilter, FeeLine, FeeSummary, ItemHit, Page, PersonHit, PersonView, StaffHit,
    VisitElsewhere, VisitEvent, VisitView, Ward,
};
use spotcheck_domain::reference::{KindHits, ReferenceDocument, ReferenceEntry, SourceReport};
use spotcheck_domain::{CaseId, Clock, Entropy, OfficerId, TaskId, TroubleResult};
use spotcheck_rules::export::{Audience, Format};
use spotcheck_rules::indicators::{BehindRow, Catalogue};
use spotcheck_rules::{Finding, Merged, Pack, Silence};

use crate::behind::{self, BehindTold};
use crate::budget::Gauge;
use crate::chain::Chain;
use crate::compare::{FreshFile, Held};
use crate::copies::Kept;
use crate::desk::{
    AnswerView, CaseView, Desk, DocumentView, EvidenceView, Filing, OutboxItem, Own, PrintReport,
    PrinterView, RecordingKind, RecordingView, SealReport, Status, Stroke, TaskCard,
};
use crate::errand::{Brought, Errand, Home, Journey, SharedCentre};
use crate::findings::{FindingCard, FindingLook, Judgement, Stick};
use crate::marks::Written;
use crate::media::Media;
use crate::pages::Unlooked;
use crate::playing::Played;
use crate::ports::{
    BlobVault, Copies, Exports, Forms, KeyRing, Locator, Machine, OpenedPackage, Packages, Player,
    Printer, Probes, Recorder, References, Stores,
};
use crate::reference::{AddedSource, LineReference, LookUp, Opened};
use crate::timeline::Timeline;

/// Name and version for statement.json and the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Software {
    /// `spotcheck`.
    pub name: String,
    /// `x.y.z`.
    pub version: String,
    /// Build time, unix milliseconds: a wall clock before it is not set.
    pub build_ms: i64,
}

/// All adapters.
#[allow(missing_docs, reason = "each field is the port of its type")]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub keys: Box<dyn KeyRing>,
    pub blobs: Box<dyn BlobVault>,
    pub recorder: Box<dyn Recorder>,
    pub player: Box<dyn Player>,
    pub packages: Box<dyn Packages>,
    pub exports: Box<dyn Exports>,
    pub references: Box<dyn References>,
    pub forms: Box<dyn Forms>,
    pub printer: Box<dyn Printer>,
    pub machine: Box<dyn Machine>,
    pub locator: Arc<dyn Locator>,
    pub centre: SharedCentre,
    pub stores: Box<dyn Stores>,
    pub copies: Box<dyn Copies>,
    pub probes: Box<dyn Probes>,
    pub software: Software,
}

/// A recording that runs, as the use cases know it.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) case: CaseId,
    pub(crate) evidence: String,
    pub(crate) path: String,
    pub(crate) kind: RecordingKind,
    /// Since when it is paused, in milliseconds from its beginning.
    pub(crate) paused_ms: Option<u64>,
}

/// The handheld.
pub struct Handheld {
    pub(crate) ports: Ports,
    pub(crate) device_log: Option<Chain>,
    pub(crate) cases: BTreeMap<CaseId, Chain>,
    pub(crate) packages: BTreeMap<TaskId, OpenedPackage>,
    pub(crate) opened: Opened,
    pub(crate) running: Vec<Running>,
    pub(crate) safe: String,
    pub(crate) listening: Listening,
    /// Visits that are open in this program.
    visits: BTreeSet<CaseId>,
    /// What was last said of the minutes that are left.
    pub(crate) gauge: Gauge,
    /// Pages whose look is still to come.
    pub(crate) unlooked: Unlooked,
    /// What the player was given.
    pub(crate) played: Option<Played>,
    /// Sound comes out of the loudspeaker.
    pub(crate) loud: bool,
    /// A facility's export between reading and comparing.
    pub(crate) export: Option<Held>,
    /// The last mark, while it can be taken back.
    pub(crate) marked: Vec<Written>,
    /// What of each case was last kept for its second copy.
    pub(crate) kept: Kept,
    /// What is known of the bytes on the storage.
    pub(crate) media: Media,
}

/// Whether sound is kept ahead of recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listening {
    /// This program is too short-lived for it.
    Never,
    /// While a visit is open; none is.
    Idle,
    /// A visit is open.
    Visit,
}

impl Handheld {
    /// Puts the handheld together. Touches nothing until something is asked of it.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self {
            ports,
            device_log: None,
            cases: BTreeMap::new(),
            packages: BTreeMap::new(),
            opened: Opened::default(),
            running: Vec::new(),
            safe: String::new(),
            listening: Listening::Never,
            visits: BTreeSet::new(),
            gauge: Gauge::default(),
            unlooked: Unlooked::default(),
            played: None,
            loud: false,
            export: None,
            marked: Vec::new(),
            kept: Kept::default(),
            media: Media::default(),
        }
    }

    /// Keeps the last seconds of sound in memory while a visit is open, so that a recording begins with
    /// them (evidence.md §1). For programs that stay: a window, not a sub-command.
    #[must_use]
    pub fn listening_ahead(mut self) -> Self {
        self.listening = Listening::Idle;
        self
    }

    /// A visit begins or ends. Sound is kept ahead until the last one has ended: practice that is wiped must
    /// not take it from the real visit beside it.
    pub(crate) fn visit_open(&mut self, case: &CaseId, open: bool) {
        if open {
            self.visits.insert(case.clone());
        } else {
            self.visits.remove(case);
        }
        if self.listening != Listening::Never {
            let none = self.visits.is_empty();
            self.listening = if none { Listening::Idle } else { Listening::Visit };
            self.listen_ahead();
        }
    }

    /// Asks the recorder to listen, or to stop and wipe; milliseconds kept. Nothing of a visit depends on it,
    /// so a trouble is only logged.
    pub(crate) fn listen_ahead(&mut self) -> u64 {
        if self.listening == Listening::Never {
            return 0;
        }
        let on = self.listening == Listening::Visit && !self.loud;
        self.ports.recorder.listen_ahead(on).unwrap_or_else(|trouble| {
            tracing::debug!(code = %trouble.code, "Nothing is kept ahead of recordings.");
            0
        })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.ports.clock.read().wall_ms
    }
}

impl Desk for Handheld {
    fn status(&mut self) -> TroubleResult<Status> {
        self.do_status()
    }
    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()> {
        self.do_unlock(officer, pin)
    }
    fn lock(&mut self) -> TroubleResult<()> {
        self.do_lock()
    }
    fn own(&mut self, what: Own) -> TroubleResult<Option<String>> {
        self.do_own(what)
    }
    fn keep_own(&mut self, what: Own, json: &str) -> TroubleResult<()> {
        self.do_keep_own(what, json)
    }
    fn tasks(&mut self) -> TroubleResult<Vec<TaskCard>> {
        self.do_tasks()
    }
    fn push_errands(&mut self) -> TroubleResult<Vec<Errand>> {
        self.do_push_errands()
    }
    fn first_look(&mut self, task: &TaskId) -> TroubleResult<Journey> {
        self.set_out_to_look(task)
    }

    fn set_out(&mut self, errand: &Errand) -> TroubleResult<Journey> {
        self.do_set_out(errand)
    }
    fn come_home(&mut self, brought: Brought) -> TroubleResult<Home> {
        self.do_come_home(brought)
    }
    fn fresh_files(&mut self) -> TroubleResult<Vec<FreshFile>> {
        self.do_fresh_files()
    }
    fn facility(&mut self, task: &TaskId) -> TroubleResult<FacilityView> {
        self.reader(task)?.facility()
    }
    fn search_persons(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<PersonHit>> {
        self.reader(task)?.search_persons(query, page)
    }
    fn wards(&mut self, task: &TaskId) -> TroubleResult<Vec<Ward>> {
        self.reader(task)?.wards()
    }
    fn in_ward(&mut self, task: &TaskId, ward: &str, page: Page) -> TroubleResult<Vec<PersonHit>> {
        self.reader(task)?.in_ward(ward, page)
    }
    fn search_items(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<ItemHit>> {
        self.reader(task)?.search_items(query, page)
    }
    fn search_staff(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<StaffHit>> {
        self.reader(task)?.search_staff(query, page)
    }
    fn person(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        screen: &str,
    ) -> TroubleResult<Option<PersonView>> {
        self.do_person(task, psn_no, screen)
    }
    fn visit(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        screen: &str,
    ) -> TroubleResult<Option<VisitView>> {
        self.do_visit(task, mdtrt_id, screen)
    }
    fn fee_lines(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        filter: &FeeFilter,
        page: Page,
    ) -> TroubleResult<Vec<FeeLine>> {
        self.reader(task)?.fee_lines(mdtrt_id, filter, page)
    }
    fn fee_summary(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        filter: &FeeFilter,
    ) -> TroubleResult<FeeSummary> {
        self.reader(task)?.fee_summary(mdtrt_id, filter)
    }
    fn visit_events(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        page: Page,
    ) -> TroubleResult<Vec<VisitEvent>> {
        self.reader(task)?.visit_events(mdtrt_id, page)
    }
    fn rules_in_force(&mut self, task: &TaskId) -> TroubleResult<(Pack, Vec<Silence>)> {
        self.do_rules_in_force(task)
    }
    fn catalogue(&mut self, task: &TaskId) -> TroubleResult<Catalogue> {
        self.do_catalogue(task)
    }
    fn packed_findings(&mut self, task: &TaskId) -> TroubleResult<Vec<Finding>> {
        self.do_packed_findings(task)
    }
    fn look_finding(&mut self, task: &TaskId, finding: &Finding) -> TroubleResult<FindingLook> {
        self.do_look_finding(task, finding)
    }
    fn elsewhere(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        reason: Option<&str>,
    ) -> TroubleResult<Vec<VisitElsewhere>> {
        self.do_elsewhere(task, psn_no, reason)
    }
    fn look_up(&mut self, task: Option<&TaskId>, query: &LookUp) -> TroubleResult<Vec<KindHits>> {
        self.do_look_up(task, query)
    }
    fn reference_entry(
        &mut self,
        task: Option<&TaskId>,
        id: &str,
    ) -> TroubleResult<Option<ReferenceEntry>> {
        self.do_reference_entry(task, id)
    }
    fn look_up_line(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        clauses: &[String],
    ) -> TroubleResult<LineReference> {
        self.do_look_up_line(task, mdtrt_id, bkkp_sn, clauses)
    }
    fn reference_documents(
        &mut self,
        task: Option<&TaskId>,
    ) -> TroubleResult<Vec<(bool, ReferenceDocument)>> {
        self.do_reference_documents(task)
    }
    fn add_reference(&mut self, source: &AddedSource) -> TroubleResult<SourceReport> {
        self.do_add_reference(source)
    }
    fn open_case(&mut self, task: &TaskId) -> TroubleResult<CaseView> {
        self.do_open_case(task)
    }
    fn case(&mut self, case: &CaseId) -> TroubleResult<CaseView> {
        self.case_view(case)
    }
    fn timeline(&mut self, case: &CaseId) -> TroubleResult<Timeline> {
        self.do_timeline(case)
    }
    fn show_certificate(&mut self, case: &CaseId, officer: &OfficerId) -> TroubleResult<()> {
        self.do_show_certificate(case, officer)
    }
    fn add_party(
        &mut self,
        case: &CaseId,
        name: &str,
        kind: &str,
        post: Option<&str>,
    ) -> TroubleResult<String> {
        self.do_add_party(case, name, kind, post)
    }
    fn begin_step(&mut self, case: &CaseId, kind: &str, title: &str) -> TroubleResult<String> {
        self.do_begin_step(case, kind, title)
    }
    fn end_step(&mut self, case: &CaseId, step: &str) -> TroubleResult<()> {
        self.do_end_step(case, step)
    }
    fn judge_finding(
        &mut self,
        case: &CaseId,
        finding: &Finding,
        judgement: &Judgement,
    ) -> TroubleResult<FindingCard> {
        self.do_judge_finding(case, finding, judgement)
    }
    fn silence_rule(
        &mut self,
        case: &CaseId,
        rule: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()> {
        self.do_silence_rule(case, rule, reason)
    }
    fn export_findings(
        &mut self,
        task: &TaskId,
        findings: &[Merged],
        audience: Audience,
        format: Format,
    ) -> TroubleResult<Vec<u8>> {
        self.do_export_findings(task, findings, audience, format)
    }
    fn sticks(&mut self) -> TroubleResult<Vec<Stick>> {
        self.do_sticks()
    }
    fn hand_out_findings(
        &mut self,
        task: &TaskId,
        findings: &[Merged],
        how: (Audience, Format),
        stick: &str,
    ) -> TroubleResult<String> {
        self.do_hand_out_findings(task, findings, how, stick)
    }
    fn departments(
        &mut self,
        task: &TaskId,
        visits: &BTreeSet<String>,
    ) -> TroubleResult<BTreeMap<String, String>> {
        self.do_departments(task, visits)
    }
    fn behind_told(&mut self, task: &TaskId, rows: &[BehindRow]) -> TroubleResult<Vec<BehindTold>> {
        behind::told(self.reader(task)?, rows)
    }
    fn note(&mut self, case: &CaseId, text: &str) -> TroubleResult<()> {
        self.do_note(case, text)
    }
    fn capture_photo(&mut self, case: Option<&CaseId>) -> TroubleResult<EvidenceView> {
        self.do_capture_photo(case)
    }
    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>> {
        self.ports.recorder.viewfinder()
    }
    fn start_recording(
        &mut self,
        case: Option<&CaseId>,
        kind: RecordingKind,
    ) -> TroubleResult<RecordingView> {
        self.do_start_recording(case, kind)
    }
    fn mark_recording(&mut self, evidence: &str, words: &str) -> TroubleResult<()> {
        self.do_mark_recording(evidence, words)
    }
    fn stop_recording(&mut self, evidence: &str) -> TroubleResult<EvidenceView> {
        self.do_stop_recording(evidence)
    }
    fn describe_evidence(
        &mut self,
        case: &CaseId,
        evidence: &str,
        filing: &Filing,
    ) -> TroubleResult<()> {
        self.do_describe_evidence(case, evidence, filing)
    }
    fn new_document(
        &mut self,
        case: &CaseId,
        form: &str,
        party: Option<&str>,
    ) -> TroubleResult<DocumentView> {
        self.do_new_document(case, form, party)
    }
    fn document(&mut self, case: &CaseId, document: &str) -> TroubleResult<DocumentView> {
        self.document_view(case, document)
    }
    fn fill(&mut self, case: &CaseId, document: &str, key: &str, value: &str) -> TroubleResult<()> {
        self.do_fill(case, document, key, value)
    }
    fn answer(
        &mut self,
        case: &CaseId,
        document: &str,
        n: Option<u32>,
        question: &str,
        answer: &str,
    ) -> TroubleResult<AnswerView> {
        self.do_answer(case, document, n, question, answer)
    }
    fn freeze(&mut self, case: &CaseId, document: &str) -> TroubleResult<DocumentView> {
        self.do_freeze(case, document)
    }
    fn page_image(
        &mut self,
        case: &CaseId,
        document: &str,
        page: u32,
        width: u32,
    ) -> TroubleResult<Vec<u8>> {
        self.do_page_image(case, document, page, width)
    }
    fn sign_document(
        &mut self,
        case: &CaseId,
        document: &str,
        signer: &str,
        strokes: &[Stroke],
    ) -> TroubleResult<DocumentView> {
        self.do_sign_document(case, document, signer, strokes)
    }
    fn printers(&mut self) -> TroubleResult<Vec<PrinterView>> {
        self.ports.printer.printers()
    }
    fn print(
        &mut self,
        case: &CaseId,
        document: &str,
        printer: &str,
        copies: u32,
    ) -> TroubleResult<PrintReport> {
        self.do_print(case, document, printer, copies)
    }
    fn seal(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        incomplete_reason: Option<&str>,
    ) -> TroubleResult<SealReport> {
        self.do_seal(case, pins, incomplete_reason)
    }
    fn wipe_practice(&mut self, case: &CaseId) -> TroubleResult<()> {
        self.do_wipe_practice(case)
    }
    fn outbox(&mut self) -> TroubleResult<Vec<OutboxItem>> {
        self.do_outbox()
    }
}
