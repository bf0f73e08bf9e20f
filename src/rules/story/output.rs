//! The form of findings, their order, who stands under whom, silence, cancelling, and order independence.

use proptest::prelude::{ProptestConfig, proptest};

use super::support::{BED, CT, DRUG, NURSE1, NURSE2, World, hospital};
use crate::engine::{Stage, Watch};
use crate::export::{Audience, Entry, Format, findings_file};
use crate::pack::national;
use crate::{Error, Finding, Options, Origin, audit, json_lines, merge, rank};

/// A hospital with several things wrong.
fn dirty() -> World {
    let mut w = hospital();
    w.add("catalogue", "med_list_codg=E1;pric_uplmt_amt=150;begndate=2025-01-01");
    w.stay("V1", 1, 5).daily("V1", BED, 1..=6, "40").daily("V1", NURSE1, 1..=4, "30");
    w.daily("V1", NURSE2, 2..=2, "18").fee("V1", "ct", CT, "2026-03-02", "1", "200");
    w.visit("V2", "P1", "21", "2026-03-09", "2026-03-12", "I10.x02").daily("V2", BED, 9..=11, "40");
    w.visit("V3", "P2", "11", "2026-03-05 09:00:00", "2026-03-05 09:00:00", "N80.900");
    w.fee("V3", "1", DRUG, "2026-03-05 09:00:00", "1", "10");
    w.fee_with("V3", "2", DRUG, "2026-03-05 09:01:00", "-1", "10", "");
    w.visit("V4", "P1", "11", "2026-03-03 09:00:00", "2026-03-03 09:00:00", "I10.x00");
    w.fee("V4", "1", DRUG, "2026-03-03 09:00:00", "1", "10");
    for (n, visit) in ["V1", "V2", "V3"].into_iter().enumerate() {
        w.add("exec", &format!("mdtrt_id={visit};evt_no={n};evt_type=oprn;item_name=术{n};begntime=2026-03-02 09:00:00;endtime=2026-03-02 10:00:00;exec_psn_code=D1;result_hash=same"));
        w.add("trace", &format!("drug_trac_codg=T1;fixmedins_code=H1;setl_id=S-V{};mdtrt_id=V{};med_list_codg=X1;setl_time=2026-03-03", n + 3, n + 3));
    }
    w.visit("V5", "P1", "11", "2026-03-03 09:00:00", "2026-03-03 09:00:00", "I10.x00");
    w.fee("V5", "1", DRUG, "2026-03-03 09:00:00", "1", "10");
    w
}

#[test]
fn a_line_has_exactly_the_members_of_rules_md() {
    let outcome = dirty().run();
    let line = outcome.findings.iter().find(|f| f.rule == "B03").expect("B03").json_line();
    assert_eq!(
        line,
        "{\"rule\":\"B03\",\"pack\":\"national@2026.11\",\"grade\":\"V\",\"fixmedins_code\":\"H1\",\
         \"psn_no\":\"P1\",\"mdtrt_id\":\"V1\",\"setl_id\":\"S-V1\",\"bkkp_sn\":[\"ct\"],\"code\":\"E1\",\
         \"amount\":\"50.00\",\"fund_amount\":\"35.00\",\"loss_method\":\"A\",\"principal\":true,\
         \"reason\":\"CT平扫单价200.00元，高于当日限价150.00元\"}"
    );
    let mut sorted: Vec<_> = outcome
        .findings
        .iter()
        .map(|f| (f.rule.clone(), f.mdtrt_id.clone(), f.bkkp_sn.first().cloned()))
        .collect();
    let given = sorted.clone();
    sorted.sort();
    assert_eq!(given, sorted);
    assert_eq!(json_lines(&outcome.findings).lines().count(), outcome.findings.len());
}

#[test]
fn one_line_has_one_principal_finding() {
    let findings = dirty().run().findings;
    let mut owners: std::collections::BTreeMap<(String, String), usize> = Default::default();
    for f in findings.iter().filter(|f| !f.bkkp_sn.is_empty()) {
        for sn in &f.bkkp_sn {
            let key = (f.mdtrt_id.clone().unwrap_or_default(), sn.clone());
            *owners.entry(key).or_default() += usize::from(f.principal && f.bkkp_sn.len() == 1);
        }
    }
    assert!(owners.values().all(|n| *n <= 1), "{owners:?}");
    let order = rank(&findings);
    let weights: Vec<_> =
        order.iter().map(|n| &findings[*n]).filter(|f| f.principal).map(|f| f.weight).collect();
    assert!(weights.windows(2).all(|w| w[0] >= w[1]));
}

