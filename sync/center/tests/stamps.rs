//! Time stamps: fetched at announcement, kept untouched, never in the way of a receipt.

use std::sync::{Arc, Mutex};

use axum::routing::post;
use spotcheck_domain::ManualClock;
use spotcheck_evidence::testkit::{NOW_MS, StampPlan, TestTsa};
use spotcheck_wire::bundles::BundleState;

use super::bundles::{Team, decided, deliver, parts, seal};
use super::handheld::block_on;
use crate::testing::{TestCentre, TestData, TestOptions};

/// A TSA on loopback that answers what `reply` makes of the query.
fn tsa(reply: impl Fn(&[u8]) -> Vec<u8> + Clone + Send + Sync + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsr", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        block_on(async move {
            let handler = post(move |body: bytes::Bytes| {
                let reply = reply.clone();
                async move { reply(&body) }
            });
            let app = axum::Router::new().route("/tsr", handler);
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = hyper_util::service::TowerToHyperService::new(app.clone());
                let io = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(async move {
                    hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                });
            }
        });
    });
    url
}

fn start(url: &str, tsa: &TestTsa) -> (TestCentre, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let options = TestOptions {
        clock: Some(Arc::<ManualClock>::clone(&clock)),
        tsa: Some((url.to_owned(), tsa.root.pem())),
        claims: TestData::Nothing,
    };
    (TestCentre::start_with(options).unwrap(), clock)
}

/// The nonce of a query: the INTEGER before the final BOOLEAN.
fn nonce(query: &[u8]) -> u64 {
    let at = query.len() - 3;
    let mut value = 0_u64;
    let length =
        (1..=9).find(|n| query[at - n - 2] == 2 && usize::from(query[at - n - 1]) == *n).unwrap();
    for byte in &query[at - length..at] {
        value = (value << 8) | u64::from(*byte);
    }
    value
}

#[test]
fn r50_each_signature_gets_its_stamp_and_the_receipt_carries_the_bytes() {
    let authority = Arc::new(TestTsa::new());
    // The double knows the signatures by hash: it is told them before they are announced.
    let known: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let (maker, signatures) = (Arc::clone(&authority), Arc::clone(&known));
    let url = tsa(move |query| {
        let signatures = signatures.lock().unwrap();
        let wanted = signatures.iter().find(|s| {
            let hash = ring::digest::digest(&ring::digest::SHA256, s);
            query.windows(32).any(|w| w == hash.as_ref())
        });
        let plan = StampPlan { nonce: Some(nonce(query)), ..StampPlan::at(NOW_MS) };
        maker.stamp(wanted.unwrap(), &plan)
    });
    let (centre, clock) = start(&url, &authority);
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let bag = parts(&centre).close(&team.people);
        *known.lock().unwrap() = bag
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("signatures/"))
            .map(|(_, bytes)| bytes.clone())
            .collect();
        let (announcement, blobs) = seal(&centre, &bag);
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Received, "{:?}", status.errors);
        while centre.centre().repo().job_count().unwrap() > 0 {
            tokio::task::yield_now().await;
        }
        let receipt = decided(&team.handheld, &announcement.bundle, 0).await.receipt.unwrap();
        let paths: Vec<&str> = receipt.timestamps.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(
            paths,
            ["timestamps/device.tsr", "timestamps/inspector-1.tsr", "timestamps/inspector-2.tsr"]
        );
    });
}

#[test]
fn r50_a_false_or_dead_authority_neither_stamps_nor_keeps_the_receipt_back() {
    let stranger = Arc::new(TestTsa::new());
    let url = tsa(move |_| stranger.stamp(b"something else", &StampPlan::at(NOW_MS)));
    for url in [url, "http://127.0.0.1:1/tsr".to_owned()] {
        let (centre, clock) = start(&url, &TestTsa::new());
        block_on(async {
            let team = Team::enrol(&centre, &clock).await;
            let (announcement, blobs) = seal(&centre, &parts(&centre).close(&team.people));
            let status = deliver(&team.handheld, &announcement, &blobs).await;
            assert_eq!(status.state, BundleState::Received, "{:?}", status.errors);
            assert!(status.receipt.unwrap().timestamps.is_empty());
            assert!(centre.centre().repo().stamps(&announcement.bundle).unwrap().is_empty());
            // It is still wanted, later.
            while centre.centre().repo().job_count().unwrap() > 1 {
                tokio::task::yield_now().await;
            }
            assert_eq!(centre.centre().repo().job_count().unwrap(), 1);
        });
    }
}
