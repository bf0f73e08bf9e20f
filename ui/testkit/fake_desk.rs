//! An in-memory [`Desk`] with invented data: the whole way of a visit without disk, camera or network.
//!
//! It keeps the rules that the face relies on (wrong PINs, missing fields, two signatures, what is still
//! missing before the seal), so that the interaction tests fail where the real desk would refuse. All
//! people, hospitals and numbers are invented.

mod claims;
mod clock;
mod compare;
mod copies;
mod custody;
mod indicators;
mod kinds;
mod looks;
mod marks;
pub(crate) mod names;
mod on_site;
mod papers;
mod playing;
mod reference;
mod travel;
mod visit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use spotcheck_app::behind::BehindTold;
use spotcheck_app::compare::FreshFile;
use spotcheck_app::desk::{
    AnswerView, CaseCard, CaseState, CaseView, Desk, DocumentView, EvidenceView, Filing,
    OfficerCard, OutboxItem, Own, PrintReport, PrinterView, RecordingKind, RecordingView,
    SealReport, Status, Stroke, TaskCard,
};
use spotcheck_app::errand::{Brought, Errand, Home, Journey};
use spotcheck_app::findings::{FindingCard, FindingLook, Judgement, Stick};
use spotcheck_app::ports::{CopyPlan, PlaceState};
use spotcheck_app::reference::{AddedSource, LineReference, LookUp, line_reference};
use spotcheck_app::rules::export::{Audience, Format};
use spotcheck_app::rules::indicators::BehindRow;
use spotcheck_app::rules::{Finding, Merged};
use spotcheck_app::timeline::Timeline;
use spotcheck_domain::claims::{
    FacilityView, FeeFilter, FeeLine, FeeSummary, ItemHit, Page, PersonHit, PersonView, StaffHit,
    VisitElsewhere, VisitEvent, VisitView, Ward,
};
use spotcheck_domain::reference::{
    KindHits, ReferenceDocument, ReferenceEntry, ReferenceQuery, ReferenceReader as _, SourceReport,
};
use spotcheck_domain::time::day_number;
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{
    BundleId, CaseId, DeviceId, ManualClock, OfficerId, TaskId, Trouble, TroubleResult, rfc3339,
};

use self::clock::ACT_MS;
pub use self::clock::{its_clock, morning_ms};
use crate::frame::settings;

/// PIN of the first invented officer.
pub const FIRST_PIN: &str = "135790";
/// PIN of the first officer's token, where it has one.
pub const TOKEN_PIN: &str = "ukey-2468";
/// PIN of the second invented officer.
pub const SECOND_PIN: &str = "246801";

/// The invented handheld.
pub struct FakeDesk {
    now_ms: i64,
    /// The wall clock of its window goes with its acts; what counts since the boot does not.
    clock: Arc<ManualClock>,
    officers: Vec<OfficerCard>,
    pins: Vec<String>,
    token_pins: BTreeMap<OfficerId, String>,
    /// Nobody has set the clock, and nobody spoke for the time.
    unset_clock: bool,
    plan: CopyPlan,
    /// The colleague's case was taken over.
    rescued: bool,
    unlocked: Option<OfficerId>,
    tasks: Vec<TaskCard>,
    case: Option<CaseView>,
    documents: BTreeMap<String, DocumentView>,
    running: Vec<RecordingView>,
    outbox: Vec<OutboxItem>,
    /// Accesses that the real desk would journal: `(screen, number)`.
    accesses: Vec<(String, String)>,
    /// Rule and reason of a finding that was excluded before.
    excluded: Option<(String, String)>,
    /// By officer and kind.
    own: BTreeMap<(OfficerId, Own), String>,
    /// Minutes of recording that are left; plenty where absent.
    low: Option<u64>,
    played: playing::Played,
    marks: marks::Last,
    long: bool,
    /// The next act fails with this.
    fail_next: Option<Trouble>,
    /// The next journey waits for a word from here.
    road: Option<travel::Road>,
    /// How often it was asked how it stands.
    asked: Arc<AtomicU32>,
    /// For how long storage has taken nothing.
    stalled_ms: Arc<AtomicU64>,
    unplugged: Arc<AtomicBool>,
    silent_ms: Arc<AtomicU64>,
    /// Where everything goes that would lie on the disk when the program ends.
    disk: Option<Disk>,
}

