//! Free storage, model name and battery: what the program asks about the handheld itself.
//!
//! All of it is read from files that the kernel shows, so that a folder made by a test can stand in for
//! `/sys`. Firmware texts that name nobody (`To be filled by O.E.M.`) count as unknown: statement.json must
//! not carry them as if they were a fact.

use std::path::{Path, PathBuf};

use spotcheck_app::budget::{Charge, Rates};
use spotcheck_app::ports::Machine;
use spotcheck_domain::TroubleResult;

use crate::{DeviceConfig, Error};

/// This handheld.
#[derive(Debug, Clone)]
pub struct DeviceMachine {
    data: PathBuf,
    model: Option<String>,
    sys: PathBuf,
    rates: Rates,
}

impl DeviceMachine {
    /// The machine around the data folder; the model of `device.toml` wins over the firmware's.
    #[must_use]
    pub fn new(config: &DeviceConfig, data: &Path) -> Self {
        Self::with_sys(config, data, Path::new("/sys"))
    }

    fn with_sys(config: &DeviceConfig, data: &Path, sys: &Path) -> Self {
        let model = config.model.clone().or_else(|| firmware_model(sys));
        let rates = Rates::of(config.audio.bitrate, config.video.bitrate, 0);
        Self { data: data.to_owned(), model, sys: sys.to_owned(), rates }
    }

    /// The same, with so many bytes that recordings leave free.
    #[must_use]
    pub const fn with_reserve(mut self, bytes: u64) -> Self {
        self.rates.reserve = bytes;
        self
    }

    /// The battery, if this machine has one.
    #[must_use]
    pub fn battery(&self) -> Option<Charge> {
        let supplies = std::fs::read_dir(self.sys.join("class/power_supply")).ok()?;
        let mut found: Vec<PathBuf> = supplies.filter_map(|e| Some(e.ok()?.path())).collect();
        found.sort();
        found.iter().find_map(|supply| {
            if line(&supply.join("type"))? != "Battery" {
                return None;
            }
            // A pen's or a keyboard's battery is a supply too, with scope `Device`.
            if line(&supply.join("scope")).as_deref() == Some("Device") {
                return None;
            }
            let percent: u8 = line(&supply.join("capacity"))?.parse().ok()?;
            let status = line(&supply.join("status")).unwrap_or_default();
            Some(Charge {
                percent: percent.min(100),
                charging: matches!(status.as_str(), "Charging" | "Full" | "Not charging"),
                minutes: minutes_left(supply),
            })
        })
    }
}

impl Machine for DeviceMachine {
    fn free_bytes(&self) -> TroubleResult<u64> {
        let fs =
            rustix::fs::statvfs(&self.data).map_err(|e| Error::io("ask for free storage", e))?;
        Ok(fs.f_bavail.saturating_mul(fs.f_frsize))
    }

    fn model(&self) -> Option<String> {
        self.model.clone()
    }

    fn charge(&self) -> Option<Charge> {
        self.battery()
    }

    fn rates(&self) -> Rates {
        self.rates
    }
}

/// Minutes until a battery is empty: the driver's own estimate in seconds, else energy by power, else charge by
/// current. Which of them a driver shows differs.
fn minutes_left(supply: &Path) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        // Some drivers show a discharging current as a negative number.
        line(&supply.join(name))?.trim_start_matches('-').parse().ok()
    };
    if let Some(seconds) = number("time_to_empty_now").or_else(|| number("time_to_empty_avg")) {
        return Some(seconds.div_euclid(60));
    }
    let by = |full: &str, flow: &str| {
        let (full, flow) = (number(full)?, number(flow).filter(|flow| *flow > 0)?);
        full.saturating_mul(60).checked_div(flow)
    };
    by("energy_now", "power_now").or_else(|| by("charge_now", "current_now"))
}

/// First line of a file of the kernel, without NUL and white space around.
fn line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let first = text.lines().next()?.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!first.is_empty()).then(|| first.to_owned())
}

fn firmware_model(sys: &Path) -> Option<String> {
    if let Some(model) = line(&sys.join("firmware/devicetree/base/model")) {
        return Some(model);
    }
    let vendor = line(&sys.join("class/dmi/id/sys_vendor")).filter(|t| names_something(t));
    let product = line(&sys.join("class/dmi/id/product_name")).filter(|t| names_something(t));
    match (vendor, product) {
        (Some(v), Some(p)) if !p.starts_with(&v) => Some(format!("{v} {p}")),
        (_, Some(p)) => Some(p),
        (_, None) => None,
    }
}

