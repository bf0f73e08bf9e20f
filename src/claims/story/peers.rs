//! The same figures from programs that nobody here wrote: another SQLCipher reader, another SQL engine.

use std::collections::BTreeMap;

use super::{Centre, centre_with_city, city, python};
use crate::demo::DEMO_HOSPITAL;
use crate::package::CLAIMS_DB;

const APSW: &str = r#"
import sys, json, apsw
path, key, tables = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
db = apsw.Connection("file:" + path + "?mode=ro&immutable=1",
    flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
db.pragma("cipher", "sqlcipher"); db.pragma("legacy", 4); db.pragma("hmac_algorithm", 1)
db.pragma("key", "x'" + key + "'")
counts = {t: list(db.execute(f"SELECT COUNT(*) FROM {t}"))[0][0] for t in tables}
counts["sum"] = list(db.execute("SELECT SUM(medfee_sumamt) FROM setl_d"))[0][0]
counts["first"] = list(db.execute("SELECT mdtrt_id FROM v_mdtrt_d ORDER BY 1 LIMIT 1"))[0][0]
print(json.dumps(counts))
"#;

#[test]
fn another_sqlcipher_reader_opens_the_package_and_counts_the_same() {
    let test = "another_sqlcipher_reader_opens_the_package_and_counts_the_same";
    let (centre, _) = centre_with_city();
    let package = centre.package(DEMO_HOSPITAL, None);
    let manifest = &package.built.manifest;
    let path = package.folder.path().join(CLAIMS_DB);
    let tables: Vec<&str> = manifest.tables.keys().map(String::as_str).collect();
    let args =
        [path.to_str().expect("path"), &hex::encode(package.key().as_slice()), &tables.join(",")];
    let Some(out) = python(test, &["apsw"], APSW, &args) else { return };
    let counts: BTreeMap<String, serde_json::Value> = serde_json::from_str(&out).expect("json");
    for (name, table) in &manifest.tables {
        assert_eq!(counts[name].as_u64(), Some(table.rows), "{name}");
    }
    let sum = manifest.tables["setl_d"].sums["medfee_sumamt"].millionths();
    assert_eq!(counts["sum"].as_i64(), Some(sum));
    assert!(counts["first"].as_str().expect("text").starts_with("990101G"));
}

const DUCKDB: &str = r#"
import sys, json, duckdb
folder = sys.argv[1]
def t(name): return f"read_csv('{folder}/{name}.csv', all_varchar=true, header=true)"
one = lambda q: str(duckdb.sql(q).fetchall()[0][0])
print(json.dumps({
  "fee": one(f"SELECT SUM(CAST(det_item_fee_sumamt AS DECIMAL(18,2))) FROM {t('fee_list_d')}"),
  "setl": one(f"SELECT SUM(CAST(medfee_sumamt AS DECIMAL(18,2))) FROM {t('setl_d')}"),
  "fund": one(f"SELECT SUM(CAST(fund_pay_sumamt AS DECIMAL(18,2))) FROM {t('setl_d')}"),
  "off": one(f"""SELECT COUNT(*) FROM (SELECT setl_id, SUM(CAST(det_item_fee_sumamt AS DECIMAL(18,2))) s
     FROM {t('fee_list_d')} WHERE setl_id <> '' GROUP BY 1) f JOIN {t('setl_d')} USING (setl_id)
     WHERE f.s <> CAST(medfee_sumamt AS DECIMAL(18,2))"""),
  "hospital": one(f"SELECT COUNT(*) FROM {t('fee_list_d')} WHERE fixmedins_code = '{sys.argv[2]}'"),
}))
"#;

#[test]
fn another_engine_adds_up_the_demo_city_to_the_same_cents() {
    let test = "another_engine_adds_up_the_demo_city_to_the_same_cents";
    let (dir, _) = city();
    let args = [dir.path().to_str().expect("path"), DEMO_HOSPITAL];
    let Some(out) = python(test, &["duckdb"], DUCKDB, &args) else { return };
    let theirs: BTreeMap<String, String> = serde_json::from_str(&out).expect("json");
    let centre = Centre::new();
    let (report, _) = centre.import(dir.path());
    assert_eq!(report.entities["fee_list_d"].sums["det_item_fee_sumamt"], theirs["fee"]);
    assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], theirs["setl"]);
    assert_eq!(report.entities["setl_d"].sums["fund_pay_sumamt"], theirs["fund"]);
    assert_eq!(theirs["off"], "0", "settlements that differ from their lines");
    let package = centre.package(DEMO_HOSPITAL, None);
    let lines = package.built.manifest.tables["fee_list_d"].rows;
    assert_eq!(lines.to_string(), theirs["hospital"]);
}
