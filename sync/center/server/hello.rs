//! `GET /v1/hello` and `GET /v1/openapi.json`: open to everybody.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use spotcheck_domain::rfc3339;
use spotcheck_wire::PROTOCOL_VERSION;
use spotcheck_wire::hello::{HELLO_SCHEMA, Hello, capability};

use super::problem::Answer;
use super::{App, MINIMUM_CLIENT};

/// The protocol's description, checked against the router by a test.
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

pub(crate) async fn hello(State(app): State<App>) -> Answer<Hello> {
    let mut capabilities = vec![capability::TUS.to_owned()];
    if app.tsa.is_some() {
        capabilities.push(capability::TIMESTAMPS.to_owned());
    }
    let answer = Hello {
        schema: HELLO_SCHEMA.to_owned(),
        version_min: PROTOCOL_VERSION,
        version_max: PROTOCOL_VERSION,
        capabilities,
        server_time: rfc3339(app.centre.now_ms()),
        minimum_client: MINIMUM_CLIENT.to_owned(),
    };
    std::future::ready(Answer(StatusCode::OK, answer)).await
}

pub(crate) async fn openapi() -> impl IntoResponse {
    std::future::ready(([(header::CONTENT_TYPE, "application/json")], OPENAPI)).await
}
