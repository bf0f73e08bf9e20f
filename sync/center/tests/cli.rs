//! The command line as scripts meet it: JSON, exit codes, help; each step a process of its own, beside a
//! running `serve`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests may panic"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spotcheck-center"));
        command.arg("--data").arg(self.path("centre")).arg("--json").args(args);
        command.current_dir(self.dir.path()).env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    fn run(&self, args: &[&str]) -> (i32, Value) {
        let output = self.command(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let value = serde_json::from_str(&text).unwrap_or_else(|_| {
            panic!("{args:?}: {text}\n{}", String::from_utf8_lossy(&output.stderr))
        });
        (output.status.code().unwrap(), value)
    }

    fn ok(&self, args: &[&str], schema: &str) -> Value {
        let (code, value) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {value}");
        assert_eq!(value["schema"], schema, "{args:?}");
        value
    }

    fn fails(&self, args: &[&str], code: i32, error: &str) {
        let (got, value) = self.run(args);
        assert_eq!(
            (got, value["error"]["code"].as_str()),
            (code, Some(error)),
            "{args:?}: {value}"
        );
        for part in ["message", "safe", "advice"] {
            assert!(value["error"][part].as_str().is_some_and(|t| !t.is_empty()), "{value}");
        }
    }

    fn serve(&self) -> (Server, Value) {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Server(child), serde_json::from_str(&line).unwrap())
    }
}

