//! `GET /v1/log/checkpoint` and `GET /v1/log/tile/…`: the log is public, by C2SP tlog-tiles.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::ApiError;
use crate::log::TilePath;

pub(crate) async fn get_checkpoint(State(app): State<App>) -> Result<Response, ApiError> {
    let note = app.run(|centre| Ok(centre.log().head()?.note)).await?;
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, note).into_response())
}

pub(crate) async fn get_tile(
    State(app): State<App>,
    Path(path): Path<String>,
) -> Result<Response, ApiError> {
    let tile = TilePath::parse(&path).ok_or_else(ApiError::not_found)?;
    let bytes =
        app.run(move |centre| centre.log().tile(tile)?.ok_or_else(ApiError::not_found)).await?;
    let cache =
        if tile.is_full() { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    Ok((headers, bytes).into_response())
}
