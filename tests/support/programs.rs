//! The built programs, run as anybody would run them: arguments in, one JSON object out.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Where the built programs lie: `SPOTCHECK_BIN`, else beside the running test's folder.
///
/// # Errors
/// The program was not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("SPOTCHECK_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let mut folder = std::env::current_exe()?;
            folder.pop();
            if folder.ends_with("deps") {
                folder.pop();
            }
            folder
        }
    };
    let path = folder.join(name);
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}

/// Result of a run with `--json`.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; −1 for a signal.
    pub code: i32,
    /// The object printed.
    pub json: Value,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// The object, if the program exited with 0.
    ///
    /// # Errors
    /// Any other exit, with what was printed.
    pub fn ok(self) -> Result<Value> {
        ensure!(self.code == 0, "exit {}: {} {}", self.code, self.json, self.stderr);
        Ok(self.json)
    }

    /// The error's code, if there is one.
    #[must_use]
    pub fn error_code(&self) -> &str {
        self.json.pointer("/error/code").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Turns an output into [`Ran`]; the last line of standard output that is an object counts.
///
/// # Errors
/// Nothing that is an object was printed.
pub fn read(output: &Output) -> Result<Ran> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let object = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
    let last = || stdout.lines().rev().find_map(object);
    let json = object(&stdout).or_else(last).unwrap_or(Value::Null);
    Ok(Ran { code: output.status.code().unwrap_or(-1), json, stderr })
}

/// Variables set for a program (folders such as `TMPDIR`).
pub type Environment = Vec<(&'static str, PathBuf)>;

/// A handheld's data folder and the program on it.
#[derive(Debug, Clone)]
pub struct HandheldCli {
    /// `--data`.
    pub data: PathBuf,
    /// `--device`.
    pub device: PathBuf,
    /// PIN files by officer: (id, file).
    pub pins: Vec<(String, PathBuf)>,
    /// Environment of the program.
    pub environment: Environment,
    /// Where `doc print` finds its printer, if it has one.
    pub print_beside: Option<PrinterBeside>,
}

/// A printer of others in a network of its own: only what prints is run there.
#[derive(Debug, Clone)]
pub struct PrinterBeside {
    /// `src/print/tests/ippeve.sh`.
    pub script: PathBuf,
    /// What the printer was sent.
    pub spool: PathBuf,
}

impl PrinterBeside {
    fn run(&self, print: &Command) -> Result<Value> {
        let mut command = Command::new("bash");
        command.arg(&self.script).arg(&self.spool).arg("--");
        command.arg(print.get_program()).args(print.get_args());
        for (name, value) in print.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        read(&command.stdin(Stdio::null()).output()?)?.ok().context("spotcheck doc print")
    }
}

impl HandheldCli {
    /// The command with the options of every sub-command, for the officer at `who` in [`Self::pins`].
    ///
    /// # Errors
    /// The program was not built.
    pub fn command(&self, who: usize, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("spotcheck")?);
        command.arg("--data").arg(&self.data).arg("--device").arg(&self.device).arg("--json");
        if let Some((id, file)) = self.pins.get(who) {
            command.args(["--officer", id]).arg("--pin-file").arg(file);
        }
        command.args(arguments).stdin(Stdio::null());
        command.envs(self.environment.iter().cloned());
        Ok(command)
    }

    /// Runs as the officer at `who`.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn run_as(&self, who: usize, arguments: &[&str]) -> Result<Ran> {
        read(&self.command(who, arguments)?.output()?)
    }

    /// Runs as the first officer with `input` on standard input.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn fed(&self, arguments: &[&str], input: &[u8]) -> Result<Ran> {
        let mut command = self.command(0, arguments)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let input = input.to_vec();
        // A program that refuses early does not read on; that is no error of the test.
        let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output()?;
        let _ = feeding.join();
        read(&output)
    }

    /// Runs as the first officer and insists on success.
    ///
    /// # Errors
    /// Any exit but 0.
    pub fn ok(&self, arguments: &[&str]) -> Result<Value> {
        if let (Some(beside), ["doc", "print", ..]) = (&self.print_beside, arguments) {
            return beside.run(&self.command(0, arguments)?);
        }
        self.run_as(0, arguments)?.ok().with_context(|| format!("spotcheck {arguments:?}"))
    }
}

/// Writes a PIN file of mode 0600.
///
/// # Errors
/// The folder cannot be written.
pub fn pin_file(path: &Path, pin: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{pin}")?;
    Ok(())
}

/// The centre's program on one data folder.
#[derive(Debug, Clone)]
pub struct CenterCli {
    /// `--data`.
    pub data: PathBuf,
    /// Environment of the program.
    pub environment: Environment,
}

impl CenterCli {
    /// The command with `--data` and `--json`.
    ///
    /// # Errors
    /// The program was not built.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("spotcheck-center")?);
        command.arg("--data").arg(&self.data).arg("--json").args(arguments).stdin(Stdio::null());
        command.envs(self.environment.iter().cloned());
        Ok(command)
    }

    /// Runs and insists on success.
    ///
    /// # Errors
    /// Any exit but 0.
    pub fn ok(&self, arguments: &[&str]) -> Result<Value> {
        read(&self.command(arguments)?.output()?)?
            .ok()
            .with_context(|| format!("spotcheck-center {arguments:?}"))
    }

    /// Starts `serve` on a free loopback port and waits until it answers.
    ///
    /// # Errors
    /// It does not start within half a minute.
    pub fn serve(&self, port: u16, more: &[&str]) -> Result<Serving> {
        let listen = format!("127.0.0.1:{port}");
        let mut arguments = vec!["serve", "--listen", &listen];
        arguments.extend(more);
        let mut child = self
            .command(&arguments)?
            .stdout(Stdio::piped())
            .stderr(Stdio::from(std::fs::File::create(self.data.with_extension("log"))?))
            .spawn()?;
        let started = Instant::now();
        if let Some(stdout) = child.stdout.take() {
            // Its lines are read on, so that it never blocks on a full pipe.
            std::thread::spawn(move || for _ in BufReader::new(stdout).lines() {});
        }
        loop {
            if std::net::TcpStream::connect(&listen).is_ok() {
                return Ok(Serving { child, url: format!("https://{listen}") });
            }
            if let Some(status) = child.try_wait()? {
                bail!("the centre ended with {status}");
            }
            ensure!(started.elapsed() < Duration::from_secs(30), "the centre does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A free loopback port.
///
/// # Errors
/// None is free.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A running centre; ended when dropped.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    /// `https://127.0.0.1:port`.
    pub url: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text member of a JSON object.
///
/// # Errors
/// There is no such text.
pub fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no text at {pointer} in {value}"))?.to_owned())
}

/// Ends the recorder of a data folder, as a power cut would.
pub fn kill_recorder(data: &Path) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&data.display().to_string()) && line.trim_end().ends_with("recorder") {
            let pid = entry.file_name().to_string_lossy().into_owned();
            let _ = Command::new("kill").args(["-9", &pid]).status();
            gone(&entry.path());
        }
    }
}

/// Waits until a killed process has let go of its files: one that is inside an fsync ends when that does.
fn gone(process: &Path) {
    for _ in 0..500 {
        let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
        // `PID (name) S …`: a zombie has closed everything, but not while another of its threads is still in an fsync.
        let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
        let threads = std::fs::read_dir(process.join("task")).map_or(0, Iterator::count);
        if state.is_none() || (matches!(state, Some('Z' | 'X')) && threads <= 1) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
