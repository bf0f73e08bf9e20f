//! The whole way once, by sub-commands: what demo and stories drive.
//!
//! A centre with claims, a task for two officers and one handheld; the package opened offline, a person
//! looked up, evidence captured, an interview and an inspection record written, signed and (where a
//! printer is given) printed, the bundle sealed, sent and receipted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::programs::{CenterCli, Environment, HandheldCli, Serving, free_port, pin_file, text};

/// PINs of the demo's officers: they protect invented data only.
const PINS: [&str; 2] = ["demo-pin-one-1", "demo-pin-two-2"];

/// Words of the interview: (question, answer).
pub const INTERVIEW: [(&str, &str); 3] = [
    ("请说明您的姓名、职务和负责的工作。", "我叫李四，是一病区护士长，负责病区护理和床位安排。"),
    ("12 床今天的住院患者是否在院？", "上午查房时不在，家属说回家取东西，没有办理请假手续。"),
    ("以上所说是否属实？有无补充？", "属实，没有补充。"),
];

/// What an interview's form asks of the interviewee: (field, value).
pub const PARTICULARS: [(&str, &str); 5] = [
    ("sex", "女"),
    ("id_number", "居民身份证110101199001011234"),
    ("relation", "工作人员"),
    ("recusal", "不申请回避"),
    ("place", "护士站"),
];

/// Everything one run needs.
#[derive(Debug)]
pub struct World {
    /// Folder of the run.
    pub folder: PathBuf,
    /// The centre.
    pub center: CenterCli,
    /// The running centre.
    pub serving: Serving,
    /// The handheld.
    pub handheld: HandheldCli,
    /// A second handheld of the same task and officers, where the story needs one.
    pub partner: Option<HandheldCli>,
    /// The task.
    pub task: String,
    /// Its facility.
    pub facility: String,
}

/// What is imported.
#[derive(Debug, Clone)]
pub enum Claims {
    /// `demo-data` of this seed.
    DemoCity {
        /// Seed.
        seed: u64,
    },
    /// A folder in the contract's own form.
    Folder {
        /// `--from`.
        from: PathBuf,
    },
    /// A folder with a mapping.
    Mapped {
        /// `--from`.
        from: PathBuf,
        /// `--mapping`.
        mapping: PathBuf,
        /// Period of the task, `FROM..TO`.
        period: String,
    },
}

/// A device.toml with stand-ins for camera and microphone.
///
/// # Errors
/// The folder cannot be written.
pub fn stand_in_device(path: &Path, printer: Option<&str>) -> Result<()> {
    let mut config = String::from(
        "# Stand-ins: test pictures and tones through the same pipeline as a real camera and microphone.\n\
         [camera]\nkind = \"test\"\n\n[microphone]\nkind = \"test\"\n",
    );
    if let Some(uri) = printer {
        config.push_str(&format!("\n[[printers]]\nname = \"演示打印机\"\nuri = \"{uri}\"\n"));
    }
    std::fs::write(path, config)?;
    Ok(())
}

impl World {
    /// Import, task, enrolment of one handheld and two officers, package, pull.
    ///
    /// # Errors
    /// Any step that does not end as it must.
    pub fn build(
        folder: &Path,
        claims: &Claims,
        serve: &[&str],
        printer: Option<&str>,
    ) -> Result<Self> {
        Self::build_in(folder, claims, serve, printer, &Vec::new())
    }

    /// [`World::build`] with a second handheld, `D-0002`.
    ///
    /// # Errors
    /// Any step that does not end as it must.
    pub fn build_pair(folder: &Path, claims: &Claims) -> Result<Self> {
        Self::build_with(folder, claims, &[], None, &Vec::new(), &["D-0001", "D-0002"], "")
    }

    /// [`World::build`] with more in the handheld's device.toml.
    ///
    /// # Errors
    /// Any step that does not end as it must.
    pub fn build_on(folder: &Path, claims: &Claims, device: &str) -> Result<Self> {
        Self::build_with(folder, claims, &[], None, &Vec::new(), &["D-0001"], device)
    }

    /// [`World::build`] with an environment of its own for all programs.
    ///
    /// # Errors
    /// Any step that does not end as it must.
    pub fn build_in(
        folder: &Path,
        claims: &Claims,
        serve: &[&str],
        printer: Option<&str>,
        environment: &Environment,
    ) -> Result<Self> {
        Self::build_with(folder, claims, serve, printer, environment, &["D-0001"], "")
    }

