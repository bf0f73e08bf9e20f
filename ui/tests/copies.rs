//! Second copies in the window: chosen with one tap, told in words, gone on from (evidence.md §1, R42).

use super::way::on_site;

/// The officer photographs, reads that it lies nowhere else, taps the stick, and reads that it does.
#[test]
fn r42_what_lies_only_here_is_told_and_a_stick_takes_one_tap() {
    let face = on_site();
    face.tap("拍照").unwrap();
    face.tap("拍照").unwrap();
    face.tap("返回").unwrap();
    face.tap("收尾").unwrap();
    assert!(face.shows("2 个加密文件只在本机"), "{:?}", face.texts());
    face.tap("第二副本").unwrap();
    assert!(face.shows("还没有选副本放在哪里，2 个加密文件只在本机"), "{:?}", face.texts());
    face.tap("放到 U盘 示例").unwrap();
    assert!(face.shows("没有到中心的都有第二副本"), "{:?}", face.texts());
    assert!(face.shows("已存 1 个案卷"), "{:?}", face.texts());
    // The same row ends it, and the page says so at once.
    face.tap("不再放到 U盘 示例").unwrap();
    assert!(face.shows("2 个加密文件只在本机"), "{:?}", face.texts());
}

/// A handheld nearby: one reads its address aloud, the other types it. A slip is told and changes nothing.
#[test]
fn a_handheld_nearby_is_named_by_its_address() {
    let face = on_site();
    face.tap("返回").unwrap();
    face.tap("设备").unwrap();
    face.tap("第二副本").unwrap();
    face.fill("那台手持机的地址", "192.168.43.9").unwrap();
    face.tap("放到那台").unwrap();
    assert!(face.shows("COPY-ADDRESS"), "{:?}", face.texts());
    face.tap("知道了").unwrap();
    assert_eq!(face.value("那台手持机的地址").unwrap(), "192.168.43.9");
    face.fill("那台手持机的地址", "192.168.43.9:7690").unwrap();
    face.tap("放到那台").unwrap();
    assert!(face.controls().iter().any(|c| c.label == "不再放到那台"), "{:?}", face.texts());
    face.tap("在 192.168.43.17:7690 保存").unwrap();
    assert!(face.shows("正在等候"), "{:?}", face.texts());
    face.tap("不再保存 192.168.43.17:7690").unwrap();
    assert!(!face.shows("正在等候"), "{:?}", face.texts());
}

/// Going on from a colleague's copy is asked for, and what it means is said first; so is the rescue export.
#[test]
fn r42_a_colleagues_case_goes_on_after_a_question() {
    let face = on_site();
    face.tap("返回").unwrap();
    face.tap("设备").unwrap();
    face.tap("第二副本").unwrap();
    face.tap("接着办 手持机 SC-0433 的案卷").unwrap();
    assert!(face.shows("记录里写明从副本恢复"), "{:?}", face.texts());
    face.tap("先不").unwrap();
    face.tap("接着办 手持机 SC-0433 的案卷").unwrap();
    face.tap("接着办").unwrap();
    assert!(face.shows("已接续，副本截至 09:31"), "{:?}", face.texts());
    assert!(!face.controls().iter().any(|c| c.label.contains("SC-0433")));
    face.tap("救援导出到 U盘 示例").unwrap();
    assert!(face.shows("已导出 0 个证据包、1 个未封存的案卷"), "{:?}", face.texts());
}
