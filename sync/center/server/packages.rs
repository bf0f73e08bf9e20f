//! `GET /v1/packages/{id}/{file}`: ranged, with a strong ETag, so that a broken download goes on.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::App;
use super::auth::{ClientVersion, Peer, Purpose, caller};
use super::problem::ApiError;
use super::range::{Wanted, wanted};
use crate::Error;

const READ_BYTES: usize = 64 * 1024;

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn same_tag(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|tag| tag == etag || tag == "*")
}

pub(crate) async fn get_file(
    State(app): State<App>,
    peer: Peer,
    version: ClientVersion,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (file, entry) = app
        .run(move |centre| {
            let caller = caller(centre, &peer, Purpose::Pull)?;
            version.may_pull()?;
            let package = centre
                .repo()
                .package(&id)?
                .filter(|p| p.devices.contains(&caller.device))
                .ok_or_else(ApiError::not_found)?;
            let entry = package
                .files
                .into_iter()
                .find(|f| f.name == name)
                .ok_or_else(ApiError::not_found)?;
            Ok((centre.objects().open_object(&entry.sha256)?, entry))
        })
        .await?;
    let etag = format!("\"{}\"", entry.sha256);
    let common = |mut response: Response| {
        let out = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&etag) {
            out.insert(header::ETAG, value);
        }
        out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-transform"));
        response
    };
    if text(&headers, header::IF_NONE_MATCH).is_some_and(|tag| same_tag(tag, &etag)) {
        return Ok(common(StatusCode::NOT_MODIFIED.into_response()));
    }
    // A range counts only for the file it was begun with.
    let current = text(&headers, header::IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    let range = text(&headers, header::RANGE).filter(|_| current);
    let (status, start, length) = match wanted(range, entry.size) {
        Wanted::Whole => (StatusCode::OK, 0, entry.size),
        Wanted::Part { start, length } => (StatusCode::PARTIAL_CONTENT, start, length),
        Wanted::Unsatisfiable => {
            let problem = ApiError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                spotcheck_wire::problem::code::BAD_REQUEST,
                "范围无效",
                "请求的字节范围不在文件之内。",
            );
            let value = format!("bytes */{}", entry.size);
            return Ok(problem.header("content-range", value).into_response());
        }
    };
    let mut file = tokio::fs::File::from_std(file);
    file.seek(std::io::SeekFrom::Start(start)).await.map_err(Error::io("read a package"))?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), READ_BYTES));
    let mut response = common((status, body).into_response());
    let out = response.headers_mut();
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = start.saturating_add(length).saturating_sub(1);
        let value = format!("bytes {start}-{last}/{}", entry.size);
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.insert(header::CONTENT_RANGE, value);
        }
    }
    Ok(response)
}
