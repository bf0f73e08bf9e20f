//! Plugged-in devices that type: scanners and keyboards, by the kernel's own list of input devices.
//!
//! A scanner is a keyboard to the kernel, so its name is all that tells it apart. Keys that belong to the handheld
//! itself (power, volume) sit on its own bus and are left out.

use std::path::Path;

/// Buses of what is plugged in: USB and Bluetooth (`input.h`).
const OUTSIDE: [&str; 2] = ["0003", "0005"];
/// Where the kernel lists input devices.
const LIST: &str = "/proc/bus/input/devices";
/// A device that types has the letter A: key 30 (`KEY_A`).
const KEY_A: u32 = 30;

/// Names of what is plugged in and types; empty where the kernel shows no list.
#[must_use]
pub fn typing_devices() -> Vec<String> {
    std::fs::read_to_string(Path::new(LIST)).map(|list| names(&list)).unwrap_or_default()
}

fn names(list: &str) -> Vec<String> {
    let mut found: Vec<String> = list.split("\n\n").filter_map(name).collect();
    found.sort();
    found.dedup();
    found
}

/// The name of one entry, if it is plugged in and types.
fn name(entry: &str) -> Option<String> {
    let line = |head: &str| entry.lines().find_map(|l| l.strip_prefix(head));
    let bus = line("I: Bus=")?.split(' ').next()?;
    if !OUTSIDE.contains(&bus) {
        return None;
    }
    // Words of 64 bits in hexadecimal, the lowest one last.
    let keys = line("B: KEY=")?.split(' ').next_back()?;
    let types = u64::from_str_radix(keys, 16).ok()?.checked_shr(KEY_A)? & 1 == 1;
    let name = line("N: Name=")?.trim_matches('"').trim();
    (types && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"I: Bus=0019 Vendor=0000 Product=0001 Version=0000
N: Name="Power Button"
H: Handlers=kbd event0
B: EV=3
B: KEY=10000000000000 0

I: Bus=0003 Vendor=05e0 Product=1200 Version=0110
N: Name="Example Bar Code Scanner"
H: Handlers=sysrq kbd leds event5
B: EV=120013
B: KEY=1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe

I: Bus=0003 Vendor=046d Product=c077 Version=0111
N: Name="Example Mouse"
H: Handlers=mouse0 event3
B: EV=17
B: KEY=70000 0 0 0 0

I: Bus=0005 Vendor=04e8 Product=7021 Version=0001
N: Name="Example Keyboard"
B: KEY=fffffffffffffffe
"#;

    #[test]
    fn what_is_plugged_in_and_types_is_named() {
        assert_eq!(names(LIST), ["Example Bar Code Scanner", "Example Keyboard"]);
        assert!(names("").is_empty());
        assert!(names("I: Bus=0003\nN: Name=\"x\"\nB: KEY=zz\n").is_empty());
    }
}
