//! A fresh export from a stick, up to the cells.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spotcheck_claims::table::{Table, TableLimits};

fuzz_target!(|data: &[u8]| {
    let (name, bytes) = match data.split_first() {
        Some((b'D', rest)) => ("a.dbf", rest.to_vec()),
        _ => ("a.xlsx", spotcheck_fuzz::as_workbook(data)),
    };
    let Ok(table) = Table::open(name, bytes.into(), TableLimits::default()) else { return };
    for sheet in 0..table.sheets().len().min(3) {
        let _ = table.read(sheet, &mut |_| true);
    }
});
