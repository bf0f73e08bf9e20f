//! The dirt of real exports (claims.md §1), as text, XLSX and DBF, and exactly the broken rows rejected.

use std::io::Write as _;
use std::path::Path;

use super::{Centre, export, python};
use crate::partition::{PartitionKey, PartitionReader, PartitionStore as _};

fn column(centre: &Centre, month: &str, sql: &str) -> Vec<String> {
    let partition = centre.store.current(&PartitionKey::new("H01", month)).unwrap().expect(month);
    let reader = PartitionReader::open(&centre.store, &partition, &centre.master).expect("open");
    let mut statement = reader.db().prepare(sql).expect("sql");
    let rows = statement.query_map([], |r| r.get::<_, Option<String>>(0)).expect("query");
    rows.map(|r| r.expect("row").unwrap_or_default()).collect()
}

#[test]
fn bom_crlf_upper_case_headers_trailing_tabs_and_lost_zeros() {
    let centre = Centre::new();
    let facility =
        "\u{feff}FIXMEDINS_CODE\t,FIXMEDINS_NAME\t,HOSP_LV\t\r\nH01\t,示例医院\t,5\t\r\n";
    let fee = "\u{feff}FEEDETL_SN\t,MDTRT_ID\t,FEE_OCUR_TIME\t,CHRGITM_LV\t,BILG_DR_CODG\t,DET_ITEM_FEE_SUMAMT\t,HIS_NO\t\r\n\
         001\t,V1\t,20260106\t,1\t,D01\t,50.10\t,x\t\r\n";
    let dir =
        export(&[("fixmedins_b.csv", facility.as_bytes()), ("fee_list_d.csv", fee.as_bytes())]);
    let (report, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(column(&centre, "base", "SELECT hosp_lv FROM fixmedins_b"), vec!["05"]);
    assert_eq!(column(&centre, "2026-01", "SELECT bkkp_sn FROM fee_list_d"), vec!["001"]);
    assert_eq!(column(&centre, "2026-01", "SELECT chrgitm_lv FROM fee_list_d"), vec!["01"]);
    assert_eq!(column(&centre, "2026-01", "SELECT bilg_dr_code FROM fee_list_d"), vec!["D01"]);
    assert_eq!(column(&centre, "2026-01", "SELECT fee_ocur_time_p FROM fee_list_d"), vec!["d"]);
    assert_eq!(column(&centre, "2026-01", "SELECT fixmedins_code FROM fee_list_d"), vec!["H01"]);
    assert_eq!(report.ignored_columns["fee_list_d.csv"], vec!["HIS_NO"]);
    assert_eq!(report.encodings["fee_list_d.csv"], "utf-8");
}

#[test]
fn gb18030_is_recognised_and_one_broken_byte_does_not_make_it_so() {
    let text = "psn_no,psn_name\nP1,张三\nP2,欧阳·李四𠮷\n";
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    let centre = Centre::new();
    let (report, rejects) = centre.import(export(&[("psn.csv", &gb)]).path());
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(report.encodings["psn.csv"], "gb18030");
    let region = centre.store.current(&PartitionKey::new("", "base")).unwrap().unwrap();
    let reader = PartitionReader::open(&centre.store, &region, &centre.master).expect("open");
    let name: String = reader
        .db()
        .query_row("SELECT psn_name FROM psn WHERE psn_no = 'P2'", [], |r| r.get(0))
        .expect("row");
    assert_eq!(name, "欧阳·李四𠮷");

    let mut broken = "psn_no,psn_name\nP1,张三李四王五\nP2,赵六孙七周八\nP3,".as_bytes().to_vec();
    broken.extend_from_slice(&[0xe5, 0xbc]);
    broken.extend_from_slice("\nP4,吴九\n".as_bytes());
    let (report, rejects) = Centre::new().import(export(&[("psn.csv", &broken)]).path());
    assert_eq!(report.encodings["psn.csv"], "utf-8");
    assert_eq!(report.entities["psn"].imported, 3);
    assert_eq!((rejects.len(), rejects[0].line), (1, 4));
    assert_eq!(rejects[0].reason, "编码错误");
}

#[test]
fn exactly_the_broken_rows_are_rejected_with_line_column_and_reason() {
    let fee = "bkkp_sn,mdtrt_id,fee_ocur_time,cnt,det_item_fee_sumamt,hilist_name\n\
         1,V1,2026-01-06,1,50.10,好\n\
         2,V1,2026-13-06,1,50,坏时间\n\
         3,V1,2026-01-06,一,50,坏数量\n\
         4,V1,2026-01-06,1,50.12345678,太细\n\
         ,V1,2026-01-06,1,50,没有流水号\n\
         6,V1,2026-01-06,1,50\n\
         7,V1,2026-01-06,1,50,多,一列\n\
         8,V1,2026-01-06,1,1e3,科学计数\n\
         9,V1,2026-01-06,1,50,\"引号没有配对\n\
         10,V1,2026-01-06,1,60,\"引号里有,逗号\"\n\
         11,V1,2026-01-06,-1,-60,退费\n\
         12,V1,09:30:00,1,50,只剩时间\n\
         13,V1,2026-01-06,1,70,\"两行\n的名称\"\n";
    let centre = Centre::new();
    let (report, rejects) = centre.import(export(&[("fee_list_d.csv", fee.as_bytes())]).path());
    let found: Vec<(u64, &str)> = rejects.iter().map(|r| (r.line, r.column.as_str())).collect();
    assert_eq!(
        found,
        vec![
            (3, "fee_ocur_time"),
            (4, "cnt"),
            (5, "det_item_fee_sumamt"),
            (6, "bkkp_sn"),
            (7, ""),
            (8, ""),
            (9, "det_item_fee_sumamt"),
            (10, ""),
            (13, "fee_ocur_time"),
        ]
    );
    let counts = &report.entities["fee_list_d"];
    assert_eq!((counts.read, counts.imported, counts.rejected), (13, 4, 9));
    assert_eq!(counts.sums["det_item_fee_sumamt"], "120.10");
    assert!(rejects.iter().all(|r| !r.reason.is_empty() && r.file == "fee_list_d.csv"));
    assert_eq!(rejects[0].cells[1], "V1");
}

#[test]
fn rejects_are_kept_encrypted_and_come_back_in_a_form_that_imports() {
    let centre = Centre::new();
    let fee = "bkkp_sn,mdtrt_id,fee_ocur_time,det_item_fee_sumamt,hilist_name\n\
         1,V1,2026-01-06,x,示例药品甲\n2,V1,2026-01-06,10,示例药品乙\n";
    let dir = export(&[("fee_list_d.csv", fee.as_bytes())]);
    let path = centre.dir.path().join("rejects.db");
    let key = centre.master.derive("rejects", "1").expect("key");
    let (_, list) = centre.import(dir.path());
    {
        let mut kept = crate::RejectsDb::create(&path, &key).expect("create");
        for reject in &list {
            crate::RejectSink::reject(&mut kept, reject).expect("keep");
        }
    }
    let bytes = std::fs::read(&path).expect("file");
    let plain = "示例药品甲".as_bytes();
    assert!(!bytes.windows(plain.len()).any(|w| w == plain));
    let kept = crate::RejectsDb::open(&path, &key).expect("open");
    assert_eq!(kept.counts().expect("counts"), vec![("fee_list_d".to_owned(), 1)]);
    let mut out = Vec::new();
    assert_eq!(kept.export_csv("fee_list_d", &mut out).expect("export"), 1);
    let text = String::from_utf8(out).expect("text").replace(",x,", ",5,");
    assert!(text.contains("_line,_column,_reason,bkkp_sn"), "{text}");
    let (report, rejects) = centre.import(export(&[("fee_list_d.csv", text.as_bytes())]).path());
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(report.entities["fee_list_d"].imported, 1);
    assert!(report.ignored_columns.is_empty(), "{:?}", report.ignored_columns);
}

#[test]
fn missing_tables_and_columns_are_named() {
    let dir = export(&[]);
    std::fs::remove_file(dir.path().join("setl_d.csv")).expect("remove");
    let error = Centre::new().try_import(dir.path(), None, |_| (), None).expect_err("refused");
    assert!(error.to_string().contains("setl_d"), "{error}");
    let dir = export(&[("fee_list_d.csv", b"bkkp_sn,cnt\n1,1\n")]);
    let error = Centre::new().try_import(dir.path(), None, |_| (), None).expect_err("refused");
    assert!(error.to_string().contains("mdtrt_id"), "{error}");
    let trouble = spotcheck_domain::Trouble::from(error);
    assert_eq!(trouble.code, "CLAIMS-IMPORT-FILE");
}

fn zipped(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::with_suffix(".zip").expect("file");
    {
        let mut zip = zip::ZipWriter::new(&mut file);
        let options = zip::write::SimpleFileOptions::default();
        for (name, bytes) in files {
            zip.start_file(*name, options).expect("entry");
            zip.write_all(bytes).expect("bytes");
        }
        zip.finish().expect("zip");
    }
    file
}

#[test]
fn a_zip_is_read_without_unpacking() {
    let dir = export(&[]);
    let names = ["fixmedins_b.csv", "mdtrt_d.csv", "setl_d.csv", "fee_list_d.csv"];
    let files: Vec<(String, Vec<u8>)> = names
        .iter()
        .map(|n| (format!("导出/{n}"), std::fs::read(dir.path().join(n)).expect("file")))
        .collect();
    let list: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let zip = zipped(&list);
    let (report, rejects) = Centre::new().import(zip.path());
    assert!(rejects.is_empty());
    assert_eq!(report.entities["fee_list_d"].imported, 3);
    assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], "100.10");
}

