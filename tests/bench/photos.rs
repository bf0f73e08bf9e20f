//! The visit that P4 and P5 measure: photos by the desk of the program, without a window.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use secrecy::SecretString;
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk as _;
use spotcheck_device::DataLock;
use spotcheck_domain::{CaseId, OfficerId, TaskId};
use spotcheck_tests::support::programs::program;
use spotcheck_tests::support::visit::{Claims, World};

use crate::measure::told;

/// Photos of 8 megapixels whose noise does not compress are about 7 MB each.
const DEVICE: &str = "[camera]\nkind = \"test\"\nnoise = true\nwidth = 3264\nheight = 2448\nfps = 5\n\n\
    [microphone]\nkind = \"test\"\n";

/// A world whose handheld takes such photos, and the arguments of a child that calls [`photographed`].
pub(crate) fn noisy(folder: &Path, seed: u64, count: usize) -> Result<(World, Vec<String>)> {
    let claims = Claims::DemoCity { seed };
    let world = crate::p06_start::world(&folder.join("world"), &claims)?;
    let h = &world.handheld;
    std::fs::write(&h.device, DEVICE)?;
    let (data, device) = (h.data.display().to_string(), h.device.display().to_string());
    let mut arguments = vec![data, device, world.task.clone(), count.to_string()];
    for (_, file) in &h.pins {
        arguments.push(std::fs::read_to_string(file)?.trim().to_owned());
    }
    Ok((world, arguments))
}

/// An open case full of photos.
pub(crate) struct Photographed {
    pub(crate) desk: Handheld,
    _lock: DataLock,
    pub(crate) officers: Vec<(OfficerId, SecretString)>,
    pub(crate) case: CaseId,
    /// Seconds of the unlock: what stretching a PIN takes.
    pub(crate) unlock: f64,
    /// Seconds of all photos.
    pub(crate) capture: f64,
}

/// In a child, by `DATA DEVICE TASK COUNT PIN PIN`.
pub(crate) fn photographed(arguments: &[String]) -> Result<Photographed> {
    let [data, device, task, count, pins @ ..] = arguments else {
        anyhow::bail!("DATA DEVICE TASK COUNT PIN PIN")
    };
    let (data, device) = (Path::new(data), Path::new(device));
    let (mut desk, lock) =
        spotcheck_handheld::open(data, device, &program("spotcheck")?).map_err(told)?;
    let mut officers = Vec::new();
    for (n, pin) in (1..).zip(pins) {
        let id = OfficerId::parse(&format!("O-{n:04}")).ok().context("officer")?;
        officers.push((id, SecretString::from(pin.clone())));
    }
    let (first, pin) = officers.first().context("no officer")?;
    let begun = Instant::now();
    desk.unlock(first, pin).map_err(told)?;
    let unlock = begun.elapsed().as_secs_f64();
    let task = TaskId::parse(task).ok().context("task")?;
    let case = desk.open_case(&task).map_err(told)?.id;
    let begun = Instant::now();
    for _ in 0..count.parse::<usize>()? {
        desk.capture_photo(Some(&case)).map_err(told)?;
    }
    let capture = begun.elapsed().as_secs_f64();
    Ok(Photographed { desk, _lock: lock, officers, case, unlock, capture })
}
