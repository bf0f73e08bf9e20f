//! R31, R58: the handheld is killed at seeded moments of a visit; what was confirmed is there afterwards.
//!
//! The driver keeps its own list of each confirmation it saw (a line of JSON on standard output), outside
//! the data folder, kills with SIGKILL, and asks a fresh process. In some runs the recorder process is
//! killed as well. A quarter of the kills come within 5 ms after a confirmation.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use spotcheck_tests::support::programs::{HandheldCli, kill_recorder, text};
use spotcheck_tests::support::visit::{Claims, World};

const KILLS: u64 = 20;
const SEED: u64 = 20_261_121;

/// SplitMix64, so that a run can be repeated.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// The acts of the visit after the case was opened; ids are known because nothing is ever removed.
fn acts(case: &str, strokes: &Path, pins: &[String]) -> Vec<String> {
    let mut acts = vec![
        format!("case certificate {case} O-0001"),
        format!("case certificate {case} O-0002"),
        format!("case step {case} --kind bed_check --title 在床核查"),
        format!("case note {case} 第一句"),
        format!("capture photo {case}"),
        format!("capture describe {case} E1 --proves 床上无人 --source 一病区"),
        format!("case party {case} --name 李四 --post 护士长"),
        format!("capture audio {case}"),
        format!("doc new {case} W04 --party party-2"),
    ];
    for n in 1..=4 {
        acts.push(format!("doc answer {case} D1 --question 第{n}问? --answer 第{n}答。"));
    }
    for (key, value) in [
        ("sex", "女"),
        ("id_number", "居民身份证110101199001011234"),
        ("relation", "工作人员"),
        ("recusal", "不申请回避"),
        ("place", "护士站"),
    ] {
        acts.push(format!("doc fill {case} D1 {key} {value}"));
    }
    acts.push(format!("doc freeze {case} D1"));
    for signer in ["party-2", "O-0001", "O-0002"] {
        acts.push(format!("doc sign {case} D1 {signer} --strokes {}", strokes.display()));
    }
    acts.push("capture stop E2".to_owned());
    acts.push(format!("case note {case} 最后一句"));
    acts.push(format!("seal {case} --incomplete 撤离 --signer {} --signer {}", pins[0], pins[1]));
    acts
}

/// What a fresh process must still know of an act that was confirmed.
fn check(h: &HandheldCli, case: &str, act: &str, show: &Value, doc: &Value, journal: &Value) {
    let words: Vec<&str> = act.split(' ').collect();
    let entries = journal["items"].as_array().unwrap();
    let list = |name: &str| show[name].as_array().unwrap().clone();
    let held = match (words[0], words[1]) {
        ("case", "certificate") => list("officers")
            .iter()
            .any(|o| o["id"] == words[3] && !o["certificate_shown"].is_null()),
        ("case", "step") => !list("steps").is_empty(),
        ("case", "note") => entries.iter().any(|e| e["facts"]["text"] == words[3]),
        ("case", "party") => list("parties").iter().any(|p| p["name"] == "李四"),
        ("capture", "photo") => list("evidence").iter().any(|e| e["id"] == "E1"),
        ("capture", "describe") => list("evidence").iter().any(|e| e["proves"] == "床上无人"),
        // Running, recovered or stopped: at least the first stored second is there.
        ("capture", "audio" | "stop") => {
            let running = h.ok(&["status"]).is_ok();
            running && entries.iter().any(|e| e["kind"] == "capture_started")
        }
        ("doc", "new") => list("documents").iter().any(|d| d["id"] == "D1"),
        ("doc", "answer") => {
            doc["answers"].as_array().is_some_and(|a| a.iter().any(|a| a["question"] == words[5]))
        }
        ("doc", "fill") => doc["fields"]
            .as_array()
            .is_some_and(|f| f.iter().any(|f| f["key"] == words[4] && f["value"] == words[5])),
        ("doc", "freeze") => !doc["content_sha256"].is_null(),
        ("doc", "sign") => {
            doc["signatures"].as_array().is_some_and(|s| s.iter().any(|s| s["signer"] == words[4]))
        }
        ("seal", _) => show["state"] == "sealed",
        _ => panic!("no check for {act}"),
    };
    assert!(held, "case {case}: confirmed and lost: {act}\n{show}\n{doc}");
}

