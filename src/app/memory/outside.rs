//! Forms, packages, printer, machine and centre of the twins.

use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use spotcheck_domain::grid::{Grid, GridLimits};
use spotcheck_domain::task::{PRACTICE, TASK_SCHEMA, Task, TaskFacility, TaskOfficer};
use spotcheck_domain::vocabulary::{CredentialKind, Mode};
use spotcheck_domain::{
    ClockReading, DeviceId, OfficerId, TaskId, Trouble, TroubleResult, to_canonical,
};

use crate::compare::FreshFile;
use crate::desk::{PrinterView, Stroke};
use crate::errand::Watch;
use crate::findings::Stick;
use crate::ports::{
    BlobVault, Centre, DrawnSignature, ExportFile, Exports, FormDraft, FormField, FormInfo, Forms,
    KeyRing, Locator, Machine, OpenedPackage, PackageOnDisk, Packages, PlaceState, PrintOverlay,
    Printer, Probes, Pulled, Receipt, Rendered, RescueFolder, SealedBundle, TimeProof,
};
use crate::troubles;

use super::guard;

/// The task that [`MemoryCentre`] sends: two officers, one handheld, one hospital.
fn task() -> TroubleResult<Task> {
    let officer = |id: &str, name: &str| -> TroubleResult<TaskOfficer> {
        Ok(TaskOfficer {
            id: OfficerId::parse(id).map_err(troubles::stored)?,
            name: name.to_owned(),
            agency: "示例市医疗保障局".to_owned(),
            credential_kind: CredentialKind::Enforcement,
            credential_number: format!("示执法-{id}"),
            credential_valid_until: None,
        })
    };
    Ok(Task {
        schema: TASK_SCHEMA.to_owned(),
        id: TaskId::parse("T-2026-0001").map_err(troubles::stored)?,
        title: "住院费用现场核查".to_owned(),
        mode: Mode::Enforcement,
        basis: vec!["医疗保障基金使用监督管理条例 第二十七条".to_owned()],
        document_number: None,
        facility: TaskFacility {
            fixmedins_code: "H00000000001".to_owned(),
            fixmedins_name: "示例医院".to_owned(),
            uscc: None,
            addr: Some("示例路1号".to_owned()),
        },
        period_from: "2025-11-01".to_owned(),
        period_to: "2026-10-31".to_owned(),
        officers: vec![officer("O-0001", "检查员甲")?, officer("O-0002", "检查员乙")?],
        devices: vec![DeviceId::parse("D-0001").map_err(troubles::stored)?],
        valid_from: "2026-11-01T00:00:00.000+08:00".to_owned(),
        valid_until: "2026-12-01T00:00:00.000+08:00".to_owned(),
    })
}

/// The one to learn on.
fn practice() -> TroubleResult<Task> {
    Ok(Task {
        id: TaskId::parse("T-2026-0002").map_err(troubles::stored)?,
        title: "新人演练".to_owned(),
        document_number: Some(format!("{PRACTICE}〔2026〕0002号")),
        ..task()?
    })
}

/// Three forms with a field or two each.
#[derive(Debug)]
pub struct MemoryForms;

impl Forms for MemoryForms {
    fn form(&self, id: &str) -> TroubleResult<FormInfo> {
        let interview = match id {
            "W03" | "W25" => false,
            "W04" => true,
            _ => return Err(troubles::unknown("文书种类")),
        };
        let field = |key: &str, fixed| FormField {
            key: key.to_owned(),
            label: key.to_owned(),
            required: true,
            multiline: false,
            fixed,
        };
        Ok(FormInfo {
            id: id.to_owned(),
            title: format!("文书{id}"),
            template_sha256: "0f".repeat(32),
            fields: match id {
                "W25" => Vec::from(
                    ["subject", "content", "acts", "recordings"].map(|key| field(key, false)),
                ),
                _ => vec![field("subject", true), field("content", false)],
            },
            interview,
            party_signs: id != "W25",
        })
    }

    fn missing(&self, draft: &FormDraft) -> TroubleResult<Vec<String>> {
        let filled = draft.fields.iter().any(|(key, text)| key == "content" && !text.is_empty());
        Ok(if filled { Vec::new() } else { vec!["content".to_owned()] })
    }

    fn elements_file(&self, draft: &FormDraft) -> TroubleResult<Vec<u8>> {
        let template = serde_json::json!({"id": draft.form, "sha256": "0f".repeat(32)});
        let elements = serde_json::json!({"elements": draft.fields, "template": template});
        to_canonical(&elements).map_err(troubles::stored)
    }

    fn render(&self, file: &[u8], _ms: i64, signed: &[DrawnSignature]) -> TroubleResult<Rendered> {
        let pdf = [b"%PDF ", file, signed.len().to_string().as_bytes()].concat();
        Ok(Rendered { pdf, pages: 1 })
    }

