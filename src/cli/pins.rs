//! PINs: from a file of mode 0600, a file descriptor or the terminal, never from an argument or an
//! environment variable.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use secrecy::SecretString;
use spotcheck_domain::{Trouble, TroubleResult};
use zeroize::Zeroizing;

use super::Common;

/// Longest PIN read, in bytes.
const MAX_PIN_BYTES: u64 = 1024;

fn trouble(message: &str, advice: &str) -> Trouble {
    Trouble::new("CLI-PIN", message, "没有解锁，数据仍然加密", advice)
}

fn first_line(reader: impl Read) -> TroubleResult<SecretString> {
    let mut text = Zeroizing::new(String::new());
    reader
        .take(MAX_PIN_BYTES)
        .read_to_string(&mut text)
        .map_err(|cause| trouble("口令读不出来", "检查口令文件").because(cause))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(trouble("口令是空的", "检查口令文件"));
    }
    Ok(SecretString::from(line.to_owned()))
}

/// Reads a PIN file; others must not be able to read it.
pub(crate) fn from_file(path: &Path) -> TroubleResult<SecretString> {
    let file = File::open(path)
        .map_err(|cause| trouble("口令文件打不开", "检查 --pin-file 的路径").because(cause))?;
    let mode = file
        .metadata()
        .map_err(|cause| trouble("口令文件打不开", "检查 --pin-file 的路径").because(cause))?
        .mode();
    if mode & 0o077 != 0 {
        return Err(trouble("口令文件可以被别人读取", "执行 chmod 600 后再试，并更换口令"));
    }
    first_line(file)
}

/// Reads `--pin-fd`. Re-opened through /proc, so that a number that is not open is an error and not
/// undefined; therefore before the process is hardened.
pub(crate) fn from_fd(common: &Common) -> TroubleResult<Option<SecretString>> {
    let Some(fd) = common.pin_fd else { return Ok(None) };
    let file = File::open(format!("/proc/self/fd/{fd}"))
        .map_err(|cause| trouble("这个文件描述符没有打开", "检查 --pin-fd").because(cause))?;
    first_line(file).map(Some)
}

/// The PIN of the officer who unlocks.
pub(crate) fn read(common: &Common) -> TroubleResult<SecretString> {
    match (&common.pin_file, &common.pin) {
        (Some(path), _) => from_file(path),
        (None, Some(pin)) => Ok(pin.clone()),
        (None, None) => ask("口令："),
    }
}

/// Asks on the terminal without echo.
pub(crate) fn ask(prompt: &str) -> TroubleResult<SecretString> {
    rpassword::prompt_password(prompt).map(SecretString::from).map_err(|cause| {
        trouble("没有终端可以输入口令", "用 --pin-file 或 --pin-fd").because(cause)
    })
}
