//! The recorder port: capture of `device` in a child process, storing by the write-only half of `vault`.
//!
//! The order that crosses to the child holds public recipients and ids only. The child never sees a key
//! that could read anything back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotcheck_app::page_check::Grey;
use spotcheck_app::ports::{
    Machine, Recorder, RecordingOrder, RecordingOutcome, RecordingProgress, Unclosed,
};
use spotcheck_device::recorder::{ChildOptions, FragmentSink, Launch, Parent, child_main};
use spotcheck_device::{DeviceConfig, DeviceMachine, Gaps, SystemClock};
use spotcheck_domain::{CaseId, Clock, Trouble, TroubleResult};
use spotcheck_vault::{Recipients, RecordingWriter, Vault};
use zeroize::Zeroizing;

/// What the child needs to store one recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    order: RecordingOrder,
    recipients: Recipients,
    case_folder: PathBuf,
}

fn broken(cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(
        "RECORDER-ORDER",
        "录制进程的消息读不懂",
        "已存盘的录音录像都在",
        "重新开始录制；仍不成功时重启本机",
    )
    .because(cause)
}

/// The parent's side.
pub(crate) struct RecorderProcess {
    parent: Parent,
    vault: Vault,
}

impl RecorderProcess {
    /// For a data folder.
    pub(crate) fn new(data: &Path, launch: Launch, vault: Vault) -> Self {
        Self { parent: Parent::new(data, launch), vault }
    }
}

/// How the recorder of a data folder is started: the child is `program` again.
pub(crate) fn launch(program: &Path, data: &Path, device_file: Option<&Path>) -> Launch {
    let mut args = vec!["--data".into(), data.into()];
    if let Some(file) = device_file {
        args.extend(["--device".into(), file.into()]);
    }
    args.push("recorder".into());
    Launch { program: program.to_owned(), args, env: Vec::new() }
}

/// One key per recording on this device: media paths repeat from case to case.
fn key(case: &CaseId, path: &str) -> String {
    format!("{case}/{path}")
}

impl Recorder for RecorderProcess {
    fn start(&mut self, order: &RecordingOrder) -> TroubleResult<u64> {
        let job = Job {
            order: order.clone(),
            recipients: self.vault.recipients(&order.case)?,
            case_folder: self.vault.case_folder(&order.case),
        };
        let job = serde_json::to_value(&job).map_err(broken)?;
        let progress = self.parent.start(&key(&order.case, &order.path), order.kind, &job)?;
        Ok(progress.stored_ms)
    }

