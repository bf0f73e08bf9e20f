//! tus 1.0: our server judged by hand and by `tuspy` (sync.md, evidence-tech.md §5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::handheld::{Handheld, block_on, centre, problem};
use crate::objects::sha256_hex;
use crate::repository::Bundles;
use crate::testing::{DEVICE, TestOptions};

#[test]
fn a_blob_arrives_in_parts_and_is_known_by_its_hash() {
    let (centre, clock) = centre();
    let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        let options = handheld.tus("OPTIONS", "/v1/blobs").send().await.unwrap();
        assert_eq!(options.status(), 204);
        assert_eq!(options.headers()["tus-extension"], "creation,checksum,termination,expiration");
        handheld.upload(&bytes, 100_000).await;
        let hash = sha256_hex(&bytes);
        assert!(centre.centre().store().has_blob(DEVICE, &hash).unwrap());
        let path = centre.centre().objects().path(&hash).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), bytes);
        // A second time: equal content, nothing changes.
        handheld.upload(&bytes, 300_000).await;
        handheld.upload(&[], 1).await;
    });
}

async fn create(handheld: &Handheld, length: usize, metadata: Option<&str>) -> String {
    let mut ask = handheld.tus("POST", "/v1/blobs").header("upload-length", length);
    if let Some(metadata) = metadata {
        ask = ask.header("upload-metadata", metadata);
    }
    let made = ask.send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert!(made.headers().contains_key("upload-expires"));
    made.headers()["location"].to_str().unwrap().to_owned()
}

fn patch(handheld: &Handheld, location: &str, offset: u64) -> reqwest::RequestBuilder {
    handheld
        .tus("PATCH", location)
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", offset)
}

async fn offset(handheld: &Handheld, location: &str) -> String {
    let head = handheld.tus("HEAD", location).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["cache-control"], "no-store");
    head.headers()["upload-offset"].to_str().unwrap().to_owned()
}

#[test]
fn wrong_checksum_offset_type_version_and_length_change_nothing() {
    let (centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        let at = create(&handheld, 10, Some("")).await;
        let sum = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, b"other"));
        let bad = patch(&handheld, &at, 0).header("upload-checksum", format!("sha256 {sum}"));
        assert_eq!(problem(bad.body("01234").send().await.unwrap()).await.0, 460);
        assert_eq!(offset(&handheld, &at).await, "0");
        assert_eq!(patch(&handheld, &at, 0).body("01234").send().await.unwrap().status(), 204);
        let wrong = patch(&handheld, &at, 0).body("01234").send().await.unwrap();
        assert_eq!(wrong.status(), 409);
        let too_long = patch(&handheld, &at, 5).body("0123456789").send().await.unwrap();
        assert_eq!(problem(too_long).await, (413, "TOO-LARGE".to_owned()));
        assert_eq!(offset(&handheld, &at).await, "5");
        let other_type = handheld.tus("PATCH", &at).header("upload-offset", 5).body("01234");
        assert_eq!(problem(other_type.send().await.unwrap()).await.0, 415);
        let no_version =
            handheld.client.head(format!("{}{at}", handheld.url)).send().await.unwrap();
        assert_eq!(no_version.status(), 412);
        let md5 = patch(&handheld, &at, 5).header("upload-checksum", "md5 AAAA").body("56789");
        assert_eq!(problem(md5.send().await.unwrap()).await.0, 400);
        assert_eq!(patch(&handheld, &at, 5).body("56789").send().await.unwrap().status(), 204);
        // Whole: HEAD tells so, an empty PATCH at the end is harmless.
        assert_eq!(offset(&handheld, &at).await, "10");
        assert_eq!(patch(&handheld, &at, 10).body("").send().await.unwrap().status(), 204);
        assert!(centre.centre().store().has_blob(DEVICE, &sha256_hex(b"0123456789")).unwrap());
        // A whole that is not what was promised is thrown away.
        let promise = format!("sha256 {}", STANDARD.encode(sha256_hex(b"promised")));
        let at = create(&handheld, 3, Some(&promise)).await;
        assert_eq!(
            problem(patch(&handheld, &at, 0).body("abc").send().await.unwrap()).await.0,
            460
        );
        assert_eq!(handheld.tus("HEAD", &at).send().await.unwrap().status(), 404);
        let at = create(&handheld, 3, None).await;
        assert_eq!(handheld.tus("DELETE", &at).send().await.unwrap().status(), 204);
        assert_eq!(handheld.tus("HEAD", &at).send().await.unwrap().status(), 404);
        assert_eq!(handheld.tus("HEAD", "/v1/blobs/..%2f..").send().await.unwrap().status(), 404);
    });
}

