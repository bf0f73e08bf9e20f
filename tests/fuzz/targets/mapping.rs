//! A mapping file: TOML with SQL written by a stranger, run over a small export.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if spotcheck_claims::mapping::Mapping::parse("m.toml", text).is_err() {
        return;
    }
    let Ok(dir) = tempfile::tempdir() else { return };
    let from = dir.path().join("from");
    let written = std::fs::create_dir(&from)
        .and_then(|()| {
            std::fs::write(
                from.join("a.csv"),
                "id,name,amt,day\n1,张三,12.50,2026-03-05\n2,李四,x,\n",
            )
        })
        .and_then(|()| std::fs::write(dir.path().join("m.toml"), text));
    if written.is_ok() {
        spotcheck_fuzz::import(&from, Some(&dir.path().join("m.toml")));
    }
});
