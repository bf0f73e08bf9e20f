//! Rough timing over synthetic lines; says how long, asserts nothing (budgets.md: benchmarks, not tests).

use std::time::Instant;

use spotcheck_domain::columns::Batch;
use spotcheck_domain::{TroubleResult, claims, columns};

use super::support::{World, hospital};
use crate::pack::{KernelId, national};
use crate::{Options, load_book, run};

/// 25 lines a stay; every stay of another person.
struct Synthetic {
    small: World,
    visits: u64,
}

const LINES: u64 = 25;

impl columns::ColumnSource for Synthetic {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        Ok(match entity {
            "mdtrt_d" | "psn" | "setl_d" => self.visits,
            "fee_list_d" => self.visits * LINES,
            other => self.small.columns.rows(other)?,
        })
    }

    fn cutoff(&self, _entity: &str) -> TroubleResult<Option<claims::Instant>> {
        Ok(None)
    }

    fn scan(
        &self,
        entity: &str,
        wants: &[columns::Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let per = match entity {
            "mdtrt_d" | "psn" | "setl_d" => 1,
            "fee_list_d" => LINES,
            _ => return self.small.columns.scan(entity, wants, each),
        };
        let mut batch = Batch::new(wants);
        for row in 0..self.visits * per {
            let (visit, line) = (row / per, row % per);
            batch.rows.push(row);
            for (want, column) in wants.iter().zip(&mut batch.columns) {
                cell(entity, want, visit, line, column);
            }
            if batch.len() == columns::BATCH_ROWS {
                each(&batch)?;
                batch.clear();
            }
        }
        each(&batch)
    }

    fn code(&self, _text: &str) -> TroubleResult<Option<u32>> {
        Ok(None)
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        Ok(codes.iter().map(|c| word(*c)).collect())
    }

    fn cell_texts(
        &self,
        _e: &str,
        _c: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        Ok(rows.iter().map(|r| Some(r.to_string())).collect())
    }
}

/// Codes below 1000 are words; visits and persons have their own ranges.
fn word(code: u32) -> String {
    match code {
        1 => "H1".into(),
        2 => "21".into(),
        3 => "01".into(),
        4 => "I10.x00".into(),
        5 => "201".into(),
        6 => "1".into(),
        10..=99 => format!("项目{code}"),
        100..=114 => format!("{:02}", code - 100),
        _ => format!("K{code}"),
    }
}

fn cell(entity: &str, want: &columns::Want, visit: u64, line: u64, column: &mut columns::Column) {
    let visit32 = u32::try_from(visit).unwrap();
    let begin = 20_500 * 86_400 + i64::try_from(visit % 300).unwrap() * 86_400;
    match (entity, want.name) {
        (_, "mdtrt_id") => column.push_code(10_000_000 + visit32),
        (_, "psn_no") => column.push_code(1_000 + visit32),
        (_, "setl_id") => column.push_code(20_000_000 + visit32),
        (_, "fixmedins_code") => column.push_code(1),
        ("mdtrt_d", "med_type") => column.push_code(2),
        ("mdtrt_d", "dscg_maindiag_code") => column.push_code(4),
        ("psn", "gend") => column.push_code(6),
        ("setl_d", "clr_way") => column.push_code(3),
        (_, "begntime" | "setl_time" | "brdy") => {
            column.push_time(begin, spotcheck_domain::Precision::Second)
        }
        (_, "endtime") => column.push_time(begin + 7 * 86_400, spotcheck_domain::Precision::Second),
        (_, "fee_ocur_time") => {
            let day = i64::try_from(line % 7).unwrap() * 86_400;
            column.push_time(begin + day + 3_600, spotcheck_domain::Precision::Second);
        }
        (_, "bkkp_sn") => column.push_text(&line.to_string()),
        (_, "med_list_codg" | "hilist_name") => column.push_code(10 + u32::try_from(line).unwrap()),
        (_, "med_chrgitm_type") => column.push_code(101 + u32::try_from(line % 14).unwrap()),
        (_, "list_type") => column.push_code(5),
        (_, "bilg_dr_code" | "acord_dr_code") => column.push_code(30_000_000 + visit32 % 50),
        (_, "cnt" | "pric" | "det_item_fee_sumamt" | "inscp_amt") => column.push_number(1_000_000),
        (_, "medfee_sumamt") => column.push_number(25_000_000),
        (_, "fund_pay_sumamt") => column.push_number(17_000_000),
        _ => column.push_null(),
    }
}

#[test]
#[ignore = "timing: prints and asserts nothing"]
#[allow(clippy::print_stderr, reason = "the figures are the point")]
fn time_per_kernel_on_a_million_lines() {
    let source = Synthetic { small: hospital(), visits: 40_000 };
    let start = Instant::now();
    let book = load_book(&source, Options::default(), &mut ()).unwrap();
    eprintln!("load {} lines: {:?}", book.counts.lines, start.elapsed());
    let pack = national().unwrap();
    for kernel in KernelId::ALL {
        let ids: Vec<String> =
            pack.rules.iter().filter(|r| r.kernel == *kernel).map(|r| r.id.clone()).collect();
        let options = Options { rules: Some(&ids), ..Options::default() };
        let start = Instant::now();
        let outcome = run(&book, &source, &pack, options, &mut ()).unwrap();
        let found = outcome.findings.len();
        eprintln!(
            "{} {} rules: {:?}, {found} findings",
            kernel.as_str(),
            ids.len(),
            start.elapsed()
        );
    }
    let start = Instant::now();
    let outcome = run(&book, &source, &pack, Options::default(), &mut ()).unwrap();
    eprintln!("all: {:?}, {} findings", start.elapsed(), outcome.findings.len());
}