/// Workbooks as an office makes them, written by openpyxl.
const WORKBOOK: &str = r#"
import sys, datetime, openpyxl
folder = sys.argv[1]
def book(name, rows):
    w = openpyxl.Workbook(); s = w.active
    for r in rows: s.append(r)
    w.save(f"{folder}/{name}.xlsx")
book("fixmedins_b", [["fixmedins_code","fixmedins_name"],["H01","示例医院"]])
book("mdtrt_d", [["MDTRT_ID","PSN_NO","FIXMEDINS_CODE","BEGNTIME"],
  [123,"P1","H01",datetime.datetime(2026,1,5,8,30,15)],
  ["V2",9901000000000001,"H01",datetime.date(2026,1,6)],
  [None,None,None,None],
  ["V3","P3","H01","2026-01-07 10:00"]])
book("setl_d", [["setl_id","mdtrt_id","fixmedins_code","medfee_sumamt"],["S1","123","H01",0.1+0.2],["S2","V2","H01","1,234.50"]])
w = openpyxl.Workbook(); s = w.active; s.title = "说明"; s.append(["本表由示例系统导出"])
for part, rows in (("明细1", [["1","123","2026-01-06",10.5]]), ("明细2", [["2","123","2026-01-06",0.12345678],["3","V2","2026-02-06",20]])):
    s = w.create_sheet(part); s.append(["bkkp_sn","mdtrt_id","fee_ocur_time","det_item_fee_sumamt"])
    for r in rows: s.append(r)
