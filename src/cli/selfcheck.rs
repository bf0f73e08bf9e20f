//! `selfcheck`, `config show`.

use clap::Subcommand;
use serde::Serialize;
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_domain::{Trouble, TroubleResult};

use super::Output;
use crate::compose::Setup;

/// Acts on the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// 显示配置及来源 / values and where each comes from
    Show,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    what: String,
}

/// `selfcheck`: journals, clock, space, enrolment. A *no* is exit code 1.
pub(crate) fn run(setup: &Setup, handheld: &mut Handheld) -> TroubleResult<Output> {
    let status = handheld.status()?;
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
            what: format!("剩余 {} MB", status.free_bytes.checked_div(1_000_000).unwrap_or(0)),
        },
    ];
    if status.device.is_some() {
        let journal = handheld.verify_journal(None);
        checks.push(Check {
            name: "device_journal",
            ok: journal.is_ok(),
            what: journal.map_or_else(|t| t.code, |(n, _)| format!("{n} 条")),
        });
    }
    let lines: Vec<String> = checks
        .iter()
        .map(|c| format!("{}  {}  {}", if c.ok { "好" } else { "缺" }, c.name, c.what))
        .collect();
    if checks.iter().any(|c| !c.ok) {
        return Err(Trouble::new(
            "SELFCHECK",
            &lines.join(";"),
            "已保存的内容不受影响",
            "按所列各项处理后再自检",
        )
        .as_verdict());
    }
    Output::new("selfcheck", &serde_json::json!({ "checks": checks }), lines)
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
