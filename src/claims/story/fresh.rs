//! A fresh export from a stick against the upload: workbook in, differences out (issue 4, rule F13).
//!
//! The upload's side is a lean source, so that what is measured is the comparison's own memory.

use std::collections::HashMap;
use std::io::Write as _;

use spotcheck_domain::TroubleResult;
use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{BATCH_ROWS, Batch, ColumnSource, Shape, Want};
use spotcheck_rules::compare::{
    Class, Field, Options, SURE, Uploaded, layout, propose, proposed, run,
};

use crate::table::{Table, TableLimits};

/// A fee line: visit, day, item, quantity, price in cents.
#[derive(Clone, Copy)]
struct Fee(usize, u32, usize, i64, i64);

struct Lean {
    visits: usize,
    fees: Vec<Fee>,
    texts: Vec<String>,
    codes: HashMap<String, u32>,
}

fn day(n: u32) -> String {
    format!("2026-03-{:02}", n + 1)
}

fn cents(n: i64) -> String {
    format!("{}{}.{:02}", if n < 0 { "-" } else { "" }, n.abs() / 100, n.abs() % 100)
}

impl Lean {
    fn new(visits: usize, items: usize, fees: Vec<Fee>) -> Self {
        let mut texts = vec!["H1".to_owned(), "21".to_owned()];
        texts.extend((0..visits).map(|v| format!("M{v:06}")));
        texts.extend((0..visits).map(|v| format!("P{v:06}")));
        texts.extend((0..items).map(|i| format!("00{i:04}C")));
        texts.extend((0..items).map(|i| format!("示例项目{i}")));
        let codes = texts.iter().cloned().zip(1..).collect();
        Self { visits, fees, texts, codes }
    }

    fn code_of(&self, text: &str) -> u32 {
        self.codes.get(text).copied().unwrap_or(0)
    }

    fn text(&self, entity: &str, row: usize, name: &str) -> Option<String> {
        if entity == "fee_list_d" {
            let Fee(visit, _, item, ..) = self.fees[row];
            return match name {
                "mdtrt_id" => Some(format!("M{visit:06}")),
                "bkkp_sn" => Some(format!("L{row:09}")),
                "med_list_codg" => Some(format!("00{item:04}C")),
                "hilist_name" => Some(format!("示例项目{item}")),
                _ => None,
            };
        }
        match (entity, name) {
            (_, "fixmedins_code") => Some("H1".to_owned()),
            ("mdtrt_d", "mdtrt_id") => Some(format!("M{row:06}")),
            ("mdtrt_d" | "psn", "psn_no") => Some(format!("P{row:06}")),
            ("mdtrt_d", "ipt_otp_no") => Some(format!("00{}", 300_000 + row)),
            ("mdtrt_d", "med_type") => Some("21".to_owned()),
            ("psn", "psn_name") => Some(format!("张{row}")),
            _ => None,
        }
    }
}

impl ColumnSource for Lean {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        let rows = match entity {
            "fee_list_d" => self.fees.len(),
            "mdtrt_d" | "psn" => self.visits,
            "fixmedins_b" => 1,
            _ => 0,
        };
        Ok(rows as u64)
    }

    fn cutoff(&self, _entity: &str) -> TroubleResult<Option<Instant>> {
        Ok(crate::cell::time("2026-05-01"))
    }

    fn scan(
        &self,
        entity: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let mut batch = Batch::new(wants);
        for row in 0..self.rows(entity)? as usize {
            batch.rows.push(row as u64);
            for (want, column) in wants.iter().zip(&mut batch.columns) {
                match want.shape {
                    Shape::Code => {
                        let text = self.text(entity, row, want.name).unwrap_or_default();
                        column.push_code(self.code_of(&text));
                    }
                    Shape::Text => match self.text(entity, row, want.name) {
                        Some(text) => column.push_text(&text),
                        None => column.push_null(),
                    },
                    Shape::Time if want.name == "fee_ocur_time" => {
                        let at = crate::cell::time(&day(self.fees[row].1)).unwrap();
                        column.push_time(at.at.seconds(), at.p);
                    }
                    Shape::Number if entity == "fee_list_d" => {
                        let Fee(_, _, _, cnt, pric) = self.fees[row];
                        column.push_number(match want.name {
                            "cnt" => cnt * 1_000_000,
                            "pric" => pric * 10_000,
                            _ => cnt * pric * 10_000,
                        });
                    }
                    _ => column.push_null(),
                }
            }
            if batch.len() >= BATCH_ROWS {
                each(&batch)?;
                batch.clear();
            }
        }
        each(&batch)
    }

    fn code(&self, text: &str) -> TroubleResult<Option<u32>> {
        Ok(self.codes.get(text).copied())
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        let text = |c: &u32| {
            (*c as usize)
                .checked_sub(1)
                .and_then(|c| self.texts.get(c))
                .cloned()
                .unwrap_or_default()
        };
        Ok(codes.iter().map(text).collect())
    }

    fn cell_texts(
        &self,
        entity: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        Ok(rows.iter().map(|row| self.text(entity, *row as usize, column)).collect())
    }
}

