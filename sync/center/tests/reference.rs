//! Reference data at the centre: versions, one file for all packages, nothing built twice.

use spotcheck_claims::ReferenceFile;
use spotcheck_claims::package::REFERENCE_DB;
use spotcheck_domain::claims::Page;
use spotcheck_domain::reference::{ReferenceQuery, ReferenceReader as _, SourceOptions};
use spotcheck_domain::time::day_number;

use crate::reference::{add, list, place};
use crate::testing::{TestCentre, TestOptions};

const RULES: &str =
    "示例办法\n示医保〔2024〕2号\n第一条 床位费计入不计出。\n第二条 本办法自2024年1月1日起施行。\n";

#[test]
fn sources_have_versions_and_give_one_file_for_all_packages() {
    let test = TestCentre::start_with(TestOptions::default()).unwrap();
    let centre = test.centre();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.txt");
    let options = SourceOptions::default();
    std::fs::write(&file, RULES).unwrap();
    // A look first: nothing is kept.
    assert_eq!(add(centre, &file, &options, true).unwrap()[0].report.entries(), 2);
    assert!(list(centre).unwrap().is_empty());
    assert!(!add(centre, folder.path(), &options, false).unwrap()[0].unchanged);
    assert!(add(centre, &file, &options, false).unwrap()[0].unchanged, "the same again");

    let build = |name: &str| {
        let target = folder.path().join(name);
        std::fs::create_dir(&target).unwrap();
        place(centre, &target, &[]).unwrap();
        target.join(REFERENCE_DB)
    };
    let first = build("first");
    let bytes = std::fs::read(&first).unwrap();
    let (object, _) = centre.objects().adopt(&first).unwrap();
    let second = build("second");
    use std::os::unix::fs::MetadataExt as _;
    let known = std::fs::metadata(centre.objects().path(&object).unwrap()).unwrap();
    assert_eq!(std::fs::metadata(&second).unwrap().ino(), known.ino(), "linked, not built");

    // A corrected text of the same number is its next version; the old one stays in the list.
    std::fs::write(&file, RULES.replace("计入不计出", "按日计收")).unwrap();
    add(centre, &file, &options, false).unwrap();
    let all = list(centre).unwrap();
    let versions: Vec<(u32, bool)> = all.iter().map(|l| (l.version, l.current)).collect();
    assert_eq!(versions, [(1, false), (2, true)]);
    let third = build("third");
    assert_ne!(std::fs::read(&third).unwrap(), bytes);
    let reader = ReferenceFile::open(&third, false).unwrap();
    let ask = |text| {
        let on = day_number("2025-03-14");
        let query = ReferenceQuery { text, on, kinds: &[], page: Page::first(5) };
        reader.look_up(&query).unwrap().iter().map(|k| k.hits.len()).sum::<usize>()
    };
    assert_eq!((ask("计入不计出"), ask("床位费按日计收")), (0, 1));
    // The region's price list is in it too.
    assert!(ask("彩色多普勒超声") > 0);
}
