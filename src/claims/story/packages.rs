//! A package: complete, checked, refused when anything is off (claims.md §2).

use std::collections::BTreeMap;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use spotcheck_domain::claims::{
    ClaimsReader, EventKind, FeeFilter, FeeLine, FeeShare, FeeSummary, Page, VisitView,
};
use spotcheck_domain::{Amount, DeviceId, Trouble};

use super::{Centre, Package, centre_with_city, export};
use crate::demo::DEMO_HOSPITAL;
use crate::error::Error;
use crate::package::{
    CLAIMS_DB, PackageManifest, Period, Recipient, check_package, file_states, same_files,
};
use crate::schema::ENTITIES;
use crate::{PackageReader, TruthOptions, truth_data};

#[test]
fn the_whole_hospital_comes_out_as_it_went_in() {
    let (centre, made) = centre_with_city();
    let package = centre.package(DEMO_HOSPITAL, None);
    let manifest = &package.built.manifest;
    for entity in ENTITIES {
        assert!(manifest.tables.contains_key(entity.name), "{} is part of the format", entity.name);
    }
    let reader = package.open();
    let facility = reader.facility().expect("facility");
    assert_eq!(facility.fixmedins_name, "示例市人民医院");
    assert!(facility.persons > 100 && facility.fee_lines > 5000, "{facility:?}");
    assert!(
        facility
            .cutoff
            .iter()
            .any(|(t, c)| t == "fee_list_d" && c.display().starts_with("2026-11-1"))
    );
    assert_eq!(manifest.tables["fixmedins_b"].rows, 1);
    assert!(manifest.tables["psn_other"].rows > 0);

    let person = reader.person(&made.double_billed_person).expect("read").expect("person");
    let row = person.visits.iter().find(|v| v.mdtrt_id == made.double_billed_visit).expect("visit");
    let visit = reader.visit(&row.mdtrt_id).expect("read").expect("visit");
    assert_eq!(visit.psn_name, person.psn_name);
    assert_eq!(visit.fee_lines, row.fee_lines);
    let mut sum = Amount::ZERO;
    let mut lines = Vec::new();
    loop {
        let page = Page { offset: lines.len() as u64, limit: 50 };
        let next = reader.fee_lines(&row.mdtrt_id, &FeeFilter::default(), page).expect("lines");
        if next.is_empty() {
            break;
        }
        lines.extend(next);
    }
    for line in &lines {
        sum = sum.checked_add(line.det_item_fee_sumamt.unwrap()).unwrap();
    }
    assert_eq!(lines.len() as u64, visit.fee_lines);
    assert_eq!(sum, visit.fee_sum);
    assert_eq!(visit.settlements.len(), 1);
    assert_eq!(visit.settlements[0].medfee_sumamt, Some(sum));
    assert_eq!(visit.diagnoses.len(), 2);
    assert!(lines.iter().is_sorted_by_key(|l| l.fee_ocur_time.unwrap().at));
    the_structure_agrees(&reader, &visit, &lines);
    the_house_is_told(&reader, manifest);
    assert!(reader.person("nobody").expect("read").is_none());
    assert!(reader.visit("nothing").expect("read").is_none());
}

/// Departments page by page, each once and in their order, with everybody who is registered in one.
fn the_house_is_told(reader: &dyn ClaimsReader, manifest: &PackageManifest) {
    let page = |offset, limit| reader.departments(Page { offset, limit }).expect("departments");
    let all = page(0, 1_000);
    assert_eq!(all.len() as u64, manifest.tables["dept"].rows);
    assert!(all.is_sorted_by_key(|d| d.hosp_dept_codg.clone()));
    assert!(all.iter().all(|d| d.hosp_dept_name.is_some()), "{all:?}");
    assert!(all.iter().any(|d| d.caty.is_some()), "{all:?}");
    let staff = reader.search_staff("", Page::first(10_000)).expect("staff");
    let placed = staff.iter().filter(|s| s.hosp_dept_name.is_some()).count();
    assert_eq!(all.iter().map(|d| d.staff).sum::<u64>(), placed as u64);
    let paged: Vec<_> = (0..all.len() as u64).flat_map(|n| page(n, 1)).collect();
    assert_eq!(paged, all);
}

