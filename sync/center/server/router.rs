//! The routes, once: the same table builds the router and is compared with the OpenAPI file.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, head, options, post};
use tower_http::timeout::TimeoutLayer;

use super::problem::ApiError;
use super::{App, bundles, enrol, hello, logs, packages, tasks, tus};

/// Largest message; an announcement with all tag files of a long case is far below.
const MAX_MESSAGE_BYTES: usize = 32 << 20;
/// A message must be answered within.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

type Route = (&'static str, &'static [&'static str], MethodRouter<App>);

/// Path (OpenAPI spelling), methods, handlers.
fn messages() -> Vec<Route> {
    vec![
        ("/v1/hello", &["get"], get(hello::hello)),
        ("/v1/openapi.json", &["get"], get(hello::openapi)),
        ("/v1/enroll", &["post"], post(enrol::post_enroll)),
        ("/v1/renew", &["post"], post(enrol::post_renew)),
        ("/v1/tasks", &["get"], get(tasks::get_tasks)),
        ("/v1/bundles", &["post"], post(bundles::post_bundle)),
        ("/v1/bundles/{id}", &["get"], get(bundles::get_bundle)),
        ("/v1/bundles/{id}/commit", &["post"], post(bundles::post_commit)),
        ("/v1/device-journal", &["post"], post(bundles::post_journal)),
        ("/v1/log/checkpoint", &["get"], get(logs::get_checkpoint)),
        ("/v1/log/tile/{*path}", &["get"], get(logs::get_tile)),
    ]
}

fn streams() -> Vec<Route> {
    vec![
        ("/v1/packages/{id}/{file}", &["get"], get(packages::get_file)),
        ("/v1/blobs", &["options", "post"], options(tus::options).post(tus::post)),
        (
            "/v1/blobs/{id}",
            &["head", "patch", "delete"],
            head(tus::head).patch(tus::patch).delete(tus::delete),
        ),
    ]
}

/// Paths and methods of all routes.
#[must_use]
pub fn table() -> Vec<(&'static str, &'static [&'static str])> {
    messages().into_iter().chain(streams()).map(|(path, methods, _)| (path, methods)).collect()
}

async fn no_such_route() -> Response {
    std::future::ready(ApiError::not_found().into_response()).await
}

async fn other_method() -> Response {
    let problem = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        spotcheck_wire::problem::code::BAD_REQUEST,
        "方法不符",
        "此地址不支持该方法。",
    );
    std::future::ready(problem.into_response()).await
}

/// The whole service.
pub fn router(app: App) -> Router {
    let join = |routes: Vec<Route>| {
        routes.into_iter().fold(Router::new(), |router, (path, _, handlers)| {
            router.route(path, handlers.fallback(other_method))
        })
    };
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_WITHIN);
    let messages = join(messages()).layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES)).layer(timeout);
    messages
        .merge(join(streams()).layer(DefaultBodyLimit::disable()))
        .fallback(no_such_route)
        .with_state(app)
}