    fn render_copy(
        &self,
        file: &[u8],
        _ms: i64,
        overlay: &PrintOverlay,
    ) -> TroubleResult<Rendered> {
        let pdf = [b"%PDF ", file, overlay.journal_head.as_bytes()].concat();
        Ok(Rendered { pdf, pages: 1 })
    }

    fn page_image(
        &self,
        _file: &[u8],
        _ms: i64,
        _signed: &[DrawnSignature],
        _page: u32,
        _width: u32,
        _draft: bool,
    ) -> TroubleResult<Vec<u8>> {
        Ok(b"png".to_vec())
    }

    fn opening(&self, task: &Task, _now_ms: i64) -> TroubleResult<Vec<String>> {
        Ok(vec![format!("今天检查{}", task.facility.fixmedins_name), "您可以申请回避".to_owned()])
    }

    fn strokes_svg(&self, strokes: &[Stroke]) -> TroubleResult<Vec<u8>> {
        Ok(format!("<svg>{}</svg>", strokes.len()).into_bytes())
    }
}

/// No package on this handheld.
#[derive(Debug)]
pub struct MemoryPackages;

impl Packages for MemoryPackages {
    fn handle(&self) -> Box<dyn Packages> {
        Box::new(Self)
    }

    fn find(&mut self, _task: &TaskId) -> TroubleResult<Option<PackageOnDisk>> {
        Ok(None)
    }

    fn check(
        &mut self,
        _task: &TaskId,
        _keys: &mut dyn KeyRing,
        _at: &ClockReading,
    ) -> TroubleResult<()> {
        Err(troubles::no_package())
    }

    fn open(
        &mut self,
        _task: &TaskId,
        _keys: &mut dyn KeyRing,
        _at: &ClockReading,
        _checked: &str,
    ) -> TroubleResult<OpenedPackage> {
        Err(troubles::no_package())
    }
}

/// Prints into nothing and counts.
#[derive(Debug, Default)]
pub struct MemoryPrinter {
    jobs: i64,
}

impl Printer for MemoryPrinter {
    fn printers(&mut self) -> TroubleResult<Vec<PrinterView>> {
        Ok(Vec::new())
    }

    fn print(&mut self, _uri: &str, _name: &str, _pdf: &[u8]) -> TroubleResult<i64> {
        self.jobs = self.jobs.saturating_add(1);
        Ok(self.jobs)
    }
}

/// A microphone that hears something, no camera, a loudspeaker; nothing else is plugged in.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryProbes;

impl Probes for MemoryProbes {
    fn handle(&self) -> Box<dyn Probes> {
        Box::new(*self)
    }

    fn sound(&mut self, _ms: u64) -> TroubleResult<u8> {
        Ok(42)
    }

    fn picture(&mut self) -> TroubleResult<u8> {
        Err(Trouble::new("DEVICE-CAMERA", "没有摄像头", "都在", "接上再试"))
    }

    fn tone(&mut self) -> TroubleResult<bool> {
        Ok(true)
    }

    fn printers(&mut self) -> TroubleResult<Vec<(PrinterView, bool)>> {
        Ok(Vec::new())
    }

