//! The rules over a whole city at the centre: kept, encrypted, taken up again, ranked (issue 4, item 6).

use spotcheck_claims::demo::DEMO_HOSPITAL;
use spotcheck_rules::{Finding, Options, json_lines, national};

use super::handheld::no_token_in_clear;
use crate::audits::{self, Auditor, told};
use crate::claims::{ImportOptions, import};
use crate::testing::TestCentre;

fn auditor<'a>(centre: &'a TestCentre, only: Option<&str>) -> Auditor<'a> {
    Auditor::new(centre.centre(), national().map_err(told).unwrap(), only).unwrap()
}

fn codes(centre: &TestCentre) -> Vec<String> {
    let all = crate::claims::facilities(centre.centre()).unwrap();
    all.into_iter().map(|f| f.facility.fixmedins_code).collect()
}

/// Issue 4: findings of every facility are stored with pack and data state; what is up to date is not run
/// again, what an import changed is, and nobody who reads the disk learns a name.
#[test]
fn a_city_is_audited_once_and_again_where_something_changed() {
    let centre = TestCentre::start().unwrap();
    let codes = codes(&centre);
    assert!(codes.len() > 1);
    let all = auditor(&centre, None);
    let mut before = Vec::new();
    for code in &codes {
        assert!(all.up_to_date(code).unwrap().is_none());
        let first = all.run(code, false, &mut ()).unwrap();
        assert!(first.fresh);
        let stored = audits::outcome(centre.centre(), &first.row).unwrap();
        let seen = all.look(code, all.pack(), Options::default(), &mut ()).unwrap();
        assert_eq!((&stored.findings, &stored.silences), (&seen.findings, &seen.silences));
        assert!(!all.run(code, false, &mut ()).unwrap().fresh);
        before.push((code.clone(), first.row.id, json_lines(&stored.findings)));
    }
    // One facility alone sees the same as within the city.
    let one = auditor(&centre, Some(DEMO_HOSPITAL));
    let alone = one.run(DEMO_HOSPITAL, true, &mut ()).unwrap();
    let (_, old, lines) = before.iter().find(|(code, ..)| code == DEMO_HOSPITAL).unwrap();
    assert_ne!(alone.row.id, *old);
    let again = audits::findings(centre.centre(), &alone.row).unwrap();
    assert_eq!(json_lines(&again), *lines);
    // The findings of the run before are gone with it.
    assert!(centre.centre().repo().findings_of(old).unwrap().is_empty());

    // A later export brings one more line of the hospital: the others are only compared.
    let more = tempfile::tempdir().unwrap();
    change_one_line(&centre.folder().join("demo-city"), more.path());
    let options = ImportOptions { from: more.path(), mapping: None, facility: None, check: false };
    import(centre.centre(), &options, &mut |_| {}).unwrap();
    let later = auditor(&centre, None);
    let fresh: Vec<&String> =
        codes.iter().filter(|c| later.run(c, false, &mut ()).unwrap().fresh).collect();
    assert_eq!(fresh, [DEMO_HOSPITAL]);

    // Names, numbers and sentences lie nowhere in clear; the positive control is that they were found.
    let finding = again.iter().find(|f| f.psn_no.is_some()).expect("a finding about a person");
    let person = finding.psn_no.clone().unwrap();
    assert!(finding.body().contains(&person));
    let tokens: [&[u8]; 2] = [person.as_bytes(), finding.reason.as_bytes()];
    assert!(no_token_in_clear(centre.centre().folder().root(), &tokens) > 5);
}

/// Copies the export with one more use of an item that is there already.
fn change_one_line(from: &std::path::Path, to: &std::path::Path) {
    for item in std::fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        if name == "fee_list_d.csv" {
            let text = String::from_utf8(bytes).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let head: Vec<&str> = lines[0].trim_start_matches('\u{feff}').split(',').collect();
            let at =
                |name: &str| head.iter().position(|h| h.trim().eq_ignore_ascii_case(name)).unwrap();
            let (sn, code, kind) = (at("bkkp_sn"), at("fixmedins_code"), at("list_type"));
            // No drug: nobody else's rules look at it.
            let of_the_hospital = |l: &&String| {
                let cells: Vec<&str> = l.split(',').collect();
                cells[code].trim() == DEMO_HOSPITAL && cells[kind].trim().starts_with('2')
            };
            let line = lines[1..].iter().find(of_the_hospital).expect("a service line").clone();
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[sn] = "LATER-1";
            lines.push(cells.join(","));
            bytes = (lines.join("\n") + "\n").into_bytes();
        }
        std::fs::write(to.join(name), bytes).unwrap();
    }
}

