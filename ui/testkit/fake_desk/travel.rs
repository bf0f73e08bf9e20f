//! Errands of the invented handheld: nothing travels, but a test can make a journey wait.

use std::sync::mpsc;
use std::time::Duration;

use spotcheck_app::budget::Budget;
use spotcheck_app::desk::{CaseState, OutboxItem, PullReport};
use spotcheck_app::errand::{Brought, CANCELLED, Errand, Home, Journey, Leg};
use spotcheck_app::ports::{PackageOnDisk, PlaceState, Pulled};
use spotcheck_app::rules::compose::Composed;
use spotcheck_app::rules::{Finding, Grade, LossMethod, Outcome, People, Severity, Silence};
use spotcheck_app::self_check::{Check, Health, Part, Seen};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{Amount, BundleId, Clock, ManualClock, TaskId, Trouble, TroubleResult};

use super::{FakeDesk, id, indicators, trouble, visit};

/// Where a journey waits until the test says a word or drops its end.
pub(super) type Road = mpsc::Receiver<()>;

/// How often a waiting journey looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(5);

impl FakeDesk {
    /// As [`FakeDesk::new`], with a sealed bundle that waits to be sent.
    #[must_use]
    pub fn with_waiting_bundle() -> Self {
        let mut desk = Self::new();
        desk.outbox.push(OutboxItem {
            bundle: super::bundle(),
            case: id("CASE-01M7VBK5C0SAMP1E0000000002"),
            fixmedins_name: Some("示例市青禾医院".to_owned()),
            sent_bytes: 0,
            total_bytes: 1_200_000_000,
            state: CaseState::Sealed,
            errors: Vec::new(),
            received: None,
            log_index: None,
        });
        desk
    }

    /// The next journey has told that it is half way and waits until the sender speaks or is dropped.
    #[must_use]
    pub fn with_slow_road(mut self) -> (Self, mpsc::Sender<()>) {
        let (word, road) = mpsc::channel();
        self.road = Some(road);
        (self, word)
    }

    pub(super) fn pulled(&mut self) -> Home {
        for card in &mut self.tasks {
            card.package.get_or_insert_with(|| visit::package("PKG-01M7VBK5C0SAMP1E0000000002"));
        }
        let packages = self.tasks.iter().filter_map(|c| c.package.as_ref().map(|p| p.id.clone()));
        let report = PullReport {
            tasks: u32::try_from(self.tasks.len()).unwrap_or_default(),
            packages: packages.collect(),
            unchanged: Vec::new(),
        };
        Home::Pulled { report, check: Vec::new(), refused: None }
    }

    pub(super) fn package_checked(&mut self, task: &TaskId, now: String) -> TroubleResult<Home> {
        let card = self.tasks.iter_mut().find(|card| card.task.id == *task);
        match card.and_then(|card| card.package.as_mut()) {
            Some(package) => {
                package.checked = Some(now);
                Ok(Home::Checked(package.clone()))
            }
            None => Err(trouble("FAKE-PACKAGE", "数据包不在本机", "数据没有动过", "先取回")),
        }
    }

    pub(super) fn received(&mut self, bundle: &BundleId, now: &str) -> Home {
        for (place, item) in self.outbox.iter_mut().enumerate() {
            if item.bundle == *bundle {
                item.sent_bytes = item.total_bytes;
                item.state = CaseState::Received;
                item.received = Some(now.to_owned());
                item.log_index = u64::try_from(place).ok().map(|n| n.saturating_add(48_213));
            }
        }
        if let Some(case) = &mut self.case
            && case.bundle.as_ref() == Some(bundle)
        {
            case.state = CaseState::Received;
        }
        Home::Sent
    }
}

pub(super) fn push(outbox: &[OutboxItem]) -> Vec<Errand> {
    let waiting = outbox.iter().filter(|item| item.state != CaseState::Received);
    waiting.map(|item| Errand::Send(item.bundle.clone())).chain([Errand::Journal]).collect()
}