    fn typing(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// A machine with room, unless a test takes it away.
#[derive(Debug, Default)]
pub struct MemoryMachine {
    pub(super) free: Arc<Mutex<Option<u64>>>,
}

/// A receiver that says what a test tells it.
#[derive(Debug, Default)]
pub struct MemoryLocator {
    /// What it says.
    pub says: Mutex<PlaceState>,
}

impl Locator for MemoryLocator {
    fn state(&self) -> PlaceState {
        guard(&self.says).clone()
    }
}

impl Machine for MemoryMachine {
    fn free_bytes(&self) -> TroubleResult<u64> {
        Ok(guard(&self.free).unwrap_or(1 << 40))
    }

    fn model(&self) -> Option<String> {
        None
    }
}

/// A centre that sends one task and a checkpoint, and receives whatever it is sent.
#[derive(Debug)]
pub struct MemoryCentre;

const CHECKPOINT: &str = "log.example.invalid/twin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} log.example.invalid/twin AAAAAAAA\n";

impl Centre for MemoryCentre {
    fn enrol(
        &mut self,
        _keys: &mut dyn KeyRing,
        _ticket: &str,
        _pin: Option<&SecretString>,
    ) -> TroubleResult<String> {
        Err(troubles::unknown("票据"))
    }

    fn pull(
        &mut self,
        _keys: &mut dyn KeyRing,
        _task: Option<&TaskId>,
        _last: Option<&str>,
        _watch: &mut Watch<'_>,
    ) -> TroubleResult<Pulled> {
        let proof = TimeProof {
            time_entry: "{\"at\":\"2026-11-20T08:00:00+08:00\",\"type\":\"time/1\"}".to_owned(),
            time_proof: "c2sp.org/tlog-proof@v1\n".to_owned(),
            checkpoint: CHECKPOINT.to_owned(),
            crls: Vec::new(),
        };
        Ok(Pulled { tasks: vec![task()?, practice()?], proof, ..Pulled::default() })
    }

    fn send(
        &mut self,
        _keys: &mut dyn KeyRing,
        _blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        _last: Option<&str>,
        _watch: &mut Watch<'_>,
    ) -> TroubleResult<Option<Receipt>> {
        Ok(Some(Receipt {
            bundle: bundle.bundle.clone(),
            entry: "{}".to_owned(),
            proof: format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}"),
            crl: String::new(),
            timestamps: Vec::new(),
            received: "2026-11-20T12:00:00.000+08:00".to_owned(),
            log_index: 0,
        }))
    }

    fn rescue(
        &mut self,
        keys: &mut dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        folder: &mut dyn RescueFolder,
    ) -> TroubleResult<(u64, u32)> {
        let mut bytes = 0_u64;
        for blob in bundle.files.iter().flat_map(|file| &file.blobs) {
            folder.put(&blob.ciphertext_sha256, &blobs.ciphertext(&bundle.case, blob)?)?;
            bytes = bytes.saturating_add(blob.ciphertext_size);
        }
        folder.put("tags", &keys.seal_for_centre(bundle.tagmanifest_sha256.as_bytes())?)?;
        Ok((bytes, 0))
    }

    fn send_device_journal(
        &mut self,
        _keys: &mut dyn KeyRing,
        from_seq: u64,
        lines: &[Vec<u8>],
    ) -> TroubleResult<u64> {
        let count = u64::try_from(lines.len()).unwrap_or(0);
        Ok(from_seq.saturating_add(count).saturating_sub(1))
    }
}

/// A stick with one table of given rows; everything that is read from it is that table.
#[derive(Debug, Clone, Default)]
pub struct MemoryExports {
    /// Name and rows; the bytes are the rows as text.
    pub files: Vec<(String, Vec<Vec<String>>)>,
}

struct MemoryExport {
    sheets: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl ExportFile for MemoryExport {
    fn sheets(&self) -> &[String] {
        &self.sheets
    }

    fn read(&self, _sheet: usize, rows: &mut dyn FnMut(u64) -> bool) -> TroubleResult<Grid> {
        let mut grid = Grid::new("", GridLimits::default());
        for (cells, number) in self.rows.iter().zip(1_u32..) {
            grid.push(number, cells).map_err(troubles::stored)?;
        }
        if rows(u64::from(u32::try_from(self.rows.len()).unwrap_or(u32::MAX))) {
            Ok(grid)
        } else {
            Err(troubles::unknown("导出文件"))
        }
    }

    fn kind(&self) -> (&'static str, &'static str) {
        ("csv", "text/csv")
    }
}

impl Exports for MemoryExports {
    fn handle(&self) -> Box<dyn Exports> {
        Box::new(self.clone())
    }

    fn list(&mut self) -> TroubleResult<Vec<FreshFile>> {
        let file = |(name, rows): &(String, Vec<Vec<String>>)| FreshFile {
            place: name.clone(),
            name: name.clone(),
            volume: "U".to_owned(),
            size: u64::try_from(rows.len()).unwrap_or(0),
        };
        Ok(self.files.iter().map(file).collect())
    }

    fn read(&mut self, place: &str) -> TroubleResult<(String, Arc<[u8]>)> {
        let found = self.files.iter().find(|(name, _)| name == place);
        let (name, rows) = found.ok_or_else(|| troubles::unknown("导出文件"))?;
        let text: String = rows.iter().map(|r| format!("{}\n", r.join(","))).collect();
        Ok((name.clone(), text.into_bytes().into()))
    }

    fn open(&self, name: &str, _bytes: Arc<[u8]>) -> TroubleResult<Box<dyn ExportFile>> {
        let found = self.files.iter().find(|(n, _)| n == name);
        let (_, rows) = found.ok_or_else(|| troubles::unknown("导出文件"))?;
        Ok(Box::new(MemoryExport { sheets: vec![String::new()], rows: rows.clone() }))
    }

    fn sticks(&mut self) -> TroubleResult<Vec<Stick>> {
        Ok(vec![Stick { place: "U".to_owned(), name: "U".to_owned() }])
    }

    fn write(&mut self, stick: &str, name: &str, _bytes: &[u8]) -> TroubleResult<String> {
        if stick == "U" { Ok(name.to_owned()) } else { Err(troubles::unknown("U盘")) }
    }
}
