//! The whole way on a handheld whose keys lie in a TPM (`swtpm`): enrolled, unlocked, sealed, received; and the same
//! data folder on another machine is worth nothing (R43).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::visit::{Claims, Sealed, World};

/// A chip of our own.
struct Tpm {
    child: Child,
    tcti: String,
    _state: tempfile::TempDir,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` (and a loud line) where swtpm is not installed.
fn tpm(test: &str) -> Option<Tpm> {
    let state = tempfile::tempdir().unwrap();
    // Two ports in a row: commands and control.
    let port = (0..50).find_map(|_| {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port();
        TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        Some(port)
    })?;
    let child = Command::new("swtpm")
        .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
        .arg("--tpmstate")
        .arg(format!("dir={}", state.path().display()))
        .arg("--server")
        .arg(format!("type=tcp,port={port},bindaddr=127.0.0.1"))
        .arg("--ctrl")
        .arg(format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1))
        .stderr(Stdio::null())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("SKIPPED {test}: swtpm cannot be run: {error}");
            return None;
        }
    };
    let tpm = Tpm { child, tcti: format!("swtpm:host=127.0.0.1,port={port}"), _state: state };
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
            return Some(tpm);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("swtpm does not answer");
}

fn keys(tcti: &str) -> String {
    format!("\n[keys]\ntpm = \"{tcti}\"\n")
}

fn statement(bundle: &Path) -> Value {
    let out = Command::new("unzip").arg("-p").arg(bundle).arg("*/metadata/statement.json").output();
    serde_json::from_slice(&out.unwrap().stdout).unwrap()
}

#[test]
fn r43_a_visit_on_a_chip_is_received_and_its_folder_opens_on_no_other_machine() {
    const TEST: &str = "r43_a_visit_on_a_chip_is_received_and_its_folder_opens_on_no_other_machine";
    let Some(chip) = tpm(TEST) else { return };
    let base = tempfile::tempdir().unwrap();
    let claims = Claims::DemoCity { seed: 91 };
    let world = World::build_on(base.path(), &claims, &keys(&chip.tcti)).unwrap();
    let h = &world.handheld;
    assert_eq!(h.ok(&["status"]).unwrap()["key_protection"], "tpm2");
    assert!(h.data.join("device.tpm").exists() && !h.data.join("device.secret").exists());
    let (case, bundle) = h.seal_unfinished(&world.task).unwrap();
    let pushed = h.ok(&["push"]).unwrap();
    assert_eq!(pushed.pointer("/items/0/state").unwrap(), "received", "{pushed}");
    let sealed = Sealed { case, bundle, documents: Vec::new() };
    let out = collect(&world, &sealed, &base.path().join("out")).unwrap();
    assert_eq!(verify(&out, false).unwrap()["verdict"], "accepted");
    assert_eq!(statement(&out.bundle)["key_protection"], "tpm2");

    // The folder is copied to a machine with another chip, and to one with none.
    let other = tpm(TEST).unwrap();
    let config = fs::read_to_string(&h.device).unwrap();
    for (name, tcti) in [("another", other.tcti.as_str()), ("none", "none")] {
        let mut copy = h.copied(&base.path().join(name)).unwrap();
        copy.device = base.path().join(format!("{name}.toml"));
        fs::write(&copy.device, config.replace(&chip.tcti, tcti)).unwrap();
        let refused = copy.run_as(0, &["unlock"]).unwrap();
        assert_ne!(refused.code, 0, "{name}");
        assert!(refused.error_code().starts_with("VAULT-"), "{name}: {:?}", refused.json);
        assert!(!copy.data.join("device.secret").exists(), "{name}: nothing is made in its place");
    }
    h.ok(&["unlock"]).unwrap();
}