/// What outlives the program.
pub type Disk = Arc<Mutex<Option<FakeDesk>>>;

impl Drop for FakeDesk {
    fn drop(&mut self) {
        let Some(disk) = self.disk.take() else { return };
        let mut left = Self::new();
        left.now_ms = self.now_ms;
        left.tasks = std::mem::take(&mut self.tasks);
        left.case = self.case.take();
        left.documents = std::mem::take(&mut self.documents);
        left.outbox = std::mem::take(&mut self.outbox);
        left.own = std::mem::take(&mut self.own);
        *disk.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(left);
    }
}

impl std::fmt::Debug for FakeDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeDesk").field("now_ms", &self.now_ms).finish_non_exhaustive()
    }
}

impl Default for FakeDesk {
    fn default() -> Self {
        Self::new()
    }
}

fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    #[allow(clippy::expect_used, reason = "constant ids of this file, read by every test")]
    text.parse().expect("a constant id")
}

fn trouble(code: &str, message: &str, safe: &str, advice: &str) -> Trouble {
    Trouble::new(code, message, safe, advice)
}

impl FakeDesk {
    /// Enrolled, two officers with keys, two tasks, one package not yet checked, one old receipt.
    #[must_use]
    pub fn new() -> Self {
        let officer = |officer: &str, name: &str| OfficerCard {
            id: id(officer),
            name: name.to_owned(),
            certificate_until: "2027-06-30".to_owned(),
            token: false,
        };
        let officers = vec![officer("O-0017", "周演示"), officer("O-0023", "吴样例")];
        let settings = settings::of_an_old_hand(false);
        let own = officers.iter().map(|o| ((o.id.clone(), Own::Settings), settings.clone()));
        let clock = clock::begin();
        Self {
            clock,
            own: own.collect(),
            now_ms: morning_ms(),
            officers,
            pins: vec![FIRST_PIN.to_owned(), SECOND_PIN.to_owned()],
            token_pins: BTreeMap::new(),
            unset_clock: false,
            plan: CopyPlan::default(),
            rescued: false,
            unlocked: None,
            tasks: visit::tasks(),
            case: None,
            documents: BTreeMap::new(),
            running: Vec::new(),
            outbox: vec![OutboxItem {
                bundle: id("EVID-01M7VBK5C0SAMP1E0000000001"),
                case: id("CASE-01M7VBK5C0SAMP1E0000000001"),
                fixmedins_name: Some("示例市青禾医院".to_owned()),
                sent_bytes: 640_000_000,
                total_bytes: 640_000_000,
                state: CaseState::Received,
                errors: Vec::new(),
                received: Some("2026-11-23T18:02:00.000+08:00".to_owned()),
                log_index: Some(48_213),
            }],
            accesses: Vec::new(),
            low: None,
            played: playing::Played::default(),
            marks: marks::Last::default(),
            long: false,
            excluded: None,
            fail_next: None,
            road: None,
            asked: Arc::default(),
            stalled_ms: Arc::default(),
            unplugged: Arc::default(),
            silent_ms: Arc::default(),
            disk: None,
        }
    }

    /// What is stored goes to `disk` when the program ends.
    #[must_use]
    pub fn on(mut self, disk: &Disk) -> Self {
        self.disk = Some(Arc::clone(disk));
        self
    }

