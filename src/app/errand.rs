//! Long work that does not hold the desk: fetching, sending, the full check of a package.
//!
//! An errand has three parts. [`Desk::set_out`](crate::desk::Desk::set_out) takes along what is needed; the
//! [`Journey`] does the long part on whatever thread its caller likes, with handles of its own to keys,
//! blobs and centre; [`Desk::come_home`](crate::desk::Desk::come_home) stores what was brought. In between
//! the desk is free: a tap on 录音 never waits for a slow network. A journey that never comes home (the
//! program ended) has done nothing that the next one could not do again.

mod pulling;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::{BundleId, CaseId, ClockReading, TaskId, Trouble, TroubleResult};
use spotcheck_rules::around::Surroundings;
use spotcheck_rules::compare::{Pairing, Scope};
use spotcheck_rules::compose::Composed;
use spotcheck_rules::indicators::Answer;
use spotcheck_rules::{Options, Outcome, Stage};

use crate::around::AroundQuery;
use crate::chain::set;
use crate::compare::{ComparedView, ExportView, Taken};
use crate::desk::{CaseState, PackageState, PullReport};
use crate::handheld::Handheld;
use crate::indicators::{self, IndicatorQuery};
use crate::model::{ONLY, Sent, kind};
use crate::ports::{Centre, PackageOnDisk, Pulled, Receipt, SealedBundle, TimeProof};
use crate::self_check::Check;
use crate::{packs, troubles};

/// Errors kept per item.
const ERRORS_KEPT: usize = 20;
/// Lines of the device journal sent at once.
const JOURNAL_BATCH: usize = 500;
/// Key of the number of journal lines the centre has.
const JOURNAL_SENT: &str = "journal_sent";

/// Code of the trouble when somebody asked a journey to stop: nothing went wrong.
pub const CANCELLED: &str = "SYNC-CANCELLED";

/// The centre as several errands share it: one at a time.
pub type SharedCentre = Arc<Mutex<dyn Centre>>;

/// What of a run over the rules is wanted; everything that is not said is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPart {
    /// Ids of rules; `None`: all that are enabled.
    pub rules: Option<Vec<String>>,
    /// `fixmedins_code`; the package must hold it.
    pub facility: Option<String>,
    /// First and last day (since 1970) of the facts.
    pub period: Option<(i64, i64)>,
}

/// One piece of long work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Fetch tasks, packages, revocation lists and time entries; all tasks, or one.
    Pull(Option<TaskId>),
    /// Full check of a task's package.
    Check(TaskId),
    /// Run the rules over a task's package: those named, or all that are enabled.
    Audit(TaskId, Option<Vec<String>>),
    /// The same over a part of it.
    AuditPart(TaskId, Box<AuditPart>),
    /// Run one rule that was composed on site, above the packs in force.
    Compose(TaskId, Box<Composed>),
    /// Compute indicators over a task's package.
    Indicators(TaskId, Box<IndicatorQuery>),
    /// Look at everything around a finding: a doctor, an item, a card.
    Around(TaskId, Box<AroundQuery>),
    /// Take a facility's own export: read it, propose its columns, keep the file in the case.
    TakeExport {
        /// The task whose upload it is held against.
        task: TaskId,
        /// The case that the file becomes evidence of.
        case: Option<CaseId>,
        /// [`FreshFile::place`](crate::compare::FreshFile::place).
        place: String,
    },
    /// Another sheet or header of the export on the desk.
    PairExport {
        /// The task.
        task: TaskId,
        /// The sheet.
        sheet: usize,
        /// Position of the header; `None`: find it.
        header: Option<usize>,
    },
    /// Compare the export on the desk with the upload.
    CompareExport {
        /// The task.
        task: TaskId,
        /// Which column is which.
        pairing: Pairing,
        /// What the file must cover.
        scope: Scope,
    },
    /// Send one sealed bundle.
    Send(BundleId),
    /// Send what the centre lacks of the device journal.
    Journal,
    /// Try every device once.
    SelfCheck,
}

/// How far a journey is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leg {
    /// Bytes done and durable (rules: lines or persons).
    pub done: u64,
    /// The same in all; 0 while unknown.
    pub total: u64,
}