    fn build_with(
        folder: &Path,
        claims: &Claims,
        serve: &[&str],
        printer: Option<&str>,
        environment: &Environment,
        devices: &[&str],
        more: &str,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let environment = environment.clone();
        let center = CenterCli { data: folder.join("center"), environment: environment.clone() };
        let (period, facility) = import(&center, folder, claims)?;
        let facilities = center.ok(&["facilities", "list"])?;
        let facility = facility.map_or_else(|| busiest(&facilities), Ok)?;
        for (n, (id, name)) in [("O-0001", "检查员甲"), ("O-0002", "检查员乙")].iter().enumerate()
        {
            let number = format!("示执法-{:04}", n.saturating_add(1));
            let valid = "2030-12-31";
            center.ok(&[
                "officer",
                "add",
                "--id",
                id,
                "--name",
                name,
                "--agency",
                "示例市医疗保障局",
                "--credential-kind",
                "enforcement",
                "--credential-number",
                &number,
                "--valid-until",
                valid,
            ])?;
        }
        // The province of the demo allows the pad, and handhelds without a security chip.
        center.ok(&[
            "policy",
            "set",
            "--allow-file-protection",
            "true",
            "--pad-signatures",
            "true",
        ])?;
        let serving = center.serve(free_port()?, serve)?;
        let device = folder.join("device.toml");
        stand_in_device(&device, printer)?;
        // The chip of this machine is nobody's to wear out: what a story defines in it would outlive its folder, and a
        // story's wrong PINs would lock it.
        let keys = if more.contains("[keys]") { "" } else { "[keys]\ntpm = \"none\"\n\n" };
        let config = keys.to_owned() + &std::fs::read_to_string(&device)? + more;
        std::fs::write(&device, config)?;
        let mut handhelds = Vec::new();
        for (n, id) in devices.iter().enumerate() {
            let data = folder.join(if n == 0 { "handheld" } else { "partner" });
            let blank = HandheldCli {
                data,
                device: device.clone(),
                pins: Vec::new(),
                environment: environment.clone(),
                print_beside: None,
            };
            handhelds.push(enrol(&center, &serving.url, folder, id, blank)?);
        }
        let task = center.ok(&[
            "task",
            "new",
            "--facility",
            &facility,
            "--period",
            &period,
            "--title",
            "住院费用现场核查(演示)",
            "--mode",
            "enforcement",
            "--officers",
            "O-0001,O-0002",
            "--devices",
            &devices.join(","),
            "--document-number",
            "示医保检〔2026〕1号",
        ])?;
        let task = text(&task, "/id").or_else(|_| text(&task, "/task/id"))?;
        center.ok(&["package", "build", "--task", &task])?;
        for handheld in &handhelds {
            handheld.ok(&["pull"])?;
        }
        let mut handhelds = handhelds.into_iter();
        let handheld = handhelds.next().context("no handheld")?;
        let (folder, partner) = (folder.to_owned(), handhelds.next());
        Ok(Self { folder, center, serving, handheld, partner, task, facility })
    }

    /// From the opened package to the sealed bundle; returns case and bundle.
    ///
    /// # Errors
    /// Any step that does not end as it must.
    pub fn visit(&self, printer: Option<&str>) -> Result<Sealed> {
        let h = &self.handheld;
        let task = self.task.as_str();
        let tasks = h.ok(&["tasks"])?;
        tasks.pointer("/items/0/package/checked").context("the package was not checked")?;
        let hits =
            h.ok(&["search", "persons", "--task", task, "--limit", "5", &self.some_name()?])?;
        let person = text(&hits, "/items/0/psn_no")?;
        let view = h.ok(&["person", "--task", task, &person])?;
        let visit = text(&view, "/visits/0/mdtrt_id")?;
        h.ok(&["visit", "--task", task, &visit])?;

        let case = text(&h.ok(&["case", "open", "--task", task])?, "/id")?;
        h.ok(&["person", "--task", task, &person])?;
        self.work(&case, printer)
    }

