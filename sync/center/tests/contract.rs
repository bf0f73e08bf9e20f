//! The OpenAPI file and the router say the same; answers fit their schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use super::handheld::{Handheld, anonymous, block_on, centre};
use crate::server::router::table;

fn document() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

#[test]
fn every_route_is_in_the_openapi_file_and_the_other_way_round() {
    let document = document();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |m| (path.clone(), m.clone()))
        })
        .collect();
    let routed: BTreeSet<(String, String)> = table()
        .into_iter()
        .flat_map(|(path, methods)| {
            methods.iter().map(move |m| (path.replace("{*", "{"), (*m).to_owned()))
        })
        .collect();
    assert_eq!(described, routed);
}

#[test]
fn every_route_of_the_table_is_really_served() {
    let (centre, clock) = centre();
    block_on(async {
        let http = anonymous(&centre, &clock);
        for (path, methods) in table() {
            for method in methods {
                let path =
                    path.replace("{*path}", "0/000").replace("{id}", "x").replace("{file}", "y");
                let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let response = http
                    .request(method.clone(), format!("{}{path}", centre.url()))
                    .send()
                    .await
                    .unwrap();
                assert!(response.status() != 405, "{method} {path}");
            }
        }
    });
}

#[test]
fn references_resolve_and_answers_have_the_members_required() {
    let document = document();
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let (centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        for (path, schema) in [("/v1/hello", "Hello"), ("/v1/tasks", "TaskList")] {
            let answer: Value = handheld.get(path).send().await.unwrap().json().await.unwrap();
            let required = &document["components"]["schemas"][schema]["required"];
            for member in required.as_array().unwrap() {
                assert!(answer.get(member.as_str().unwrap()).is_some(), "{schema} {member}");
            }
        }
        let served: Value =
            handheld.get("/v1/openapi.json").send().await.unwrap().json().await.unwrap();
        assert_eq!(served, document);
    });
}