/// Asks a journey to stop; clones are the same signal.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once somebody asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a journey tells, and what it listens to.
pub struct Watch<'a> {
    /// Hears how far it is, after each durable part.
    pub hear: &'a mut (dyn FnMut(Leg) + 'a),
    /// Looked at several times a second.
    pub stop: Stop,
}

impl Watch<'_> {
    /// Nobody listens, nobody stops it.
    #[must_use]
    pub fn unheard() -> Watch<'static> {
        // A closure without captures has no size: nothing is allocated, so nothing leaks.
        Watch { hear: Box::leak(Box::new(|_: Leg| {})), stop: Stop::default() }
    }
}

/// The long part; needs neither desk nor window.
pub type Journey = Box<dyn FnOnce(&mut Watch<'_>) -> Brought + Send>;

/// What a journey brings home.
#[derive(Debug)]
pub enum Brought {
    /// From [`Errand::Pull`]; packages lie in the data folder already.
    Pulled(TroubleResult<Pulled>),
    /// From [`Errand::Check`].
    Checked {
        /// The task.
        task: TaskId,
        /// The package that was checked.
        found: PackageOnDisk,
        /// When.
        at: ClockReading,
        /// The check's word.
        verdict: TroubleResult<()>,
    },
    /// From [`Errand::Audit`].
    Audited {
        /// The task.
        task: TaskId,
        /// What the rules say.
        outcome: TroubleResult<Box<Outcome>>,
    },
    /// From [`Errand::Indicators`].
    Indicators(TroubleResult<Box<Answer>>),
    /// From [`Errand::Around`].
    Around(TroubleResult<Box<Surroundings>>),
    /// From [`Errand::TakeExport`] and [`Errand::PairExport`].
    Export(TroubleResult<Box<Taken>>),
    /// From [`Errand::CompareExport`].
    Compared {
        /// The task.
        task: TaskId,
        /// What differs.
        view: TroubleResult<Box<ComparedView>>,
    },
    /// From [`Errand::Send`].
    Sent {
        /// The bundle.
        bundle: BundleId,
        /// Bytes durable at the centre.
        bytes: u64,
        /// `Ok(None)`: delivered, not yet receipted.
        receipt: TroubleResult<Option<Receipt>>,
    },
    /// From [`Errand::Journal`].
    Journal {
        /// Last line that the centre has, if anything was sent.
        have: Option<u64>,
        /// How it ended.
        result: TroubleResult<()>,
    },
    /// From [`Errand::SelfCheck`].
    SelfChecked(Vec<Check>),
}

/// What is known once everything is stored.
#[derive(Debug)]
pub enum Home {
    /// After [`Errand::Pull`].
    Pulled {
        /// What came.
        report: PullReport,
        /// Tasks whose package is new and can be checked now (empty while locked).
        check: Vec<TaskId>,
        /// The first package that was refused; everything else is in force.
        refused: Option<Trouble>,
    },
    /// After [`Errand::Check`].
    Checked(PackageState),
    /// After [`Errand::Audit`].
    Audited(Box<Outcome>),
    /// After [`Errand::Indicators`].
    Indicators(Box<Answer>),
    /// After [`Errand::Around`].
    Around(Box<Surroundings>),
    /// After [`Errand::TakeExport`] and [`Errand::PairExport`].
    Export(Box<ExportView>),
    /// After [`Errand::CompareExport`].
    Compared(Box<ComparedView>),
    /// After [`Errand::Send`] and [`Errand::Journal`].
    Sent,
    /// After [`Errand::SelfCheck`].
    SelfChecked(Vec<Check>),
}

fn lock(centre: &Mutex<dyn Centre>) -> MutexGuard<'_, dyn Centre + 'static> {
    centre.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handheld {
    /// The centre, for an act that holds the desk; refused while an errand is on its way.
    pub(crate) fn centre_now(
        centre: &Mutex<dyn Centre>,
    ) -> TroubleResult<MutexGuard<'_, dyn Centre + 'static>> {
        centre.try_lock().map_err(|_| {
            let mut trouble = Trouble::new(
                "APP-CENTRE-BUSY",
                "手持机正在与中心通信",
                "没有改动任何数据",
                "等这次通信结束，或先停下它，再试",
            );
            trouble.retryable = true;
            trouble
        })
    }

    /// Bundles without a receipt in the order of sealing, and the device journal last: it tells of them.
    pub(crate) fn do_push_errands(&mut self) -> TroubleResult<Vec<Errand>> {
        let mut errands = Vec::new();
        for (_, sealed) in self.sealed_bundles()? {
            if self.sent(&sealed.bundle)?.receipt.is_none() {
                errands.push(Errand::Send(sealed.bundle));
            }
        }
        errands.push(Errand::Journal);
        Ok(errands)
    }

    pub(crate) fn do_set_out(&mut self, errand: &Errand) -> TroubleResult<Journey> {
        match errand {
            Errand::Pull(task) => self.set_out_to_pull(task.clone()),
            Errand::Check(task) => self.set_out_to_check(task),
            Errand::Audit(task, rules) => {
                let part = AuditPart { rules: rules.clone(), ..AuditPart::default() };
                self.set_out_to_audit(task, part, None)
            }
            Errand::AuditPart(task, part) => {
                self.set_out_to_audit(task, part.as_ref().clone(), None)
            }
            Errand::Compose(task, own) => {
                let part = AuditPart { rules: Some(vec![own.id()]), ..AuditPart::default() };
                self.set_out_to_audit(task, part, Some(own.as_ref().clone()))
            }
            Errand::Indicators(task, query) => self.set_out_to_count(task, query),
            Errand::Around(task, query) => self.set_out_to_look_around(task, query),
            Errand::TakeExport { task, case, place } => {
                self.set_out_to_take(task, case.as_ref(), place)
            }
            Errand::PairExport { task, sheet, header } => {
                self.set_out_to_pair(task, *sheet, *header)
            }
            Errand::CompareExport { task, pairing, scope } => {
                self.set_out_to_compare(task, pairing, *scope)
            }
            Errand::Send(bundle) => self.set_out_to_send(bundle),
            Errand::Journal => self.set_out_with_journal(),
            Errand::SelfCheck => self.set_out_to_check_self(),
        }
    }

    pub(crate) fn do_come_home(&mut self, brought: Brought) -> TroubleResult<Home> {
        match brought {
            Brought::Pulled(pulled) => self.home_from_pull(pulled?),
            Brought::Checked { task, found, at, verdict } => {
                self.home_from_check(&task, &found, &at, verdict)
            }
            Brought::Audited { task, outcome } => {
                let outcome = outcome?;
                let findings = u64::try_from(outcome.findings.len()).unwrap_or(u64::MAX);
                let draft = self.draft("audited")?.about(task.as_str());
                self.journal_device(draft.fact("findings", findings))?;
                Ok(Home::Audited(outcome))
            }
            Brought::Indicators(answer) => Ok(Home::Indicators(answer?)),
            Brought::Around(found) => Ok(Home::Around(found?)),
            Brought::Export(taken) => self.home_from_take(*taken?),
            Brought::Compared { task, view } => self.home_from_compare(&task, view),
            Brought::Sent { bundle, bytes, receipt } => {
                self.home_from_send(&bundle, bytes, receipt)
            }
            Brought::Journal { have, result } => {
                if let Some(have) = have {
                    let value = set(JOURNAL_SENT, ONLY, &have)?;
                    self.device_log()?.commit(vec![], vec![value])?;
                }
                result.map(|()| Home::Sent)
            }
            Brought::SelfChecked(checks) => self.home_from_self_check(checks),
        }
    }

    fn set_out_to_audit(
        &mut self,
        task: &TaskId,
        part: AuditPart,
        own: Option<Composed>,
    ) -> TroubleResult<Journey> {
        self.set_out_to_judge(task, move |reader, watch| audit(reader, &part, own.as_ref(), watch))
    }

    /// The rules that judge a line by itself, over a part of the package.
    pub(crate) fn set_out_to_look(&mut self, task: &TaskId) -> TroubleResult<Journey> {
        self.set_out_to_judge(task, |reader, watch| {
            let (pack, _) = packs::in_force(reader)?;
            let columns = reader.columns();
            Ok(spotcheck_rules::first_look(columns.as_ref(), &pack, &mut Told(watch))?)
        })
    }

    /// Opens the package once more for itself: the desk keeps its own reader for the screens.
    fn set_out_to_judge(
        &mut self,
        task: &TaskId,
        judge: impl FnOnce(&dyn ClaimsReader, &mut Watch<'_>) -> TroubleResult<Outcome> + Send + 'static,
    ) -> TroubleResult<Journey> {
        self.my_task(task)?;
        let checked = self.last_check(task)?;
        let at = self.ports.clock.read();
        let task = task.clone();
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |watch| {
            let outcome = packages
                .open(&task, keys.as_mut(), &at, &checked.fingerprint)
                .and_then(|opened| judge(opened.reader.as_ref(), watch));
            Brought::Audited { task, outcome: outcome.map(Box::new) }
        }))
    }

    /// The guard against 统方 stands before the journey: without a reason nothing is read.
    fn set_out_to_count(
        &mut self,
        task: &TaskId,
        query: &IndicatorQuery,
    ) -> TroubleResult<Journey> {
        let checked = self.last_check(task)?;
        let (ask, catalogue) = self.may_ask(task, query)?;
        let at = self.ports.clock.read();
        let task = task.clone();
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |watch| {
            let answer =
                packages.open(&task, keys.as_mut(), &at, &checked.fingerprint).and_then(|opened| {
                    let reader = opened.reader.as_ref();
                    indicators::answer(reader, &catalogue, &ask, &mut Told(watch))
                });
            Brought::Indicators(answer.map(Box::new))
        }))
    }

    fn set_out_to_send(&mut self, bundle: &BundleId) -> TroubleResult<Journey> {
        let sealed: SealedBundle = self
            .device_log()?
            .value(kind::OUTBOX, bundle.as_str())?
            .ok_or_else(|| troubles::unknown("证据包"))?;
        let last = self.last_checkpoint()?;
        let mut durable = self.sent(bundle)?.sent_bytes;
        let centre = self.ports.centre.clone();
        let mut keys = self.ports.keys.handle();
        let mut blobs = self.ports.blobs.handle();
        Ok(Box::new(move |watch| {
            let hear = &mut *watch.hear;
            let mut inner = Watch {
                hear: &mut |leg: Leg| {
                    durable = leg.done;
                    hear(leg);
                },
                stop: watch.stop.clone(),
            };
            let receipt = lock(&centre).send(
                keys.as_mut(),
                blobs.as_mut(),
                &sealed,
                last.as_deref(),
                &mut inner,
            );
            Brought::Sent { bundle: sealed.bundle, bytes: durable, receipt }
        }))
    }

    fn home_from_send(
        &mut self,
        bundle: &BundleId,
        bytes: u64,
        receipt: TroubleResult<Option<Receipt>>,
    ) -> TroubleResult<Home> {
        let mut sent = self.sent(bundle)?;
        sent.sent_bytes = bytes;
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(trouble) => {
                if trouble.code != CANCELLED {
                    sent.errors.insert(0, trouble.to_string());
                    sent.errors.truncate(ERRORS_KEPT);
                }
                let value = set(kind::SENT, bundle.as_str(), &sent)?;
                self.device_log()?.commit(vec![], vec![value])?;
                return Err(trouble);
            }
        };
        self.delivered(bundle, sent, receipt)?;
        Ok(Home::Sent)
    }

    /// Delivered, perhaps receipted: device journal and outbox in one transaction, then the index.
    fn delivered(
        &mut self,
        bundle: &BundleId,
        mut sent: Sent,
        receipt: Option<Receipt>,
    ) -> TroubleResult<()> {
        let sealed: SealedBundle = self
            .device_log()?
            .value(kind::OUTBOX, bundle.as_str())?
            .ok_or_else(|| troubles::unknown("证据包"))?;
        let newly_delivered = !sent.delivered;
        sent.delivered = true;
        sent.sent_bytes = crate::sync::total(&sealed);
        let mut drafts = Vec::new();
        if newly_delivered {
            drafts.push(self.draft("sent")?.about(bundle.as_str()));
        }
        let mut values = Vec::new();
        let mut state = CaseState::Sent;
        if let Some(receipt) = receipt {
            drafts.push(
                self.draft("receipt")?
                    .about(bundle.as_str())
                    .fact("log_index", receipt.log_index)
                    .fact("received", receipt.received.as_str()),
            );
            let proof = self.time_proof()?.unwrap_or_default();
            let checkpoint = larger(checkpoint_of(&receipt.proof), &proof.checkpoint);
            values.push(set(kind::PROOF, ONLY, &TimeProof { checkpoint, ..proof })?);
            sent.receipt = Some(receipt);
            state = CaseState::Received;
        }
        values.push(set(kind::SENT, bundle.as_str(), &sent)?);
        self.device_log()?.commit(drafts, values)?;
        let index = self.case_index()?.into_iter().find(|(case, _)| case == &sealed.case);
        if let Some((case, mut index)) = index {
            index.state = state;
            self.set_case_index(&case, &index)?;
        }
        Ok(())
    }

    /// The device journal goes along at every sync; the centre checks that it continues.
    fn set_out_with_journal(&mut self) -> TroubleResult<Journey> {
        self.journal_dropped()?;
        let have: u64 = self.device_log()?.value(JOURNAL_SENT, ONLY)?.unwrap_or(0);
        let lines = self.device_log()?.lines()?;
        let pending: Vec<_> = lines.into_iter().filter(|line| line.seq > have).collect();
        let centre = self.ports.centre.clone();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |watch| {
            let mut have = None;
            for batch in pending.chunks(JOURNAL_BATCH) {
                if watch.stop.asked() {
                    break;
                }
                let raw: Vec<Vec<u8>> = batch.iter().map(|line| line.line.clone()).collect();
                let from = batch.first().map_or(1, |line| line.seq);
                match lock(&centre).send_device_journal(keys.as_mut(), from, &raw) {
                    Ok(last) => have = Some(last),
                    Err(trouble) => return Brought::Journal { have, result: Err(trouble) },
                }
            }
            Brought::Journal { have, result: Ok(()) }
        }))
    }

    fn last_checkpoint(&mut self) -> TroubleResult<Option<String>> {
        let proof = self.time_proof()?;
        Ok(proof.map(|p| p.checkpoint).filter(|checkpoint| !checkpoint.is_empty()))
    }
}