fn names_something(text: &str) -> bool {
    const EMPTY_WORDS: [&str; 6] = [
        "to be filled",
        "default string",
        "system product name",
        "system manufacturer",
        "not specified",
        "unknown",
    ];
    let lower = text.to_lowercase();
    !EMPTY_WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn machine(config: &DeviceConfig, sys: &Path) -> DeviceMachine {
        DeviceMachine::with_sys(config, sys, sys)
    }

    #[test]
    fn model_from_config_then_device_tree_then_dmi_and_never_a_placeholder() {
        let sys = tempfile::tempdir().unwrap();
        let none = DeviceConfig::default();
        assert_eq!(machine(&none, sys.path()).model(), None);
        put(sys.path(), "class/dmi/id/sys_vendor", "To Be Filled By O.E.M.\n");
        put(sys.path(), "class/dmi/id/product_name", "Default string\n");
        assert_eq!(machine(&none, sys.path()).model(), None);
        put(sys.path(), "class/dmi/id/sys_vendor", "Example\n");
        put(sys.path(), "class/dmi/id/product_name", "Tablet 10\n");
        assert_eq!(machine(&none, sys.path()).model().as_deref(), Some("Example Tablet 10"));
        put(sys.path(), "firmware/devicetree/base/model", "Example Board v1\0");
        assert_eq!(machine(&none, sys.path()).model().as_deref(), Some("Example Board v1"));
        let named = DeviceConfig { model: Some("SC-1".to_owned()), ..DeviceConfig::default() };
        assert_eq!(machine(&named, sys.path()).model().as_deref(), Some("SC-1"));
    }

    #[test]
    fn battery_of_the_handheld_not_of_its_pen() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(machine(&DeviceConfig::default(), sys.path()).battery(), None);
        let supply = "class/power_supply";
        put(sys.path(), &format!("{supply}/AC/type"), "Mains\n");
        put(sys.path(), &format!("{supply}/A-pen/type"), "Battery\n");
        put(sys.path(), &format!("{supply}/A-pen/scope"), "Device\n");
        put(sys.path(), &format!("{supply}/A-pen/capacity"), "3\n");
        put(sys.path(), &format!("{supply}/BAT0/type"), "Battery\n");
        put(sys.path(), &format!("{supply}/BAT0/capacity"), "81\n");
        put(sys.path(), &format!("{supply}/BAT0/status"), "Discharging\n");
        let machine = machine(&DeviceConfig::default(), sys.path());
        let charge = |minutes| Some(Charge { percent: 81, charging: false, minutes });
        assert_eq!(machine.battery(), charge(None));
        // 30 Wh at 12 W; 4 Ah at 2 A, shown as negative; the driver's own word goes before.
        put(sys.path(), &format!("{supply}/BAT0/charge_now"), "4000000\n");
        put(sys.path(), &format!("{supply}/BAT0/current_now"), "-2000000\n");
        assert_eq!(machine.battery(), charge(Some(120)));
        put(sys.path(), &format!("{supply}/BAT0/energy_now"), "30000000\n");
        put(sys.path(), &format!("{supply}/BAT0/power_now"), "12000000\n");
        assert_eq!(machine.battery(), charge(Some(150)));
        put(sys.path(), &format!("{supply}/BAT0/time_to_empty_now"), "5400\n");
        assert_eq!(machine.charge(), charge(Some(90)));
    }

    #[test]
    fn free_storage_as_df_tells_it() {
        let data = tempfile::tempdir().unwrap();
        let free = machine(&DeviceConfig::default(), data.path()).free_bytes().unwrap();
        let df = std::process::Command::new("df")
            .args(["--output=avail", "-B1"])
            .arg(data.path())
            .output();
        let Ok(df) = df else {
            eprintln!("SKIPPED free_storage_as_df_tells_it: df is not installed");
            return;
        };
        let text = String::from_utf8(df.stdout).unwrap();
        let told: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
        // Others write to the same disk meanwhile.
        assert!(free.abs_diff(told) < 1 << 30, "{free} vs {told}");
    }
}
