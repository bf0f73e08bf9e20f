//! A fresh export from a stick: file, header, pairing, comparison with a small package.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spotcheck_claims::table::{Table, TableLimits};
use spotcheck_domain::columns::{Cell, MemoryColumns};
use spotcheck_rules::compare::{Options, Uploaded, layout, propose, proposed, run};

/// Two visits with a few lines.
fn package() -> MemoryColumns {
    let mut package = MemoryColumns::new();
    for visit in ["1", "2"] {
        package.add(
            "mdtrt_d",
            &[
                ("mdtrt_id", Cell::text(visit)),
                ("psn_no", Cell::text("P1")),
                ("ipt_otp_no", Cell::text("001")),
            ],
        );
        for line in 0..6 {
            package.add(
                "fee_list_d",
                &[
                    ("mdtrt_id", Cell::text(visit)),
                    ("bkkp_sn", Cell::text(&line.to_string())),
                    ("fee_ocur_time", Cell::time("2026-03-05 09:30:00")),
                    ("med_list_codg", Cell::text(if line > 2 { "C1" } else { "C2" })),
                    ("hilist_name", Cell::text("静脉输液")),
                    ("cnt", Cell::amount(if line > 4 { "-2" } else { "2" })),
                    ("pric", Cell::amount("9")),
                    ("det_item_fee_sumamt", Cell::amount(if line > 4 { "-18" } else { "18" })),
                ],
            );
        }
    }
    package
}

fuzz_target!(|data: &[u8]| {
    spotcheck_fuzz::quiet();
    // The first byte says which kind of file it is; what names none is a workbook.
    let (name, bytes) = match data.split_first() {
        Some((b'D', rest)) => ("a.dbf", rest.to_vec()),
        Some((b'C', rest)) => ("a.csv", rest.to_vec()),
        Some((b'T', rest)) => ("a.txt", rest.to_vec()),
        Some((b'X', rest)) => ("a.xls", rest.to_vec()),
        _ => ("a.xlsx", spotcheck_fuzz::as_workbook(data)),
    };
    let Ok(table) = Table::open(name, bytes.into(), TableLimits::default()) else { return };
    for sheet in 0..table.sheets().len().min(3) {
        let Ok(grid) = table.read(sheet, &mut |_| true) else { continue };
        let package = package();
        let Ok(mut uploaded) = Uploaded::heads(&package, &mut ()) else { continue };
        let found = layout(&grid, None);
        if let Ok(proposals) = propose(&grid, &found, &mut uploaded, &package, &mut ()) {
            let options = Options::new(proposed(&proposals));
            let _ = run(&grid, &found, &options, &mut uploaded, &package, &mut ());
        }
    }
});
