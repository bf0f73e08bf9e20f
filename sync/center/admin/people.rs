//! Handhelds, officers, tickets.

use std::fmt::Write as _;

use serde_json::{Value, json};
use spotcheck_domain::id::is_plain_id;
use spotcheck_domain::rfc3339;
use spotcheck_wire::enrol::TicketKind;

use super::args::{DeviceCommand, OfficerAdd, OfficerCommand, TicketArgs, TicketCommand};
use super::config::write_new;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::centre::Centre;
use crate::repository::Officer;
use crate::tickets::new_ticket;

fn state(revoked_ms: Option<i64>) -> &'static str {
    if revoked_ms.is_some() { "revoked" } else { "active" }
}

fn state_zh(revoked_ms: Option<i64>) -> &'static str {
    if revoked_ms.is_some() { "已停用" } else { "在用" }
}

fn revoked(centre: &Centre, act: &str, id: &str, found: bool, zh: &'static str) -> Result<Output> {
    if !found {
        return Err(Error::NotFound { what: "subject", zh });
    }
    centre.record_act(act, id)?;
    Ok(Output::new(act, json!({ "id": id, "state": "revoked" }), format!("{zh} {id} 已停用。")))
}

pub(super) fn device(context: &Context, command: &DeviceCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        DeviceCommand::List => {
            let devices = centre.repo().devices()?;
            let mut text = String::new();
            let list: Vec<Value> = devices
                .iter()
                .map(|d| {
                    let ready = if d.package_recipient.is_some() {
                        "可收数据包"
                    } else {
                        "尚无检查人员登记"
                    };
                    let _ =
                        writeln!(text, "{}  {}  {}  {ready}", d.id, d.name, state_zh(d.revoked_ms));
                    json!({
                        "id": d.id, "name": d.name, "state": state(d.revoked_ms),
                        "enrolled": rfc3339(d.created_ms), "revoked": d.revoked_ms.map(rfc3339),
                        "package_recipient": d.package_recipient,
                    })
                })
                .collect();
            Ok(Output::new("device-list", json!({ "devices": list }), text))
        }
        DeviceCommand::Revoke(args) => {
            let found = centre.repo().revoke_device(&args.id, centre.now_ms())?;
            revoked(&centre, "device-revoke", &args.id, found, "手持机")
        }
    }
}

fn add_officer(centre: &Centre, args: &OfficerAdd) -> Result<Output> {
    let bad = |what: &str| Error::refused("OFFICER-INPUT", what, "请更正后重试。");
    if !is_plain_id(&args.id) || matches!(args.id.as_str(), "." | "..") {
        return Err(bad("编号为 1 至 64 个字母、数字、点、下划线或连字符。"));
    }
    let date = args.valid_until.as_deref();
    if date.is_some_and(|d| chrono::NaiveDate::parse_from_str(d, "%Y-%m-%d").is_err()) {
        return Err(bad("有效期须为日期 yyyy-MM-dd。"));
    }
    if args.name.trim().is_empty() || args.name.chars().count() > 64 {
        return Err(bad("姓名不能为空，且不超过 64 个字。"));
    }
    centre.repo().put_officer(&Officer {
        id: args.id.clone(),
        name: args.name.trim().to_owned(),
        agency: args.agency.clone(),
        credential_kind: args.credential_kind.as_str().to_owned(),
        credential_number: args.credential_number.clone(),
        credential_valid_until: args.valid_until.clone(),
        created_ms: centre.now_ms(),
        revoked_ms: None,
    })?;
    centre.record_act("officer-add", &args.id)?;
    Ok(Output::new(
        "officer-add",
        json!({ "id": args.id }),
        format!("检查人员 {} 已登入。", args.id),
    ))
}

pub(super) fn officer(context: &Context, command: &OfficerCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        OfficerCommand::Add(args) => add_officer(&centre, args),
        OfficerCommand::List => {
            let mut text = String::new();
            let list: Vec<Value> = centre
                .repo()
                .officers()?
                .iter()
                .map(|o| {
                    let _ = writeln!(
                        text,
                        "{}  {}  {}  {}",
                        o.id,
                        o.name,
                        o.agency,
                        state_zh(o.revoked_ms)
                    );
                    json!({
                        "id": o.id, "name": o.name, "agency": o.agency,
                        "credential_kind": o.credential_kind,
                        "credential_number": o.credential_number,
                        "credential_valid_until": o.credential_valid_until,
                        "state": state(o.revoked_ms),
                    })
                })
                .collect();
            Ok(Output::new("officer-list", json!({ "officers": list }), text))
        }
        OfficerCommand::Revoke(args) => {
            let found = centre.repo().revoke_officer(&args.id, centre.now_ms())?;
            revoked(&centre, "officer-revoke", &args.id, found, "检查人员")
        }
    }
}

pub(super) fn ticket(context: &Context, command: &TicketCommand) -> Result<Output> {
    let centre = context.open()?;
    let (kind, args): (TicketKind, &TicketArgs) = match command {
        TicketCommand::Device(args) => (TicketKind::Device, args),
        TicketCommand::Officer(args) => (TicketKind::Officer, args),
    };
    let name = args.name.as_deref();
    let ticket = new_ticket(&centre, kind, &args.id, name, args.centre.as_deref())?;
    let text = ticket.to_text().map_err(|_| Error::Stored("ticket"))?;
    centre.record_act("ticket", &args.id)?;
    let mut body = json!({
        "kind": kind, "id": ticket.id, "expires": ticket.expires, "centre": ticket.centre,
    });
    let shown = match &args.out {
        Some(path) => {
            write_new(path, format!("{text}\n").as_bytes(), 0o600)?;
            if let Some(members) = body.as_object_mut() {
                members.insert("out".to_owned(), json!(path));
            }
            format!("登记票已写入 {},24 小时内有效，只能使用一次。", path.display())
        }
        None => {
            if let Some(members) = body.as_object_mut() {
                members.insert("ticket".to_owned(), json!(text));
            }
            text
        }
    };
    Ok(Output::new("ticket", body, shown))
}
