//! One file from the centre to the disk: ranged, resumable, hashed while it comes, durable before it counts.
//!
//! A package is gigabytes over a hospital's guest network. What has arrived stays on disk and is hashed
//! again at the next try (cheaper than the link); `If-Range` with the ETag of the first answer makes sure
//! that two halves of two different builds are never joined, and the SHA-256 decides in the end anyway.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};
use ring::digest::{Context, SHA256};
use spotcheck_wire::tasks::PackageFile;

use crate::error::{Error, PackageFault, Result};
use crate::http::{Http, checked, send, transport};
use crate::state::replace_file;

/// Suffix of the file that keeps the ETag of an unfinished download.
pub(crate) const ETAG_SUFFIX: &str = ".etag";

/// Bytes hashed at a time.
const BUFFER_BYTES: usize = 256 << 10;

fn refused(fault: PackageFault, cause: String) -> Error {
    Error::Package { fault, cause }
}

/// SHA-256 of a file's bytes and their number.
pub(crate) fn hash_file(path: &Path) -> io::Result<(u64, Context)> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    let mut size = 0_u64;
    loop {
        let n = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..n) else { break };
        if read.is_empty() {
            break;
        }
        context.update(read);
        size = size.saturating_add(u64::try_from(n).unwrap_or(0));
    }
    Ok((size, context))
}

/// True if the file is there with exactly this size and hash.
pub(crate) fn is_complete(path: &Path, wanted: &PackageFile) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() == wanted.size => {
            let (_, context) = hash_file(path)?;
            Ok(hex::encode(context.finish()) == wanted.sha256)
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Fetches `wanted` from `url` into `path`, going on where an earlier try ended; `hear` learns how many
/// bytes are there.
pub(crate) async fn fetch(
    http: &Http,
    url: &Url,
    path: &Path,
    wanted: &PackageFile,
    hear: &mut (dyn FnMut(u64) + '_),
) -> Result<()> {
    if is_complete(path, wanted)? {
        return Ok(());
    }
    let mut failures = 0_u32;
    let mut fresh_start = false;
    let mut longest = 0_u64;
    loop {
        match attempt(http, url, path, wanted, hear).await {
            Ok(Attempt::Whole) => return Ok(()),
            // Only more bytes than ever before count: a centre without ranges that always cuts would
            // otherwise be asked for ever.
            Ok(Attempt::Progress(size)) if size > longest => {
                longest = size;
                failures = 0;
            }
            Ok(Attempt::Progress(_)) => {
                failures = failures.saturating_add(1);
                if failures >= http.patience.tries {
                    return Err(refused(PackageFault::Truncated, wanted.name.clone()));
                }
                http.pause(failures).await;
            }
            // A wrong hash may come from a half that an earlier build left behind: once from the start.
            Err(Error::Package { fault: PackageFault::Hash, .. }) if !fresh_start => {
                fresh_start = true;
                tracing::info!(
                    "{} does not have its hash, it is fetched from the start.",
                    wanted.name
                );
            }
            Err(error) if error.is_retryable() => {
                failures = failures.saturating_add(1);
                if failures >= http.patience.tries {
                    return Err(error);
                }
                tracing::info!(failures, "Download of {} is interrupted: {error}.", wanted.name);
                http.pause(failures).await;
            }
            Err(error) => return Err(error),
        }
    }
}

enum Attempt {
    /// All bytes are there with the right hash, durable.
    Whole,
    /// The connection broke after some bytes; this many are on disk.
    Progress(u64),
}

/// State of a partly fetched file.
struct Partial {
    file: File,
    path: PathBuf,
    size: u64,
    context: Context,
}

impl Partial {
    fn open(path: &Path) -> Result<Self> {
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let (size, context) = hash_file(path)?;
        let mut partial = Self { file, path: path.to_owned(), size, context };
        partial.file.seek(SeekFrom::Start(size))?;
        Ok(partial)
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.size = 0;
        self.context = Context::new(&SHA256);
        Ok(())
    }

    fn etag_path(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(ETAG_SUFFIX);
        self.path.with_file_name(name)
    }

    fn etag(&self) -> Option<String> {
        fs::read_to_string(self.etag_path()).ok()
    }
}

async fn attempt(
    http: &Http,
    url: &Url,
    path: &Path,
    wanted: &PackageFile,
    hear: &mut (dyn FnMut(u64) + '_),
) -> Result<Attempt> {
    let mut partial = Partial::open(path)?;
    let etag = partial.etag();
    if partial.size > 0 && (partial.size >= wanted.size || etag.is_none()) {
        partial.restart()?;
    }
    let mut request = http.client().get(url.clone());
    if let (Some(etag), true) = (etag, partial.size > 0) {
        request = request.header(RANGE, format!("bytes={}-", partial.size)).header(IF_RANGE, etag);
    }
    let response = send(request).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if continues(&response, partial.size, wanted.size) => {}
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            partial.restart()?;
            let _ = fs::remove_file(partial.etag_path());
            return Err(refused(
                PackageFault::Truncated,
                format!("{}: range refused", wanted.name),
            ));
        }
        _ => partial.restart()?,
    }
    let response = checked(response).await?;
    remember_etag(&partial, &response)?;
    let began_at = partial.size;
    let ended = receive(&mut partial, response, wanted, hear).await;
    partial.file.sync_data()?;
    match ended {
        Ok(()) => {}
        Err(error) if error.is_retryable() && partial.size > began_at => {
            tracing::info!(
                "Download of {} goes on at byte {}: {error}.",
                wanted.name,
                partial.size
            );
            return Ok(Attempt::Progress(partial.size));
        }
        Err(error) => return Err(error),
    }
    if partial.size < wanted.size {
        let cause = format!("{}: {} of {} bytes", wanted.name, partial.size, wanted.size);
        return Err(refused(PackageFault::Truncated, cause));
    }
    finish(partial, wanted)
}

async fn receive(
    partial: &mut Partial,
    mut response: Response,
    wanted: &PackageFile,
    hear: &mut (dyn FnMut(u64) + '_),
) -> Result<()> {
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        let size = partial.size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if size > wanted.size {
            partial.restart()?;
            return Err(refused(
                PackageFault::Hash,
                format!("{} is longer than announced", wanted.name),
            ));
        }
        partial.file.write_all(&chunk)?;
        partial.context.update(&chunk);
        partial.size = size;
        hear(size);
    }
    Ok(())
}

fn finish(mut partial: Partial, wanted: &PackageFile) -> Result<Attempt> {
    let context = std::mem::replace(&mut partial.context, Context::new(&SHA256));
    if hex::encode(context.finish()) != wanted.sha256 {
        partial.restart()?;
        let _ = fs::remove_file(partial.etag_path());
        return Err(refused(PackageFault::Hash, wanted.name.clone()));
    }
    partial.file.sync_all()?;
    Ok(Attempt::Whole)
}

fn remember_etag(partial: &Partial, response: &Response) -> Result<()> {
    // Only a strong ETag can carry If-Range (RFC 9110 §13.1.5).
    match response.headers().get(ETAG).and_then(|v| v.to_str().ok()).filter(|e| e.starts_with('"'))
    {
        Some(etag) => replace_file(&partial.etag_path(), etag.as_bytes())?,
        None => {
            let _ = fs::remove_file(partial.etag_path());
        }
    }
    Ok(())
}

/// `Content-Range: bytes FROM-TO/SIZE` as asked for.
fn continues(response: &Response, from: u64, size: u64) -> bool {
    let last = size.saturating_sub(1);
    response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v == format!("bytes {from}-{last}/{size}"))
}
