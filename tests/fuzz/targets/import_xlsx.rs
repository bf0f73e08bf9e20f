//! Workbooks of an import, new and old.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match data.split_first() {
    Some((b'O', old)) => spotcheck_fuzz::read_source("fee_list_d.xls", old),
    _ => spotcheck_fuzz::read_source("fee_list_d.xlsx", &spotcheck_fuzz::as_workbook(data)),
});