const HEADERS: [&str; 28] = [
    "序号",
    "病人编码",
    "姓名",
    "性别",
    "年龄",
    "科室",
    "床号",
    "入院日期",
    "出院日期",
    "医师",
    "类别",
    "贯标码",
    "收费项目",
    "规格",
    "单位",
    "实发数",
    "零售价",
    "合计额",
    "优惠",
    "统筹金额",
    "自付",
    "记账时刻",
    "执行科室",
    "操作员",
    "发票",
    "备注一",
    "备注二",
    "标记",
];

/// A workbook of this many rows: titles, header, data, total.
fn workbook(his: &[Fee]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, body: &mut dyn FnMut(&mut dyn std::io::Write)| {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        let mut out = std::io::BufWriter::new(&mut zip);
        body(&mut out);
        out.flush().unwrap();
    };
    let r = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let p = "http://schemas.openxmlformats.org/package/2006/relationships";
    part("_rels/.rels", &mut |o| {
        write!(o, r#"<Relationships xmlns="{p}"><Relationship Id="rId1" Type="{r}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#).unwrap();
    });
    part("xl/workbook.xml", &mut |o| {
        write!(o, r#"<workbook xmlns:r="{r}"><sheets><sheet name="费用" sheetId="1" r:id="rId1"/></sheets></workbook>"#).unwrap();
    });
    part("xl/_rels/workbook.xml.rels", &mut |o| {
        write!(o, r#"<Relationships xmlns="{p}"><Relationship Id="rId1" Type="{r}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#).unwrap();
    });
    part("xl/worksheets/sheet1.xml", &mut |o| {
        let text = |o: &mut dyn std::io::Write, c: usize, row: usize, t: &str| {
            let column = if c < 26 {
                char::from(b'A' + c as u8).to_string()
            } else {
                format!("A{}", char::from(b'A' + (c - 26) as u8))
            };
            write!(o, r#"<c r="{column}{row}" t="inlineStr"><is><t>{t}</t></is></c>"#).unwrap();
        };
        write!(o, "<worksheet><sheetData><row>").unwrap();
        text(o, 0, 1, "示例医院费用清单");
        write!(o, "</row><row>").unwrap();
        for (c, name) in HEADERS.iter().enumerate() {
            text(o, c, 3, name);
        }
        write!(o, "</row>").unwrap();
        for (n, Fee(visit, at, item, cnt, pric)) in his.iter().enumerate() {
            write!(o, "<row>").unwrap();
            for c in 0..HEADERS.len() {
                let cell = match c {
                    0 => (n + 1).to_string(),
                    1 => (300_000 + visit).to_string(),
                    2 => format!("张{visit}"),
                    3 => "男".to_owned(),
                    4 => (visit % 90).to_string(),
                    7 => "2026-02-27".to_owned(),
                    8 => "2026-04-02".to_owned(),
                    11 => format!("00{item:04}C"),
                    12 => format!("示例项目{item}"),
                    15 => cnt.to_string(),
                    16 => cents(*pric),
                    17 => cents(cnt * pric),
                    19 => cents(cnt * pric * 6 / 10),
                    21 => format!("{} 0{}:{:02}:00", day(*at), n % 10, n % 60),
                    24 => format!("FP{:08}", n * 7),
                    _ => format!("值{}", (n + c) % 23),
                };
                text(o, c, n + 4, &cell);
            }
            write!(o, "</row>").unwrap();
        }
        write!(o, "<row>").unwrap();
        text(o, 0, his.len() + 4, "合计");
        write!(o, "</row></sheetData></worksheet>").unwrap();
    });
    zip.finish().unwrap().into_inner()
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn story(visits: usize, lines: usize) {
    let (items, mut seed) = (400_usize, 7_u64);
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut uploaded = Vec::new();
    for visit in 0..visits {
        for _ in 0..lines {
            let item = draw(items);
            let fee = Fee(visit, draw(30) as u32, item, 1 + draw(4) as i64, 120 + item as i64 * 13);
            uploaded.push(fee);
        }
    }
    let mut his = uploaded.clone();
    // Fourteen differences on items that nothing else has.
    let own = |visit: usize, n: usize, cnt: i64, pric: i64| Fee(visit, 9, items + n, cnt, pric);
    for n in 0..3 {
        his.push(own(n, 0, 1, 1_000));
        uploaded.push(own(n, 0, 2, 1_000));
        his.push(own(n, 1, 1, 1_000));
        uploaded.push(own(n, 1, 1, 1_100));
        his.push(own(n, 2, 1, 1_000));
        uploaded.push(own(n, 3, 1, 1_100));
    }
    his.extend([own(5, 4, 2, 1_000), own(5, 4, -2, 1_000)]);
    uploaded.push(own(5, 4, 2, 1_000));
    his.push(own(6, 5, 1, 1_000));
    uploaded.push(Fee(6, 12, items + 5, 1, 1_000));
    let kept = his.len();
    let bytes = workbook(&his);
    drop(his);
    let before = peak_mb();
    let lean = Lean::new(visits, items + 6, uploaded);
    let size = bytes.len();
    let table = Table::open("导出.xlsx", bytes.into(), TableLimits::default()).unwrap();
    let grid = table.read(0, &mut |_| true).unwrap();
    assert_eq!((grid.height(), grid.width()), (kept + 3, 28));
    let found = layout(&grid, None);
    let mut side = Uploaded::heads(&lean, &mut ()).unwrap();
    let proposals = propose(&grid, &found, &mut side, &lean, &mut ()).unwrap();
    for field in
        [Field::Visit, Field::FeeTime, Field::ItemCode, Field::Cnt, Field::Pric, Field::Amount]
    {
        let p = proposals.iter().find(|p| p.field == field).unwrap();
        assert!(p.confidence() >= SURE, "{p:?}");
    }
    let options = Options::new(proposed(&proposals));
    let compared = run(&grid, &found, &options, &mut side, &lean, &mut ()).unwrap();
    let counts: Vec<(Class, u64)> =
        compared.by_class().into_iter().map(|(c, n, _)| (c, n)).filter(|(_, n)| *n > 0).collect();
    assert_eq!(
        counts,
        [
            (Class::UploadedOnly, 3),
            (Class::Quantity, 3),
            (Class::Price, 3),
            (Class::Refund, 1),
            (Class::Date, 1),
            (Class::HisOnly, 3),
        ]
    );
    assert_eq!(compared.differences.len(), 14);
    eprintln!(
        "{kept} rows × 28, {} MB file: peak {} MB, {before} MB of it before",
        size >> 20,
        peak_mb()
    );
}

/// Issue 4: an unknown workbook of 28 columns whose headers are no usual words; 14 differences, none more.
#[test]
fn an_unknown_workbook_gives_its_fourteen_differences() {
    story(40, 50);
}

/// The same at full size; `cargo nextest run -p spotcheck-claims --run-ignored only two_hundred`.
#[test]
#[ignore = "takes minutes without optimisation"]
fn two_hundred_thousand_rows_stay_below_400_mb() {
    story(2_000, 100);
    assert!(peak_mb() < 400, "{} MB", peak_mb());
}