w.save(f"{folder}/fee_list_d.xlsx")
"#;

#[test]
fn workbooks_written_by_openpyxl() {
    let test = "workbooks_written_by_openpyxl";
    let dir = tempfile::tempdir().expect("dir");
    let folder = dir.path().to_str().expect("path");
    if python(test, &["openpyxl"], WORKBOOK, &[folder]).is_none() {
        return;
    }
    let centre = Centre::new();
    let (report, rejects) = centre.import(dir.path());
    let found: Vec<_> = rejects.iter().map(|r| (r.entity.as_str(), r.column.as_str())).collect();
    // 16 digits in a number cell: Excel keeps fifteen, the id is not to be trusted.
    assert_eq!(found, vec![("mdtrt_d", "PSN_NO"), ("fee_list_d", "det_item_fee_sumamt")]);
    assert_eq!(
        column(&centre, "base", "SELECT mdtrt_id FROM mdtrt_d ORDER BY 1"),
        vec!["123", "V3"]
    );
    let times = "SELECT begntime_p || begntime FROM mdtrt_d ORDER BY mdtrt_id";
    let at = |text: &str| crate::cell::time(text).expect("time").at.seconds();
    assert_eq!(
        column(&centre, "base", times),
        vec![format!("s{}", at("2026-01-05 08:30:15")), format!("m{}", at("2026-01-07 10:00:00"))]
    );
    assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], "1234.80");
    assert_eq!(report.entities["fee_list_d"].read, 3);
    assert!(report.ignored_files.iter().any(|f| f == "fee_list_d.xlsx#说明"), "{report:?}");
}

/// A DBF with the dbase crate's own writer, numbers as a FoxPro system keeps them.
fn dbf(path: &Path, encoding: &'static encoding_rs::Encoding, rows: &[(&str, &str, f64)]) {
    use dbase::{FieldName, FieldValue, Record, TableWriterBuilder};
    let name = |n: &str| FieldName::try_from(n).expect("name");
    let mut writer = TableWriterBuilder::with_encoding(dbase::encoding::EncodingRs::from(encoding))
        .add_character_field(name("PSN_NO"), 30)
        .add_character_field(name("PSN_NAME"), 40)
        .add_numeric_field(name("EMP_NO"), 18, 0)
        .build_with_file_dest(path)
        .expect("dbf");
    for (number, person, employer) in rows {
        let mut record = Record::default();
        record.insert("PSN_NO".to_owned(), FieldValue::Character(Some((*number).to_owned())));
        record.insert("PSN_NAME".to_owned(), FieldValue::Character(Some((*person).to_owned())));
        record.insert("EMP_NO".to_owned(), FieldValue::Numeric(Some(*employer)));
        writer.write_record(&record).expect("record");
    }
    writer.finalize().expect("finish");
}