#[test]
fn r31_what_was_confirmed_survives_twenty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 3 }, &[], None).unwrap();
    let strokes = folder.path().join("strokes.json");
    std::fs::write(&strokes, r#"[{"points":[[10,10,0,512],[200,120,90,512],[300,60,160,512]]}]"#)
        .unwrap();
    let pins: Vec<String> =
        world.handheld.pins.iter().map(|(id, file)| format!("{id}={}", file.display())).collect();
    let mut state = SEED;
    let (mut killed, mut close) = (0, 0);
    for run in 0..KILLS {
        let data = folder.path().join(format!("run-{run}"));
        copy_folder(&world.handheld.data, &data);
        let h = HandheldCli { data: data.clone(), ..world.handheld.clone() };
        let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
        let acts = acts(&case, &strokes, &pins);
        let batch = folder.path().join(format!("run-{run}.txt"));
        std::fs::write(&batch, acts.join("\n")).unwrap();
        let after = usize::try_from(random(&mut state) % acts.len() as u64).unwrap();
        let near = run % 4 == 0;
        let delay_us = random(&mut state) % if near { 5_000 } else { 400_000 };
        let mut child = h
            .command(0, &["batch", &batch.to_string_lossy()])
            .unwrap()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut confirmed = Vec::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for act in &acts {
            let Some(Ok(line)) = lines.next() else { break };
            let said: Value = serde_json::from_str(&line).unwrap();
            assert!(said.get("error").is_none(), "{act}: {said}");
            confirmed.push(act.clone());
            if confirmed.len() > after {
                std::thread::sleep(Duration::from_micros(delay_us));
                break;
            }
        }
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        // What was printed before the kill and not read yet was confirmed too.
        for (line, act) in lines.map_while(Result::ok).zip(acts.iter().skip(confirmed.len())) {
            if serde_json::from_str::<Value>(&line).is_ok_and(|v| v.get("error").is_none()) {
                confirmed.push(act.clone());
            }
        }
        killed += u32::from(alive);
        close += u32::from(alive && near);
        if run % 3 == 0 {
            kill_recorder(&data);
        }
        let who = usize::try_from(run % 2).unwrap();
        let unlocked = h.run_as(who, &["unlock"]).unwrap().ok().unwrap();
        assert!(unlocked["safe"].as_str().unwrap().starts_with("安全"), "{unlocked}");
        let show = h.run_as(who, &["case", "show", &case]).unwrap().ok().unwrap();
        let journal = h.run_as(who, &["journal", "--case", &case]).unwrap().ok().unwrap();
        let doc = h.run_as(who, &["doc", "show", &case, "D1"]).unwrap();
        for act in &confirmed {
            check(&h, &case, act, &show, &doc.json, &journal);
        }
        h.run_as(who, &["journal", "--verify", "--case", &case]).unwrap().ok().unwrap();
        h.run_as(who, &["journal", "--verify"]).unwrap().ok().unwrap();
        // Work goes on where it stopped: leaving is always possible, and the bundle is whole.
        if show["state"] != "sealed" {
            let mut seal = vec!["seal", &case, "--incomplete", "中断后撤离"];
            for pin in &pins {
                seal.extend(["--signer", pin]);
            }
            h.run_as(who, &seal).unwrap().ok().unwrap();
        }
        kill_recorder(&data);
    }
    assert!(killed >= 15, "only {killed} runs were killed before they ended");
    assert!(close >= 3, "only {close} kills came right after a confirmation");
}