/// rules.md, Finding: the centre's findings come with the package; the handheld's run over the same data adds
/// nothing, changes no number on the screen, and forgets nothing that only the centre saw.
#[test]
fn the_same_fact_from_centre_and_device_is_one() {
    let centre = dirty().run().findings;
    let told = centre.iter().map(|f| Finding::parse(&f.body(), Some((f.amount, f.fund_amount))));
    let told: Vec<Finding> = told.collect::<Result<_, _>>().unwrap();
    assert_eq!(told, centre, "what was packed is what was found");
    let (same, others): (Vec<Finding>, Vec<Finding>) =
        centre.iter().cloned().partition(|f| f.rule != "B03");
    assert!(!others.is_empty());
    let mut device = same;
    for finding in &mut device {
        finding.amount = finding.amount.map(|_| spotcheck_domain::Amount::from_millionths(1));
    }
    let merged = merge(told, device);
    assert_eq!(merged.len(), centre.len());
    for m in &merged {
        let own = m.finding.amount.is_none_or(|a| a.millionths() == 1);
        match m.origin {
            Origin::Both => assert!(own && m.finding.rule != "B03"),
            Origin::Centre => assert_eq!(m.finding.rule, "B03"),
            Origin::Device => panic!("the device saw nothing of its own: {}", m.finding.rule),
        }
        assert_eq!(m.key, m.finding.key());
    }
}

#[test]
fn nothing_for_the_party_says_what_only_a_final_finding_may_say() {
    for f in dirty().run().findings {
        assert_eq!(f.party.is_some(), f.grade.is_for_party(), "{}", f.rule);
        let words = format!("{} {}", f.party.clone().unwrap_or_default(), f.reason);
        for banned in ["违规", "违法", "骗保"] {
            assert!(!words.contains(banned), "{}: {words}", f.rule);
        }
        assert!(!f.doubt.is_empty() && !f.look.is_empty(), "{}", f.rule);
        assert!(f.grade.light().contains('·'), "a light has words");
    }
}

/// Officers read where somebody was, the party only that it was elsewhere: 示证, hand-outs and record take the party's
/// words, and a fact whose day and money are those of the other facility goes without both.
#[test]
fn the_party_reads_nothing_of_what_another_facility_settled() {
    let mut w = hospital();
    w.stay("V1", 1, 10).daily("V1", BED, 1..=9, "40");
    w.visit("V2", "P2", "11", "2026-03-12 09:00:00", "2026-03-12 09:00:00", "I10.x00");
    w.fee("V2", "x", DRUG, "2026-03-12 09:00:00", "1", "10");
    for (id, psn, kind, from, to) in [
        ("Q1", "P1", "11", "2026-03-05 10:00:00", "2026-03-05 10:00:00"),
        ("Q2", "P1", "21", "2026-03-07", "2026-03-15"),
        ("Q3", "P2", "11", "2026-03-12 09:05:00", "2026-03-12 09:05:00"),
    ] {
        w.add(
            "psn_other",
            &format!(
                "kind=visit;psn_no={psn};fixmedins_code=H2;fixmedins_name=示例二院;mdtrt_id={id};\
                 med_type={kind};begntime={from};endtime={to};medfee_sumamt=123.45;fund_pay_sumamt=60"
            ),
        );
    }
    for (rule, elsewhere) in [("A04", true), ("A06", false), ("H03", false)] {
        let found = w.found(rule);
        assert_eq!(found.len(), 1, "{rule}");
        let ours = &found[0];
        assert!(ours.reason.contains("示例二院") && !ours.reason.contains("H2"), "{}", ours.reason);
        assert_eq!(Finding::parse(&ours.body(), None).unwrap().for_party(), ours.for_party());
        let told = ours.for_party().unwrap();
        let words = format!("{} {}", told.party.as_deref().unwrap(), told.reason);
        assert!(words.contains("其他机构"), "{rule}: {words}");
        for secret in ["示例二院", "H2", "2026-03-05", "2026-03-07"] {
            assert!(!words.contains(secret), "{rule}: {words}");
        }
        assert_eq!((told.date.is_none(), ours.elsewhere), (elsewhere, elsewhere), "{rule}");
        assert!(ours.date.is_some() && (!elsewhere || told.amount.is_none()), "{rule}");
        let entry = Entry { finding: ours, origin: None, said: None };
        let file = findings_file(&[entry], Audience::Party, Format::Csv, 0).unwrap();
        let file = String::from_utf8(file).unwrap();
        assert!(file.contains("其他机构") && !file.contains("示例二院"), "{file}");
        assert!(!elsewhere || !file.contains("123.45") && !file.contains("2026-03-05"), "{file}");
    }
}

#[test]
fn a_refunded_double_scan_is_no_charge_for_any_rule() {
    let outcome = dirty().run();
    assert!(
        !outcome
            .findings
            .iter()
            .any(|f| f.mdtrt_id.as_deref() == Some("V3") && !f.bkkp_sn.is_empty())
    );
    assert_eq!(outcome.counts.orphan_refunds, 0);
}

#[test]
fn a_clean_hospital_shows_nothing_red_or_yellow() {
    let mut w = hospital();
    w.add("catalogue", "med_list_codg=E1;pric_uplmt_amt=200;begndate=2025-01-01");
    w.stay("V1", 1, 5).daily("V1", BED, 1..=4, "40").daily("V1", NURSE1, 1..=4, "30");
    w.fee("V1", "ct", CT, "2026-03-02 10:00:00", "1", "200");
    w.visit("V3", "P2", "11", "2026-03-05 09:00:00", "2026-03-05 09:00:00", "N80.900");
    w.fee("V3", "1", DRUG, "2026-03-05 09:00:00", "1", "10");
    let party: Vec<_> =
        w.run().findings.into_iter().filter(|f| f.grade.is_for_party()).map(|f| f.reason).collect();
    assert!(party.is_empty(), "{party:?}");
}