/// The checkpoint is what follows the first empty line of a tlog-proof.
fn checkpoint_of(proof: &str) -> Option<String> {
    proof.split_once("\n\n").map(|(_, checkpoint)| checkpoint.to_owned())
}

/// The newer of two checkpoints of one log: a receipt's may be older than the one pulled.
fn larger(one: Option<String>, other: &str) -> String {
    let size =
        |note: &str| note.lines().nth(1).and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
    one.filter(|one| size(one) > size(other)).unwrap_or_else(|| other.to_owned())
}

/// Tells a watch of ours what the rules tell theirs.
pub(crate) struct Told<'a, 'b>(pub(crate) &'a mut Watch<'b>);

impl spotcheck_rules::Watch for Told<'_, '_> {
    fn progress(&mut self, _stage: Stage, done: u64, all: u64) -> bool {
        (self.0.hear)(Leg { done, total: all });
        !self.0.stop.asked()
    }
}

/// The rules in force over the package.
fn audit(
    reader: &dyn ClaimsReader,
    part: &AuditPart,
    own: Option<&Composed>,
    watch: &mut Watch<'_>,
) -> TroubleResult<Outcome> {
    let (mut pack, unreadable) = packs::in_force(reader)?;
    if let Some(own) = own {
        pack = own.pack(&pack)?;
    }
    let options = Options {
        rules: part.rules.as_deref(),
        facility: part.facility.as_deref(),
        period: part.period,
    };
    let columns = reader.columns();
    let mut outcome = spotcheck_rules::audit(columns.as_ref(), &pack, options, &mut Told(watch))?;
    outcome.silences.extend(unreadable);
    Ok(outcome)
}
