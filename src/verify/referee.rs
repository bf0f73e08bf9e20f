//! Our own bundles under tools that this project did not write, and tampered bundles under ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use spotcheck_evidence::testkit::{SYNCED_MS, Workshop};

fn referee(test: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPOTCHECK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("referee");
    if !folder.join("verify.sh").exists() {
        eprintln!("SKIPPED {test}: no referee in the shared folder");
        return None;
    }
    let has = |program: &str, argument: &str| {
        Command::new(program).arg(argument).output().is_ok_and(|o| o.status.success())
    };
    for (program, argument) in [("openssl", "version"), ("python3", "--version"), ("unzip", "-v")] {
        if !has(program, argument) {
            eprintln!("SKIPPED {test}: no {program}");
            return None;
        }
    }
    Some(folder)
}

/// A fresh bundle with what is needed to trust it.
fn fresh(folder: &Path) -> Workshop {
    let workshop = Workshop::new();
    let bag = workshop.bundle();
    std::fs::write(folder.join("bundle.zip"), bag.zip()).unwrap();
    std::fs::write(folder.join("part.zip"), bag.party_copy("data/documents/").zip()).unwrap();
    std::fs::write(folder.join("roots.pem"), workshop.roots_pem()).unwrap();
    std::fs::write(folder.join("tsa.pem"), workshop.tsa.roots_pem()).unwrap();
    std::fs::write(folder.join("log-key.txt"), workshop.log.key().to_vkey()).unwrap();
    workshop
}

#[test]
fn the_referee_accepts_our_bundle() {
    let Some(referee) = referee("the_referee_accepts_our_bundle") else { return };
    let bagit = Command::new("python3").args(["-m", "bagit", "--version"]).output();
    if !bagit.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED the_referee_accepts_our_bundle: no Python package bagit");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fresh(folder.path());
    for arguments in [
        &["bundle.zip", "roots.pem", "tsa.pem"][..],
        &["bundle.zip", "roots.pem"],
        &["--partial", "part.zip", "roots.pem", "tsa.pem"],
    ] {
        let out = Command::new("bash")
            .arg(referee.join("verify.sh"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(
            out.status.success(),
            "{arguments:?}\n{said}{}",
            String::from_utf8_lossy(&out.stderr)
        );
        assert!(said.contains("ACCEPTED") && !said.contains("FAIL"), "{said}");
    }
}

/// All variants of tamper.py: made from the golden sample and from a bundle of ours.
#[test]
fn every_tampered_variant_is_rejected() {
    let Some(referee) = referee("every_tampered_variant_is_rejected") else { return };
    let tamper = referee.join("tamper.py");
    let run = |arguments: &[&str], folder: &Path| {
        let out = Command::new("python3").arg(&tamper).args(arguments).current_dir(folder).output();
        let out = out.unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
        said
    };
    let own = tempfile::tempdir().unwrap();
    fresh(own.path());
    let own_bundle = own.path().join("bundle.zip");
    let own_roots = own.path().join("roots.pem");
    let golden = referee.join("sample");
    let golden_bundle = golden.join("EVID-01M7VBK5C0SAMP1E0000000001.zip");
    for (bundle, roots) in [(golden_bundle, golden.join("roots.pem")), (own_bundle, own_roots)] {
        let out = tempfile::tempdir().unwrap();
        let variants = out.path().to_str().unwrap();
        run(&[bundle.to_str().unwrap(), variants], own.path());
        let trust = format!("{{roots:{}}}", roots.display());
        let verify = env!("CARGO_BIN_EXE_spotcheck-verify");
        let said = run(&["--judge", variants, verify, "{}", "--trust", &trust], own.path());
        let (good, all) =
            said.trim().rsplit_once(" as expected").unwrap().0.split_once(" of ").unwrap();
        assert_eq!(good.lines().last(), Some(all), "{said}");
        assert!(all.parse::<u32>().unwrap() >= 16, "{said}");
    }
}

/// The sheet names people and times, never lets a name from a bundle reach the terminal's control
/// characters, and ends with the verdict.
#[test]
fn the_sheet_ends_with_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let workshop = fresh(folder.path());
    let sheet = |bundle: &str| {
        let out = Command::new(env!("CARGO_BIN_EXE_spotcheck-verify"))
            .args([bundle, "--trust", "roots.pem", "--tsa", "tsa.pem", "--log-key", "log-key.txt"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let (status, text) = sheet("bundle.zip");
    assert_eq!(status, Some(0), "{text}");
    insta::assert_snapshot!(text, @r"
    证据包核验结果
    证据包编号:EVID-01M7VBK5C0TESTK1T000000001

    一、证明了什么
      全部 10 份文件与封存时完全一致,无增减。
      下列签名人在封存时对全部文件的清单签了名。

    二、谁签的
      取证设备:手持机 D-0009(编号 D-0009),签名成立,密钥保护方式(设备自述):文件
        判断时点 2026-11-20 12:12:00,由时间戳证明,证书未被吊销
      检查人员1:张三(虚构)(编号 O-0091),签名成立
        判断时点 2026-11-20 12:12:00,由时间戳证明,证书未被吊销
      检查人员2:李四(虚构)(编号 O-0092),签名成立
        判断时点 2026-11-20 12:12:00,由时间戳证明,证书未被吊销

    三、什么时间
      封存不早于:2026-11-20 07:12:00
      封存不晚于:2026-11-20 12:12:00(时间戳)
      设备自称封存于:2026-11-20 10:12:00(仅供参考)
      中心接收于:2026-11-20 12:12:00(已存证)

    四、没有证明什么
      本核验不判断文件内容是否真实、合法,也不判断检查结论是否成立。
      包内各项时间是设备时钟所记,可证明的只有第三项的起止。

    五、提醒
      无

    六、结论
      通过
    ");
    let mut parts = workshop.story();
    // The name stands in statement.json and is shown as such.
    let mut people = workshop.people;
    people[1].name = "张三\u{1b}[2J\u{202e}".to_owned();
    parts.statement["software"]["name"] = "x".into();
    let mut bag = parts.close(&people);
    bag.stamp(&workshop.tsa, SYNCED_MS);
    std::fs::write(folder.path().join("bad.zip"), bag.zip()).unwrap();
    let (status, text) = sheet("bad.zip");
    assert_eq!(status, Some(1));
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    assert!(text.lines().any(|l| l.contains("不通过,共")), "{text}");
}
