//! Separated text of an import.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| spotcheck_fuzz::read_source("fee_list_d.csv", data));
