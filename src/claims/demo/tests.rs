//! The demo city is consistent, invented and the same every time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use super::{DEMO_HOSPITAL, DemoOptions, TruthOptions, demo_data, truth_data};
use spotcheck_domain::Amount;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn read(folder: &Path, file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join(format!("{file}.csv"))).expect("file");
    reader.deserialize().map(|row| row.expect("row")).collect()
}

#[test]
fn equal_seed_gives_equal_files_and_another_seed_another_city() {
    let (a, b, c) = (
        tempfile::tempdir().expect("dir"),
        tempfile::tempdir().expect("dir"),
        tempfile::tempdir().expect("dir"),
    );
    let options = DemoOptions::default();
    let first = demo_data(a.path(), &options).expect("city");
    assert_eq!(demo_data(b.path(), &options).expect("city"), first);
    demo_data(c.path(), &DemoOptions { seed: 7, scale: 1 }).expect("city");
    for file in first.rows.keys() {
        let name = format!("{file}.csv");
        let bytes = std::fs::read(a.path().join(&name)).expect("file");
        assert_eq!(bytes, std::fs::read(b.path().join(&name)).expect("file"), "{name}");
    }
    let psn = |d: &Path| std::fs::read(d.join("psn.csv")).expect("file");
    assert_ne!(psn(a.path()), psn(c.path()));
}

#[test]
fn settlements_are_the_sum_of_their_lines_to_the_cent() {
    let dir = tempfile::tempdir().expect("dir");
    let made = demo_data(dir.path(), &DemoOptions::default()).expect("city");
    assert!(made.rows["psn"] == 400 && made.rows["fee_list_d"] > 10_000, "{:?}", made.rows);
    let amount =
        |row: &BTreeMap<String, String>, column: &str| Amount::parse(&row[column]).expect("amount");
    let mut lines: BTreeMap<String, (Amount, Amount)> = BTreeMap::new();
    for line in read(dir.path(), "fee_list_d") {
        let product = amount(&line, "cnt").checked_mul(amount(&line, "pric"));
        assert_eq!(product, Some(amount(&line, "det_item_fee_sumamt")));
        let sum = lines.entry(line["setl_id"].clone()).or_default();
        sum.0 = sum.0.checked_add(amount(&line, "det_item_fee_sumamt")).expect("sum");
        sum.1 = sum.1.checked_add(amount(&line, "inscp_amt")).expect("sum");
    }
    for settlement in read(dir.path(), "setl_d") {
        let sum = lines[&settlement["setl_id"]];
        assert_eq!(sum.0, amount(&settlement, "medfee_sumamt"));
        assert_eq!(sum.1, amount(&settlement, "inscp_amt"));
        let parts = amount(&settlement, "fund_pay_sumamt")
            .checked_add(amount(&settlement, "acct_pay"))
            .and_then(|s| s.checked_add(amount(&settlement, "cash_payamt")));
        assert_eq!(parts, Some(amount(&settlement, "medfee_sumamt")));
    }
}

#[test]
fn one_day_is_billed_twice_and_beds_and_refunds_are_there() {
    let dir = tempfile::tempdir().expect("dir");
    let made = demo_data(dir.path(), &DemoOptions::default()).expect("city");
    let visit = &made.double_billed_visit;
    assert!(!visit.is_empty());
    let mut days: BTreeMap<(String, String), u32> = BTreeMap::new();
    for line in read(dir.path(), "fee_list_d").iter().filter(|l| l["mdtrt_id"] == *visit) {
        assert_eq!(line["fixmedins_code"], DEMO_HOSPITAL);
        let key = (line["fee_ocur_time"][..10].to_owned(), line["hilist_name"].clone());
        *days.entry(key).or_default() += 1;
    }
    let double: Vec<_> = days.iter().filter(|(k, n)| **n == 2 && k.1.contains("中频")).collect();
    assert_eq!(double.len(), 1, "{double:?}");
    let visits = read(dir.path(), "mdtrt_d");
    assert!(visits.iter().any(|v| v["inhosp_stas"] == "1" && v["wardarea_bed"].contains("病区")));
    let newest = visits.iter().map(|v| v["begntime"].clone()).max().expect("visit");
    assert!(newest.as_str() >= "2026-11-10" && newest.as_str() < "2026-11-16", "{newest}");
    assert!(read(dir.path(), "setl_d").iter().any(|s| s["refd_setl_flag"] == "1"));
    assert!(read(dir.path(), "fee_list_d").iter().any(|l| l["cnt"].starts_with('-')));
    let names: Vec<_> = read(dir.path(), "psn").iter().map(|p| p["psn_name"].clone()).collect();
    assert!(names.iter().any(|n| n.contains('·')) && names.iter().any(|n| n.starts_with('王')));
}