pub(super) fn journey(errand: &Errand, road: Option<Road>) -> Journey {
    let errand = errand.clone();
    Box::new(move |watch| {
        let mut stopped = false;
        if let Some(road) = road {
            (watch.hear)(Leg { done: 600_000_000, total: 1_200_000_000 });
            while road.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) && !stopped {
                stopped = watch.stop.asked();
            }
        }
        let how = || {
            if stopped {
                Err(Trouble::new(CANCELLED, "已按要求停下", "数据没有动过", "再次开始").retry())
            } else {
                Ok(())
            }
        };
        match errand {
            Errand::Pull(_) => Brought::Pulled(how().map(|()| Pulled::default())),
            Errand::Check(task) => Brought::Checked {
                task,
                found: PackageOnDisk {
                    id: id("PKG-01M7VBK5C0SAMP1E0000000002"),
                    sha256: String::new(),
                    size: 0,
                    valid_from: String::new(),
                    valid_until: String::new(),
                    cutoff: None,
                    fingerprint: String::new(),
                },
                at: ManualClock::at_ms(super::morning_ms()).read(),
                verdict: how(),
            },
            Errand::Audit(task, only) => {
                Brought::Audited { task, outcome: how().map(|()| Box::new(found(only.as_deref()))) }
            }
            Errand::AuditPart(task, part) => {
                let found = || Box::new(found(part.rules.as_deref()));
                Brought::Audited { task, outcome: how().map(|()| found()) }
            }
            Errand::Compose(task, own) => {
                Brought::Audited { task, outcome: how().map(|()| Box::new(composed(&own))) }
            }
            Errand::Indicators(_, query) => {
                Brought::Indicators(how().map(|()| Box::new(indicators::answer(&query))))
            }
            Errand::Around(_, query) => {
                Brought::Around(how().and_then(|()| super::looks::around(&query)).map(Box::new))
            }
            Errand::TakeExport { .. } | Errand::PairExport { .. } => {
                Brought::Export(how().and_then(|()| Err(no_export())))
            }
            Errand::CompareExport { task, .. } => {
                Brought::Compared { task, view: how().and_then(|()| Err(no_export())) }
            }
            Errand::Send(bundle) => {
                Brought::Sent { bundle, bytes: 0, receipt: how().map(|()| None) }
            }
            Errand::Journal => Brought::Journal { have: None, result: how() },
            Errand::SelfCheck => Brought::SelfChecked(checked()),
        }
    })
}

/// One device of each kind of word.
fn checked() -> Vec<Check> {
    let check = |part, health, seen| Check { part, health, seen };
    let battery = Budget { battery_percent: Some(82), ..Budget::default() };
    let printers =
        Seen::Printers { first: "示例打印机 · 空闲".to_owned(), ready: 1, all: 2 };
    let scanner = Seen::Typing(vec!["Example Bar Code Scanner".to_owned()]);
    let lens =
        Trouble::new("DEVICE-CAMERA", "没有可用的摄像头", "已采集的内容都在", "检查摄像头是否接好");
    vec![
        check(Part::Microphone, Health::Good, Seen::Sound(61)),
        check(Part::Camera, Health::Absent, Seen::Trouble(Box::new(lens))),
        check(Part::Speaker, Health::Good, Seen::Played),
        check(Part::Printer, Health::Good, printers),
        check(Part::Scanner, Health::Good, scanner),
        check(Part::Position, Health::Care, Seen::Position(PlaceState::Searching)),
        check(Part::Stick, Health::Absent, Seen::Nothing),
        check(Part::Clock, Health::Good, Seen::Clock { set: true, off_s: None }),
        check(Part::Battery, Health::Good, Seen::Budget(Box::new(battery))),
        check(Part::Space, Health::Bad, Seen::Space { free: 240_000_000, audio_minutes: 0 }),
        check(Part::Chip, Health::Good, Seen::Chip(KeyProtection::Tpm2)),
        check(Part::Media, Health::Good, Seen::Media { good: 212, damaged: Vec::new() }),
    ]
}

/// Of these rules only, where any are named.
fn found(only: Option<&[String]>) -> Outcome {
    let mut found = outcome();
    if let Some(only) = only.filter(|only| !only.is_empty()) {
        found.findings.retain(|f| only.contains(&f.rule));
        found.silences.retain(|s| only.contains(&s.rule));
    }
    found
}