    /// From the opened case to the sealed bundle.
    ///
    /// # Errors
    /// Any step that does not end as it must.
    pub fn work(&self, case: &str, printer: Option<&str>) -> Result<Sealed> {
        let h = &self.handheld;
        h.ok(&["case", "certificate", case, "O-0001"])?;
        h.ok(&["case", "certificate", case, "O-0002"])?;
        let step = h.ok(&["case", "step", case, "--kind", "bed_check", "--title", "在床核查"])?;
        let step = text(&step, "/step")?;
        let photo = text(&h.ok(&["capture", "photo", case])?, "/id")?;
        h.ok(&[
            "capture",
            "describe",
            case,
            &photo,
            "--proves",
            "12 床无人在床",
            "--source",
            "一病区 12 床",
        ])?;
        let video = text(&h.ok(&["capture", "video", case, "--seconds", "10"])?, "/id")?;
        h.ok(&[
            "capture",
            "describe",
            case,
            &video,
            "--proves",
            "一病区现场情况",
            "--source",
            "一病区走廊",
        ])?;
        let interview = self.interview(case)?;
        h.ok(&["case", "end-step", case, &step])?;
        let record = self.record(case, &photo)?;
        if let Some(printer) = printer {
            for document in [&interview, &record] {
                h.ok(&["doc", "print", case, document, "--printer", printer, "--copies", "2"])?;
            }
        }
        let signers: Vec<String> =
            h.pins.iter().map(|(id, file)| format!("{id}={}", path(file))).collect();
        let mut seal = vec!["seal", case];
        for signer in &signers {
            seal.extend(["--signer", signer]);
        }
        let sealed = h.ok(&seal)?;
        let bundle = text(&sealed, "/bundle")?;
        let documents = vec![interview, record];
        Ok(Sealed { case: case.to_owned(), bundle, documents })
    }

    /// An inhabitant of the package to look for.
    fn some_name(&self) -> Result<String> {
        let hits =
            self.handheld.ok(&["search", "persons", "--task", &self.task, "--limit", "1", ""]);
        let name = hits.and_then(|hits| text(&hits, "/items/0/psn_name"));
        // Names are masked after the surname. A search without words may be refused; then any letter will do.
        Ok(name.unwrap_or_else(|_| "a".to_owned()).chars().take(1).collect())
    }

    /// Sound runs while the interview is written; each answer is stamped into it.
    fn interview(&self, case: &str) -> Result<String> {
        let h = &self.handheld;
        let party = h.ok(&["case", "party", case, "--name", "李四", "--post", "护士长"])?;
        let party = text(&party, "/party")?;
        let audio = text(&h.ok(&["capture", "audio", case])?, "/evidence")?;
        let document = text(&h.ok(&["doc", "new", case, "W04", "--party", &party])?, "/card/id")?;
        for (question, answer) in INTERVIEW {
            h.ok(&["doc", "answer", case, &document, "--question", question, "--answer", answer])?;
        }
        h.ok(&["capture", "mark", &audio, "问答结束"])?;
        for (key, value) in [
            ("sex", "女"),
            ("id_number", "居民身份证 110101199001011234"),
            ("employer", "示例医院"),
            ("relation", "被检查单位工作人员"),
            ("recusal", "已告知申请回避的权利，答：不申请回避。"),
            ("place", "一病区护士站"),
        ] {
            h.ok(&["doc", "fill", case, &document, key, value])?;
        }
        h.ok(&["doc", "freeze", case, &document])?;
        self.sign(case, &document, &[&party, "O-0001", "O-0002"])?;
        h.ok(&["capture", "stop", &audio])?;
        h.ok(&[
            "capture",
            "describe",
            case,
            &audio,
            "--proves",
            "护士长对在床情况的陈述",
            "--source",
            "一病区护士站",
        ])?;
        Ok(document)
    }

    fn record(&self, case: &str, photo: &str) -> Result<String> {
        let h = &self.handheld;
        let document = text(&h.ok(&["doc", "new", case, "W03"])?, "/card/id")?;
        let attachments = format!("照片 {photo}");
        for (key, value) in [
            ("place", "示例医院一病区"),
            ("present_name", "李四"),
            ("present_post", "护士长"),
            ("recusal", "已出示执法证件并告知申请回避的权利，现场负责人答：不申请回避。"),
            (
                "content",
                "检查人员到达一病区，按床位顺序核对在床人员。12 床床头卡显示有住院患者，检查时床上无人，未见请假记录。现场拍照、录像并录音。",
            ),
            ("measures", "对 12 床床位及床头卡拍照取证。"),
            ("attachments", &attachments),
            ("remark", "以上记录属实。"),
        ] {
            h.ok(&["doc", "fill", case, &document, key, value])?;
        }
        h.ok(&["doc", "freeze", case, &document])?;
        self.sign(case, &document, &["party-1", "O-0001", "O-0002"])?;
        Ok(document)
    }