#[test]
fn a_cut_patch_keeps_nothing_beyond_the_offset_that_head_reports() {
    let (mut centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        let at = create(&handheld, 1_000_000, None).await;
        assert_eq!(
            patch(&handheld, &at, 0).body(vec![7_u8; 1000]).send().await.unwrap().status(),
            204
        );
        // A body that breaks off in the middle.
        let body = futures_util::stream::iter([
            Ok(bytes::Bytes::from(vec![8_u8; 50_000])),
            Err(std::io::Error::other("cable pulled")),
        ]);
        let cut = patch(&handheld, &at, 1000).body(reqwest::Body::wrap_stream(body)).send().await;
        assert!(cut.is_err() || cut.unwrap().status() != 204);
        assert_eq!(offset(&handheld, &at).await, "1000");
        let rest = patch(&handheld, &at, 1000).body(vec![9_u8; 999_000]).send().await.unwrap();
        assert_eq!(rest.status(), 204);
        let want = [vec![7_u8; 1000], vec![9_u8; 999_000]].concat();
        assert!(centre.centre().store().has_blob(DEVICE, &sha256_hex(&want)).unwrap());
    });
    centre.stop();
}

const TUSPY: &str = r#"
import sys
from tusclient import client
url, cert, key, path = sys.argv[1:]
c = client.TusClient(url, client_cert=(cert, key))
for checksum in (False, True):
    up = c.uploader(path, chunk_size=70000, upload_checksum=checksum)
    up.upload()
    print("DONE", up.offset, up.get_offset())
"#;

#[test]
fn tuspy_uploads_to_our_server() {
    let have = std::process::Command::new("python3").args(["-c", "import tusclient"]).output();
    if !have.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED tuspy_uploads_to_our_server: tuspy is not installed");
        return;
    }
    // Python reads the real clock, so this centre does too.
    let options =
        TestOptions { claims: crate::testing::TestData::Nothing, ..TestOptions::default() };
    let centre = crate::testing::TestCentre::start_with(options).unwrap();
    let clock = std::sync::Arc::new(spotcheck_domain::ManualClock::at_ms(centre.centre().now_ms()));
    let handheld = block_on(Handheld::enrol(&centre, &clock));
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(&handheld.tls_key)
    );
    let bytes: Vec<u8> = (0..250_000_u32).map(|i| (i % 241) as u8).collect();
    let url = format!("{}/v1/blobs", centre.url());
    let cert = file("cert.pem", handheld.tls_chain.as_bytes());
    let key = file("key.pem", pem.as_bytes());
    let ca = file("ca.pem", centre.centre().ca().tls.pem().as_bytes());
    let (path, script) = (file("blob", &bytes), file("up.py", TUSPY.as_bytes()));
    let output = std::process::Command::new("python3")
        .args([script, url, cert, key, path])
        .env("REQUESTS_CA_BUNDLE", ca)
        .env_remove("CURL_CA_BUNDLE")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        text,
        "DONE 250000 250000\n".repeat(2),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(centre.centre().store().has_blob(DEVICE, &sha256_hex(&bytes)).unwrap());
}
