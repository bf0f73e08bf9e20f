//! tus 1.0 at `/v1/blobs`: creation, checksum (sha256; sha1 because tus demands it), termination, expiration.
//!
//! A PATCH counts as a whole or not at all: its bytes are synced, then the offset moves in the database,
//! then the answer goes out. What a cut PATCH left in the file lies beyond the offset and is cut off by the
//! next one, so HEAD always tells what is durable. The part file is locked while it is written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use rustix::fs::{FlockOperation, flock};
use spotcheck_wire::bundles::META_SHA256;
use spotcheck_wire::problem::code;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::App;
use super::auth::{Peer, Purpose, caller};
use super::problem::ApiError;
use crate::ca::DAY_MS;
use crate::centre::Centre;
use crate::folder::sync_dir;
use crate::objects::{hash_reader, is_sha256};
use crate::repository::Upload;
use crate::{Error, Result};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,checksum,termination,expiration";
/// Largest blob: a segment of a long recording is far below.
const MAX_UPLOAD_BYTES: u64 = 8 << 30;
/// Largest PATCH; handhelds send 256 KiB to 4 MiB.
const MAX_PATCH_BYTES: u64 = 64 << 20;
/// Days an unfinished upload is kept.
const KEEP_DAYS: i64 = 14;
/// A body that is silent for so long is cut.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes kept free on the file system.
const RESERVE_BYTES: u64 = 256 << 20;

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

type Checked<T> = std::result::Result<T, ApiError>;

fn with_version(mut response: Response) -> Response {
    response.headers_mut().insert(RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

fn tus(result: Checked<Response>) -> Response {
    with_version(result.unwrap_or_else(IntoResponse::into_response))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn number(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    text(headers, name).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

fn check_version(headers: &HeaderMap) -> Checked<()> {
    if text(headers, RESUMABLE) == Some(VERSION) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        code::BAD_REQUEST,
        "上传协议版本不符",
        "需要 Tus-Resumable: 1.0.0。",
    )
    .header("tus-version", VERSION))
}

fn checksum_mismatch() -> ApiError {
    let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
    ApiError::new(status, code::BAD_REQUEST, "校验和不符", "收到的内容与校验和不符，没有保存。")
}

fn http_date(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map(|t| t.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}

/// The promised hash of `Upload-Metadata`; the header may be absent or empty.
fn promised_hash(headers: &HeaderMap) -> Checked<Option<String>> {
    let bad = || ApiError::bad_request("Upload-Metadata 不符合格式。");
    for pair in text(headers, METADATA).unwrap_or_default().split(',') {
        let mut parts = pair.trim().splitn(2, ' ');
        if parts.next() != Some(META_SHA256) {
            continue;
        }
        let value = STANDARD.decode(parts.next().unwrap_or_default()).map_err(|_| bad())?;
        let hash = String::from_utf8(value).map_err(|_| bad())?;
        return if is_sha256(&hash) { Ok(Some(hash)) } else { Err(bad()) };
    }
    Ok(None)
}

pub(crate) async fn options() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert("tus-version", HeaderValue::from_static(VERSION));
    headers.insert("tus-extension", HeaderValue::from_static(EXTENSIONS));
    headers.insert("tus-checksum-algorithm", HeaderValue::from_static("sha256,sha1"));
    headers.insert("tus-max-size", HeaderValue::from(MAX_UPLOAD_BYTES));
    std::future::ready(with_version(response)).await
}

fn create(centre: &Centre, peer: &Peer, headers: &HeaderMap) -> Checked<Upload> {
    let caller = caller(centre, peer, Purpose::Deliver)?;
    check_version(headers)?;
    let length =
        number(headers, LENGTH).ok_or_else(|| ApiError::bad_request("缺少 Upload-Length。"))?;
    if length > MAX_UPLOAD_BYTES {
        return Err(ApiError::too_large("单个文件超过上限。"));
    }
    if centre.objects().free_bytes() < length.saturating_add(RESERVE_BYTES) {
        tracing::error!("The object folder is nearly full.");
        return Err(ApiError::busy(600));
    }
    let now = centre.now_ms();
    let upload = Upload {
        id: centre.new_id(),
        device: caller.device,
        sha256: promised_hash(headers)?,
        length,
        offset: 0,
        expires_ms: now.saturating_add(KEEP_DAYS.saturating_mul(DAY_MS)),
    };
    let path = centre.objects().upload(&upload.id);
    let what = "create an upload";
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io(what))?;
    sync_dir(path.parent().unwrap_or(&path))?;
    centre.repo().add_upload(&upload, now)?;
    if length == 0 {
        finish(centre, &upload)?;
    }
    Ok(upload)
}

pub(crate) async fn post(State(app): State<App>, peer: Peer, headers: HeaderMap) -> Response {
    let made = app.run(move |centre| create(centre, &peer, &headers)).await;
    tus(made.map(|upload| {
        let mut response = StatusCode::CREATED.into_response();
        let out = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&format!("/v1/blobs/{}", upload.id)) {
            out.insert("location", value);
        }
        if let Ok(value) = HeaderValue::from_str(&http_date(upload.expires_ms)) {
            out.insert(EXPIRES, value);
        }
        response
    }))
}