/// From the ranked list tasks are made: most money to check first, and it adds up to the findings.
#[test]
fn facilities_are_ranked_by_what_is_to_be_checked() {
    let centre = TestCentre::start().unwrap();
    let all = auditor(&centre, None);
    let mut sums = Vec::new();
    for code in codes(&centre) {
        let row = all.run(&code, false, &mut ()).unwrap().row;
        let findings = audits::findings(centre.centre(), &row).unwrap();
        let checked = |f: &&Finding| f.principal && f.grade.is_for_party();
        let sum = findings.iter().filter(checked).filter_map(|f| f.amount).map(|a| a.millionths());
        let green = findings.iter().filter(|f| f.principal && !f.grade.is_for_party()).count();
        sums.push((code, sum.sum::<i64>(), green as u64));
    }
    let ranked = audits::standings(centre.centre()).unwrap();
    assert_eq!(ranked.len(), sums.len());
    let money: Vec<i64> = ranked.iter().map(|s| s.to_check().amount.millionths()).collect();
    assert!(money.is_sorted_by(|a, b| a >= b), "{money:?}");
    for (code, sum, green) in sums {
        let own = ranked.iter().find(|s| s.fixmedins_code == code).unwrap();
        assert_eq!((own.to_check().amount.millionths(), own.green.findings), (sum, green));
    }
}

/// A run over the whole city does not end at one facility that cannot be read: the others are done, and when it
/// can be read again only it is run.
#[test]
fn one_unreadable_facility_keeps_nobody_from_the_others() {
    use spotcheck_claims::PartitionStore as _;
    let centre = TestCentre::start().unwrap();
    let codes = codes(&centre);
    let broken = codes.iter().find(|c| *c != DEMO_HOSPITAL).unwrap();
    let store = crate::claims::CentrePartitions::new(centre.centre());
    let parts = store.list(Some(broken)).unwrap();
    let path = store.local(parts.first().unwrap()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, vec![7; whole.len()]).unwrap();
    let run = |auditor: &Auditor<'_>| -> Vec<(String, bool)> {
        let done = codes.iter().filter_map(|c| {
            let done = auditor.run(c, false, &mut ()).ok()?;
            Some((c.clone(), done.fresh))
        });
        done.collect()
    };
    let done = run(&auditor(&centre, None));
    assert_eq!(done.len(), codes.len() - 1);
    assert!(done.iter().all(|(c, fresh)| c != broken && *fresh));
    // Still broken: nothing is run a second time.
    assert!(run(&auditor(&centre, None)).iter().all(|(_, fresh)| !fresh));
    std::fs::write(&path, whole).unwrap();
    let mended = run(&auditor(&centre, None));
    assert_eq!(mended.len(), codes.len());
    assert!(mended.iter().any(|(c, fresh)| c == broken && *fresh));
}

/// From the ranked list tasks are made, each with a number of its own; where a task is open none is made.
#[test]
fn tasks_are_made_from_the_top_of_the_ranked_list() {
    use crate::tasks::{NewTask, new_top_tasks};
    use crate::testing::{DEVICE, OFFICERS, TASK};
    let centre = TestCentre::start().unwrap();
    let like = NewTask {
        id: None,
        facility: String::new(),
        officers: OFFICERS.iter().map(|o| (*o).to_owned()).collect(),
        devices: vec![DEVICE.to_owned()],
        period_from: "2026-01-01".to_owned(),
        period_to: "2026-11-15".to_owned(),
        title: "第四季度现场核查".to_owned(),
        mode: spotcheck_domain::vocabulary::Mode::Enforcement,
        basis: Vec::new(),
        document_number: None,
        practice: false,
    };
    let made = |count| new_top_tasks(centre.centre(), &like, count);
    assert!(made(1).is_err(), "nothing is ranked before the rules were run");
    let all = auditor(&centre, None);
    for code in codes(&centre) {
        all.run(&code, false, &mut ()).unwrap();
    }
    let ranked = audits::standings(centre.centre()).unwrap();
    let wanted: Vec<&str> = ranked
        .iter()
        .filter(|s| s.to_check().findings > 0 && s.fixmedins_code != DEMO_HOSPITAL)
        .map(|s| s.fixmedins_code.as_str())
        .collect();
    let done = made(100).unwrap();
    let got: Vec<&str> = done.made.iter().map(|t| t.facility.fixmedins_code.as_str()).collect();
    assert_eq!(got, wanted);
    assert_eq!(done.passed.len(), 1);
    assert_eq!((done.passed[0].0.as_str(), done.passed[0].1.as_str()), (DEMO_HOSPITAL, TASK));
    let again = made(100).unwrap();
    assert!(again.made.is_empty());
    assert_eq!(again.passed.len(), wanted.len() + 1);
}