    /// Counts how often it is asked how it stands: the real desk keeps its second copy then.
    #[must_use]
    pub fn asked(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.asked)
    }

    /// As [`FakeDesk::new`], with `trouble` coming from the next act that can fail.
    #[must_use]
    pub fn failing_with(trouble: Trouble) -> Self {
        let mut desk = Self::new();
        desk.fail_next = Some(trouble);
        desk
    }

    fn pass_time(&mut self) -> String {
        self.now_ms = self.now_ms.saturating_add(ACT_MS);
        self.clock.step_wall_to_ms(self.now_ms);
        for running in &mut self.running {
            running.stored_ms =
                running.stored_ms.saturating_add(u64::try_from(ACT_MS).unwrap_or_default());
        }
        rfc3339(self.now_ms)
    }

    fn fail(&mut self) -> TroubleResult<()> {
        self.fail_next.take().map_or(Ok(()), Err)
    }

    fn needs_unlock(&self) -> TroubleResult<()> {
        if self.unlocked.is_some() {
            return Ok(());
        }
        Err(trouble("FAKE-LOCKED", "还没有解锁", "数据没有动过", "先解锁"))
    }

    fn open_view(&mut self, case: &CaseId) -> TroubleResult<&mut CaseView> {
        match &mut self.case {
            Some(view) if view.id == *case && view.state == CaseState::Open => Ok(view),
            _ => Err(trouble("FAKE-CASE", "案件没有打开", "已存的都在", "从任务进入")),
        }
    }

    fn checked(&self, task: &TaskId) -> TroubleResult<()> {
        let ready = self.tasks.iter().any(|card| {
            card.task.id == *task && card.package.as_ref().is_some_and(|p| p.checked.is_some())
        });
        if ready {
            return Ok(());
        }
        Err(trouble("FAKE-PACKAGE", "数据包还没有核对", "数据没有动过", "先核对数据包"))
    }
}

