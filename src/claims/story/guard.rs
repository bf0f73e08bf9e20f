//! A mapping is code from outside: it may select, and nothing else (claims.md §1).

use std::time::Duration;

use rstest::rstest;

use super::{Centre, export};
use crate::MappingLimits;
use crate::error::Error;

const REST: &str = r#"
[entity.mdtrt_d]
sql = "SELECT mdtrt_id, psn_no, fixmedins_code, begntime FROM mdtrt_d"
[entity.setl_d]
sql = "SELECT setl_id, mdtrt_id, fixmedins_code, medfee_sumamt FROM setl_d"
[entity.fee_list_d]
sql = "SELECT bkkp_sn, mdtrt_id, fixmedins_code, fee_ocur_time, det_item_fee_sumamt FROM fee_list_d"
"#;

fn run(sql: &str, limits: MappingLimits) -> crate::Result<u64> {
    let dir = export(&[]);
    let source = "[source]\nfiles = [\"fixmedins_b.csv\", \"mdtrt_d.csv\", \"setl_d.csv\", \"fee_list_d.csv\"]\n";
    let text =
        format!("{source}[lookup.t]\na = \"b\"\n[entity.fixmedins_b]\nsql = '''{sql}'''\n{REST}");
    let path = dir.path().join("map.toml");
    std::fs::write(&path, text).expect("mapping");
    let centre = Centre::new();
    let change = |r: &mut crate::ImportRequest<'_>| r.limits = limits;
    let result = centre.try_import(dir.path(), Some(&path), change, None);
    let left = std::fs::read_dir(centre.work()).map_or(0, Iterator::count);
    assert_eq!(left, 0, "work files are removed, also after an error");
    Ok(result?.0.entities["fixmedins_b"].imported)
}

#[test]
fn a_select_with_all_helpers_runs() {
    let sql = "SELECT fixmedins_code, fixmedins_name || lookup('t', 'a') AS fixmedins_name,
        gend('female') AS fixmedins_type, money('1,234.50') AS x, sha_id('a', 'b') AS uscc
        FROM fixmedins_b; -- one statement";
    assert_eq!(run(sql, MappingLimits::default()).expect("run"), 1);
}

#[rstest]
#[case("ATTACH DATABASE 'x.db' AS x")]
#[case("PRAGMA table_list")]
#[case("PRAGMA key = 'x'")]
#[case("CREATE TABLE t (a)")]
#[case("INSERT INTO fixmedins_b VALUES ('a', 'b')")]
#[case("DELETE FROM fixmedins_b")]
#[case("UPDATE fixmedins_b SET fixmedins_code = 'x'")]
#[case("DROP TABLE fixmedins_b")]
#[case("VACUUM INTO 'x.db'")]
#[case("SELECT load_extension('x') AS fixmedins_code")]
#[case("SELECT sqlcipher_export('x') AS fixmedins_code")]
#[case("SELECT readfile('x') AS fixmedins_code")]
#[case("SELECT name AS fixmedins_code FROM sqlite_schema")]
#[case("SELECT name AS fixmedins_code FROM pragma_table_list")]
#[case("SELECT fixmedins_code FROM fixmedins_b; DELETE FROM fixmedins_b")]
#[case("SELECT fixmedins_code FROM fixmedins_b; ATTACH 'x' AS y")]
#[case("BEGIN")]
#[case("EXPLAIN SELECT 1 AS fixmedins_code")]
#[case("SELECT fixmedins_code FROM no_such_table")]
#[case("SELECT randomblob(1000000000) AS fixmedins_code")]
#[case("SELECT fixmedins_name FROM fixmedins_b")]
fn everything_else_is_refused_and_says_where(#[case] sql: &str) {
    let error = run(sql, MappingLimits::default()).expect_err(sql);
    match error {
        Error::Mapping { file, place, message } => {
            assert_eq!((file.as_str(), place.as_str()), ("map.toml", "entity.fixmedins_b"));
            assert!(!message.is_empty());
        }
        other => panic!("{sql}: {other}"),
    }
}

#[test]
fn an_endless_query_is_cut_off() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT MAX(i) AS fixmedins_code FROM n";
    let limits = MappingLimits { time: Duration::from_millis(300), ..MappingLimits::default() };
    let error = run(endless, limits).expect_err("cut off");
    assert!(error.to_string().contains("超过时间限制"), "{error}");
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT 'H' || i AS fixmedins_code FROM n";
    let limits = MappingLimits { rows: 1000, ..MappingLimits::default() };
    let error = run(many, limits).expect_err("cut off");
    assert!(error.to_string().contains("1000"), "{error}");
    let hoard = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n),
        b AS (SELECT printf('%01000d', i) AS t FROM n) SELECT t AS fixmedins_code FROM b ORDER BY t";
    let limits = MappingLimits { memory: 64 << 20, ..MappingLimits::default() };
    let error = run(hoard, limits).expect_err("cut off");
    assert!(error.to_string().contains("超过内存限制"), "{error}");
}

#[test]
fn a_real_counts_as_the_nearest_decimal_or_is_rejected() {
    let dir = export(&[]);
    let text = r#"
[source]
files = ["fixmedins_b.csv", "mdtrt_d.csv", "fee_list_d.csv"]
[entity.fixmedins_b]
sql = "SELECT fixmedins_code FROM fixmedins_b"
[entity.mdtrt_d]
sql = "SELECT mdtrt_id, psn_no, fixmedins_code FROM mdtrt_d"
[entity.setl_d]
sql = """SELECT 'A' AS setl_id, 'V1' AS mdtrt_id, 0.1 + 0.2 AS medfee_sumamt
  UNION ALL SELECT 'B', 'V1', 1.0 / 3 UNION ALL SELECT 'C', 'V1', 5
  UNION ALL SELECT 'D', 'V1', '1,000.5' UNION ALL SELECT 'E', 'V1', x'00'"""
[entity.fee_list_d]
sql = "SELECT bkkp_sn, mdtrt_id, dsum(det_item_fee_sumamt) AS det_item_fee_sumamt, '2026-01-06' AS fee_ocur_time FROM fee_list_d GROUP BY 1, 2"
"#;
    let path = dir.path().join("map.toml");
    std::fs::write(&path, text).expect("mapping");
    let (report, rejects) =
        Centre::new().try_import(dir.path(), Some(&path), |_| (), None).expect("import");
    assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], "1005.80");
    let lines: Vec<u64> = rejects.iter().map(|r| r.line).collect();
    assert_eq!(lines, vec![3, 6], "rows 2 and 5 of the result: {rejects:?}");
    assert_eq!(report.entities["fee_list_d"].sums["det_item_fee_sumamt"], "110.00");
}

#[rstest]
#[case("x = 1", "TOML")]
#[case("[source]\nfiles = []\n[entity.nothing]\nsql = 'SELECT 1'", "entity.nothing")]
#[case("[source]\nencoding = 'ebcdic'\nfiles = []\n[entity.psn]\nsql = ''", "source.encoding")]
fn a_mapping_that_is_none_is_refused(#[case] text: &str, #[case] place: &str) {
    let error = crate::mapping::Mapping::parse("map.toml", text).expect_err("refused");
    assert!(error.to_string().contains(place), "{error}");
}