#[test]
fn dbf_in_gb18030_with_numbers_that_are_ids() {
    let centre = Centre::new();
    let dir = export(&[]);
    dbf(
        &dir.path().join("psn.dbf"),
        encoding_rs::GB18030,
        &[("00001", "张三", 123.0), ("00002", "欧阳李四", 4.0)],
    );
    let (report, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(report.entities["psn"].imported, 2);
    let region = centre.store.current(&PartitionKey::new("", "base")).unwrap().unwrap();
    let reader = PartitionReader::open(&centre.store, &region, &centre.master).expect("open");
    let row: (String, String, String) = reader
        .db()
        .query_row("SELECT psn_no, psn_name, emp_no FROM psn ORDER BY psn_no LIMIT 1", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .expect("row");
    assert_eq!(row, ("00001".to_owned(), "张三".to_owned(), "123".to_owned()));
}

/// The format before XLSX, as old hospital systems still write it.
const XLS: &str = r#"
import sys, datetime, xlwt
b = xlwt.Workbook(); s = b.add_sheet("Sheet1")
date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
for c, v in enumerate(["FEEDETL_SN", "MDTRT_ID", "FEE_OCUR_TIME", "CNT", "DET_ITEM_FEE_SUMAMT"]): s.write(0, c, v)
for r, row in enumerate([(1, "V1", datetime.date(2026, 1, 6), 2, 20.5), (2, "V1", "昨天", 1, 5)]):
    for c, v in enumerate(row):
        s.write(r + 1, c, v, date) if c == 2 else s.write(r + 1, c, v)
b.save(sys.argv[1] + "/fee_list_d.xls")
"#;

#[test]
fn xls_written_by_xlwt() {
    let test = "xls_written_by_xlwt";
    let dir = export(&[]);
    std::fs::remove_file(dir.path().join("fee_list_d.csv")).expect("remove");
    let folder = dir.path().to_str().expect("path");
    if python(test, &["xlwt"], XLS, &[folder]).is_none() {
        return;
    }
    let centre = Centre::new();
    let (report, rejects) = centre.import(dir.path());
    assert_eq!(report.entities["fee_list_d"].sums["det_item_fee_sumamt"], "20.50");
    assert_eq!((rejects.len(), rejects[0].line), (1, 3));
    let sql = "SELECT bkkp_sn || fee_ocur_time_p FROM fee_list_d";
    assert_eq!(column(&centre, "2026-01", sql), vec!["1d"]);
}

const DBF: &str = r#"
import sys, dbf
t = dbf.Table(sys.argv[1] + "/SETL_D.DBF", "setl_id C(18); mdtrt_id C(30); medfee_sum N(16,2); setl_time D; updt_time C(20)", codepage="cp936")
t.open(mode=dbf.READ_WRITE)
import datetime
t.append(("123456789012345678", "V1", 100.10, datetime.date(2026,1,20), "2026-11-01 08:00:00"))
t.append(("123456789012345679", "V2", -20.05, datetime.date(2026,1,21), "2026-11-02 08:00:00"))
t.append(("1", "V2", 5, datetime.date(2026,1,22), ""))
with t[2] as r: dbf.delete(r)
t.close()
# This library writes numbers through floating point; a FoxPro system does not.
with open(t.filename, "r+b") as f:
    f.seek(32 + 11); assert f.read(1) == b"C"; f.seek(32 + 11); f.write(b"N")
"#;

#[test]
fn dbf_written_by_another_program_keeps_eighteen_digits() {
    let test = "dbf_written_by_another_program_keeps_eighteen_digits";
    let dir = export(&[]);
    std::fs::remove_file(dir.path().join("setl_d.csv")).expect("remove");
    let folder = dir.path().to_str().expect("path");
    if python(test, &["dbf"], DBF, &[folder]).is_none() {
        return;
    }
    let centre = Centre::new();
    let (report, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty(), "{rejects:?}");
    // The name MEDFEE_SUMAMT was cut to ten characters, the deleted record is not there.
    assert_eq!(report.entities["setl_d"].read, 2);
    assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], "80.05");
    assert_eq!(
        column(&centre, "base", "SELECT setl_id FROM setl_d ORDER BY 1"),
        vec!["123456789012345678", "123456789012345679"]
    );
    assert_eq!(report.cutoff["setl_d"], "2026-11-02 08:00:00");
}