/// Kinds and days add up to the visit to the cent, filtered lines to their kind, and a page of one kind has
/// nothing else in it.
fn the_structure_agrees(reader: &dyn ClaimsReader, visit: &VisitView, lines: &[FeeLine]) {
    let id = &visit.mdtrt_id;
    let sum = |shares: &[FeeShare]| {
        let amount = shares.iter().try_fold(Amount::ZERO, |a, s| a.checked_add(s.amount)).unwrap();
        (shares.iter().map(|s| s.lines).sum::<u64>(), amount)
    };
    let whole = reader.fee_summary(id, &FeeFilter::default()).expect("summary");
    assert_eq!(sum(&whole.kinds), (visit.fee_lines, visit.fee_sum));
    assert_eq!(sum(&whole.days), (visit.fee_lines, visit.fee_sum));
    assert!(whole.days.iter().any(|d| d.repeated == 1), "the day that was billed twice");
    for kind in &whole.kinds {
        let filter = FeeFilter {
            med_chrgitm_type: Some(kind.of.clone().unwrap_or_default()),
            ..FeeFilter::default()
        };
        let some = reader.fee_lines(id, &filter, Page::first(10_000)).expect("lines");
        assert!(some.iter().all(|l| l.med_chrgitm_type == kind.of));
        assert_eq!(some.len() as u64, kind.lines);
        let days = reader.fee_summary(id, &filter).expect("summary");
        assert_eq!(sum(&days.days), (kind.lines, kind.amount));
        assert_eq!(days.kinds, whole.kinds);
    }
    narrowed_as_said(reader, visit, lines, &whole);
    let events = reader.visit_events(id, Page::first(10_000)).expect("events");
    assert!(events.iter().any(|e| e.kind == EventKind::Order), "a stay has orders");
    assert!(events.is_sorted_by_key(|e| e.begntime.map(|t| t.at)));
    let lab = events.iter().find(|e| e.kind == EventKind::Lab).and_then(|e| e.result.as_deref());
    let lab = lab.expect("a report has its value");
    assert!(lab.contains(" 10^9/L（3.5-9.5）") && lab.starts_with(|c: char| c.is_ascii_digit()));
    assert!(lines.iter().any(|l| l.ordered == Some(true) && l.executed == Some(true)));
    assert!(reader.elsewhere(&visit.psn_no).is_ok());
}

/// Issue 3: what was operated stands beside the fee of the operation, what was examined beside the examination, with
/// what came of it. The record of an operation knows no item, only the stay.
#[test]
fn operations_and_findings_stand_beside_their_fee_lines() {
    let dir = tempfile::tempdir().expect("dir");
    truth_data(dir.path(), &TruthOptions { lines: 2_000, ..TruthOptions::default() })
        .expect("city");
    let table = |name: &str| -> Vec<BTreeMap<String, String>> {
        let mut reader =
            csv::Reader::from_path(dir.path().join(format!("{name}.csv"))).expect(name);
        reader.deserialize().map(|row| row.expect("row")).collect()
    };
    let visit_of: BTreeMap<String, String> = table("setl_d")
        .into_iter()
        .map(|s| (s["setl_id"].clone(), s["mdtrt_id"].clone()))
        .collect();
    let operated: BTreeMap<String, String> = table("oprn")
        .into_iter()
        .map(|o| (visit_of[&o["setl_id"]].clone(), o["oprn_oprt_name"].clone()))
        .collect();
    let lines = table("fee_list_d");
    let centre = Centre::new();
    centre.import(dir.path());
    let events = |line: &BTreeMap<String, String>| {
        let package = centre.package(&line["fixmedins_code"], None);
        let reader = package.open();
        reader.line_events(&line["mdtrt_id"], &line["bkkp_sn"], Page::first(100)).expect("events")
    };
    let of_kind = |kind: &str| {
        lines
            .iter()
            .find(|l| operated.contains_key(&l["mdtrt_id"]) && l["med_chrgitm_type"] == kind)
    };
    let line = of_kind("06").expect("a stay with an operation is billed for it");
    let name = &operated[&line["mdtrt_id"]];
    let beside = events(line);
    let operation = beside.iter().find(|e| e.kind == EventKind::Operation).expect("the operation");
    assert!(operation.name.is_some() && operation.who.is_some(), "{name}: {beside:?}");
    let other = of_kind("01").or_else(|| of_kind("07")).expect("a bed or nursing");
    assert!(!events(other).iter().any(|e| e.kind == EventKind::Operation), "a bed is no operation");
    let exam = table("exam");
    let line = lines
        .iter()
        .find(|l| {
            exam.iter().any(|e| {
                e["mdtrt_id"] == l["mdtrt_id"] && e["exam_item_code"] == l["med_list_codg"]
            })
        })
        .expect("an examination is billed");
    let beside = events(line);
    let found = beside.iter().find(|e| e.kind == EventKind::Exam).expect("the report");
    assert_eq!(found.result.as_deref(), Some("未见明显异常"));
}