#[test]
fn one_doctor_operates_once_at_a_time_and_what_is_billed_as_exercise_was_done() {
    let dir = tempfile::tempdir().expect("dir");
    demo_data(dir.path(), &DemoOptions { seed: 4, scale: 2 }).expect("city");
    let events = read(dir.path(), "exec");
    let mut busy = BTreeSet::new();
    for e in events.iter().filter(|e| e["evt_type"] == "oprn") {
        assert!(busy.insert((e["exec_psn_code"].clone(), e["begntime"].clone())), "{e:?}");
    }
    assert!(busy.len() > 10);
    let done = |visit: &str| {
        events.iter().filter(|e| e["mdtrt_id"] == *visit && e["item_name"] == "运动疗法").count()
    };
    let mut billed: BTreeMap<String, usize> = BTreeMap::new();
    for line in read(dir.path(), "fee_list_d").iter().filter(|l| l["hilist_name"] == "运动疗法")
    {
        *billed.entry(line["mdtrt_id"].clone()).or_default() += 1;
    }
    assert!(!billed.is_empty());
    assert!(billed.iter().all(|(visit, n)| done(visit) == *n), "{billed:?}");
}

#[test]
fn the_planted_city_is_the_same_every_time_and_its_money_adds_up() {
    let [a, b, c] = std::array::from_fn(|_| tempfile::tempdir().expect("dir"));
    let options = TruthOptions { lines: 20_000, ..TruthOptions::default() };
    let made = truth_data(a.path(), &options).expect("city");
    assert_eq!(truth_data(b.path(), &options).expect("city"), made);
    for file in made.rows.keys() {
        let name = format!("{file}.csv");
        let bytes = std::fs::read(a.path().join(&name)).expect("file");
        assert_eq!(bytes, std::fs::read(b.path().join(&name)).expect("file"), "{name}");
    }
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    let amount =
        |row: &BTreeMap<String, String>, column: &str| Amount::parse(&row[column]).expect("amount");
    let mut serials = BTreeSet::new();
    for line in read(a.path(), "fee_list_d") {
        // Some houses sign only the quantity of what they take back, some only the amount, some tell no quantity
        // at all: one sign is enough to take it back.
        let told = amount(&line, "det_item_fee_sumamt");
        let counted = match line["cnt"].as_str() {
            "" => told,
            _ => amount(&line, "cnt").checked_mul(amount(&line, "pric")).expect("product"),
        };
        assert_eq!(counted.millionths().abs(), told.millionths().abs(), "{line:?}");
        let signed = counted.min(told);
        let sum = sums.entry(line["setl_id"].clone()).or_default();
        *sum = sum.checked_add(signed).expect("sum");
        assert!(serials.insert(line["bkkp_sn"].clone()), "{}", line["bkkp_sn"]);
    }
    for settlement in read(a.path(), "setl_d") {
        let told = amount(&settlement, "medfee_sumamt");
        // A bill that is cancelled as a whole need not have lines.
        let lines = sums.get(&settlement["setl_id"]).copied();
        assert!(lines == Some(told) || lines.is_none() && told.millionths() < 0, "{settlement:?}");
    }
    // Every line of the truth is a line of the city; a clean city has no violation in it.
    let truth = read(a.path(), "truth");
    let kinds = |kind: &str| truth.iter().filter(|t| t["kind"] == kind).count();
    assert!(kinds("violation") >= 200 && kinds("near_miss") >= 150 && kinds("trap") >= 200);
    assert!(
        truth
            .iter()
            .flat_map(|t| t["bkkp_sn"].split(' '))
            .all(|l| l.is_empty() || serials.contains(l))
    );
    let clean = TruthOptions { clean: true, ..options };
    assert_eq!(truth_data(c.path(), &clean).expect("city").violations, 0);
}

