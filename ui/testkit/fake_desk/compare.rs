//! A stick with an export of the invented hospital, and what does not agree in it.

use spotcheck_app::compare::{ComparedView, ExportView, FreshFile};
use spotcheck_app::errand::{CANCELLED, Home};
use spotcheck_app::rules::compare::{
    Candidate, Class, Compared, Counts, Difference, Field, FreshFindings, Proposal, Sample, Scope,
    Side, findings,
};
use spotcheck_domain::{Amount, Trouble, TroubleResult};

const NAME: &str = "收费明细2026年11月.xlsx";
const SIZE: u64 = 18_400_000;

pub(super) fn files() -> Vec<FreshFile> {
    vec![FreshFile {
        place: "stick/1".to_owned(),
        name: NAME.to_owned(),
        volume: "U盘 示例".to_owned(),
        size: SIZE,
    }]
}

fn candidate(column: usize, header: &str, confidence: u32, samples: [&str; 3]) -> Candidate {
    Candidate {
        column,
        header: header.to_owned(),
        confidence,
        agree: Some(confidence),
        samples: samples
            .iter()
            .zip(4..)
            .map(|(s, row)| Sample { row, text: (*s).to_owned() })
            .collect(),
        warning: None,
    }
}

fn proposals() -> Vec<Proposal> {
    let sure = |field, column, header: &str, samples| Proposal {
        field,
        column: Some(column),
        candidates: vec![candidate(column, header, 97, samples)],
    };
    let cnt = Proposal {
        field: Field::Cnt,
        column: None,
        candidates: vec![
            candidate(6, "实发", 58, ["1", "2", "1"]),
            candidate(7, "应发", 55, ["1", "2", "2"]),
        ],
    };
    vec![
        sure(Field::Visit, 0, "住院号", ["ZY240118", "ZY240118", "ZY240120"]),
        sure(Field::FeeTime, 2, "记账时间", ["2026/11/9 8:02", "2026/11/9 8:02", "2026/11/9 9:15"]),
        sure(Field::ItemName, 4, "收费项目", ["床位费", "静脉输液", "血常规"]),
        cnt,
        sure(Field::Pric, 8, "单价", ["40", "5.5", "18"]),
        sure(Field::Amount, 9, "金额", ["40", "11", "18"]),
    ]
}

pub(super) fn export() -> ExportView {
    ExportView {
        name: NAME.to_owned(),
        size: SIZE,
        sha256: "5a".repeat(32),
        evidence: Some("E1".to_owned()),
        sheets: vec!["收费明细".to_owned(), "说明".to_owned()],
        sheet: 0,
        rows: 200_000,
        columns: (0..28).map(|n| format!("列{n}")).collect(),
        headers: vec![
            (2, 3, "住院号 | 姓名 | 记账时间 | 类别 | 收费项目 | 规格".to_owned()),
            (0, 1, "示例市青禾医院收费明细".to_owned()),
        ],
        header: Some(2),
        proposals: proposals(),
    }
}

fn side(cnt: i64, pric: i64, name: &str) -> Side {
    let yuan = |n: i64| Some(Amount::from_millionths(n.saturating_mul(1_000_000)));
    Side {
        day: Some("2026-11-09".to_owned()),
        code: None,
        name: Some(name.to_owned()),
        cnt: yuan(cnt),
        pric: yuan(pric),
        amount: yuan(cnt.saturating_mul(pric)),
        person: None,
        lines: 1,
    }
}

pub(super) fn compared() -> ComparedView {
    let difference =
        |class, his: Option<Side>, uploaded: Option<Side>, excess: i64, row: u32| Difference {
            class,
            mdtrt_id: Some("P-0001-V1".to_owned()),
            psn_no: Some("P-0001".to_owned()),
            his,
            uploaded,
            excess: Some(Amount::from_millionths(excess.saturating_mul(1_000_000))),
            rows: vec![row],
            bkkp_sn: vec![format!("P-0001-V1-{row}")],
        };
    let compared = Compared {
        differences: vec![
            difference(Class::UploadedOnly, None, Some(side(1, 260, "CT 平扫")), 260, 12),
            difference(
                Class::Quantity,
                Some(side(1, 40, "床位费")),
                Some(side(2, 40, "床位费")),
                40,
                18,
            ),
            difference(
                Class::Quantity,
                Some(side(1, 6, "静脉输液")),
                Some(side(3, 6, "静脉输液")),
                12,
                40,
            ),
        ],
        counts: Counts { rows: 200_000, matched: 199_120, young: 860, ..Counts::default() },
        young_amount: Amount::ZERO,
        bad: Vec::new(),
        days: Some(("2026-11-01".to_owned(), "2026-11-24".to_owned())),
        scope: Scope::Auto,
        cutoff: Some("2026-11-23".to_owned()),
        notes: Vec::new(),
        fresh: Vec::new(),
    };
    ComparedView {
        name: NAME.to_owned(),
        evidence: Some("E1".to_owned()),
        findings: findings(&compared, "H00000000001"),
        fresh: fresh(),
        compared,
    }
}

/// One rule that found something among the lines that only the export has.
fn fresh() -> FreshFindings {
    let mut found = findings(
        &Compared {
            differences: vec![Difference {
                class: Class::HisOnly,
                mdtrt_id: Some("P-0001-V1".to_owned()),
                psn_no: Some("P-0001".to_owned()),
                his: Some(side(3, 40, "床位费")),
                uploaded: None,
                excess: None,
                rows: vec![199_204],
                bkkp_sn: vec!["HIS:199204".to_owned()],
            }],
            counts: Counts::default(),
            young_amount: Amount::ZERO,
            bad: Vec::new(),
            days: None,
            scope: Scope::Auto,
            cutoff: None,
            notes: Vec::new(),
            fresh: Vec::new(),
        },
        "H00000000001",
    );
    for finding in &mut found {
        let fact = "床位费合计3，比1多2(医院系统导出文件第 199204 行，未上传)";
        finding.rule = "B10".to_owned();
        finding.family = "F13:B10".to_owned();
        finding.name = "床位费超过在院天数".to_owned();
        finding.reason = fact.to_owned();
        finding.party = Some(fact.to_owned());
    }
    FreshFindings { findings: found, rules: 62, rows: 860, without_code: 4, silences: Vec::new() }
}

/// The invented export comes whatever was asked for, unless somebody stopped it.
pub(super) fn brought(trouble: Option<Trouble>) -> TroubleResult<Home> {
    match trouble {
        Some(stopped) if stopped.code == CANCELLED => Err(stopped),
        _ => Ok(Home::Export(Box::new(export()))),
    }
}