fn find(centre: &Centre, peer: &Peer, headers: &HeaderMap, id: &str) -> Checked<Upload> {
    let caller = caller(centre, peer, Purpose::Deliver)?;
    check_version(headers)?;
    centre
        .repo()
        .upload(id)?
        .filter(|u| u.device == caller.device && u.expires_ms > centre.now_ms())
        .ok_or_else(ApiError::not_found)
}

fn offset_response(status: StatusCode, upload: &Upload) -> Response {
    let mut response = status.into_response();
    let out = response.headers_mut();
    out.insert(OFFSET, HeaderValue::from(upload.offset));
    if let Ok(value) = HeaderValue::from_str(&http_date(upload.expires_ms)) {
        out.insert(EXPIRES, value);
    }
    response
}

pub(crate) async fn head(
    State(app): State<App>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = app.run(move |centre| find(centre, &peer, &headers, &id)).await;
    tus(found.map(|upload| {
        let mut response = offset_response(StatusCode::OK, &upload);
        response.headers_mut().insert(LENGTH, HeaderValue::from(upload.length));
        response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
        response
    }))
}

pub(crate) async fn delete(
    State(app): State<App>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let done = app
        .run(move |centre| {
            let upload = find(centre, &peer, &headers, &id)?;
            centre.repo().remove_upload(&upload.id)?;
            let _ = std::fs::remove_file(centre.objects().upload(&upload.id));
            Ok(StatusCode::NO_CONTENT.into_response())
        })
        .await;
    tus(done)
}

/// A checksum that was promised for a PATCH.
struct Promise {
    algorithm: &'static Algorithm,
    value: Vec<u8>,
}

fn promised_checksum(headers: &HeaderMap) -> Checked<Option<Promise>> {
    let Some(text) = text(headers, CHECKSUM) else { return Ok(None) };
    let bad = || ApiError::bad_request("Upload-Checksum 不符合格式，支持 sha256 和 sha1。");
    let (algorithm, value) = text.split_once(' ').ok_or_else(bad)?;
    let algorithm = match algorithm {
        "sha256" => &SHA256,
        "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
        _ => return Err(bad()),
    };
    let value = STANDARD.decode(value.trim()).map_err(|_| bad())?;
    Ok(Some(Promise { algorithm, value }))
}

/// Opens the part file for writing at the durable offset, alone.
fn open_part(centre: &Centre, upload: &Upload) -> Checked<File> {
    let what = "open an upload";
    let file = OpenOptions::new()
        .write(true)
        .open(centre.objects().upload(&upload.id))
        .map_err(Error::io(what))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        ApiError::new(
            StatusCode::LOCKED,
            code::BUSY,
            "上传正在进行",
            "同一文件正在另一连接中上传，请稍后重试。",
        )
        .later(1)
    })?;
    // Whoever held the lock may have moved the offset since it was read.
    let now = centre.repo().upload(&upload.id)?.ok_or_else(ApiError::not_found)?;
    if now.offset != upload.offset {
        return Err(wrong_offset(&now));
    }
    file.set_len(upload.offset).map_err(Error::io(what))?;
    Ok(file)
}

fn wrong_offset(upload: &Upload) -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        code::BAD_REQUEST,
        "上传位置不符",
        "请先用 HEAD 查询已保存的位置。",
    )
    .header("upload-offset", upload.offset.to_string())
}