/// One item, named lines, repeated items, lines without an order: what is listed is what was asked for, and
/// days add up to it.
fn narrowed_as_said(
    reader: &dyn ClaimsReader,
    visit: &VisitView,
    lines: &[FeeLine],
    whole: &FeeSummary,
) {
    let id = &visit.mdtrt_id;
    let narrowed = |filter: FeeFilter| {
        let some = reader.fee_lines(id, &filter, Page::first(10_000)).expect("lines");
        let days = reader.fee_summary(id, &filter).expect("summary").days;
        assert_eq!(some.len() as u64, days.iter().map(|d| d.lines).sum::<u64>(), "{filter:?}");
        some
    };
    let first = &lines[0];
    let item = first.med_list_codg.clone();
    let of_item = narrowed(FeeFilter { med_list_codg: item.clone(), ..FeeFilter::default() });
    assert!(!of_item.is_empty() && of_item.iter().all(|l| l.med_list_codg == item));
    let only = Some(vec![first.bkkp_sn.clone(), "no such line".to_owned()]);
    assert_eq!(narrowed(FeeFilter { only, ..FeeFilter::default() }), std::slice::from_ref(first));
    let twice = narrowed(FeeFilter { repeated: true, ..FeeFilter::default() });
    let repeated: u64 = whole.days.iter().map(|d| d.repeated).sum();
    assert!(twice.len() as u64 >= 2 * repeated && repeated > 0);
    let bare = narrowed(FeeFilter { unordered: true, ..FeeFilter::default() });
    let without = lines.iter().filter(|l| l.ordered == Some(false)).count();
    assert_eq!(bare.len(), without);
    let ordered = lines.iter().find(|l| l.ordered == Some(true)).expect("an ordered line");
    let events = reader.line_events(id, &ordered.bkkp_sn, Page::first(100)).expect("events");
    assert!(events.iter().any(|e| matches!(e.kind, EventKind::Order | EventKind::Prescription)));
    if let Some(bare) = bare.first() {
        let events = reader.line_events(id, &bare.bkkp_sn, Page::first(100)).expect("events");
        assert!(!events.iter().any(|e| e.kind == EventKind::Order));
    }
    let item = item.expect("a code");
    let visits = reader.item_visits(&item, Page::first(10_000)).expect("visits");
    let here = visits.iter().find(|v| v.mdtrt_id == *id).expect("this visit");
    assert_eq!(here.fee_lines, of_item.len() as u64);
    assert!(visits.is_sorted_by(|a, b| a.amount >= b.amount));
    assert_eq!(visit.standing_sum, visit.fee_sum, "nothing was taken back");
    assert_eq!(visit.beyond_settled(), Some(Amount::ZERO));
}

