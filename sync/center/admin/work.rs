//! Tasks and packages.

use std::fmt::Write as _;

use serde_json::{Value, json};
use spotcheck_domain::rfc3339;

use super::args::{PackageCommand, TaskCommand};
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::centre::Centre;
use crate::tasks::{NewTask, new_task, new_top_tasks};

pub(super) fn task(context: &Context, command: &TaskCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        TaskCommand::New(args) => {
            let new = NewTask {
                id: args.id.clone(),
                facility: args.facility.clone().unwrap_or_default(),
                officers: args.officers.clone(),
                devices: args.devices.clone(),
                period_from: args.period.0.clone(),
                period_to: args.period.1.clone(),
                title: args.title.clone(),
                mode: args.mode,
                basis: args.basis.clone(),
                document_number: args.document_number.clone(),
                practice: args.practice,
            };
            if let Some(count) = args.top {
                return top(&centre, &new, count);
            }
            let task = new_task(&centre, &new)?;
            centre.record_act("task-new", task.id.as_str())?;
            let text = format!("任务 {} 已建立：{}", task.id, task.title);
            let body = json!({ "task": task });
            Ok(Output::new("task-new", body, text))
        }
        TaskCommand::List => {
            let mut text = String::new();
            let mut list: Vec<Value> = Vec::new();
            for task in centre.repo().tasks()? {
                let package = centre.repo().newest_package(task.id.as_str(), None)?;
                let built = package.as_ref().map(|p| rfc3339(p.created_ms));
                let _ = writeln!(
                    text,
                    "{}  {}  {}  {}",
                    task.id,
                    task.facility.fixmedins_name,
                    task.title,
                    built.as_deref().unwrap_or("尚无数据包")
                );
                list.push(json!({
                    "task": task, "package": package.map(|p| p.id), "package_built": built,
                }));
            }
            Ok(Output::new("task-list", json!({ "tasks": list }), text))
        }
    }
}

/// `task new --top N`.
fn top(centre: &Centre, like: &NewTask, count: usize) -> Result<Output> {
    let done = new_top_tasks(centre, like, count)?;
    let mut text = String::new();
    for task in &done.made {
        centre.record_act("task-new", task.id.as_str())?;
        let name = &task.facility.fixmedins_name;
        let _ = writeln!(text, "任务 {} 已建立：{name}  {}", task.id, task.title);
    }
    for (code, task) in &done.passed {
        let _ = writeln!(text, "跳过 {code}:任务 {task} 尚未办结");
    }
    let passed: Vec<Value> = done
        .passed
        .iter()
        .map(|(code, task)| json!({"fixmedins_code": code, "task": task}))
        .collect();
    let body = json!({ "tasks": done.made, "passed": passed });
    let output = Output::new("task-new", body, text);
    Ok(if done.made.len() < count { output.failed_check() } else { output })
}

pub(super) fn package(context: &Context, command: &PackageCommand) -> Result<Output> {
    let PackageCommand::Build { task } = command;
    let centre = context.open()?;
    let row = crate::packages::build(&centre, task)?;
    let size = row.files.iter().fold(0_u64, |sum, f| sum.saturating_add(f.size));
    let body = json!({
        "package": row.id, "task": row.task, "devices": row.devices, "files": row.files,
    });
    if row.files.is_empty() {
        return Err(Error::Stored("package"));
    }
    let text = format!("数据包 {} 已生成，共 {size} 字节，发给 {}", row.id, row.devices.join("、"));
    Ok(Output::new("package-build", body, text))
}
