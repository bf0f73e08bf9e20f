//! Tables of others: text in every dress, DBF, XLS and XLSX as foreign programs write them, and bad ones.

use std::io::Write as _;

use super::*;
use crate::story::python;

fn open(name: &str, bytes: &[u8]) -> Result<Table> {
    Table::open(name, bytes.into(), TableLimits::default())
}

fn cells(name: &str, bytes: &[u8]) -> Vec<Vec<String>> {
    let grid = open(name, bytes).unwrap().read(0, &mut |_| true).unwrap();
    let row = |r: usize| (0..grid.width()).map(|c| grid.cell(r, c).to_owned()).collect();
    (0..grid.height()).map(row).collect()
}

const ROWS: [[&str; 3]; 4] = [
    ["费用清单", "", ""],
    ["住院号", "项目名称", "金额"],
    ["00123", "静脉输液,二组", "1,234.50"],
    ["00124", "换药\"大\"", "12.00"],
];

/// Every separator, with and without quotes, in every encoding of the field.
#[test]
fn text_is_read_in_every_dress() {
    for separator in [',', ';', '\t', '|'] {
        let quoted = |t: &str| format!("\"{}\"", t.replace('"', "\"\""));
        let line = |row: &[&str; 3]| {
            row.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(&separator.to_string())
        };
        let text: String = ROWS.iter().map(|r| line(r) + "\r\n").collect();
        let gbk = encoding_rs::GBK.encode(&text).0.into_owned();
        let wide: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let marked = ["\u{feff}".as_bytes(), text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &marked, &gbk, &wide] {
            assert_eq!(cells("a.csv", bytes), ROWS, "{separator:?}");
            // Many systems call their text .xls.
            assert_eq!(cells("a.xls", bytes), ROWS, "{separator:?}");
        }
    }
}

/// `="00123"` and the trailing tab keep digits from a spreadsheet; both are no part of the value.
#[test]
fn what_protects_digits_is_taken_off() {
    let text = "住院号\t,金额\t\n=\"00123\"\t,12\t\n'00124,13\n";
    assert_eq!(
        cells("a.csv", text.as_bytes()),
        [["住院号", "金额"], ["00123", "12"], ["00124", "13"]]
    );
}

/// Rows keep their numbers in the file, so that whoever doubts a difference finds it.
#[test]
fn rows_keep_their_numbers() {
    let grid = open("a.csv", b"a,b\n\n\n1,2\n").unwrap().read(0, &mut |_| true).unwrap();
    assert_eq!((grid.number(0), grid.number(1)), (1, 4));
}

#[test]
fn what_is_no_table_is_named_and_refused() {
    let cases: [(&str, &[u8]); 6] = [
        ("a.xlsx", b""),
        ("a.csv", b"%PDF-1.7"),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table>"),
        ("a.bin", b"\x01\x02\0\0"),
        ("a.xlsx", b"PK\x03\x04 damaged"),
        ("a.xls", b"\xd0\xcf\x11\xe0 damaged"),
    ];
    for (name, bytes) in cases {
        let trouble = spotcheck_domain::Trouble::from(open(name, bytes).unwrap_err());
        assert!(trouble.verdict && trouble.code == "CLAIMS-TABLE", "{name}: {trouble}");
        assert!(trouble.message.contains(name), "{trouble}");
    }
}

/// A ZIP that unpacks to more than allowed is refused before anything of it is kept.
#[test]
fn a_zip_bomb_is_refused() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).unwrap();
    for _ in 0..64 {
        zip.write_all(&vec![b' '; 1 << 16]).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    let limits = TableLimits { part: 1 << 20, ..TableLimits::default() };
    let error = Table::open("a.xlsx", bytes.into(), limits).unwrap_err();
    assert!(error.to_string().contains("解压后过大"), "{error}");
}

#[test]
fn a_stop_is_heard_and_limits_name_the_row() {
    let text: String = (0..10_000).map(|n| format!("{n},x\n")).collect();
    let table = open("a.csv", text.as_bytes()).unwrap();
    assert!(matches!(table.read(0, &mut |rows| rows < 4_000), Err(Error::Stopped)));
    let grid = GridLimits { rows: 100, ..GridLimits::default() };
    let limits = TableLimits { grid, ..TableLimits::default() };
    let table = Table::open("a.csv", text.as_bytes().into(), limits).unwrap();
    let error = table.read(0, &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("第 101 行"), "{error}");
}

/// Found by fuzzing: a head that promises four billion records kept the reader busy for minutes.
#[test]
fn a_dbf_that_promises_too_much_ends_where_the_file_ends() {
    let mut bytes = vec![0_u8; 32];
    bytes[0] = 3;
    (bytes[1], bytes[2], bytes[3]) = (126, 3, 5);
    bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes[8..10].copy_from_slice(&65_u16.to_le_bytes());
    bytes[10..12].copy_from_slice(&5_u16.to_le_bytes());
    let mut field = [0_u8; 32];
    field[..3].copy_from_slice(b"ZYH");
    (field[11], field[16]) = (b'C', 4);
    bytes.extend(field);
    bytes.push(0x0d);
    bytes.extend(b" 0001 0002");
    let error = open("a.dbf", &bytes).unwrap().read(0, &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("第 4 行"), "{error}");
}

/// The same rows written by openpyxl, xlwt and dbf: programs that nobody here wrote.
#[test]
fn tables_of_foreign_programs_say_the_same() {
    let test = "tables_of_foreign_programs_say_the_same";
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
import sys, datetime, openpyxl, xlwt, dbf
d = sys.argv[1]
at = datetime.datetime(2026, 3, 5, 9, 30)
wb = openpyxl.Workbook(); ws = wb.active; ws.title = '说明'; ws['A1'] = '无'
ws = wb.create_sheet('费用'); ws.append(['清单']); ws.merge_cells('A1:D1')
ws.append(['住院号', '金额', '费用时间', '证件号']); ws.append(['00123', 1234.5, at, 110101199001010011])
wb.save(d + '/a.xlsx')
b = xlwt.Workbook(encoding='utf-8'); s = b.add_sheet('费用'); f = xlwt.easyxf(num_format_str='YYYY-MM-DD HH:MM:SS')
for c, t in enumerate(['住院号', '金额', '费用时间']): s.write(0, c, t)
s.write(1, 0, '00123'); s.write(1, 1, 1234.5); s.write(1, 2, at, f); b.save(d + '/a.xls')
t = dbf.Table(d + '/a.dbf', 'ZYH C(12); JE N(12,2); RQ D; MC C(20)', codepage='cp936'); t.open(mode=dbf.READ_WRITE)
t.append(('00123', 1234.5, at.date(), '静脉输液')); t.close()
print('written')
"#;
    let path = dir.path().to_str().unwrap();
    if python(test, &["openpyxl", "xlwt", "dbf"], script, &[path]).is_none() {
        return;
    }
    let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    let table = open("a.xlsx", &bytes("a.xlsx")).unwrap();
    assert_eq!(table.sheets(), ["说明", "费用"]);
    let grid = table.read(1, &mut |_| true).unwrap();
    let row: Vec<&str> = (0..4).map(|c| grid.cell(2, c)).collect();
    // The id was a number: its last digits are gone, and it comes in a form that says so.
    assert_eq!(row, ["00123", "1234.5", "2026-03-05 09:30:00", "1.10101E17"]);
    assert_eq!(cells("a.xls", &bytes("a.xls"))[1], ["00123", "1234.5", "2026-03-05 09:30:00"]);
    assert_eq!(cells("a.dbf", &bytes("a.dbf"))[1], ["00123", "1234.50", "20260305", "静脉输液"]);
}