#[test]
fn a_stay_is_never_cut_and_the_rest_keeps_to_the_period() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let february = centre.package("H01", Period::parse("2026-02-01", "2026-02-28"));
    assert_eq!(february.built.manifest.tables["mdtrt_d"].rows, 1);
    assert_eq!(february.built.manifest.tables["fee_list_d"].rows, 1);
    assert_eq!(february.built.manifest.tables["setl_d"].rows, 0);
    // The stay V1 reaches into the period by one day: all its lines come along.
    let edge = centre.package("H01", Period::parse("2026-01-20", "2026-01-31"));
    assert_eq!(edge.built.manifest.tables["mdtrt_d"].rows, 1);
    assert_eq!(edge.built.manifest.tables["fee_list_d"].rows, 2);
    let sums = &edge.built.manifest.tables["fee_list_d"].sums;
    assert_eq!(sums["det_item_fee_sumamt"].to_cents(), "100.10");
}

fn manifest_bytes(package: &Package) -> Vec<u8> {
    package.built.manifest.to_bytes().expect("bytes")
}

#[test]
fn the_manifest_is_canonical_and_takes_recipients() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let mut package = centre.package("H01", None);
    let recipient = |device: &str, key: &str| Recipient {
        device: DeviceId::parse(device).expect("device"),
        wrapped_key: key.to_owned(),
    };
    for (device, key) in [("D-0002", "b"), ("D-0001", "a"), ("D-0002", "c")] {
        package.built.manifest.add_recipient(recipient(device, key));
    }
    let bytes = manifest_bytes(&package);
    let parsed = PackageManifest::parse(&bytes).expect("parse");
    assert_eq!(parsed, package.built.manifest);
    assert_eq!(parsed.recipients.len(), 2);
    assert_eq!(parsed.wrapped_key(&DeviceId::parse("D-0002").unwrap()), Some("c"));
    let text = String::from_utf8(bytes).expect("text");
    let at = |text: &str| spotcheck_domain::time::parse_rfc3339(text).expect("time");
    assert!(parsed.is_valid_at(at("2026-12-20T00:00:00.000+08:00")).expect("valid"));
    assert!(!parsed.is_valid_at(at("2026-12-20T00:00:00.001+08:00")).expect("valid"));
    assert!(text.starts_with("{\"claims_schema\":\"spotcheck-claims/1\""), "{text}");
    for bad in [
        text.replace("{\"claims_schema\"", "{ \"claims_schema\""),
        text.replace("\"fixmedins_code\":\"H01\"", "\"fixmedins_code\":\"H01\",\"more\":1"),
    ] {
        assert!(matches!(PackageManifest::parse(bad.as_bytes()), Err(Error::Manifest(_))), "{bad}");
    }
    let later = text.replace("spotcheck-package/1", "spotcheck-package/2");
    assert!(matches!(PackageManifest::parse(later.as_bytes()), Err(Error::Schema { .. })));
}

#[test]
fn a_full_check_says_yes_and_then_the_short_one_is_enough() {
    let (centre, _) = centre_with_city();
    let package = centre.package(DEMO_HOSPITAL, None);
    let manifest = &package.built.manifest;
    let report = check_package(package.folder.path(), manifest, package.key()).expect("check");
    assert_eq!(report.tables, manifest.tables.len());
    assert!(same_files(package.folder.path(), manifest, &report.files));
    assert_eq!(file_states(package.folder.path(), manifest).expect("states"), report.files);
    let path = package.folder.path().join(CLAIMS_DB);
    let bytes = std::fs::read(&path).expect("read");
    std::fs::remove_file(&path).expect("remove");
    std::fs::write(&path, bytes).expect("write");
    assert!(!same_files(package.folder.path(), manifest, &report.files), "another inode");
}

