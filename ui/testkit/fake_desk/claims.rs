//! Invented claims: enough persons for several pages, one stay with 186 fee lines.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_app::rules::People;
use spotcheck_domain::claims::{
    ChronicRow, DiagnosisRow, EventKind, FacilityView, FeeFilter, FeeLine, FeeShare, FeeSummary,
    Instant, ItemHit, ItemVisit, Page, PersonHit, PersonView, SettlementRow, StaffHit,
    VisitElsewhere, VisitEvent, VisitRow, VisitView, Ward,
};
use spotcheck_domain::{Amount, BeijingTime, Precision};

/// Persons with invented names; the rest are numbered.
const NAMED: [(&str, &str, &str); 4] =
    [("甄示例", "1", "06"), ("李样本", "2", "07"), ("王虚构", "1", "12"), ("欧阳例", "2", "15")];
const PERSONS: usize = 264;
const FEE_LINES: u64 = 186;
const DAY_S: i64 = 86_400;
/// 2026-11-09, midnight.
const ADMITTED_S: i64 = 1_794_182_400;

fn day(offset: i64, p: Precision) -> Option<Instant> {
    let at = BeijingTime::from_seconds(ADMITTED_S.saturating_add(offset));
    Some(Instant { at, p })
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap_or_default()
}

fn text(words: &str) -> Option<String> {
    Some(words.to_owned())
}

/// Departments of these visits.
pub(super) fn departments(visits: &BTreeSet<String>) -> BTreeMap<String, String> {
    let of = |id: &String| Some((id.clone(), visit(id)?.adm_dept_name?));
    visits.iter().filter_map(of).collect()
}

/// Whoever is named is the one invented doctor.
pub(super) fn people(people: &People) -> Vec<(String, String, String)> {
    let of = |capacity: &'static str, codes: &[String]| {
        let row = |code: &String| (capacity.to_owned(), code.clone(), "林拟名".to_owned());
        codes.iter().map(row).collect::<Vec<_>>()
    };
    let mut all = of("ordering", &people.ordering);
    all.extend(of("executing", &people.executing));
    all.extend(of("billing", &people.billing));
    all.extend(of("answerable", &people.answerable));
    all
}

pub(super) fn facility() -> FacilityView {
    FacilityView {
        fixmedins_code: "H99010100001".to_owned(),
        fixmedins_name: "示例市青禾医院".to_owned(),
        fixmedins_type: text("1"),
        hosp_lv: text("02"),
        uscc: text("99000000EXAMPLE001"),
        aprv_bed_cnt: Some(180),
        hi_crtf_bed_cnt: Some(172),
        addr: text("示例市示例路 1 号"),
        persons: 8_412,
        visits: 31_206,
        settlements: 30_988,
        fee_lines: 1_204_517,
        cutoff: vec![(
            "fee_line".to_owned(),
            Instant { at: BeijingTime::from_seconds(ADMITTED_S), p: Precision::Day },
        )],
    }
}

fn number(place: usize) -> String {
    format!("P-{:04}", place.saturating_add(1))
}

fn hit(place: usize) -> PersonHit {
    let (name, gend, bed) = NAMED.get(place).map_or_else(
        || (format!("测试{:03}", place.saturating_add(1)), "2", None),
        |(name, gend, bed)| ((*name).to_owned(), *gend, text(bed)),
    );
    PersonHit {
        psn_no: number(place),
        psn_name: name,
        gend: text(gend),
        brdy: Some(Instant { at: BeijingTime::from_seconds(-330_000_000), p: Precision::Day }),
        certno: Some(format!("990101195907{:06}", place.saturating_mul(37).saturating_add(6_620))),
        insutype: text(if place.is_multiple_of(2) { "310" } else { "390" }),
        visits: 6,
        last_visit: day(0, Precision::Day),
        bed,
    }
}

pub(super) fn search(query: &str, page: Page) -> Vec<PersonHit> {
    let matching = (0..PERSONS).map(hit).filter(|hit| {
        hit.psn_name.contains(query)
            || hit.psn_no.ends_with(query)
            || hit.bed.as_deref() == Some(query)
            || hit.certno.as_deref().is_some_and(|c| c.ends_with(query))
            || (query == "zsl" && hit.psn_name == "甄示例")
    });
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    matching.skip(skip).take(take).collect()
}

