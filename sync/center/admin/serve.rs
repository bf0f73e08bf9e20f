//! `serve`: holds the folder, listens until told to stop.

use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::args::Serve;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::folder::Folder;
use crate::server::{ServeOptions, start};
use crate::tickets::put_public_url;

pub(super) fn serve(context: &Context, _args: &Serve) -> Result<Output> {
    let settings = &context.settings;
    let folder = Folder::open(&settings.data.value)?;
    let _lock = folder.lock()?;
    let centre = Arc::new(context.open()?);
    clear_work(&folder)?;
    // The lock is ours: whoever leased a job is dead.
    centre.repo().release_leases()?;
    if let Some(path) = &settings.tsa_roots.value {
        let pem = std::fs::read_to_string(path).map_err(Error::io("read the time-stamp roots"))?;
        spotcheck_evidence::chain::TrustRoots::from_pem(pem.as_bytes()).map_err(|_| {
            Error::refused("CENTRE-TSA-ROOTS", "时间戳信任根读不懂。", "须为 PEM 证书文件。")
        })?;
        centre.put_tsa_roots(&pem)?;
    }
    // Whoever came first in this process chose the provider; it is ring everywhere.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start the runtime"))?;
    let options = ServeOptions {
        listen: settings.listen.value,
        names: settings.public_names.value.clone(),
        tsa: settings.tsa.value.clone(),
    };
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::io("signals"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::io("signals"))?;
        let running = start(Arc::clone(&centre), &options).await?;
        let address = running.address();
        let url = match options.names.first() {
            Some(name) => format!("https://{name}:{}", address.port()),
            None => format!("https://{address}"),
        };
        put_public_url(&centre, &url)?;
        let body = json!({
            "listen": address, "url": url, "ca_sha256": centre.ca().tls.sha256(),
            "log_key": centre.log().vkey(),
        });
        let text = format!("正在监听 {address}，手持机地址 {url}");
        let output = Output::new("serve", body, text);
        output.print(context.json);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        running.stop().await;
        Ok(output.said_already())
    })
}

/// Hours after which a work file belongs to nobody: imports and package builds of other processes may be
/// under way, and none takes that long.
const STALE: std::time::Duration = std::time::Duration::from_secs(48 * 3600);

/// Removes encrypted work files that a process left when it died.
fn clear_work(folder: &Folder) -> Result<()> {
    let what = "clear the work folder";
    for item in std::fs::read_dir(folder.work()).map_err(Error::io(what))? {
        let item = item.map_err(Error::io(what))?;
        let changed = item.metadata().and_then(|m| m.modified()).map_err(Error::io(what))?;
        if changed.elapsed().unwrap_or_default() < STALE {
            continue;
        }
        let path = item.path();
        let gone = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        gone.map_err(Error::io(what))?;
    }
    Ok(())
}