#[test]
fn every_tampering_is_refused_by_name() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let package = centre.package("H01", None);
    let folder = package.folder.path();
    let manifest = &package.built.manifest;
    let check = |m: &PackageManifest| check_package(folder, m, package.key());
    check(manifest).expect("good");

    let mut other = manifest.clone();
    other.tables.get_mut("fee_list_d").expect("table").rows += 1;
    assert!(matches!(check(&other), Err(Error::PackageCount { table, what })
        if table == "fee_list_d" && what == "rows"));
    let mut other = manifest.clone();
    let sums = &mut other.tables.get_mut("setl_d").expect("table").sums;
    sums.insert("medfee_sumamt".to_owned(), Amount::from_millionths(1));
    assert!(matches!(check(&other), Err(Error::PackageCount { table, what })
        if table == "setl_d" && what == "medfee_sumamt"));
    let wrong = crate::Key::new([7; 32]);
    assert!(matches!(check_package(folder, manifest, &wrong), Err(Error::PackageKey)));
    assert!(matches!(PackageReader::open(folder, manifest, &wrong), Err(Error::PackageKey)));

    let path = folder.join(CLAIMS_DB);
    let whole = std::fs::read(&path).expect("file");
    std::fs::write(&path, &whole[..whole.len() - 4096]).expect("cut");
    assert!(matches!(check(manifest), Err(Error::PackageFile { reason: "size", .. })));
    let mut bent = whole;
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    std::fs::write(&path, &bent).expect("bend");
    let error = check(manifest).expect_err("bent");
    assert!(matches!(error, Error::PackageFile { reason: "sha256", .. }), "{error}");
    assert_eq!(Trouble::from(error).code, "CLAIMS-PACKAGE-HASH");
    // A forger who also mends the manifest still meets the page HMAC.
    let mut mended = manifest.clone();
    let (_, sha256) = crate::partition::sha256_of_file(&path).expect("hash");
    mended.files.get_mut(CLAIMS_DB).expect("file").sha256 = sha256;
    let error = check(&mended).expect_err("page");
    assert!(matches!(error, Error::PackagePage { .. }), "{error}");
    std::fs::remove_file(&path).expect("remove");
    assert!(matches!(check(manifest), Err(Error::PackageFile { reason: "missing", .. })));
}

#[test]
fn a_page_that_fails_later_stops_the_reading_and_names_the_table() {
    let (centre, made) = centre_with_city();
    let package = centre.package(DEMO_HOSPITAL, None);
    let path = package.folder.path().join(CLAIMS_DB);
    let root: i64 = package
        .open()
        .db()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'fee_list_d'", [], |r| r.get(0))
        .expect("page");
    let reader = package.open();
    // All pages behind the table's root that are not its schema: everything but the first pages.
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).expect("open");
    let at = u64::try_from(root - 1).expect("page") * 4096 + 100;
    file.write_all_at(b"damaged", at).expect("write");
    file.seek(SeekFrom::Start(0)).expect("seek");
    file.flush().expect("flush");
    let page = Page::first(10);
    let trouble = reader
        .fee_lines(&made.double_billed_visit, &FeeFilter::default(), page)
        .expect_err("damaged");
    assert_eq!(trouble.code, "CLAIMS-PACKAGE-PAGE");
    assert!(trouble.message.contains("fee_list_d"), "{trouble}");
    let again = reader.facility().expect_err("stopped");
    assert!(again.message.contains("fee_list_d"), "the table that failed first: {again}");
}

#[test]
fn hot_queries_use_their_indexes() {
    let (centre, _) = centre_with_city();
    let reader = centre.package(DEMO_HOSPITAL, None).open();
    for (sql, index) in [
        ("SELECT * FROM v_mdtrt_d WHERE mdtrt_id = 'x'", "mdtrt_d_0"),
        ("SELECT * FROM v_psn WHERE psn_no = 'x'", "psn_0"),
        ("SELECT COUNT(*) FROM fee_list_d WHERE mdtrt_id = 1", "fee_list_d_0"),
        ("SELECT * FROM setl_d WHERE mdtrt_id = 1", "setl_d_1"),
        ("SELECT id FROM dict WHERE text = 'x'", "dict_text"),
    ] {
        let mut plan = reader.db().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("plan");
        let steps: Vec<String> =
            plan.query_map([], |r| r.get(3)).expect("plan").map(|s| s.expect("step")).collect();
        assert!(steps.iter().any(|s| s.contains(index)), "{sql}: {steps:?}");
        assert!(!steps.iter().any(|s| s.starts_with("SCAN t")), "{sql}: {steps:?}");
    }
}
