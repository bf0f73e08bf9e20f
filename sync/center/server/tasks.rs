//! `GET /v1/tasks?from_size=N&intake=A,B`: the asking device's tasks, revocation lists, and the newest time entry.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use spotcheck_wire::enrol::SignedTrust;
use spotcheck_wire::tasks::{NamedText, PackageItem, TASKS_SCHEMA, TaskItem, TaskList};

use super::App;
use super::auth::{ClientVersion, Peer, Purpose, caller};
use super::enrol::trust;
use super::problem::{Answer, ApiError};
use crate::centre::Centre;
use crate::intake::{hear, named_keys};
use crate::{Error, Result};

#[derive(Debug, Deserialize)]
pub(crate) struct FromSize {
    #[serde(default)]
    pub(crate) from_size: u64,
}

/// What a handheld says when it asks for its tasks.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    from_size: u64,
    /// See [`INTAKE_PARAMETER`](spotcheck_wire::tasks::INTAKE_PARAMETER).
    intake: Option<String>,
}

/// The trust statement anew for a handheld whose intake key is not the present one; what it said is kept.
fn renewed(centre: &Centre, device: &str, keys: &[&str]) -> Result<Option<SignedTrust>> {
    hear(centre, device, keys)?;
    if keys.first() == Some(&centre.recipients()?.intake_id.as_str()) {
        return Ok(None);
    }
    let (statement, signature) = trust(centre, device)?;
    Ok(Some(SignedTrust { statement, signature }))
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

fn list(centre: &Centre, device: &str, from_size: u64, keys: Option<&[&str]>) -> Result<TaskList> {
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
        trust: keys.map_or(Ok(None), |keys| renewed(centre, device, keys))?,
    })
}

pub(crate) async fn get_tasks(
    State(app): State<App>,
    peer: Peer,
    version: ClientVersion,
    query: std::result::Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> std::result::Result<Answer<TaskList>, ApiError> {
    let Query(asked) = query.map_err(|_| ApiError::bad_request("from_size 须为整数。"))?;
    let answer = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Pull)?;
            version.may_pull()?;
            let keys = match asked.intake.as_deref() {
                None => None,
                Some(text) => {
                    let named = named_keys(text);
                    Some(named.ok_or_else(|| ApiError::bad_request("intake 须为接收密钥编号。"))?)
                }
            };
            Ok(list(centre, &caller.device, asked.from_size, keys.as_deref())?)
        })
        .await?;
    Ok(Answer(StatusCode::OK, answer))
}