/// Killed like a power cut at the end.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_administrator_sets_a_centre_up_by_sub_commands_while_it_serves() {
    let desk = Desk::new();
    let city = desk.path("city");
    let made = desk.ok(&["demo-data", "--out", text(&city)], "spotcheck-demo-data/1");
    let facility = made["fixmedins_code"].as_str().unwrap().to_owned();
    desk.fails(&["ticket", "device", "--id", "D-0001"], 3, "CENTRE-NO-URL");

    let (server, hello) = desk.serve();
    assert_eq!(hello["schema"], "spotcheck-serve/1");
    assert_eq!(hello["ca_sha256"].as_str().unwrap().len(), 64);
    // A second server on the same folder is told who holds it.
    desk.fails(&["serve", "--listen", "127.0.0.1:0"], 3, "CENTRE-IN-USE");
    desk.fails(&["restore", "--from", "nothing"], 3, "CENTRE-IN-USE");

    let report = desk.ok(&["import", "--from", text(&city)], "spotcheck-import/1");
    assert!(report["entities"]["fee_list_d"]["imported"].as_u64().unwrap() > 100);
    let again = desk.ok(&["import", "--from", text(&city)], "spotcheck-import/1");
    assert_eq!(again["entities"]["fee_list_d"]["imported"], 0);
    assert_eq!(again["entities"]["fee_list_d"]["sums"], report["entities"]["fee_list_d"]["sums"]);
    let none = desk.ok(&["rejects"], "spotcheck-rejects/1");
    assert_eq!(none["rows"].as_array().unwrap().len(), 0);
    let list = desk.ok(&["facilities", "list"], "spotcheck-facilities/1");
    assert!(
        list["facilities"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["fixmedins_code"] == facility.as_str())
    );

    for (id, name) in [("O-0001", "张三"), ("O-0002", "李四")] {
        let args = [
            "officer",
            "add",
            "--id",
            id,
            "--name",
            name,
            "--agency",
            "示例市医疗保障局",
            "--credential-number",
            "示例证0001",
            "--valid-until",
            "2030-12-31",
        ];
        desk.ok(&args, "spotcheck-officer-add/1");
    }
    desk.fails(&["ticket", "officer", "--id", "O-0009"], 3, "CENTRE-NOT-FOUND");
    let ticket =
        desk.ok(&["ticket", "device", "--id", "D-0001", "--name", "一号机"], "spotcheck-ticket/1");
    assert!(ticket["ticket"].as_str().unwrap().starts_with("SPOTCHECK-TICKET-1."));
    let out = desk.path("o1.ticket");
    let ticket = desk
        .ok(&["ticket", "officer", "--id", "O-0001", "--out", text(&out)], "spotcheck-ticket/1");
    assert!(ticket.get("ticket").is_none() && out.exists());

    let new = [
        "task",
        "new",
        "--id",
        "T-1",
        "--facility",
        &facility,
        "--officers",
        "O-0001,O-0002",
        "--devices",
        "D-0001",
        "--period",
        "2026-01-01..2026-11-15",
        "--title",
        "示例核查",
    ];
    let task = desk.ok(&new, "spotcheck-task-new/1");
    assert_eq!(task["task"]["schema"], "spotcheck-task/1");
    desk.fails(&new, 3, "TASK-INPUT");
    let one = [
        "task",
        "new",
        "--facility",
        &facility,
        "--officers",
        "O-0001,O-0001",
        "--devices",
        "D-0001",
        "--period",
        "2026-01-01..2026-11-15",
        "--title",
        "示例核查",
    ];
    desk.fails(&one, 3, "TASK-INPUT");
    desk.fails(&["package", "build", "--task", "T-1"], 3, "PACKAGE-DEVICE");
    desk.fails(&["package", "build", "--task", "T-2"], 3, "CENTRE-NOT-FOUND");
    let list = desk.ok(&["task", "list"], "spotcheck-task-list/1");
    assert_eq!(list["tasks"][0]["package"], Value::Null);

    desk.ok(&["log", "time"], "spotcheck-log-time/1");
    let key = desk.ok(&["log", "key"], "spotcheck-log-key/1");
    assert_eq!(key["key"], hello["log_key"]);
    assert!(
        desk.ok(&["log", "checkpoint"], "spotcheck-log-checkpoint/1")["size"].as_u64().unwrap()
            >= 1
    );
    assert!(
        !desk.ok(&["log", "show"], "spotcheck-log-show/1")["entries"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    desk.ok(&["roots", "--out", "roots.pem"], "spotcheck-roots/1");
    desk.fails(&["roots", "--out", "roots.pem"], 3, "CENTRE-TARGET-EXISTS");
    desk.ok(&["policy", "set", "--retention-days", "60"], "spotcheck-policy/1");
    assert_eq!(desk.ok(&["policy", "show"], "spotcheck-policy/1")["retention_days"], 60);
    desk.ok(&["policy", "set", "--guarded-per-day", "7"], "spotcheck-policy/1");
    assert_eq!(desk.ok(&["policy", "show"], "spotcheck-policy/1")["guarded_per_day"], 7);
    assert_eq!(desk.ok(&["guarded"], "spotcheck-guarded/1")["most"], 7);
    assert_eq!(desk.ok(&["guarded", "--above", "3"], "spotcheck-guarded/1")["most"], 3);
    desk.ok(&["bundle", "list"], "spotcheck-bundle-list/1");
    desk.ok(&["rulepack", "stats", "--rule", "A14"], "spotcheck-rulepack-stats/1");
    desk.ok(&["finding", "list", "--state", "final"], "spotcheck-finding-list/1");
    desk.ok(&["finding", "overdue"], "spotcheck-finding-overdue/1");
    desk.fails(&["finding", "show", "0123456789"], 3, "CENTRE-NOT-FOUND");
    let figures = desk.ok(
        &["indicators", "--facility", &facility, "--period", "2026-01-01..2026-06-30"],
        "spotcheck-indicators/1",
    );
    assert!(figures["indicators"].as_array().unwrap().len() > 100);
    let kept = desk.ok(&["indicators", "--warnings"], "spotcheck-warnings/1");
    assert!(kept["warnings"].is_array());
    desk.fails(&["indicators", "--facility", "H0"], 3, "CENTRE-NOT-FOUND");
    desk.fails(&["bundle", "show", "EVID-0"], 3, "CENTRE-NOT-FOUND");

    // Backup while serving; kill; restore; everything is there again.
    desk.ok(&["backup", "--out", "copy.db"], "spotcheck-backup/1");
    desk.ok(&["officer", "revoke", "--id", "O-0002"], "spotcheck-officer-revoke/1");
    drop(server);
    desk.ok(&["restore", "--from", "copy.db"], "spotcheck-restore/1");
    let officers = desk.ok(&["officer", "list"], "spotcheck-officer-list/1");
    assert!(officers["officers"].as_array().unwrap().iter().all(|o| o["state"] == "active"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(desk.path("centre/center.db")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o077, 0);
    let (_server, again) = desk.serve();
    assert_eq!(again["ca_sha256"], hello["ca_sha256"]);

    // Escrow: handed out once, any two shares give the private half back.
    desk.ok(&["escrow", "export", "--out", "shares"], "spotcheck-escrow-export/1");
    desk.fails(&["escrow", "export", "--out", "shares2"], 3, "ESCROW-GONE");
    let (a, c) = (desk.path("shares/escrow-share-1.txt"), desk.path("shares/escrow-share-3.txt"));
    desk.ok(
        &["escrow", "combine", text(&a), text(&c), "--out", "escrow.key"],
        "spotcheck-escrow-combine/1",
    );
    let secret = std::fs::read_to_string(desk.path("escrow.key")).unwrap();
    assert!(secret.starts_with("AGE-SECRET-KEY-1"));
}

#[test]
fn the_wrong_key_a_bad_configuration_and_bad_usage_are_told_apart() {
    let desk = Desk::new();
    desk.ok(&["device", "list"], "spotcheck-device-list/1");
    let key = desk.path("other.key");
    std::fs::write(&key, "00".repeat(32)).unwrap();
    desk.fails(&["--key-file", text(&key), "device", "list"], 3, "CENTRE-KEY-FILE");
    let mut permissions = std::fs::metadata(&key).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&key, permissions).unwrap();
    desk.fails(&["--key-file", text(&key), "device", "list"], 3, "CENTRE-KEY");
    std::fs::remove_file(desk.path("centre.key")).unwrap();
    desk.fails(&["device", "list"], 3, "CENTRE-KEY-FILE");

    let config = desk.path("center.toml");
    std::fs::write(&config, "listen = \"127.0.0.1:9\"\n").unwrap();
    let shown = desk.ok(&["--config", text(&config), "config", "show"], "spotcheck-config-show/1");
    assert_eq!(shown["listen"]["from"], "file");
    assert_eq!(shown["data"]["from"], "argument");
    std::fs::write(&config, "lisen = 1\n").unwrap();
    desk.fails(&["--config", text(&config), "config", "show"], 3, "CENTRE-CONFIG");
    let usage = desk.command(&["task", "new"]).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

/// R44: the intake key is changed beside a running server, told in the list, and ended.
#[test]
fn r44_the_intake_key_is_changed_and_ended_by_sub_commands_while_it_serves() {
    let desk = Desk::new();
    let (server, _) = desk.serve();
    let keys = |desk: &Desk| desk.ok(&["key", "list"], "spotcheck-key-list/1")["keys"].clone();
    let first = keys(&desk)[0]["id"].as_str().unwrap().to_owned();
    desk.fails(&["key", "rotate"], 3, "INTAKE-ESCROW");
    let shares = desk.path("shares");
    desk.ok(&["escrow", "export", "--out", text(&shares)], "spotcheck-escrow-export/1");
    let rotated = desk.ok(&["key", "rotate"], "spotcheck-key-rotate/1");
    assert_eq!(rotated["before"], first.as_str());
    let second = rotated["id"].as_str().unwrap().to_owned();
    let states: Vec<Value> = keys(&desk).as_array().unwrap().to_vec();
    assert_eq!((&states[0]["id"], &states[0]["state"]), (&first.as_str().into(), &"kept".into()));
    assert_eq!(
        (&states[1]["id"], &states[1]["state"]),
        (&second.as_str().into(), &"current".into())
    );
    desk.fails(&["key", "retire", "--id", &second], 3, "INTAKE-CURRENT");
    desk.fails(&["key", "retire", "--id", "intake-00000000"], 3, "CENTRE-NOT-FOUND");
    let done = desk.ok(&["key", "retire", "--id", &first], "spotcheck-key-retire/1");
    assert_eq!(done["bundles"], serde_json::json!([]));
    assert_eq!(keys(&desk)[0]["state"], "retired");
    drop(server);
}

/// A row that an import could not read is found again by file, line and column, and comes back to be mended.
#[test]
fn rows_that_an_import_rejected_can_be_read_and_mended() {
    let desk = Desk::new();
    desk.fails(&["rejects"], 3, "CENTRE-NOT-FOUND");
    let city = desk.path("city");
    desk.ok(&["demo-data", "--out", text(&city)], "spotcheck-demo-data/1");
    let path = city.join("fee_list_d.csv");
    let fees = std::fs::read_to_string(&path).unwrap();
    let head: Vec<&str> =
        fees.lines().next().unwrap().trim_start_matches('\u{feff}').split(',').collect();
    let at = head.iter().position(|h| *h == "det_item_fee_sumamt").unwrap();
    let mut lines: Vec<String> = fees.lines().map(str::to_owned).collect();
    let mut cells: Vec<String> = lines[2].split(',').map(str::to_owned).collect();
    cells[at] = "x1".to_owned();
    lines[2] = cells.join(",");
    std::fs::write(&path, lines.join("\n")).unwrap();
    desk.ok(&["import", "--from", text(&city)], "spotcheck-import/1");
    let told = desk.ok(&["rejects"], "spotcheck-rejects/1");
    assert_eq!(told["tables"], serde_json::json!({ "fee_list_d": 1 }));
    let row = &told["rows"][0];
    assert_eq!(
        (row["line"].as_u64(), row["column"].as_str()),
        (Some(3), Some("det_item_fee_sumamt"))
    );
    assert!(row["reason"].as_str().is_some_and(|r| !r.is_empty() && !r.contains("x1")), "{row}");
    let to = desk.path("mend.csv");
    let args = ["rejects", "--table", "fee_list_d", "--to", text(&to)];
    assert_eq!(desk.ok(&args, "spotcheck-rejects-export/1")["rows"], 1);
    desk.fails(&args, 3, "CENTRE-TARGET-EXISTS");
    assert!(std::fs::read_to_string(&to).unwrap().contains("x1"));
    let other = ["rejects", "--table", "psn", "--to", "other.csv"];
    desk.fails(&other, 3, "CENTRE-NOT-FOUND");
}

#[test]
fn help_is_bilingual_and_stays_as_it_is() {
    let desk = Desk::new();
    let output = desk.command(&["--help"]).env("COLUMNS", "100").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("启动服务 / serve handhelds"), "{text}");
    for command in [
        "serve",
        "import",
        "rejects",
        "facilities",
        "task",
        "package",
        "device",
        "officer",
        "ticket",
        "bundle",
        "log",
        "roots",
        "policy",
        "config",
        "escrow",
        "key",
        "backup",
        "restore",
        "finding",
        "indicators",
        "guarded",
        "demo-data",
    ] {
        let help = desk.command(&[command, "--help"]).output().unwrap();
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(text.contains(command), "{command}");
    }
}
