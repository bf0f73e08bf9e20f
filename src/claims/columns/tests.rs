//! The columns of a package and of partitions are the rows that were imported.

use std::collections::BTreeMap;

use spotcheck_domain::columns::{Batch, ColumnSource, Want, code, number, text, time};

use super::{PackageColumns, PartitionColumns};
use crate::demo::DEMO_HOSPITAL;
use crate::elsewhere::Elsewhere;
use crate::partition::PartitionStore;
use crate::story::{Centre, RealEntropy, city, export};

const WANTS: &[Want] = &[
    code("mdtrt_id"),
    text("bkkp_sn"),
    time("fee_ocur_time"),
    code("med_list_codg"),
    number("det_item_fee_sumamt"),
];

/// All lines with texts for codes, sorted.
fn lines(source: &dyn ColumnSource) -> Vec<(String, String, String, String, Option<i64>)> {
    let mut raw = Vec::new();
    let mut each = |batch: &Batch| {
        for row in 0..batch.len() {
            raw.push((
                [batch.code(0, row), batch.code(3, row)],
                batch.text(1, row).unwrap_or_default().to_owned(),
                batch.time(2, row).map(|t| t.display()).unwrap_or_default(),
                batch.number(4, row),
                batch.rows[row],
            ));
        }
        Ok(())
    };
    source.scan("fee_list_d", WANTS, &mut each).expect("scan");
    let rows: Vec<u64> = raw.iter().map(|r| r.4).collect();
    let serials = source.cell_texts("fee_list_d", "bkkp_sn", &rows).expect("texts");
    for (r, serial) in raw.iter().zip(serials) {
        assert_eq!(serial.as_deref(), Some(r.1.as_str()), "the row number finds its row again");
    }
    let mut memo: BTreeMap<u32, String> = BTreeMap::new();
    let mut text = |code: u32| -> String {
        memo.entry(code).or_insert_with(|| source.texts(&[code]).expect("text").remove(0)).clone()
    };
    let mut lines: Vec<_> =
        raw.into_iter().map(|r| (text(r.0[0]), r.1, r.2, text(r.0[1]), r.3)).collect();
    lines.sort();
    lines
}

#[test]
fn package_and_partitions_give_the_same_columns() {
    let (dir, _) = city();
    let centre = Centre::new();
    centre.import(dir.path());
    let package = centre.package(DEMO_HOSPITAL, None);
    let reader = package.open();
    let handheld = PackageColumns::new(&reader);
    let central =
        PartitionColumns::open(&centre.store, DEMO_HOSPITAL, &centre.master).expect("open");
    let (a, b) = (lines(&handheld), lines(&central));
    assert!(!a.is_empty());
    assert_eq!(u64::try_from(a.len()).expect("count"), handheld.rows("fee_list_d").expect("rows"));
    assert_eq!(a, b);
    let some = &a[0].3;
    let known = handheld.code(some).expect("code").expect("known");
    assert_eq!(handheld.texts(&[known]).expect("text"), std::slice::from_ref(some));
    assert_eq!(handheld.code("没有这个编码").expect("code"), None);
    assert_eq!(
        handheld.cutoff("fee_list_d").expect("cutoff").map(|c| c.at),
        central.cutoff("fee_list_d").expect("cutoff").map(|c| c.at)
    );
}

