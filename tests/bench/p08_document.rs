//! P8: a record of seven pages to PDF/A, warm, beside Typst's own compiler over the same template and data.
//!
//! The peer is the Python package `typst` (the compiler in a library, PDF/A-2b, our two faces only), called again in
//! one process. Ours empties the compiler's cache after each document, so that nothing of a record stays in memory;
//! the peer may keep its own. How long the peer takes as a fresh process is told too: that is what a
//! command line would do.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spotcheck_documents::{Draft, Officer, render};
use spotcheck_domain::vocabulary::CredentialKind;
use spotcheck_fonts::{BOLD, REGULAR};

use crate::data::{self, Scale};
use crate::measure::{Watch, child, mebibytes, median, number, object, peak_kib, seconds, told};
use crate::report::{Met, Report, Row};

/// 2026-11-20T10:05:41+08:00.
const FROZEN_MS: i64 = 1_795_140_341_000;
const PAGES: u32 = 7;
const TIMES: usize = 15;

/// What the peer runs: `FOLDER FONTS TIMES`; milliseconds of each compilation.
const PEER: &str = r#"
import json, resource, sys, time
import typst
folder, fonts, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
took = []
for _ in range(times):
    at = time.perf_counter()
    pdf = typst.compile(folder + "/w03.typ", root=folder, font_paths=[fonts], ignore_system_fonts=True,
                        format="pdf", pdf_standards="a-2b")
    took.append(time.perf_counter() - at)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"took": took, "bytes": len(pdf), "peak_kib": peak}))
"#;

/// A record of an inspection whose main part is `paragraphs` long.
fn record(paragraphs: usize) -> Result<Draft> {
    let mut draft = Draft::new("W03").map_err(told)?;
    draft.officers = [("检查员甲", "示执法-0001"), ("检查员乙", "示执法-0002")]
        .map(|(name, number)| Officer {
            name: name.to_owned(),
            agency: "示例市医疗保障局".to_owned(),
            credential_kind: CredentialKind::Enforcement,
            credential_number: number.to_owned(),
        })
        .to_vec();
    draft.basis = vec!["《医疗保障基金使用监督管理条例》第二十七条、第二十九条".to_owned()];
    let lines: Vec<String> = (1..=paragraphs)
        .map(|n| {
            format!(
                "{n}. {}病区{}床：床头卡显示有住院患者，检查时床上无人，床单整齐，床头柜无个人物品。护士站交接班\
                 记录写明该患者在院，医嘱单当日有静脉输液医嘱一组，护理记录单 8 时有体温 36.{} 摄氏度的记录。现场\
                 拍照 2 张，当场请护士长核对床号和姓名，所见与上列记录不一致。",
                n % 9 + 1,
                n % 47 + 1,
                n % 10
            )
        })
        .collect();
    for (key, value) in [
        ("organ", "示例市医疗保障局"),
        ("number", "示医保检〔2026〕1号"),
        ("begun", "2026年11月20日09时30分"),
        ("ended", "2026年11月20日10时05分"),
        ("place", "示例医院住院楼三层三病区"),
        ("subject", "示例医院"),
        ("present_name", "李四"),
        ("content", &lines.join("\n")),
    ] {
        draft.prefill(key, value).map_err(told)?;
    }
    Ok(draft)
}

/// The shortest record of seven pages.
fn seven() -> Result<Draft> {
    for paragraphs in (10..120).step_by(2) {
        let draft = record(paragraphs)?;
        let elements = draft.elements().map_err(told)?;
        if render(&elements, FROZEN_MS).map_err(told)?.pages() >= PAGES {
            return Ok(draft);
        }
    }
    anyhow::bail!("no record has {PAGES} pages")
}

