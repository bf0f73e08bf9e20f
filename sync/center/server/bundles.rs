//! `POST /v1/bundles`, `POST /v1/bundles/{id}/commit`, `GET /v1/bundles/{id}`, `POST /v1/device-journal`.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use spotcheck_wire::bundles::{
    Announced, Announcement, BundleState, BundleStatus, IDEMPOTENCY_KEY, JournalAccepted,
    JournalUpload,
};
use spotcheck_wire::problem::code;

use super::App;
use super::auth::{Peer, Purpose, caller};
use super::problem::{Answer, ApiError, Message};
use super::tasks::FromSize;
use crate::bundles::{self, CommitOutcome, JournalOutcome};
use crate::repository::AnnounceOutcome;

type Checked<T> = Result<T, ApiError>;

fn conflict() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        code::CONFLICT,
        "证据包编号冲突",
        "中心已有同一编号而内容不同的证据包。",
    )
}

pub(crate) async fn post_bundle(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    Message(announcement): Message<Announcement>,
) -> Checked<Answer<Announced>> {
    let key = headers.get(IDEMPOTENCY_KEY).map(|v| v.as_bytes().to_vec());
    if key.is_some_and(|key| key != announcement.tagmanifest_sha256.as_bytes()) {
        return Err(ApiError::bad_request("幂等键与证据包不符。"));
    }
    let stamps = app.tsa.is_some();
    let missing = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Deliver)?;
            bundles::check_announcement(&announcement)
                .map_err(|what| ApiError::bad_request(&what))?;
            let outcome =
                bundles::announce(centre, &announcement, &caller.device, caller.revoked, stamps)?;
            if outcome == AnnounceOutcome::Conflict {
                return Err(conflict());
            }
            Ok(bundles::missing(centre, &announcement, &caller.device)?)
        })
        .await?;
    app.work.notify_one();
    Ok(Answer(StatusCode::OK, Announced { missing }))
}

pub(crate) async fn post_commit(
    State(app): State<App>,
    peer: Peer,
    Path(id): Path<String>,
) -> Checked<Response> {
    let status = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Deliver)?;
            match bundles::commit(centre, &id, &caller.device, caller.revoked)? {
                CommitOutcome::Unknown => Err(ApiError::not_found()),
                CommitOutcome::Incomplete => Err(ApiError::new(
                    StatusCode::CONFLICT,
                    code::INCOMPLETE,
                    "证据包尚未传完",
                    "还有文件没有传到中心，请继续上传后再提交。",
                )),
                CommitOutcome::Taken => Ok(bundles::status(centre, &id, 0)?),
            }
        })
        .await?;
    app.work.notify_one();
    let location = format!("/v1/bundles/{}", status.bundle);
    let mut response = Answer(StatusCode::ACCEPTED, status).into_response();
    if let Ok(value) = location.parse() {
        response.headers_mut().insert("location", value);
    }
    Ok(response)
}

pub(crate) async fn get_bundle(
    State(app): State<App>,
    peer: Peer,
    Path(id): Path<String>,
    query: Result<Query<FromSize>, axum::extract::rejection::QueryRejection>,
) -> Checked<Answer<BundleStatus>> {
    let Query(from) = query.map_err(|_| ApiError::bad_request("from_size 须为整数。"))?;
    let status = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Deliver)?;
            let row = centre.repo().bundle(&id)?.ok_or_else(ApiError::not_found)?;
            if row.device == caller.device {
                return Ok(bundles::status(centre, &id, from.from_size)?);
            }
            // A handheld of the same task may hold its second copy: it hears that the bundle has its receipt,
            // and before that nothing.
            let tasks = centre.repo().tasks_of_device(&caller.device)?;
            let beside = tasks.iter().any(|task| task.id.as_str() == row.announcement.task);
            if !beside || caller.revoked || row.state != BundleState::Received {
                return Err(ApiError::not_found());
            }
            let mut status = bundles::status(centre, &id, from.from_size)?;
            status.errors.clear();
            if let Some(receipt) = &mut status.receipt {
                receipt.timestamps.clear();
            }
            Ok(status)
        })
        .await?;
    Ok(Answer(StatusCode::OK, status))
}

pub(crate) async fn post_journal(
    State(app): State<App>,
    peer: Peer,
    Message(upload): Message<JournalUpload>,
) -> Checked<Response> {
    let outcome = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Keep)?;
            Ok(bundles::take_journal(centre, &caller.device, &upload)?)
        })
        .await?;
    match outcome {
        JournalOutcome::Accepted(last_seq) => {
            Ok(Answer(StatusCode::OK, JournalAccepted { last_seq }).into_response())
        }
        JournalOutcome::Gap(last_seq) => {
            // The number the handheld has to go on from travels beside the problem's own members.
            let problem = spotcheck_wire::problem::Problem::new(
                409,
                code::JOURNAL_GAP,
                "设备日志不连续",
                "设备日志没有接在中心已有部分之后。",
            );
            let mut body = serde_json::to_value(&problem).unwrap_or_default();
            if let Some(members) = body.as_object_mut() {
                members.insert("last_seq".to_owned(), last_seq.into());
            }
            let mut response = Answer(StatusCode::CONFLICT, body).into_response();
            let kind = spotcheck_wire::problem::PROBLEM_JSON;
            response
                .headers_mut()
                .insert("content-type", axum::http::HeaderValue::from_static(kind));
            Ok(response)
        }
        JournalOutcome::Malformed => Err(ApiError::bad_request("设备日志的行不符合格式。")),
    }
}