/// What persons did elsewhere: (kind, person, facility, begin, item), sorted.
fn elsewhere(source: &dyn ColumnSource) -> Vec<(String, Vec<String>, Option<i64>)> {
    let wants = [
        text("kind"),
        code("psn_no"),
        code("fixmedins_code"),
        time("begntime"),
        code("med_list_codg"),
        number("medfee_sumamt"),
    ];
    let mut raw = Vec::new();
    let mut each = |batch: &Batch| {
        for row in 0..batch.len() {
            raw.push((
                batch.text(0, row).unwrap_or_default().to_owned(),
                [batch.code(1, row), batch.code(2, row), batch.code(4, row)],
                batch.time(3, row).map(|t| t.display()).unwrap_or_default(),
                batch.number(5, row),
            ));
        }
        Ok(())
    };
    source.scan("psn_other", &wants, &mut each).expect("scan");
    assert_eq!(source.rows("psn_other").expect("rows"), u64::try_from(raw.len()).expect("count"));
    let mut rows: Vec<_> = raw
        .into_iter()
        .map(|(kind, codes, begin, sum)| {
            let known: Vec<u32> = codes.iter().copied().filter(|c| *c > 0).collect();
            let mut words = source.texts(&known).expect("texts");
            words.push(begin);
            (kind, words, sum)
        })
        .collect();
    rows.sort();
    rows
}

/// rules.md: cross-facility rules speak alike at the centre and on the handheld, whether the centre looks at
/// one facility or at all of them.
#[test]
fn what_persons_did_elsewhere_is_the_same_in_the_package_and_at_the_centre() {
    let (dir, _) = city();
    let centre = Centre::new();
    centre.import(dir.path());
    let gather = |only: Option<&str>| {
        let work = centre.work();
        Elsewhere::gather(&centre.store, only, &work, &centre.master, &RealEntropy).expect("gather")
    };
    let all = gather(None);
    let mut codes: Vec<String> =
        centre.store.list(None).expect("list").into_iter().map(|p| p.key.facility).collect();
    codes.dedup();
    let mut rows = 0;
    for facility in codes.iter().filter(|c| !c.is_empty()) {
        let package = centre.package(facility, None);
        let reader = package.open();
        let packed = elsewhere(&PackageColumns::new(&reader));
        let one = gather(Some(facility));
        for city in [&all, &one] {
            let columns = PartitionColumns::open(&centre.store, facility, &centre.master)
                .and_then(|c| c.with_elsewhere(city, facility))
                .expect("open");
            assert_eq!(elsewhere(&columns), packed, "{facility}");
        }
        assert_eq!(all.digest(facility).expect("digest"), one.digest(facility).expect("digest"));
        rows += packed.len();
    }
    assert!(rows > 0, "the city has persons who go to two places");
}

/// Settlements of the boxes elsewhere: (code, house, when, kind of visit, taken back, by the piece).
fn boxes(source: &dyn ColumnSource) -> Vec<[String; 6]> {
    let wants = [
        text("drug_trac_codg"),
        code("fixmedins_name"),
        time("setl_time"),
        code("med_type"),
        code("refd_flag"),
        code("trdn_flag"),
    ];
    let mut raw = Vec::new();
    let mut each = |b: &Batch| {
        for row in 0..b.len() {
            raw.push((
                b.text(0, row).unwrap_or_default().to_owned(),
                b.time(2, row).map(|t| t.display()).unwrap_or_default(),
                [b.code(1, row), b.code(3, row), b.code(4, row), b.code(5, row)],
            ));
        }
        Ok(())
    };
    source.scan("trace_other", &wants, &mut each).expect("scan");
    assert_eq!(source.rows("trace_other").expect("rows"), raw.len() as u64);
    assert!(source.carries("trace_other").expect("carries"));
    let word = |code: u32| source.texts(&[code]).expect("text").remove(0);
    let row = |(box_of, at, c): (String, String, [u32; 4])| {
        [box_of, word(c[0]), at, word(c[1]), word(c[2]), word(c[3])]
    };
    raw.into_iter().map(row).collect()
}