impl Desk for FakeDesk {
    fn status(&mut self) -> TroubleResult<Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.now_ms = self.now_ms.saturating_add(1_000);
        let stalled_ms = self.stalled_ms.load(Ordering::SeqCst);
        for running in &mut self.running {
            running.behind_ms = stalled_ms;
            running.ended |= self.unplugged.load(Ordering::SeqCst);
            running.idle_ms = self.silent_ms.load(Ordering::SeqCst);
            if stalled_ms == 0 {
                running.stored_ms = running.stored_ms.saturating_add(1_000);
            }
            running.level = 62;
        }
        let waiting = self.outbox.iter().filter(|i| i.state != CaseState::Received).count();
        Ok(Status {
            device: Some(id::<DeviceId>("SC-0417")),
            centre: Some("https://centre.example".to_owned()),
            key_protection: KeyProtection::Tpm2,
            officers: self.officers.clone(),
            unlocked: self.unlocked.clone(),
            safe: "安全：上次录音 12 分 08 秒，缺 ≤ 2 秒".to_owned(),
            clock_set: !self.unset_clock,
            unsent: u32::try_from(waiting).unwrap_or_default(),
            free_bytes: 48_600_000_000,
            budget: on_site::budget(self.low),
            place: PlaceState::None,
            recordings: self.running.clone(),
        })
    }

    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()> {
        self.fail()?;
        if !self.knows(officer, pin) {
            return Err(trouble(
                "VAULT-PIN-WRONG",
                "PIN 不对，还可试 4 次",
                "数据都在，录音继续",
                "再输一次；忘记时请管理员在中心重办",
            ));
        }
        self.unlocked = Some(officer.clone());
        Ok(())
    }

    fn lock(&mut self) -> TroubleResult<()> {
        self.unlocked = None;
        self.token_pins.clear();
        Ok(())
    }

    fn tasks(&mut self) -> TroubleResult<Vec<TaskCard>> {
        let mut cards = self.tasks.clone();
        if let Some(case) = &self.case {
            for card in cards.iter_mut().filter(|card| card.task.id == case.task) {
                card.case = Some(CaseCard {
                    id: case.id.clone(),
                    state: case.state,
                    bundle: case.bundle.clone(),
                });
            }
        }
        Ok(cards)
    }

    fn own(&mut self, what: Own) -> TroubleResult<Option<String>> {
        self.needs_unlock()?;
        let officer = self.unlocked.clone();
        Ok(officer.and_then(|officer| self.own.get(&(officer, what)).cloned()))
    }

    fn keep_own(&mut self, what: Own, json: &str) -> TroubleResult<()> {
        self.needs_unlock()?;
        if let Some(officer) = self.unlocked.clone() {
            self.own.insert((officer, what), json.to_owned());
        }
        Ok(())
    }

    fn push_errands(&mut self) -> TroubleResult<Vec<Errand>> {
        Ok(travel::push(&self.outbox))
    }

    fn set_out(&mut self, errand: &Errand) -> TroubleResult<Journey> {
        self.fail()?;
        if matches!(errand, Errand::Pull(_)) {
            self.needs_unlock()?;
        }
        // The check of a package is no journey.
        let road = self.road.take_if(|_| !matches!(errand, Errand::Check(_) | Errand::Audit(..)));
        Ok(travel::journey(errand, road))
    }

    fn come_home(&mut self, brought: Brought) -> TroubleResult<Home> {
        let now = self.pass_time();
        match brought {
            Brought::Pulled(pulled) => pulled.map(|_| self.pulled()),
            Brought::Checked { task, verdict, .. } => {
                verdict?;
                self.package_checked(&task, now)
            }
            Brought::Sent { bundle, receipt, .. } => receipt.map(|_| self.received(&bundle, &now)),
            Brought::Audited { outcome, .. } => outcome.map(Home::Audited),
            Brought::Indicators(answer) => answer.map(Home::Indicators),
            Brought::Around(found) => found.map(Home::Around),
            Brought::Export(taken) => compare::brought(taken.err()),
            Brought::Compared { .. } => Ok(Home::Compared(Box::new(compare::compared()))),
            Brought::Journal { result, .. } => result.map(|()| Home::Sent),
            Brought::SelfChecked(checks) => Ok(Home::SelfChecked(checks)),
        }
    }

    fn facility(&mut self, task: &TaskId) -> TroubleResult<FacilityView> {
        self.checked(task)?;
        Ok(self.house(claims::facility()))
    }

    fn search_persons(
        &mut self,
        task: &TaskId,
        query: &str,
        page: Page,
    ) -> TroubleResult<Vec<PersonHit>> {
        self.fail()?;
        self.checked(task)?;
        Ok(self.named(claims::search(query, page)))
    }

    fn wards(&mut self, task: &TaskId) -> TroubleResult<Vec<Ward>> {
        self.checked(task)?;
        Ok(claims::wards())
    }

    fn in_ward(&mut self, task: &TaskId, ward: &str, page: Page) -> TroubleResult<Vec<PersonHit>> {
        self.checked(task)?;
        Ok(self.named(claims::in_ward(ward, page)))
    }

    fn search_items(&mut self, task: &TaskId, query: &str, _: Page) -> TroubleResult<Vec<ItemHit>> {
        self.checked(task)?;
        Ok(claims::items(query))
    }

    fn search_staff(
        &mut self,
        task: &TaskId,
        query: &str,
        _: Page,
    ) -> TroubleResult<Vec<StaffHit>> {
        self.checked(task)?;
        Ok(claims::staff(query))
    }

    fn fresh_files(&mut self) -> TroubleResult<Vec<FreshFile>> {
        Ok(compare::files())
    }

    fn person(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        screen: &str,
    ) -> TroubleResult<Option<PersonView>> {
        self.checked(task)?;
        self.accesses.push((screen.to_owned(), psn_no.to_owned()));
        Ok(self.one_named(claims::person(psn_no)))
    }

    fn visit(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        screen: &str,
    ) -> TroubleResult<Option<VisitView>> {
        self.checked(task)?;
        self.accesses.push((screen.to_owned(), mdtrt_id.to_owned()));
        Ok(claims::visit(mdtrt_id))
    }

    fn fee_lines(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        filter: &FeeFilter,
        page: Page,
    ) -> TroubleResult<Vec<FeeLine>> {
        self.checked(task)?;
        Ok(claims::fee_lines(mdtrt_id, filter, page))
    }

    fn fee_summary(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        filter: &FeeFilter,
    ) -> TroubleResult<FeeSummary> {
        self.checked(task)?;
        Ok(claims::fee_summary(mdtrt_id, filter))
    }

    fn visit_events(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        _page: Page,
    ) -> TroubleResult<Vec<VisitEvent>> {
        self.checked(task)?;
        Ok(claims::events(mdtrt_id))
    }

    fn export_findings(
        &mut self,
        task: &TaskId,
        _: &[Merged],
        _: Audience,
        _: Format,
    ) -> TroubleResult<Vec<u8>> {
        self.checked(task)?;
        Ok(Vec::new())
    }

    fn sticks(&mut self) -> TroubleResult<Vec<Stick>> {
        Ok(vec![Stick { place: "/media/example".to_owned(), name: "U盘 示例".to_owned() }])
    }

    fn hand_out_findings(
        &mut self,
        task: &TaskId,
        _: &[Merged],
        (audience, format): (Audience, Format),
        _: &str,
    ) -> TroubleResult<String> {
        self.checked(task)?;
        let what = if audience == Audience::Party { "事实清单" } else { "线索清单" };
        Ok(format!("{what}-2026-11-20.{}", format.as_str()))
    }

    fn departments(
        &mut self,
        _: &TaskId,
        visits: &BTreeSet<String>,
    ) -> TroubleResult<BTreeMap<String, String>> {
        Ok(claims::departments(visits))
    }

    fn behind_told(&mut self, _: &TaskId, rows: &[BehindRow]) -> TroubleResult<Vec<BehindTold>> {
        Ok(rows.iter().map(indicators::told).collect())
    }

    fn packed_findings(&mut self, task: &TaskId) -> TroubleResult<Vec<Finding>> {
        self.checked(task)?;
        Ok(travel::packed())
    }

    fn elsewhere(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        reason: Option<&str>,
    ) -> TroubleResult<Vec<VisitElsewhere>> {
        self.checked(task)?;
        if let Some(reason) = reason {
            self.accesses.push((reason.to_owned(), psn_no.to_owned()));
        }
        Ok(claims::elsewhere(psn_no, reason))
    }

    fn look_up(&mut self, _: Option<&TaskId>, query: &LookUp) -> TroubleResult<Vec<KindHits>> {
        self.fail()?;
        reference::library().look_up(&ReferenceQuery {
            text: &query.text,
            on: query.on.as_deref().and_then(day_number),
            kinds: &query.kinds,
            page: query.page,
        })
    }

    fn reference_entry(
        &mut self,
        _: Option<&TaskId>,
        id: &str,
    ) -> TroubleResult<Option<ReferenceEntry>> {
        reference::library().entry(id)
    }

    fn look_up_line(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        clauses: &[String],
    ) -> TroubleResult<LineReference> {
        self.checked(task)?;
        let page = Page::first(u32::MAX);
        let lines = claims::fee_lines(mdtrt_id, &FeeFilter::default(), page);
        let line = lines.into_iter().find(|l| l.bkkp_sn == bkkp_sn).ok_or_else(|| {
            trouble("FAKE-LINE", "没有找到这条明细", "数据没有动过", "从就诊页进入")
        })?;
        let library = reference::library();
        let hosp_lv = claims::facility().hosp_lv;
        line_reference(&[&library], reference::with_code(line), hosp_lv, clauses)
    }

    fn reference_documents(
        &mut self,
        _: Option<&TaskId>,
    ) -> TroubleResult<Vec<(bool, ReferenceDocument)>> {
        let documents = reference::library().documents()?;
        Ok(documents.into_iter().map(|d| (false, d)).collect())
    }

    fn add_reference(&mut self, source: &AddedSource) -> TroubleResult<SourceReport> {
        self.fail()?;
        self.needs_unlock()?;
        self.pass_time();
        Ok(SourceReport { file: source.name.clone(), read: 1, ..SourceReport::default() })
    }

    fn look_finding(&mut self, task: &TaskId, finding: &Finding) -> TroubleResult<FindingLook> {
        self.checked(task)?;
        self.do_look_finding(finding)
    }

    fn judge_finding(
        &mut self,
        case: &CaseId,
        finding: &Finding,
        judgement: &Judgement,
    ) -> TroubleResult<FindingCard> {
        self.do_judge(case, finding, judgement)
    }

    fn silence_rule(
        &mut self,
        case: &CaseId,
        rule: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()> {
        self.do_silence(case, rule, reason)
    }

    fn open_case(&mut self, task: &TaskId) -> TroubleResult<CaseView> {
        self.fail()?;
        self.needs_unlock()?;
        self.do_open_case(task)
    }

    fn case(&mut self, case: &CaseId) -> TroubleResult<CaseView> {
        self.do_case(case)
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
        self.pass_time();
        self.do_add_party(case, name, kind, post)
    }

    fn begin_step(&mut self, case: &CaseId, kind: &str, title: &str) -> TroubleResult<String> {
        let now = self.pass_time();
        self.do_begin_step(case, kind, title, now)
    }

    fn end_step(&mut self, case: &CaseId, step: &str) -> TroubleResult<()> {
        self.do_end_step(case, step)
    }

    fn note(&mut self, case: &CaseId, _text: &str) -> TroubleResult<()> {
        self.pass_time();
        self.open_view(case).map(|_| ())
    }

    fn capture_photo(&mut self, case: Option<&CaseId>) -> TroubleResult<EvidenceView> {
        self.fail()?;
        self.do_photo(case)
    }

    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>> {
        Ok(papers::shelf())
    }

    fn start_recording(
        &mut self,
        _case: Option<&CaseId>,
        kind: RecordingKind,
    ) -> TroubleResult<RecordingView> {
        self.fail()?;
        self.do_start(kind)
    }

    fn mark_recording(&mut self, evidence: &str, words: &str) -> TroubleResult<()> {
        self.do_mark(evidence, words)
    }

    fn stop_recording(&mut self, evidence: &str) -> TroubleResult<EvidenceView> {
        self.do_stop(evidence)
    }

    fn describe_evidence(
        &mut self,
        case: &CaseId,
        evidence: &str,
        filing: &Filing,
    ) -> TroubleResult<()> {
        self.do_describe(case, evidence, filing)
    }

    fn new_document(
        &mut self,
        case: &CaseId,
        form: &str,
        party: Option<&str>,
    ) -> TroubleResult<DocumentView> {
        self.do_new_document(case, form, party)
    }

    fn document(&mut self, _case: &CaseId, document: &str) -> TroubleResult<DocumentView> {
        self.do_document(document)
    }

    fn fill(
        &mut self,
        _case: &CaseId,
        document: &str,
        key: &str,
        value: &str,
    ) -> TroubleResult<()> {
        self.do_fill(document, key, value)
    }

    fn answer(
        &mut self,
        _case: &CaseId,
        document: &str,
        n: Option<u32>,
        question: &str,
        answer: &str,
    ) -> TroubleResult<AnswerView> {
        self.pass_time();
        self.do_answer(document, n, question, answer)
    }

    fn freeze(&mut self, _case: &CaseId, document: &str) -> TroubleResult<DocumentView> {
        self.fail()?;
        self.do_freeze(document)
    }

    fn page_image(
        &mut self,
        _case: &CaseId,
        document: &str,
        page: u32,
        width: u32,
    ) -> TroubleResult<Vec<u8>> {
        self.do_document(document)?;
        papers::page(page.saturating_sub(1), width)
            .ok_or_else(|| trouble("FAKE-PAGE", "这一页画不出来", "文书都在", "再试一次"))
    }

    fn sign_document(
        &mut self,
        _case: &CaseId,
        document: &str,
        signer: &str,
        strokes: &[Stroke],
    ) -> TroubleResult<DocumentView> {
        let now = self.pass_time();
        self.vouched()?;
        self.do_sign(document, signer, strokes, now)
    }

    fn printers(&mut self) -> TroubleResult<Vec<PrinterView>> {
        Ok(papers::printers())
    }

    fn print(
        &mut self,
        _case: &CaseId,
        document: &str,
        printer: &str,
        copies: u32,
    ) -> TroubleResult<PrintReport> {
        self.fail()?;
        self.do_print(document, printer, copies)
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
        if self.case.take_if(|view| view.id == *case).is_none() {
            return Err(trouble("CASE-UNKNOWN", "没有这个案卷", "没有改动任何数据", "返回今日"));
        }
        self.documents.clear();
        self.running.clear();
        for card in self.tasks.iter_mut().filter(|c| c.case.as_ref().is_some_and(|k| k.id == *case))
        {
            card.case = None;
        }
        Ok(())
    }

    fn outbox(&mut self) -> TroubleResult<Vec<OutboxItem>> {
        Ok(self.outbox.clone())
    }
}

fn bundle() -> BundleId {
    id("EVID-01M7VBK5C0SAMP1E0000000002")
}
