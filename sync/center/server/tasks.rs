//! `GET /v1/tasks?from_size=N`: the asking device's tasks, revocation lists, and the newest time entry.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use spotcheck_wire::tasks::{NamedText, PackageItem, TASKS_SCHEMA, TaskItem, TaskList};

use super::App;
use super::auth::{ClientVersion, Peer, Purpose, caller};
use super::problem::{Answer, ApiError};
use crate::centre::Centre;
use crate::{Error, Result};

#[derive(Debug, Deserialize)]
pub(crate) struct FromSize {
    #[serde(default)]
    pub(crate) from_size: u64,
}

/// Revocation lists of both roots.
pub(crate) fn crls(centre: &Centre) -> Result<Vec<NamedText>> {
    [("evidence.crl", &centre.ca().evidence), ("tls.crl", &centre.ca().tls)]
        .into_iter()
        .map(|(name, authority)| {
            let text = authority.crl_pem(centre.repo(), centre.clock().as_ref())?;
            Ok(NamedText { name: name.to_owned(), text })
        })
        .collect()
}

fn list(centre: &Centre, device: &str, from_size: u64) -> Result<TaskList> {
    let tasks = centre
        .repo()
        .tasks_of_device(device)?
        .into_iter()
        .map(|task| {
            let package = centre
                .repo()
                .newest_package(task.id.as_str(), Some(device))?
                .map(|row| PackageItem { id: row.id, files: row.files });
            Ok(TaskItem { task, package })
        })
        .collect::<Result<Vec<_>>>()?;
    let leaf = centre.log().newest_time(centre.clock().as_ref())?;
    let head = centre.log().head()?;
    Ok(TaskList {
        schema: TASKS_SCHEMA.to_owned(),
        tasks,
        crls: crls(centre)?,
        time_entry: String::from_utf8(leaf.entry).map_err(|_| Error::Stored("time entry"))?,
        time_proof: centre.log().proof(leaf.index, &head)?,
        consistency: centre.log().consistency(from_size, &head)?,
        checkpoint: head.note,
    })
}

pub(crate) async fn get_tasks(
    State(app): State<App>,
    peer: Peer,
    version: ClientVersion,
    query: std::result::Result<Query<FromSize>, axum::extract::rejection::QueryRejection>,
) -> std::result::Result<Answer<TaskList>, ApiError> {
    let Query(from) = query.map_err(|_| ApiError::bad_request("from_size 须为整数。"))?;
    let answer = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Pull)?;
            version.may_pull()?;
            Ok(list(centre, &caller.device, from.from_size)?)
        })
        .await?;
    Ok(Answer(StatusCode::OK, answer))
}