pub(super) fn person(psn_no: &str) -> Option<PersonView> {
    let hit = (0..PERSONS).map(hit).find(|hit| hit.psn_no == psn_no)?;
    let visit = |id: &str,
                 med_type: &str,
                 begin: i64,
                 end: i64,
                 dept: &str,
                 diag: &str,
                 (sum, fund): (&str, &str),
                 lines| VisitRow {
        mdtrt_id: format!("{psn_no}-{id}"),
        med_type: text(med_type),
        begntime: day(begin.saturating_mul(DAY_S), Precision::Minute),
        endtime: day(end.saturating_mul(DAY_S), Precision::Minute),
        dept_name: text(dept),
        dscg_maindiag_name: text(diag),
        fee_lines: lines,
        medfee_sumamt: amount(sum),
        fund_pay_sumamt: amount(fund),
        // One bed is billed three times on its last day.
        repeated_days: u64::from(id == "V1"),
    };
    Some(PersonView {
        psn_no: hit.psn_no,
        psn_name: hit.psn_name,
        gend: hit.gend,
        brdy: hit.brdy,
        psn_cert_type: text("01"),
        certno: hit.certno,
        tel: text("13900000000"),
        addr: text("示例市示例路 8 号"),
        insutype: hit.insutype,
        psn_type: text("12"),
        insu_admdvs: text("990100"),
        emp_name: text("示例市示例厂"),
        die_date: None,
        chronic: vec![ChronicRow {
            dise_codg: "M03900".to_owned(),
            dise_name: text("高血压"),
            begndate: day((-400_i64).saturating_mul(DAY_S), Precision::Day),
            enddate: None,
        }],
        visits: vec![
            visit("V1", "21", 0, 9, "内二科", "脑梗死", ("4427.49", "3268.82"), FEE_LINES),
            visit("V4", "21", -15, -4, "内二科", "脑梗死", ("4224.40", "3118.87"), 178),
            visit("V2", "11", -20, -20, "神经内科", "高血压", ("286.40", "171.84"), 4),
            visit("V3", "41", -25, -25, "药房", "高血压", ("93.20", "55.92"), 2),
            visit("V5", "11", -40, -40, "神经内科", "脑梗死恢复期", ("152.00", "91.20"), 3),
            visit("V6", "14", -66, -66, "内科门诊", "高血压", ("318.60", "191.16"), 5),
        ],
    })
}

pub(super) fn visit(mdtrt_id: &str) -> Option<VisitView> {
    let (psn_no, _) = mdtrt_id.rsplit_once('-')?;
    let person = person(psn_no)?;
    let row = person.visits.into_iter().find(|v| v.mdtrt_id == mdtrt_id)?;
    let diagnosis = |main: &str, n, code: &str, name: &str| DiagnosisRow {
        inout_diag_type: text("1"),
        maindiag_flag: text(main),
        diag_srt_no: Some(n),
        diag_code: text(code),
        diag_name: text(name),
    };
    Some(VisitView {
        mdtrt_id: row.mdtrt_id,
        psn_no: person.psn_no,
        psn_name: person.psn_name,
        fixmedins_code: "H99010100001".to_owned(),
        med_type: row.med_type,
        insutype: person.insutype,
        begntime: row.begntime,
        endtime: row.endtime,
        adm_dept_name: row.dept_name,
        wardarea_bed: None,
        adm_bed: text("06"),
        chfpdr_code: text("D990001"),
        chfpdr_name: text("林拟名"),
        dscg_maindiag_code: text("I63.900"),
        dscg_maindiag_name: row.dscg_maindiag_name,
        ipt_otp_no: text("Z20261109006"),
        medrcdno: text("B0009906"),
        diagnoses: vec![
            diagnosis("1", 1, "I63.900", "脑梗死"),
            diagnosis("0", 2, "I10.x00", "高血压病"),
        ],
        settlements: vec![SettlementRow {
            setl_id: "S-1".to_owned(),
            setl_time: day(9_i64.saturating_mul(DAY_S).saturating_add(38_400), Precision::Second),
            medfee_sumamt: Some(row.medfee_sumamt),
            fund_pay_sumamt: Some(row.fund_pay_sumamt),
            psn_pay: row.medfee_sumamt.checked_sub(row.fund_pay_sumamt),
            acct_pay: Some(amount("600.00")),
            refd_setl_flag: text("0"),
            init_setl_id: None,
        }],
        fee_lines: row.fee_lines,
        fee_sum: row.medfee_sumamt,
        standing_sum: row.medfee_sumamt,
    })
}

