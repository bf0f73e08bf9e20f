//! Errors on the wire: every refusal is a problem document; the cause stays in the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use spotcheck_wire::problem::{PROBLEM_JSON, Problem, code};

use crate::Error;

/// A refusal.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Problem,
    headers: Vec<(&'static str, String)>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &str, title: &str, detail: &str) -> Self {
        Self { problem: Problem::new(status.as_u16(), code, title, detail), headers: Vec::new() }
    }

    pub(crate) fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code::BAD_REQUEST, "请求格式不符", detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            code::NOT_FOUND,
            "没有此项",
            "没有所请求的内容，或者本设备无权读取。",
        )
    }

    pub(crate) fn too_large(detail: &str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code::TOO_LARGE, "内容过大", detail)
    }

    pub(crate) fn busy(seconds: u32) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::BUSY,
            "中心繁忙",
            "中心暂时无法处理，手持机上的数据不受影响，请稍后重试。",
        )
        .later(seconds)
    }

    /// Trying again after `seconds` may help.
    pub(crate) fn later(mut self, seconds: u32) -> Self {
        self.problem = self.problem.retry_after(seconds);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if error.is_retryable() {
            tracing::warn!(cause = %error, "A request has to wait.");
            return Self::busy(5);
        }
        if matches!(error, Error::NotFound { .. }) {
            return Self::not_found();
        }
        tracing::error!(cause = %error, "A request failed at the centre.");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code::INTERNAL,
            "中心内部错误",
            "中心处理失败，已记录；手持机上的数据不受影响。",
        )
        .later(60)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A JSON message as request body.
#[derive(Debug)]
pub(crate) struct Message<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> axum::extract::FromRequest<S> for Message<T> {
    type Rejection = ApiError;

    async fn from_request(
        request: axum::extract::Request,
        state: &S,
    ) -> Result<Self, Self::Rejection> {
        let bytes = bytes::Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::too_large("请求体超过上限。")
            } else {
                ApiError::bad_request("请求体没有完整到达。")
            }
        })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|_| ApiError::bad_request("请求体不是约定的 JSON。"))
    }
}

/// A JSON answer.
#[derive(Debug)]
pub(crate) struct Answer<T>(pub(crate) StatusCode, pub(crate) T);

impl<T: serde::Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        match serde_json::to_vec(&self.1) {
            Ok(body) => (self.0, [(header::CONTENT_TYPE, json)], body).into_response(),
            Err(_) => ApiError::from(Error::Stored("answer")).into_response(),
        }
    }
}