/// G04, G07: of all boxes of the city a house gets those that it knows itself, as they were settled elsewhere, and no
/// word of whose they were.
#[test]
fn boxes_that_two_houses_know_are_the_same_in_the_package_and_at_the_centre() {
    let stock = "fixmedins_code,fixmedins_bchno,med_list_codg";
    let shelf = format!(
        "{stock},invdate,inv_cnt,drug_trac_codg\nH01,1,X1,2026-03-20,4,\"C1,C2, C3 ,C6\"\n"
    );
    let sold = format!(
        "{stock},sel_retn_time,rtal_docno,sel_retn_cnt,trdn_flag,drug_trac_codg\nH02,1,X1,2026-03-01,1,9,1,C2\n"
    );
    let back = format!(
        "{stock},sel_retn_time,medins_prod_sel_no,sel_retn_cnt,drug_trac_codg\nH02,1,X1,2026-03-02,1,1,C3\n"
    );
    let mut trace =
        "drug_trac_codg,fixmedins_code,setl_id,mdtrt_id,psn_no,med_list_codg,setl_time,refd_flag\n\
         C1,H02,S2,V2,P2,X1,2026-03-01 10:00:00,0\nC2,H02,S2,V2,P2,X1,2026-03-01 10:00:00,0\n\
         C3,H02,S2,V2,P2,X1,2026-03-01 10:00:00,0\nC4,H02,S2,V2,P2,X1,2026-03-01 10:00:00,0\n\
         C5,H01,S1,V1,P1,X1,2026-01-20 10:30:00,0\nC5,H02,S3,V3,P2,X1,2026-03-03 10:00:00,0\n"
            .to_owned();
    // A stop-gap for goods without a code: seventy settlements show it as well as a million.
    for n in 0..70 {
        trace.push_str(&format!("C6,H02,T{n},V3,P2,X1,2026-03-04 11:{:02}:00,0\n", n % 60));
    }
    let dir = export(&[
        ("fixmedins_b.csv", b"fixmedins_code,fixmedins_name\nH01,\xe7\x94\xb2\nH02,\xe4\xb9\x99\n"),
        (
            "mdtrt_d.csv",
            b"mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime\n\
              V1,P1,H01,21,2026-01-05 08:00:00,2026-01-20 10:00:00\n\
              V2,P2,H02,41,2026-03-01 10:00:00,2026-03-01 10:00:00\n\
              V3,P2,H02,41,2026-03-03 10:00:00,2026-03-03 10:00:00\n",
        ),
        (
            "setl_d.csv",
            b"setl_id,mdtrt_id,psn_no,fixmedins_code,setl_time,medfee_sumamt,refd_setl_flag,init_setl_id\n\
              S1,V1,P1,H01,2026-01-20 10:30:00,100.10,0,\n\
              S2,V2,P2,H02,2026-03-01 10:00:00,10,0,\n\
              S3,V3,P2,H02,2026-03-03 10:00:00,10,0,\n\
              S4,V3,P2,H02,2026-03-03 10:30:00,-10,1,S3\n",
        ),
        ("trace.csv", trace.as_bytes()),
        ("inv_check.csv", shelf.as_bytes()),
        ("inv_sale.csv", sold.as_bytes()),
        ("inv_sale_return.csv", back.as_bytes()),
    ]);
    let centre = Centre::new();
    let (_, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty(), "{rejects:?}");
    let gather = |only: Option<&str>| {
        let work = centre.work();
        Elsewhere::gather(&centre.store, only, &work, &centre.master, &RealEntropy).expect("gather")
    };
    let all = gather(None);
    for (facility, rows) in [("H01", 68), ("H02", 1)] {
        let package = centre.package(facility, None);
        let reader = package.open();
        let packed = boxes(&PackageColumns::new(&reader));
        assert_eq!(packed.len(), rows, "{packed:?}");
        let one = gather(Some(facility));
        for city in [&all, &one] {
            let columns = PartitionColumns::open(&centre.store, facility, &centre.master)
                .and_then(|c| c.with_elsewhere(city, facility))
                .expect("open");
            assert_eq!(boxes(&columns), packed, "{facility}");
        }
        assert_eq!(all.digest(facility).expect("digest"), one.digest(facility).expect("digest"));
        if facility == "H02" {
            assert_eq!(packed[0], ["C5", "甲", "2026-01-20 10:30:00", "21", "0", "0"]);
            continue;
        }
        let at = "2026-03-01 10:00:00";
        assert_eq!(packed[0], ["C1", "乙", at, "41", "0", "0"]);
        assert_eq!(packed[1], ["C2", "乙", at, "41", "0", "1"], "sold by the piece");
        assert_eq!(packed[2], ["C3", "乙", at, "41", "1", "0"], "brought back");
        assert_eq!(packed[3], ["C5", "乙", "2026-03-03 10:00:00", "41", "1", "0"], "cancelled");
        assert!(
            packed[4..].iter().all(|r| r[0] == "C6"),
            "and C4, which nobody here knows, is not"
        );
    }
    // What was made by an older centre carries no such table: the rules say so.
    let alone = PartitionColumns::open(&centre.store, "H01", &centre.master).expect("open");
    assert!(!alone.carries("trace_other").expect("carries"));
}