/// What a day of the stay is billed: item, kind, count, price.
const DAY: [(&str, &str, &str, &str); 21] = [
    ("二级护理", "07", "1", "24"),
    ("住院诊察费", "02", "1", "15"),
    ("床位费(三人间)", "01", "1", "38"),
    ("静脉输液", "05", "1", "8"),
    ("注射用血塞通 0.2 g", "11", "2", "31.4"),
    ("一次性使用输液器", "08", "1", "3.2"),
    ("血糖测定(葡萄糖氧化酶法)", "04", "4", "5"),
    ("氯化钠注射液 250 ml", "09", "1", "3.6"),
    ("静脉输液(续组)", "05", "1", "3"),
    ("胞磷胆碱钠注射液 0.25 g", "09", "2", "6.9"),
    ("偏瘫肢体综合训练", "05", "1", "40"),
    ("氧气吸入", "05", "6", "3"),
    ("中频脉冲电治疗", "05", "1", "26"),
    ("阿司匹林肠溶片 100 mg", "09", "1", "0.49"),
    ("阿托伐他汀钙片 20 mg", "09", "1", "2.61"),
    ("依达拉奉注射液 20 mg", "09", "2", "16.8"),
    ("普通针刺", "05", "1", "22"),
    ("作业疗法", "05", "1", "25"),
    ("丁苯酞软胶囊 0.1 g", "09", "6", "5.4"),
    ("静脉留置针", "08", "1", "12.5"),
    ("吞咽功能障碍训练", "05", "1", "30"),
];
/// Its first two examinations, by number of the line.
const ECHO: (&str, &str, &str, &str) = ("心脏彩色多普勒超声", "03", "1", "138");
const SCAN: (&str, &str, &str, &str) = ("头颅磁共振平扫", "03", "1", "420");

/// The bed of a day is its third line; on the last day it was billed twice more.
fn billed(n: u64) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    match n {
        0 => Some(ECHO),
        24 => Some(SCAN),
        176 | 182 => DAY.get(2).copied(),
        _ => DAY.get(usize::try_from(n.checked_rem(21)?).ok()?).copied(),
    }
}

/// Lines of one bed on one day.
const TWICE: [&str; 3] = ["-170", "-176", "-182"];
/// That day.
const TWICE_ON: &str = "2026-11-17";

/// All lines of a visit that pass the filter.
fn lines(mdtrt_id: &str, filter: &FeeFilter) -> Vec<FeeLine> {
    let all = visit(mdtrt_id).map_or(0, |v| v.fee_lines);
    let line = |n: u64| {
        let (name, kind, cnt, pric) = billed(n)?;
        let seconds = i64::try_from(n).ok()?.saturating_mul(4_100);
        let (cnt, pric) = (amount(cnt), amount(pric));
        Some(FeeLine {
            bkkp_sn: format!("{mdtrt_id}-{n}"),
            setl_id: text("S-1"),
            fee_ocur_time: day(seconds, Precision::Minute),
            med_list_codg: Some(format!("XX{n:06}")),
            hilist_name: text(name),
            medins_list_name: text(name),
            list_type: text("201"),
            med_chrgitm_type: text(kind),
            cnt: Some(cnt),
            pric: Some(pric),
            det_item_fee_sumamt: cnt.checked_mul(pric),
            bilg_dept_name: text("内二科"),
            bilg_dr_name: text("林拟名"),
            ordered: Some(n.checked_rem(12) != Some(8)),
            executed: Some(n.checked_rem(9) != Some(5)),
            recorded: Some(matches!(kind, "03" | "04")),
        })
    };
    let wanted = |l: &FeeLine| {
        let kind =
            filter.med_chrgitm_type.is_none() || filter.med_chrgitm_type == l.med_chrgitm_type;
        let item = filter.med_list_codg.is_none() || filter.med_list_codg == l.med_list_codg;
        let named = filter.only.as_ref().is_none_or(|only| only.contains(&l.bkkp_sn));
        let twice = mdtrt_id.ends_with("-V1") && TWICE.iter().any(|n| l.bkkp_sn.ends_with(n));
        let ordered = !filter.unordered || l.ordered == Some(false);
        kind && item && named && (!filter.repeated || twice) && ordered
    };
    (0..all).filter_map(line).filter(wanted).collect()
}