    fn progress(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<RecordingProgress>> {
        let progress = match self.parent.progress(&key(case, path)) {
            Ok(progress) => progress,
            // None runs, or one hangs of which nothing is known here: a note or the seal does not wait for it.
            Err(gone) if matches!(gone.code.as_str(), "RECORDER-GONE" | "RECORDER-TIMEOUT") => None,
            Err(trouble) => return Err(trouble),
        };
        Ok(progress.map(|p| RecordingProgress {
            stored_ms: p.stored_ms,
            level: p.level,
            alive: p.running,
            stored_bytes: p.stored_bytes,
            covered_from_ms: p.covered_from_ms,
            lost_ms: p.gaps.lost_ms,
            impaired: p.impaired,
            idle_ms: p.idle_ms,
            behind_ms: p.behind_ms,
        }))
    }

    fn stop(&mut self, case: &CaseId, path: &str) -> TroubleResult<RecordingOutcome> {
        let outcome = self.parent.stop(&key(case, path))?;
        serde_json::from_value(outcome).map_err(broken)
    }

    fn cover(&mut self, case: &CaseId, path: &str, on: bool) -> TroubleResult<u64> {
        self.parent.cover(&key(case, path), on)
    }

    fn encoder(&mut self) -> TroubleResult<Option<String>> {
        self.parent.encoder()
    }

    fn recover(&mut self, case: &CaseId) -> TroubleResult<Vec<(RecordingOrder, RecordingOutcome)>> {
        Ok(self.vault.recover_recordings(case)?)
    }

    fn recover_around(
        &mut self,
        case: &CaseId,
    ) -> TroubleResult<Vec<(RecordingOrder, RecordingOutcome)>> {
        Ok(self.vault.recover_around(case)?)
    }

    fn first_line(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<String>> {
        Ok(self.vault.recording_first_line(case, path)?)
    }

    fn unclosed(&mut self, case: &CaseId) -> TroubleResult<Unclosed> {
        let mut sum = Unclosed::default();
        for recording in self.vault.unfinished_recordings(case)? {
            if recording.outcome.is_none() && recording.stored_ms > 0 {
                sum.add(recording.running, recording.stored_ms);
            }
        }
        Ok(sum)
    }

    fn holds_unclosed(&mut self, case: &CaseId, path: &str) -> TroubleResult<bool> {
        Ok(self.vault.holds_unclosed(case, path)?)
    }

    fn settle(&mut self, case: &CaseId, path: &str) -> TroubleResult<()> {
        Ok(self.vault.settle_recording(case, path)?)
    }

    fn listen_ahead(&mut self, on: bool) -> TroubleResult<u64> {
        self.parent.listen_ahead(on)
    }

    fn photo(&mut self) -> TroubleResult<Zeroizing<Vec<u8>>> {
        self.parent.photo()
    }

    fn grey(&self, jpeg: &[u8]) -> TroubleResult<Grey> {
        Ok(spotcheck_device::grey_of(jpeg)?)
    }

    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>> {
        self.parent.viewfinder()
    }
}

/// Says no while less than the reserve is free: stop, sign and seal need what is left (evidence.md §1).
fn room(machine: &DeviceMachine, reserve_bytes: u64) -> TroubleResult<()> {
    if machine.free_bytes()? >= reserve_bytes {
        return Ok(());
    }
    Err(Trouble::new(
        "RECORDER-RESERVE",
        "存储空间只剩封存所需的余量，录音录像已停止",
        "此前录下的都已加密保存",
        "先封存并回传，或导出已封存的证据包，腾出空间后再录",
    )
    .retry())
}

/// The child's side of one recording.
struct Sink {
    machine: Arc<DeviceMachine>,
    reserve_bytes: u64,
    writer: RecordingWriter,
    /// Media time at the end of the last fragment.
    until_ms: u64,
}

impl FragmentSink for Sink {
    fn push(&mut self, bytes: &[u8], media_ms: u64, _level: u8) -> TroubleResult<u64> {
        room(&self.machine, self.reserve_bytes)?;
        let length_ms = media_ms.saturating_sub(self.until_ms);
        self.writer.push(bytes, length_ms)?;
        self.until_ms = media_ms.max(self.until_ms);
        Ok(self.writer.stored_ms())
    }

    fn lost(&mut self, so_far: Gaps) {
        self.writer.lost(so_far.count, so_far.lost_ms);
    }

    fn close(self: Box<Self>) -> TroubleResult<Value> {
        let outcome = self.writer.close()?;
        serde_json::to_value(outcome).map_err(broken)
    }
}

/// The whole life of the recorder process.
pub(crate) fn run_recorder(
    data: &Path,
    config: &DeviceConfig,
    reserve_bytes: u64,
) -> TroubleResult<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(&config.clock));
    let segment_ms = u64::from(config.recorder.segment_seconds).saturating_mul(1000);
    let machine = Arc::new(DeviceMachine::new(config, data));
    child_main(&ChildOptions::new(data, config), config, move |job| {
        let job: Job = serde_json::from_value(job.clone()).map_err(broken)?;
        room(&machine, reserve_bytes)?;
        let writer = RecordingWriter::create(
            &job.case_folder,
            &job.order,
            &job.recipients,
            Arc::clone(&clock),
        )?
        .with_segments_of(segment_ms);
        Ok(Box::new(Sink { machine: Arc::clone(&machine), reserve_bytes, writer, until_ms: 0 }))
    })
}