    fn sign(&self, case: &str, document: &str, signers: &[&str]) -> Result<()> {
        for (n, signer) in (0_u16..).zip(signers) {
            let file = self.folder.join("strokes.json");
            std::fs::write(&file, serde_json::to_vec(&strokes(n))?)?;
            let file = path(&file);
            self.handheld.ok(&["doc", "sign", case, document, signer, "--strokes", &file])?;
        }
        Ok(())
    }
}

/// A sealed case.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The case.
    pub case: String,
    /// The bundle.
    pub bundle: String,
    /// Documents in it.
    pub documents: Vec<String>,
}

/// Three strokes that differ from signer to signer.
fn strokes(n: u16) -> Value {
    let stroke = |x: u16, y: u16, t: u32| -> Value {
        let points: Vec<Value> = (0_u16..12)
            .map(|i| {
                let wave = if i % 2 == 0 { 0 } else { 40_u16.saturating_add(n.saturating_mul(8)) };
                let at = t.saturating_add(u32::from(i).saturating_mul(24));
                json!([x.saturating_add(i.saturating_mul(14)), y.saturating_add(wave), at, 512])
            })
            .collect();
        json!({ "points": points })
    };
    json!([stroke(120, 90, 0), stroke(320, 120, 420), stroke(520, 100, 900)])
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Imports; returns the period of the task and, where it is known, the facility to inspect.
fn import(center: &CenterCli, folder: &Path, claims: &Claims) -> Result<(String, Option<String>)> {
    match claims {
        Claims::DemoCity { seed } => {
            let city = folder.join("demo-city");
            let made =
                center.ok(&["demo-data", "--out", &path(&city), "--seed", &seed.to_string()])?;
            center.ok(&["import", "--from", &path(&city)])?;
            center.ok(&["policy", "add", &path(&city.join("reference"))])?;
            std::fs::remove_dir_all(&city)?;
            Ok(("2025-11-01..2026-11-15".to_owned(), text(&made, "/fixmedins_code").ok()))
        }
        Claims::Folder { from } => {
            center.ok(&["import", "--from", &path(from)])?;
            Ok(("2025-11-01..2026-11-15".to_owned(), None))
        }
        Claims::Mapped { from, mapping, period } => {
            center.ok(&["import", "--from", &path(from), "--mapping", &path(mapping)])?;
            Ok((period.clone(), None))
        }
    }
}

/// The facility with most fee lines, else the first one.
fn busiest(facilities: &Value) -> Result<String> {
    let items = facilities.get("facilities").and_then(Value::as_array).context("no facilities")?;
    let lines =
        |item: &&Value| item.pointer("/rows/fee_list_d").and_then(Value::as_u64).unwrap_or(0);
    let found = items.iter().max_by_key(lines).context("no facilities")?;
    text(found, "/fixmedins_code")
}

/// A handheld with both officers, enrolled by tickets.
fn enrol(
    center: &CenterCli,
    url: &str,
    folder: &Path,
    device: &str,
    mut handheld: HandheldCli,
) -> Result<HandheldCli> {
    let ticket = folder.join(format!("{device}.ticket"));
    ticket_for(center, "device", device, "手持机", url, &ticket)?;
    handheld.ok(&["enroll", "--ticket", &path(&ticket)])?;
    for (id, pin) in [("O-0001", PINS[0]), ("O-0002", PINS[1])] {
        let ticket = folder.join(format!("{device}-{id}.ticket"));
        ticket_for(center, "officer", id, id, url, &ticket)?;
        let file = folder.join(format!("{id}.pin"));
        pin_file(&file, pin)?;
        let pin_arg = path(&file);
        handheld.ok(&[
            "enroll",
            "--as-officer",
            "--ticket",
            &path(&ticket),
            "--pin-file",
            &pin_arg,
        ])?;
        handheld.pins.push((id.to_owned(), file));
    }
    Ok(handheld)
}

fn ticket_for(
    center: &CenterCli,
    kind: &str,
    id: &str,
    name: &str,
    url: &str,
    out: &Path,
) -> Result<()> {
    let out = path(out);
    let mut arguments = vec!["ticket", kind, "--id", id, "--centre", url, "--out", &out];
    if kind == "device" {
        arguments.extend(["--name", name]);
    }
    center.ok(&arguments)?;
    Ok(())
}