pub(super) fn fee_lines(mdtrt_id: &str, filter: &FeeFilter, page: Page) -> Vec<FeeLine> {
    lines(mdtrt_id, filter)
        .into_iter()
        .skip(usize::try_from(page.offset).unwrap_or(usize::MAX))
        .take(usize::try_from(page.limit).unwrap_or(usize::MAX))
        .collect()
}

fn shares(lines: &[FeeLine], of: impl Fn(&FeeLine) -> Option<String>) -> Vec<FeeShare> {
    let mut shares: Vec<FeeShare> = Vec::new();
    for line in lines {
        let of = of(line);
        let added = line.det_item_fee_sumamt.unwrap_or_default();
        if let Some(share) = shares.iter_mut().find(|s| s.of == of) {
            share.lines = share.lines.saturating_add(1);
            share.amount = share.amount.checked_add(added).unwrap_or_default();
        } else {
            shares.push(FeeShare { of, lines: 1, amount: added, repeated: 0 });
        }
    }
    shares
}

pub(super) fn fee_summary(mdtrt_id: &str, filter: &FeeFilter) -> FeeSummary {
    let all = lines(mdtrt_id, &FeeFilter::default());
    let mut kinds = shares(&all, |l| l.med_chrgitm_type.clone());
    kinds.sort_by_key(|k| std::cmp::Reverse(k.amount));
    let mut days = shares(&lines(mdtrt_id, filter), |l| {
        l.fee_ocur_time.and_then(|t| t.display().get(..10).map(str::to_owned))
    });
    let twice = |day: &&mut FeeShare| day.of.as_deref() == Some(TWICE_ON);
    for day in days.iter_mut().filter(twice).filter(|_| mdtrt_id.ends_with("-V1")) {
        day.repeated = 1;
    }
    FeeSummary { kinds, days }
}

pub(super) fn events(mdtrt_id: &str) -> Vec<VisitEvent> {
    if visit(mdtrt_id).is_none() {
        return Vec::new();
    }
    let event = |kind, hours: i64, name: &str, who: &str| VisitEvent {
        kind,
        begntime: day(hours.saturating_mul(3_600), Precision::Minute),
        endtime: None,
        name: text(name),
        who: text(who),
        result: None,
    };
    let found = |event: VisitEvent, result: &str| VisitEvent { result: text(result), ..event };
    vec![
        event(EventKind::Order, 1, "二级护理", "林拟名"),
        event(EventKind::Order, 1, "头颅磁共振平扫", "林拟名"),
        event(EventKind::Execution, 2, "注射用血塞通 0.2 g", "N990012"),
        event(EventKind::Vital, 6, "体温脉搏血压", "护士甲"),
        found(
            event(EventKind::Exam, 26, "头颅磁共振平扫", "影像科"),
            "左侧基底节区新近小梗死灶，余未见明显异常",
        ),
        found(event(EventKind::Lab, 30, "血糖", "检验科"), "7.2 mmol/L（3.9-6.1） 偏高"),
        event(EventKind::Note, 33, "日常病程记录", "林拟名"),
        event(EventKind::Leave, 190, "请假", "林拟名"),
    ]
}