/// What a house does everywhere is not hidden because it is much: one entry with number and sum, a lead that nobody
/// prints for the party, and the rule is named among those that were not judged line by line.
#[test]
fn a_rule_beyond_its_bound_is_one_entry_with_number_and_sum() {
    let mut w = hospital();
    for (visit, from) in [("V1", 1), ("V2", 10), ("V3", 20)] {
        w.stay(visit, from, from + 4).fee(
            visit,
            "1",
            "N8|新生儿护理|07|201",
            &format!("2026-03-{from:02}"),
            "2",
            "42",
        );
    }
    assert_eq!(w.found("E02").len(), 3);
    let found = w.found_with("E02", "[[adjust]]\nid = \"E02\"\nmax_hits = 2\n");
    let [one] = found.as_slice() else { panic!("one entry: {found:?}") };
    assert_eq!(one.reason, "命中 3 条，超过上限 2，各条金额合计 252.00 元；没有逐条列出");
    assert_eq!((one.grade.is_for_party(), &one.party), (false, &None));
    assert_eq!(one.amount.unwrap().to_cents(), "252.00");
    assert_eq!(one.fund_amount, None);
    assert!(one.principal && one.bkkp_sn.is_empty() && one.mdtrt_id.is_none());
    assert_eq!(w.found_with("E02", "[[adjust]]\nid = \"E02\"\nmax_hits = 3\n").len(), 3);
}

#[test]
fn a_run_can_be_stopped() {
    struct Stop;
    impl Watch for Stop {
        fn progress(&mut self, stage: Stage, _done: u64, _all: u64) -> bool {
            stage != Stage::Rules
        }
    }
    let pack = national().unwrap();
    let result = audit(&dirty().columns, &pack, Options::default(), &mut Stop);
    assert!(matches!(result, Err(Error::Cancelled)));
}

#[test]
fn the_period_chooses_by_the_day_of_the_fact() {
    let pack = national().unwrap();
    let w = dirty();
    let days = (20_515, 20_516);
    let options = Options { period: Some(days), ..Options::default() };
    let some = audit(&w.columns, &pack, options, &mut ()).unwrap().findings;
    let all = w.run().findings;
    assert!(some.len() < all.len());
    assert!(some.iter().all(|f| all.contains(f) || !f.principal || f.date.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn findings_do_not_depend_on_the_order_of_rows(seed in 0_u64..u64::MAX) {
        let pack = national().unwrap();
        let mut w = dirty();
        let before = audit(&w.columns, &pack, Options::default(), &mut ()).unwrap();
        let mut state = seed | 1;
        // The dictionary of a source that was read before would keep its codes: a fresh one is made.
        w.columns.reorder(|_, _| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        });
        let after = audit(&w.columns, &pack, Options::default(), &mut ()).unwrap();
        let fresh = audit(&w.columns.fresh(), &pack, Options::default(), &mut ()).unwrap();
        assert_eq!(json_lines(&before.findings), json_lines(&after.findings));
        assert_eq!(json_lines(&before.findings), json_lines(&fresh.findings));
        assert_eq!(before.silences, fresh.silences);
    }
}

/// What an inspection found before stands further up and says so; a self-check is told and raises nothing, and
/// other rules and facilities are left alone.
#[test]
fn what_was_found_before_is_told_and_stands_further_up() {
    let fresh = dirty().run().findings;
    let mut w = dirty();
    for (id, facility, rule, kind) in [
        ("1", "H1", "B03", "inspection"),
        ("2", "H1", "B03", "inspection"),
        ("3", "H1", "B03", "self_check"),
        ("4", "H1", "B01", "self_check"),
        ("5", "H1", "", "inspection"),
        ("6", "H2", "B03", "inspection"),
    ] {
        let row = format!(
            "hist_id={id};fixmedins_code={facility};rule={rule};kind={kind};date=2025-06-10"
        );
        w.add("hist", &row);
    }
    let known = w.run().findings;
    assert_eq!(fresh.len(), known.len());
    for (a, b) in fresh.iter().zip(&known) {
        assert_eq!((a.key(), a.amount, a.grade), (b.key(), b.amount, b.grade));
        let told = b.look.iter().filter(|l| !a.look.contains(l)).cloned().collect::<Vec<_>>();
        match a.rule.as_str() {
            "B03" => {
                assert_eq!(b.weight, (a.weight + 8).min(100));
                let line = "既往同规则 2 次；机构自查报告过 1 次，核对是否已退回(最近 2025-06-10)";
                assert_eq!(told, [line]);
            }
            "B01" => {
                assert_eq!(b.weight, a.weight);
                assert_eq!(told, ["机构自查报告过 1 次，核对是否已退回(最近 2025-06-10)"]);
            }
            _ => assert_eq!(a, b),
        }
    }
    assert!(known.iter().any(|f| f.rule == "B03"));
}