/// The whole is there: its hash decides its name.
fn finish(centre: &Centre, upload: &Upload) -> Checked<()> {
    let path = centre.objects().upload(&upload.id);
    let mut file = File::open(&path).map_err(Error::io("read an upload"))?;
    let (sha256, size) = hash_reader(&mut file)?;
    if size != upload.length || upload.sha256.as_ref().is_some_and(|want| *want != sha256) {
        tracing::warn!(upload = %upload.id, "A whole upload does not have the promised hash.");
        centre.repo().remove_upload(&upload.id)?;
        let _ = std::fs::remove_file(&path);
        return Err(checksum_mismatch());
    }
    centre.objects().adopt_as(&path, &sha256)?;
    centre.repo().finish_upload(upload, &sha256, centre.now_ms())?;
    Ok(())
}

async fn write_body(
    file: &mut tokio::fs::File,
    body: Body,
    room: u64,
    checksum: Option<Promise>,
) -> Checked<u64> {
    let mut stream = body.into_data_stream();
    let mut hash = Context::new(checksum.as_ref().map_or(&SHA256, |c| c.algorithm));
    let mut written = 0_u64;
    loop {
        let next = tokio::time::timeout(IDLE, stream.next()).await;
        let cut = |_| ApiError::bad_request("内容没有完整到达。");
        let Some(chunk) = next.map_err(|_| ApiError::bad_request("内容中断过久。"))? else {
            break;
        };
        let chunk = chunk.map_err(cut)?;
        written = written.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if written > room {
            return Err(ApiError::too_large("超过声明的长度，或一次上传过多。"));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(Error::io("write an upload"))?;
    }
    file.flush().await.map_err(Error::io("write an upload"))?;
    if checksum.is_some_and(|want| want.value != hash.finish().as_ref()) {
        return Err(checksum_mismatch());
    }
    file.sync_all().await.map_err(Error::io("sync an upload"))?;
    Ok(written)
}

async fn patch_upload(
    app: &App,
    peer: Peer,
    id: String,
    headers: HeaderMap,
    body: Body,
) -> Checked<Response> {
    let checksum = promised_checksum(&headers)?;
    let kind = text(&headers, axum::http::header::CONTENT_TYPE);
    let kind_is_right = kind == Some("application/offset+octet-stream");
    let offset = number(&headers, OFFSET);
    let (upload, file) = app
        .run(move |centre| {
            let upload = find(centre, &peer, &headers, &id)?;
            if !kind_is_right {
                return Err(ApiError::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    code::BAD_REQUEST,
                    "内容类型不符",
                    "需要 application/offset+octet-stream。",
                ));
            }
            let offset = offset.ok_or_else(|| ApiError::bad_request("缺少 Upload-Offset。"))?;
            if offset != upload.offset {
                return Err(wrong_offset(&upload));
            }
            if upload.offset == upload.length {
                return Ok((upload, None));
            }
            let file = open_part(centre, &upload)?;
            Ok((upload, Some(file)))
        })
        .await?;
    let Some(file) = file else { return Ok(offset_response(StatusCode::NO_CONTENT, &upload)) };
    let mut file = tokio::fs::File::from_std(file);
    let seek = file.seek(std::io::SeekFrom::Start(upload.offset)).await;
    seek.map_err(Error::io("write an upload"))?;
    let room = upload.length.saturating_sub(upload.offset).min(MAX_PATCH_BYTES);
    let written = match write_body(&mut file, body, room, checksum).await {
        Ok(written) => written,
        Err(error) => {
            let _ = file.set_len(upload.offset).await;
            return Err(error);
        }
    };
    // The lock is held until the offset has moved.
    let held = file.into_std().await;
    let moved = app
        .run(move |centre| {
            let moved = advance(centre, upload, written);
            drop(held);
            moved
        })
        .await?;
    Ok(offset_response(StatusCode::NO_CONTENT, &moved))
}

fn advance(centre: &Centre, mut upload: Upload, written: u64) -> Checked<Upload> {
    let next = upload.offset.saturating_add(written);
    if next == upload.length {
        finish(centre, &upload)?;
    } else if !centre.repo().advance_upload(&upload.id, upload.offset, next)? {
        return Err(wrong_offset(&upload));
    }
    upload.offset = next;
    Ok(upload)
}

pub(crate) async fn patch(
    State(app): State<App>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    tus(patch_upload(&app, peer, id, headers, body).await)
}

/// Removes uploads that were given up, with their files.
pub(super) fn sweep(centre: &Centre) -> Result<()> {
    for id in centre.repo().expired_uploads(centre.now_ms())? {
        centre.repo().remove_upload(&id)?;
        let _ = std::fs::remove_file(centre.objects().upload(&id));
    }
    Ok(())
}
