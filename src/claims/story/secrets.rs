//! No plaintext on any disk, during and after an import and a package (sync.md: no plaintext at the centre).

use std::path::Path;

use super::{Centre, RealEntropy, export};
use spotcheck_domain::Entropy as _;
use spotcheck_domain::claims::{ClaimsReader as _, Page};

const NAME: &str = "张密言甲";
const PINYIN: &str = "zhangmiyanjia";
const NUMBER: &str = "990101199001019999";

fn tokens() -> Vec<Vec<u8>> {
    let wide: Vec<u8> = NAME.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gb = encoding_rs::GB18030.encode(NAME).0.into_owned();
    vec![NAME.into(), wide, gb, PINYIN.into(), NUMBER.into()]
}

/// Names of files below `folder` that hold a token.
fn leaks(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(leaks(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let has = |t: &Vec<u8>| bytes.windows(t.len()).any(|w| w == t.as_slice());
            if tokens().iter().any(has) {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// Files that this process has open and that are deleted already, or lie in the temporary folder.
fn leaks_in_open_files(source: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").expect("fds").flatten() {
        let Ok(target) = std::fs::read_link(entry.path()) else { continue };
        if !target.is_absolute() || target.starts_with(source) || target.starts_with("/dev") {
            continue;
        }
        if !std::fs::metadata(entry.path()).is_ok_and(|m| m.is_file()) {
            continue;
        }
        if let Ok(bytes) = std::fs::read(entry.path()) {
            let has = |t: &Vec<u8>| bytes.windows(t.len()).any(|w| w == t.as_slice());
            if tokens().iter().any(has) {
                found.push(target.to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[test]
fn no_name_or_number_is_in_any_file_while_importing_or_afterwards() {
    let person = format!("psn_no,psn_name,certno\nP1,{NAME},{NUMBER}\n");
    let mut fee =
        String::from("bkkp_sn,mdtrt_id,psn_no,fee_ocur_time,hilist_name,cnt,det_item_fee_sumamt\n");
    for n in 0..3000 {
        fee.push_str(&format!("{n},V1,P1,2026-01-06,{NAME},1,1\n"));
    }
    let source = export(&[
        ("psn.csv", person.as_bytes()),
        ("fee_list_d.csv", fee.as_bytes()),
        ("exam.csv", format!("mdtrt_id,exam_ccls\nV1,{NAME}{PINYIN}\n").as_bytes()),
    ]);
    let mapping = source.path().join("map.toml");
    std::fs::write(
        &mapping,
        r#"
[source]
files = ["fixmedins_b.csv", "mdtrt_d.csv", "setl_d.csv", "fee_list_d.csv", "psn.csv"]
[entity.fixmedins_b]
sql = "SELECT * FROM fixmedins_b"
[entity.mdtrt_d]
sql = "SELECT * FROM mdtrt_d"
[entity.setl_d]
sql = "SELECT * FROM setl_d"
[entity.fee_list_d]
sql = "SELECT * FROM fee_list_d ORDER BY hilist_name, cnt, bkkp_sn"
[entity.psn]
sql = "SELECT * FROM psn"
"#,
    )
    .expect("mapping");
    // Positive control: the search finds what lies in clear.
    assert_eq!(leaks(source.path()).len(), 3);
    for mapping in [None, Some(mapping.as_path())] {
        let centre = Centre::new();
        let folder = centre.dir.path().to_owned();
        let (mut seen, mut looks) = (Vec::new(), 0);
        let mut look = |_: &crate::Progress| {
            looks += 1;
            seen.extend(leaks(&folder));
            seen.extend(leaks_in_open_files(source.path()));
        };
        centre.try_import(source.path(), mapping, |_| (), Some(&mut look)).expect("import");
        assert!(looks > 8, "{looks}");
        assert!(seen.is_empty(), "{seen:?}");
        let package = centre.package("H01", None);
        assert!(leaks(centre.dir.path()).is_empty());
        assert!(leaks(package.folder.path()).is_empty());
        let reader = package.open();
        let hits = reader.search_persons(PINYIN, Page::first(5)).expect("search");
        assert_eq!(hits.len(), 1, "it is there, for those who have the key");
        assert!(leaks(package.folder.path()).is_empty());
    }
}

#[test]
fn a_failed_import_leaves_nothing_behind() {
    let source = export(&[("psn.xlsx", b"this is no workbook")]);
    let centre = Centre::new();
    assert!(centre.try_import(source.path(), None, |_| (), None).is_err());
    assert_eq!(std::fs::read_dir(centre.work()).expect("work").count(), 0);
    assert!(crate::PartitionStore::list(&centre.store, None).expect("list").is_empty());
}

#[test]
fn another_master_key_opens_nothing() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let partition = crate::PartitionStore::list(&centre.store, None).expect("list").remove(0);
    let mut key = [0; 32];
    RealEntropy.fill(&mut key);
    let other = crate::ClaimsKey::new(key);
    assert!(crate::PartitionReader::open(&centre.store, &partition, &other).is_err());
}
