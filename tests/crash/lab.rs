//! What all runs share: one centre and one enrolled handheld, copied for each run.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spotcheck_tests::support::programs::{HandheldCli, kill_recorder, text};
use spotcheck_tests::support::visit::{Claims, World};

use crate::disk::{Disk, Nodes};

/// Short segments, so that a run of seconds closes some; small pictures.
const DEVICE: &str = r#"
[camera]
kind = "test"
width = 320
height = 240
fps = 10

[microphone]
kind = "test"

[video]
width = 320
height = 240
fps = 10
encoders = ["jpegenc"]

[recorder]
segment_seconds = 2
"#;

/// Something that was confirmed to the officer.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) act: String,
    pub(crate) said: Value,
    pub(crate) at: Instant,
    /// Steps in the disk's log when the driver had read it; 0 without such a disk.
    pub(crate) steps: usize,
}

pub(crate) struct Lab {
    pub(crate) world: World,
    pub(crate) folder: PathBuf,
    pub(crate) strokes: PathBuf,
    /// The handheld's data folder as it is before each run.
    pub(crate) nodes: Nodes,
    sealed: Option<(PathBuf, String)>,
}

impl Lab {
    pub(crate) fn build(folder: &Path) -> Result<Self> {
        let world = World::build(folder, &Claims::DemoCity { seed: 3 }, &[], None)?;
        let strokes = folder.join("strokes.json");
        std::fs::write(
            &strokes,
            r#"[{"points":[[10,10,0,512],[200,120,90,512],[300,60,160,512]]}]"#,
        )?;
        // Once unlocked, so that locked recording has keys to encrypt to.
        world.handheld.ok(&["unlock"])?;
        kill_recorder(&world.handheld.data);
        let nodes = Disk::of_folder(&world.handheld.data)?;
        Ok(Self { folder: folder.to_owned(), strokes, nodes, world, sealed: None })
    }

    /// A data folder with a sealed bundle that was not sent, and the bundle.
    pub(crate) fn sealed(&self) -> Option<(&Path, &str)> {
        self.sealed.as_ref().map(|(data, bundle)| (data.as_path(), bundle.as_str()))
    }

    /// Makes [`Lab::sealed`]: sound of some seconds, a photo, sealed as unfinished.
    pub(crate) fn seal_one(&mut self) -> Result<()> {
        let data = self.folder.join("sealed");
        self.world.handheld.copied(&data)?;
        let h = self.handheld("seal-one", &data)?;
        let sound = text(&h.locked().ok(&["capture", "audio"])?, "/evidence")?;
        while h.cli.ok(&["status"])?["recordings"][0]["stored_ms"].as_u64().unwrap_or(0) < 3_000 {}
        h.locked().ok(&["capture", "stop", &sound])?;
        let (_, bundle) = h.cli.seal_unfinished(&self.world.task)?;
        drop(h);
        self.sealed = Some((data, bundle));
        Ok(())
    }

    /// `O-0001=FILE` for each officer.
    pub(crate) fn pins(&self) -> Vec<String> {
        let pins = self.world.handheld.pins.iter();
        pins.map(|(id, file)| format!("{id}={}", file.display())).collect()
    }

    /// A handheld of its own over the data folder `data`, with a clock of its own.
    pub(crate) fn handheld(&self, run: &str, data: &Path) -> Result<Handheld> {
        let clock = self.folder.join(format!("{run}.clock"));
        let device = self.folder.join(format!("{run}.toml"));
        let text = format!("{DEVICE}\n[clock]\nstand_in = \"{}\"\n", clock.display());
        std::fs::write(&device, text)?;
        let cli = HandheldCli { data: data.to_owned(), device, ..self.world.handheld.clone() };
        Ok(Handheld { cli, clock, batch: self.folder.join(format!("{run}.batch")) })
    }
}

/// One run's handheld.
pub(crate) struct Handheld {
    pub(crate) cli: HandheldCli,
    clock: PathBuf,
    batch: PathBuf,
}

impl Drop for Handheld {
    fn drop(&mut self) {
        kill_recorder(&self.cli.data);
        for file in [&self.clock, &self.batch, &self.cli.device] {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Handheld {
    /// Nobody gives a PIN.
    pub(crate) fn locked(&self) -> HandheldCli {
        HandheldCli { pins: Vec::new(), ..self.cli.clone() }
    }

    /// The wall clock is off by so much from now on.
    pub(crate) fn step_clock(&self, wall_ms: i64) -> Result<()> {
        Ok(std::fs::write(&self.clock, format!("wall_ms = {wall_ms}\n"))?)
    }

    /// Another boot: its own id, its boot time from zero.
    pub(crate) fn reboot(&self, number: u64) -> Result<()> {
        let uptime = std::fs::read_to_string("/proc/uptime")?;
        let seconds: f64 = uptime.split(' ').next().unwrap_or("0").parse()?;
        let off = -(seconds as i64) * 1000;
        let boot = format!("5eed0000-0000-4000-8000-{number:012x}");
        Ok(std::fs::write(&self.clock, format!("boottime_ms = {off}\nboot_id = \"{boot}\"\n"))?)
    }

    /// Starts `acts` under one unlock of officer `who`.
    pub(crate) fn start(&self, who: usize, acts: &[String]) -> Result<Running> {
        std::fs::write(&self.batch, acts.join("\n"))?;
        let mut child = self
            .cli
            .command(who, &["batch", &self.batch.to_string_lossy()])?
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        Ok(Running { child, lines: BufReader::new(stdout).lines() })
    }

    /// Runs `acts` under one unlock; what each of them said, all done.
    pub(crate) fn all(&self, who: usize, acts: &[String]) -> Result<Vec<Value>> {
        let mut running = self.start(who, acts)?;
        let mut said = Vec::new();
        for act in acts {
            let line =
                running.lines.next().with_context(|| format!("nothing said to: {act}"))??;
            let value: Value = serde_json::from_str(&line)?;
            ensure!(value.get("error").is_none(), "{act}: {value}");
            said.push(value);
        }
        ensure!(running.child.wait()?.success(), "batch did not end well");
        Ok(said)
    }

    /// `case open`, at the door or not; the case.
    pub(crate) fn open(&self, task: &str) -> Result<String> {
        text(&self.cli.ok(&["case", "open", "--task", task])?, "/id")
    }
}

/// A batch under way.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