/// What the planted city does not tell of a rule, each with the reason. Only leads and statistics may stand here, and
/// the list may only become shorter.
const NOT_TOLD: &[(&str, &str, &str)] = &[(
    "A24-1",
    "violation",
    "honest houses of the city keep beds, too: every such bill is the lead",
)];

/// The national pack with the example points of the city's region above it.
pub(crate) fn pack_of(city: &Path) -> spotcheck_rules::Pack {
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(city.join("rulepack"))
        .expect("rule pack")
        .map(|entry| entry.expect("entry").path())
        .map(|path| (path.file_name().expect("name").to_string_lossy().into_owned(), path))
        .map(|(name, path)| (name, std::fs::read(path).expect("file")))
        .collect();
    let list: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let base = spotcheck_rules::national().expect("pack");
    spotcheck_rules::Pack::read(&list, Some(&base)).expect("overlay")
}

/// Issue 4: every rule of the national pack, with the lists that the region of the city fills, is shown to find a wrong,
/// to leave alone what comes near to one, and to know a natural cause that looks like one.
#[test]
fn every_rule_has_a_violation_a_near_miss_and_a_trap_in_the_planted_city() {
    let dir = tempfile::tempdir().expect("dir");
    truth_data(dir.path(), &TruthOptions { lines: 20_000, ..TruthOptions::default() })
        .expect("city");
    let pack = pack_of(dir.path());
    let mut told: BTreeSet<(String, String)> = BTreeSet::new();
    for row in read(dir.path(), "truth") {
        let about = ["mdtrt_id", "bkkp_sn", "fixmedins_code", "psn_no", "code"];
        assert!(about.iter().any(|c| !row[*c].is_empty()), "about nothing: {row:?}");
        told.insert((row["rule"].clone(), row["kind"].clone()));
    }
    let known: Vec<&str> = pack.rules.iter().map(|r| r.id.as_str()).collect();
    for rule in told.iter().map(|(rule, _)| rule.as_str()).chain(NOT_TOLD.iter().map(|n| n.0)) {
        assert!(known.contains(&rule), "{rule} is no rule");
    }
    let mut missing = Vec::new();
    for rule in pack.rules.iter().filter(|r| r.enabled) {
        // F10 speaks without its list, which only says what would have been right.
        assert!(!pack.waits_for_points(rule) || rule.id == "F10", "{} waits for points", rule.id);
        for kind in ["violation", "near_miss", "trap"] {
            let is_told = told.contains(&(rule.id.clone(), kind.to_owned()));
            let own = NOT_TOLD.iter().find(|n| (n.0, n.1) == (rule.id.as_str(), kind));
            if let Some((_, _, why)) = own {
                assert!(!rule.grade.is_for_party(), "{} accuses: {why}", rule.id);
                assert!(!is_told, "{} is told ({why}): take it out", rule.id);
            } else if !is_told {
                missing.push(format!("{}: {kind}", rule.id));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Nothing of the region's pack can be taken for an official point, and none of its items is billed by anybody but the
/// stories of its own limit.
#[test]
fn the_points_of_the_region_are_marked_as_examples() {
    let dir = tempfile::tempdir().expect("dir");
    truth_data(dir.path(), &TruthOptions { lines: 2_000, ..TruthOptions::default() })
        .expect("city");
    let (base, over) = (spotcheck_rules::national().expect("pack"), pack_of(dir.path()));
    let mut examples = 0;
    for (list, knowledge) in &over.knowledge {
        for point in &knowledge.points {
            if base.knowledge[list].points.contains(point) {
                continue;
            }
            examples += 1;
            assert!(point.source.contains("示例"), "{list}");
            assert_eq!(point.origin, spotcheck_rules::pack::Origin::Local, "{list}");
            assert!(base.knowledge[list].points.is_empty(), "{list} has points of its own");
        }
    }
    assert!(examples >= 55, "{examples}");
}