/// The first of them as the centre has it in the package.
pub(super) fn packed() -> Vec<Finding> {
    let mut findings = outcome().findings;
    findings.truncate(1);
    findings
}

/// The invented hospital has no stick with an export.
pub(super) fn no_export() -> Trouble {
    Trouble::new("COMPARE-NO-FILE", "还没有选导出文件", "没有改动任何数据", "先选一个文件")
}

/// What a composed rule finds here: one visit, whatever the rule is.
fn composed(own: &Composed) -> Outcome {
    let mut found = outcome();
    found.findings.truncate(1);
    for finding in &mut found.findings {
        finding.rule = own.id();
        finding.pack = "own@1".to_owned();
        finding.grade = Grade::S;
        finding.name = own.sentence();
        finding.party = Some("静脉输液合计4，上限3，超出1".to_owned());
        finding.reason = "静脉输液合计4，上限3，超出1".to_owned();
        finding.family = own.id();
    }
    found
}

/// Three findings of the invented hospital, one of each light.
fn outcome() -> Outcome {
    let finding = |rule: &str,
                   grade: Grade,
                   weight,
                   yuan: Option<i64>,
                   day: &str,
                   lines: &[u32],
                   party: &str,
                   reason: &str| Finding {
        rule: rule.to_owned(),
        pack: "national@2026.11".to_owned(),
        grade,
        fixmedins_code: "H00000000001".to_owned(),
        psn_no: yuan.map(|_| "P-0001".to_owned()),
        mdtrt_id: yuan.map(|_| "P-0001-V1".to_owned()),
        setl_id: None,
        bkkp_sn: lines.iter().map(|n| format!("P-0001-V1-{n}")).collect(),
        code: None,
        amount: yuan.map(|y| Amount::from_millionths(y.saturating_mul(1_000_000))),
        fund_amount: None,
        loss_method: LossMethod::N,
        pending: false,
        principal: true,
        reason: reason.to_owned(),
        name: party.to_owned(),
        party: grade.is_for_party().then(|| party.to_owned()),
        reason_party: None,
        elsewhere: false,
        severity: Severity::Middle,
        clause: vec!["T38(3)".to_owned()],
        weight,
        date: Some(day.to_owned()),
        also: Vec::new(),
        people: People {
            answerable: yuan.map(|_| "D990001".to_owned()).into_iter().collect(),
            ..People::default()
        },
        look: vec!["出入院登记：实际离院时间".to_owned(), "体温单有无记录".to_owned()],
        tried: vec!["转床当日重复计费".to_owned()],
        doubt: vec!["请假保留床位（请假条）".to_owned()],
        family: rule.to_owned(),
    };
    let mut findings = vec![
        finding(
            "A14",
            Grade::V,
            70,
            Some(76),
            "2026-11-17",
            &[170, 176, 182],
            "床位费天数多于住院天数",
            "床位费 11 天 − 住院 9 天 = 多 2 天",
        ),
        finding(
            "A01",
            Grade::S,
            90,
            Some(8_651),
            "2026-11-09",
            &[],
            "两次住院间隔 4 天且诊断相同",
            "11-05 出院，11-09 又入院，诊断相同",
        ),
        finding(
            "I03",
            Grade::L,
            45,
            None,
            "2026-11-09",
            &[],
            "整段住院落在假期的比例高",
            "国庆期间占 31%，同级中位 12%；只作方向",
        ),
    ];
    // The same line under another rule: it is not listed, it stands on the page of the first.
    let mut under = finding(
        "B03",
        Grade::S,
        30,
        Some(2),
        "2026-11-17",
        &[176],
        "单价高于当日限价",
        "单价 38 元，当日限价 36 元",
    );
    under.principal = false;
    if let Some(bed) = findings.first_mut() {
        bed.pending = true;
    }
    if let Some(lead) = findings.last_mut() {
        lead.code = Some("001109000010000".to_owned());
    }
    findings.push(under);
    let silence = |rule: &str, reason: &str, count| Silence {
        rule: rule.to_owned(),
        reason: reason.to_owned(),
        count,
    };
    let silences = vec![
        silence("A15", "参数 count_rule 未加载", 1),
        silence("H12", "缺少执行时间 exe_time", 214),
    ];
    Outcome { findings, silences, ..Outcome::default() }
}
