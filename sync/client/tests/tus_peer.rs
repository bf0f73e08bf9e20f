//! Our tus client against `@tus/server` (npm), a tus 1.0.0 server that nobody here wrote.
//!
//! Needs node and the packages in `tests/.peers/npm` (or below the folder `SPOTCHECK_PEERS` names);
//! skipped loudly where they are not. It has no checksum extension, so a cut PATCH may leave a part of the
//! part: the client must go on in the middle of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use spotcheck_domain::{ManualClock, SeededEntropy};
use spotcheck_evidence::Hash32;

use super::NOW_MS;
use super::proxy::Proxy;
use super::pulling::noise;
use crate::http::Http;
use crate::judged::JudgedTime;
use crate::state::{ClientState, MemoryState};
use crate::tls::{self, Anchor};
use crate::tus::{MAX_PART_BYTES, Tus, Upload, state_name};
use crate::{Error, Patience};

const SERVER: &str = r"
import http from 'node:http';
import { Server } from '@tus/server';
import { FileStore } from '@tus/file-store';
const server = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] }) });
const listener = http.createServer((request, response) => server.handle(request, response));
listener.listen(0, '127.0.0.1', () => console.log(listener.address().port));
";

struct Peer {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn modules() -> Option<PathBuf> {
    let root = std::env::var_os("SPOTCHECK_PEERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/.peers"),
        PathBuf::from,
    );
    let modules = root.join("node_modules").canonicalize().ok()?;
    modules.join("@tus/server").is_dir().then_some(modules)
}

fn start(test: &str) -> Option<Peer> {
    let Some(modules) = modules() else {
        eprintln!("SKIPPED {test}: @tus/server is not installed (tests/.peers)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    std::fs::write(folder.path().join("server.mjs"), SERVER).unwrap();
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let child = Command::new("node")
        .arg("server.mjs")
        .arg(&store)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED {test}: node is not installed");
        return None;
    };
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Some(Peer { child, folder, port: line.trim().parse().unwrap() })
}

/// Uploads through `port`; gives the result and what the server has on disk afterwards.
fn upload(
    peer: &Peer,
    port: u16,
    state: &mut dyn ClientState,
    bytes: &[u8],
    patience: Patience,
) -> (Result<(), Error>, Option<Vec<u8>>) {
    let base = reqwest::Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let entropy = Arc::new(SeededEntropy::new(3));
    let time = Arc::new(JudgedTime::new(Arc::new(ManualClock::at_ms(NOW_MS)), 0));
    let tls = tls::config(Anchor::Pinned([0; 32]), None, &time).unwrap();
    let http = Http::new(base, tls, "0.1.0", patience, entropy).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sha256 = Hash32::sha256(bytes).to_string();
    let upload = Upload {
        bundle: "EVID-01M7VBK5C0SAMP1E0000000001".to_owned(),
        sha256: sha256.clone(),
        bytes: Bytes::copy_from_slice(bytes),
    };
    let result = runtime.block_on(async {
        let endpoint = http.url("/files").unwrap();
        Tus::new(&http, endpoint, state, &time).upload(&upload, &mut |_| {}).await
    });
    let address = state.get(&state_name(&sha256)).unwrap();
    let stored = address.and_then(|address| {
        let address = String::from_utf8(address).unwrap();
        std::fs::read(peer.folder.path().join("store").join(address.rsplit('/').next().unwrap()))
            .ok()
    });
    (result, stored)
}

#[test]
fn a_foreign_tus_server_gets_every_byte() {
    let Some(peer) = start("a_foreign_tus_server_gets_every_byte") else { return };
    for size in [1, 300_000, 9_000_000] {
        let bytes = noise(size, size as u64);
        let mut state = MemoryState::default();
        let (result, stored) = upload(&peer, peer.port, &mut state, &bytes, Patience::hurried());
        result.unwrap();
        assert!(stored.unwrap() == bytes, "{size} bytes");
    }
}

#[test]
fn cuts_on_the_way_to_a_foreign_server_cost_at_most_a_part_each() {
    let Some(peer) = start("cuts_on_the_way_to_a_foreign_server") else { return };
    let bytes = noise(12_000_000, 12);
    let cuts = vec![700_000, 900_000, 1_500_000, 2_000];
    let proxy = Proxy::new(([127, 0, 0, 1], peer.port).into(), cuts.clone());
    let mut state = MemoryState::default();
    // The server may hold an upload's lock for a moment after a cut: more tries than cuts.
    let patience = Patience { tries: 50, base_ms: 20, cap_ms: 200, ..Patience::default() };
    let (result, stored) = upload(&peer, proxy.address.port(), &mut state, &bytes, patience);
    result.unwrap();
    assert!(stored.unwrap() == bytes);
    assert!(proxy.connections.load(Ordering::SeqCst) > cuts.len() as u64);
    let sent = proxy.upstream.load(Ordering::SeqCst);
    let most = bytes.len() as u64 + cuts.len() as u64 * MAX_PART_BYTES;
    assert!(sent < most, "{sent} bytes for {}", bytes.len());
    eprintln!(
        "measured: {} bytes sent for a blob of {} with {} cuts",
        sent,
        bytes.len(),
        cuts.len()
    );
}

#[test]
fn a_restarted_client_resumes_at_a_foreign_server() {
    let Some(peer) = start("a_restarted_client_resumes_at_a_foreign_server") else { return };
    let bytes = noise(6_000_000, 13);
    let mut state = MemoryState::default();
    // The first client loses the network for good after about two megabytes.
    let mut cuts = vec![2_000_000];
    cuts.extend([0; 64]);
    let proxy = Proxy::new(([127, 0, 0, 1], peer.port).into(), cuts);
    let (result, stored) =
        upload(&peer, proxy.address.port(), &mut state, &bytes, Patience::hurried());
    assert!(result.unwrap_err().is_retryable());
    let before = stored.unwrap().len();
    assert!(before > 0 && before < bytes.len());
    // The address it remembers is that of the proxy; the next one has no cuts on the same address.
    let name = state_name(&Hash32::sha256(&bytes).to_string());
    let address = String::from_utf8(state.get(&name).unwrap().unwrap()).unwrap();
    let again = Proxy::new(([127, 0, 0, 1], peer.port).into(), Vec::new());
    let moved = address.replace(&proxy.address.to_string(), &again.address.to_string());
    state.put(&name, moved.as_bytes()).unwrap();
    let patience = Patience { tries: 50, base_ms: 20, cap_ms: 200, ..Patience::default() };
    let (result, stored) = upload(&peer, again.address.port(), &mut state, &bytes, patience);
    result.unwrap();
    assert!(stored.unwrap() == bytes);
    let sent = again.upstream.load(Ordering::SeqCst) as usize;
    assert!(sent < bytes.len() - before + 100_000, "only the rest: {sent}");
}