/// What goes with a line, as its three marks say.
pub(super) fn line_events(mdtrt_id: &str, bkkp_sn: &str) -> Vec<VisitEvent> {
    let found = lines(mdtrt_id, &FeeFilter::default()).into_iter().find(|l| l.bkkp_sn == bkkp_sn);
    let Some(line) = found else { return Vec::new() };
    let event = |there: Option<bool>, kind, who: &str| {
        (there == Some(true)).then(|| VisitEvent {
            kind,
            begntime: line.fee_ocur_time,
            endtime: None,
            name: line.hilist_name.clone(),
            who: text(who),
            result: (kind == EventKind::Lab).then(|| "7.2 mmol/L（3.9-6.1） 偏高".to_owned()),
        })
    };
    [
        event(line.ordered, EventKind::Order, "林拟名"),
        event(line.executed, EventKind::Execution, "N990012"),
        event(line.recorded, EventKind::Lab, "检验科"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The newest visits of the invented persons, dearest first.
pub(super) fn item_visits(med_list_codg: &str, page: Page) -> Vec<ItemVisit> {
    if items(med_list_codg).is_empty() {
        return Vec::new();
    }
    let visit = |place: usize| {
        let person = person(&number(place))?;
        let visit = person.visits.into_iter().next()?;
        Some(ItemVisit {
            mdtrt_id: visit.mdtrt_id,
            psn_no: person.psn_no,
            psn_name: person.psn_name,
            med_type: visit.med_type,
            begntime: visit.begntime,
            endtime: visit.endtime,
            fee_lines: 9,
            amount: amount(&format!("{}.50", 900_usize.saturating_sub(place))),
        })
    };
    (0..PERSONS)
        .filter_map(visit)
        .skip(usize::try_from(page.offset).unwrap_or(usize::MAX))
        .take(usize::try_from(page.limit).unwrap_or(usize::MAX))
        .collect()
}

pub(super) fn elsewhere(psn_no: &str, reason: Option<&str>) -> Vec<VisitElsewhere> {
    if person(psn_no).is_none() {
        return Vec::new();
    }
    let visit = |name: &str, med: &str, at: i64, diag: &str, sum: &str| VisitElsewhere {
        fixmedins_name: text(name),
        med_type: text(med),
        begntime: day(at.saturating_mul(DAY_S), Precision::Minute),
        endtime: None,
        diag_name: reason.and_then(|_| text(diag)),
        medfee_sumamt: Some(amount(sum)),
        fund_pay_sumamt: Some(amount(sum)),
    };
    vec![
        visit("示例市禾田大药房", "41", -7, "高血压", "186.20"),
        visit("示例市康宁医院", "11", -33, "焦虑状态", "212.00"),
        visit("示例市禾田大药房", "41", -52, "高血压", "93.20"),
        visit("示例市第三医院", "11", -95, "高血压", "64.50"),
    ]
}

const WARDS: [&str; 2] = ["一病区", "二病区"];

/// The named persons lie in the two wards in turn.
pub(super) fn in_ward(ward: &str, page: Page) -> Vec<PersonHit> {
    let Some(place) = WARDS.iter().position(|w| *w == ward) else { return Vec::new() };
    let mut hits: Vec<PersonHit> = (0..NAMED.len())
        .filter(|n| n.checked_rem(WARDS.len()) == Some(place))
        .map(hit)
        .filter(|h| h.bed.is_some())
        .collect();
    hits.sort_by(|a, b| a.bed.cmp(&b.bed));
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    hits.into_iter().skip(skip).take(usize::try_from(page.limit).unwrap_or(0)).collect()
}

pub(super) fn wards() -> Vec<Ward> {
    let count = |ward: &str| in_ward(ward, Page::first(1_000)).len();
    WARDS
        .iter()
        .map(|w| Ward { name: (*w).to_owned(), patients: u64::try_from(count(w)).unwrap_or(0) })
        .collect()
}

/// Items of the invented hospital by a part of the name or code.
pub(super) fn items(query: &str) -> Vec<ItemHit> {
    let item = |code: &str, name: &str, fee_lines, yuan: &str| ItemHit {
        med_list_codg: code.to_owned(),
        hilist_name: name.to_owned(),
        list_type: text("201"),
        fee_lines,
        amount: amount(yuan),
    };
    let all = [
        item("001204000060000", "静脉输液", 41_206, "226633.00"),
        item("001204000060100", "静脉输液(连续)", 8_120, "32480.00"),
        item("001109000010000", "床位费", 30_112, "1204480.00"),
        item("003401000230000", "中频治疗", 12_004, "312104.00"),
    ];
    all.into_iter()
        .filter(|i| i.hilist_name.contains(query) || i.med_list_codg.starts_with(query))
        .collect()
}

/// Staff of the invented hospital by a part of the name or code.
pub(super) fn staff(query: &str) -> Vec<StaffHit> {
    let one = |code: &str, name: &str, kind: &str, dept: &str| StaffHit {
        prac_psn_code: code.to_owned(),
        prac_psn_name: name.to_owned(),
        prac_psn_type: text(kind),
        hosp_dept_name: text(dept),
    };
    let all = [
        one("D110000000001", "郑示例", "1", "内二科"),
        one("D110000000002", "冯样本", "1", "内一科"),
        one("N110000000007", "褚演示", "2", "内二科"),
    ];
    all.into_iter()
        .filter(|s| s.prac_psn_name.contains(query) || s.prac_psn_code.starts_with(query))
        .collect()
}