/// Child: `FOLDER`: elements.json and look.json for the peer go there.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let folder = Path::new(arguments.first().context("FOLDER")?);
    let bytes = std::fs::read(folder.join("elements.json"))?;
    let value: Value = serde_json::from_slice(&bytes)?;
    let elements = spotcheck_documents::Elements::parse("W03", &value).map_err(told)?;
    let first = Instant::now();
    render(&elements, FROZEN_MS).map_err(told)?.pdf().map_err(told)?;
    let first = first.elapsed().as_secs_f64();
    let (mut took, mut cpu, mut pages, mut size) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..TIMES {
        let watch = Watch::start();
        let rendered = render(&elements, FROZEN_MS).map_err(told)?;
        let pdf = rendered.pdf().map_err(told)?;
        took.push(watch.wall());
        cpu.push(watch.cpu());
        (pages, size) = (rendered.pages(), pdf.len());
    }
    Ok(json!({
        "first": first,
        "wall": median(&took),
        "cpu": median(&cpu),
        "pages": pages,
        "bytes": size,
        "own_kib": peak_kib(),
    }))
}

fn peer(python: &Path, folder: &Path, fonts: &Path, times: usize) -> Result<(Value, f64)> {
    let begun = Instant::now();
    let mut command = Command::new(python);
    command.args(["-c", PEER]).arg(folder).arg(fonts).arg(times.to_string());
    let said = object(command, "typst")?;
    Ok((said, begun.elapsed().as_secs_f64()))
}

pub(crate) fn measure(report: &mut Report, _scale: Scale) -> Result<()> {
    let work = tempfile::tempdir_in(data::folder()?)?;
    let folder = work.path();
    let fonts = folder.join("fonts");
    std::fs::create_dir(&fonts)?;
    std::fs::write(fonts.join("regular.otf"), REGULAR)?;
    std::fs::write(fonts.join("bold.otf"), BOLD)?;
    let templates = spotcheck_tests::root().join("src/documents/templates");
    for file in ["common.typ", "w03.typ"] {
        std::fs::copy(templates.join(file), folder.join(file))?;
    }
    let draft = seven()?;
    let elements = draft.elements().map_err(told)?.to_value().map_err(told)?;
    std::fs::write(folder.join("elements.json"), elements.to_string())?;
    let title = draft.spec().map_err(told)?.title;
    let look = json!({ "title": title, "draft": false, "overlay": null, "signatures": {} });
    std::fs::write(folder.join("look.json"), look.to_string())?;
    let ours = child("document", &[&folder.display().to_string()])?;
    let (wall, cpu) = (number(&ours, "wall")?, number(&ours, "cpu")?);
    let judged = if crate::measure::loaded() { cpu } else { wall };
    let what = format!(
        "record of {} pages to PDF/A-2b, {:.0} kB, warm ({} CPU; the first of a process {})",
        ours["pages"],
        number(&ours, "bytes")? / 1e3,
        seconds(cpu),
        seconds(number(&ours, "first")?)
    );
    let row = Row::alone("P8", what, seconds(wall), "≤ 150 ms", Met::of(judged <= 0.15));
    match data::python("typst") {
        Some(python) => {
            let (said, _) = peer(&python, folder, &fonts, TIMES)?;
            let took: Vec<f64> =
                said["took"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
            ensure!(took.len() == TIMES, "the peer compiled {} times", took.len());
            let (_, alone) = peer(&python, folder, &fonts, 1)?;
            let warm = median(took.get(1..).unwrap_or_default());
            let text = format!(
                "typst 0.15: {} ({} as a process of its own, peak {})",
                seconds(warm),
                seconds(alone),
                mebibytes(number(&said, "peak_kib")?)
            );
            report.row(row.beside(text, wall / warm));
        }
        None => report.peer_missing(row, "typst (Python package)"),
    }
    let peak = number(&ours, "own_kib")?;
    report.row(Row::alone(
        "P8",
        "peak RSS of a process that makes 16 such records",
        mebibytes(peak),
        "≤ 120 MB",
        Met::of(peak * 1024.0 / 1e6 <= 120.0),
    ));
    Ok(())
}
