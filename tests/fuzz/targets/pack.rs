//! A rule pack: TOML and CSV from outside (overlay of a region, rules of an inspector), over the national one.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use spotcheck_rules::Pack;

static NATIONAL: OnceLock<Option<Pack>> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let base = NATIONAL.get_or_init(|| spotcheck_rules::national().ok()).as_ref();
    // Files are divided by a zero byte: the pack's head, rules, knowledge points, indicators.
    let mut parts = data.split(|b| *b == 0);
    let names = ["pack.toml", "rules.toml", "points.kp.csv", "indicators.toml", "more.toml"];
    let files: Vec<(&str, &[u8])> =
        names.iter().map_while(|name| parts.next().map(|bytes| (*name, bytes))).collect();
    let _ = Pack::read(&files, base);
    let _ = Pack::read(&files, None);
});
