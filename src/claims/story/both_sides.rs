//! rules.md: results are equal on centre and handheld. The same engine reads partitions there and the package here, so
//! what can make a difference is what lies in them, and this is what is compared.

use std::collections::BTreeSet;

use spotcheck_domain::columns::ColumnSource;
use spotcheck_rules::{Finding, Options, Pack, audit, json_lines};

use super::{Centre, RealEntropy};
use crate::columns::{PackageColumns, PartitionColumns};
use crate::{Elsewhere, TruthOptions, peer_stats, truth_data};

/// The findings of a facility as stored bodies and as lines of `audit --json-lines`, in their order.
fn told(columns: &dyn ColumnSource, pack: &Pack, facility: &str) -> (String, Vec<String>) {
    let options = Options { facility: Some(facility), ..Options::default() };
    let outcome = audit(columns, pack, options, &mut ()).expect("run");
    let bodies = outcome.findings.iter().map(Finding::body).collect();
    (json_lines(&outcome.findings), bodies)
}

/// Whole packages: nothing may differ, those rules that look at other houses, at boxes of other houses and at peers
/// among them, because what they rest on travels in `psn_other`, `trace_other` and `peer_stat`.
#[test]
fn over_the_planted_city_a_package_tells_the_same_bytes_as_the_centre() {
    let dir = tempfile::tempdir().expect("dir");
    let options = TruthOptions { lines: 20_000, wrong: 9, seed: 31, ..TruthOptions::default() };
    truth_data(dir.path(), &options).expect("city");
    let pack = crate::demo::tests::pack_of(dir.path());
    let centre = Centre::new();
    centre.import(dir.path());
    let city = Elsewhere::gather(&centre.store, None, &centre.work(), &centre.master, &RealEntropy)
        .expect("gather");
    let peers = peer_stats(&centre.store, &centre.master).expect("peers");
    assert!(!peers.is_empty(), "there are houses to compare with");
    let mut rules: BTreeSet<String> = BTreeSet::new();
    let houses = ["H99010100001", "H99010100002", "P99010100001", "P99010100002", "P99010100103"];
    for facility in houses {
        let columns = PartitionColumns::open(&centre.store, facility, &centre.master)
            .and_then(|c| c.with_elsewhere(&city, facility))
            .expect("open")
            .with_peers(&peers);
        let there = told(&columns, &pack, facility);
        let package = centre.package_beside(facility, None, &peers);
        let reader = package.open();
        let here = told(&PackageColumns::new(&reader), &pack, facility);
        assert_eq!(here.0, there.0, "{facility}");
        assert_eq!(here.1, there.1, "{facility}");
        rules.extend(
            there.0.lines().filter_map(|l| l.get(9..)?.split('"').next()).map(str::to_owned),
        );
    }
    // The comparison is about something.
    assert!(rules.len() >= 150, "{}", rules.len());
    for rule in ["A02", "A04", "A06", "C28", "G04", "G07", "H03", "J11"] {
        assert!(rules.contains(rule), "{rule} told nothing: {rules:?}");
    }
}