/// claims.md §2: rules read the peers' figures and never recompute them; without five facilities of a level
/// there is no group, and the rule is silent.
#[test]
fn figures_of_the_peers_read_as_they_were_made() {
    let (dir, _) = city();
    let centre = Centre::new();
    centre.import(dir.path());
    assert!(crate::peer_stats(&centre.store, &centre.master).expect("peers").is_empty());
    let columns =
        PartitionColumns::open(&centre.store, DEMO_HOSPITAL, &centre.master).expect("open");
    let peers = [crate::PeerStat {
        rule: "J11".to_owned(),
        grp: "hosp_lv=05".to_owned(),
        period: "all".to_owned(),
        n: 6,
        median: Some(spotcheck_domain::Amount::from_millionths(12_500_000)),
        ..crate::PeerStat::default()
    }];
    let columns = columns.with_peers(&peers);
    assert_eq!(columns.rows("peer_stat").expect("rows"), 1);
    let wants = [text("grp"), number("n"), number("median"), number("mad")];
    let mut seen = Vec::new();
    let mut each = |b: &Batch| {
        seen.push((
            b.text(0, 0).map(str::to_owned),
            [b.number(1, 0), b.number(2, 0), b.number(3, 0)],
        ));
        Ok(())
    };
    columns.scan("peer_stat", &wants, &mut each).expect("scan");
    assert_eq!(seen, [(Some("hosp_lv=05".to_owned()), [Some(6), Some(12_500_000), None])]);
    // The package carries the same figures, and they are read there as well: the table has no row numbers.
    let package = centre.package_beside(DEMO_HOSPITAL, None, &peers);
    let reader = package.open();
    let mut packed = Vec::new();
    let mut each = |b: &Batch| {
        packed.push((
            b.text(0, 0).map(str::to_owned),
            [b.number(1, 0), b.number(2, 0), b.number(3, 0)],
        ));
        Ok(())
    };
    PackageColumns::new(&reader).scan("peer_stat", &wants, &mut each).expect("scan");
    assert_eq!(packed, [(Some("hosp_lv=05".to_owned()), [Some(6), Some(12_500_000), None])]);
}

#[test]
fn what_the_contract_does_not_know_is_refused() {
    let (dir, _) = city();
    let centre = Centre::new();
    centre.import(dir.path());
    let package = centre.package(DEMO_HOSPITAL, None);
    let reader = package.open();
    let source = PackageColumns::new(&reader);
    let refused = |entity: &str, want: Want| {
        source.scan(entity, &[want], &mut |_| Ok(())).expect_err("refused").code
    };
    assert_eq!(refused("fee_list_d", code("no_such_column")), "COLUMNS-UNKNOWN");
    assert_eq!(refused("fee_list_d", code("bkkp_sn")), "COLUMNS-UNKNOWN");
    assert_eq!(refused("no_such_table", code("mdtrt_id")), "COLUMNS-UNKNOWN");
}
