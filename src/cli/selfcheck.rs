//! `selfcheck`, `config show`.

use clap::Subcommand;
use serde::Serialize;
use spotcheck_app::Handheld;
use spotcheck_app::budget::{Budget, RESERVE_PERCENT};
use spotcheck_app::desk::{Desk, Status};
use spotcheck_app::ports::PlaceState;
use spotcheck_domain::{Trouble, TroubleResult};

use super::Output;
use crate::compose::Setup;

/// Acts on the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// 显示配置及来源 / values and where each comes from
    Show,
}

/// gpsd reports once a second.
const RECEIVER: std::time::Duration = std::time::Duration::from_secs(3);

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    what: String,
}

/// The status, once a configured receiver had a moment to say something.
fn settled(handheld: &mut Handheld) -> TroubleResult<Status> {
    let begun = std::time::Instant::now();
    loop {
        let status = handheld.status()?;
        let waits = matches!(status.place, PlaceState::Away | PlaceState::Searching);
        if !waits || begun.elapsed() > RECEIVER {
            return Ok(status);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// `selfcheck`: journals, clock, space, enrolment, media. A *no* is exit code 1.
pub(crate) fn run(setup: &Setup, handheld: &mut Handheld) -> TroubleResult<Output> {
    let status = settled(handheld)?;
    let mut checks = vec![
        Check {
            name: "enrolment",
            ok: status.device.is_some(),
            what: status.device.as_ref().map_or("尚未登记".to_owned(), ToString::to_string),
        },
        Check {
            name: "clock",
            ok: status.clock_set,
            what: if status.clock_set { "时钟已设置" } else { "时钟未设置" }.to_owned(),
        },
        Check {
            name: "space",
            ok: status.free_bytes >= setup.reserve_bytes,
            what: format!(
                "剩余 {} MB，可录音 {} 分钟、录像 {} 分钟，已另留 {} MB 用于封存打印",
                status.free_bytes.checked_div(1_000_000).unwrap_or(0),
                status.budget.audio_minutes,
                status.budget.video_minutes,
                status.budget.reserve_bytes.checked_div(1_000_000).unwrap_or(0),
            ),
        },
        battery(&status.budget),
        Check { name: "gnss", ok: true, what: place(&status.place).to_owned() },
    ];
    if status.device.is_some() {
        let journal = handheld.verify_journal(None);
        checks.push(Check {
            name: "device_journal",
            ok: journal.is_ok(),
            what: journal.map_or_else(|t| t.code, |(n, _)| format!("{n} 条")),
        });
    }
    if status.device.is_some() {
        checks.push(media(handheld.check_media()));
    }
    let lines: Vec<String> = checks
        .iter()
        .map(|c| format!("{}  {}  {}", if c.ok { "好" } else { "缺" }, c.name, c.what))
        .collect();
    if checks.iter().any(|c| !c.ok) {
        return Err(Trouble::new(
            "SELFCHECK",
            &lines.join("；"),
            "已保存的内容不受影响",
            "按所列各项处理后再自检",
        )
        .as_verdict());
    }
    Output::new("selfcheck", &serde_json::json!({ "checks": checks }), lines)
}

/// What was captured and is not at the centre yet, read and compared with the hashes.
fn media(read: TroubleResult<(u64, Vec<String>)>) -> Check {
    let what = match &read {
        Ok((good, damaged)) if damaged.is_empty() => format!("{good} 个加密文件完好"),
        Ok((_, damaged)) => {
            format!("{} 个加密文件已损坏，没有完好的副本：{}", damaged.len(), damaged.join("、"))
        }
        Err(trouble) => trouble.code.clone(),
    };
    Check { name: "media", ok: read.is_ok_and(|(_, damaged)| damaged.is_empty()), what }
}

/// Enough to seal and print, or on external power.
fn battery(budget: &Budget) -> Check {
    let percent = budget.battery_percent;
    let ok = budget.charging || percent.is_none_or(|percent| percent > RESERVE_PERCENT);
    let what = match (percent, budget.battery_minutes) {
        (None, _) => "无电池".to_owned(),
        (Some(percent), _) if budget.charging => format!("{percent}%，外接电源"),
        (Some(percent), Some(minutes)) => format!("{percent}%，约可用 {minutes} 分钟"),
        (Some(percent), None) => format!("{percent}%"),
    };
    Check { name: "battery", ok, what }
}

/// A receiver that is away is nothing that keeps anybody from working.
const fn place(state: &PlaceState) -> &'static str {
    match state {
        PlaceState::None => "无",
        PlaceState::Away => "定位服务没有应答",
        PlaceState::Searching => "正在定位",
        PlaceState::Fixed(_) => "已定位",
    }
}

/// `config show`.
pub(crate) fn config(setup: &Setup, args: &Config) -> TroubleResult<Output> {
    let Config::Show = args;
    let lines = setup
        .sources
        .iter()
        .map(|(name, value, source)| format!("{name} = {value}  ({source})"))
        .collect();
    let items: Vec<_> = setup
        .sources
        .iter()
        .map(|(name, value, source)| serde_json::json!({"name": name, "value": value, "source": source}))
        .collect();
    Output::new("config", &items, lines)
}
