//! What the server does by itself: verify bundles, fetch stamps, log the hour, tidy up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{App, tus};
use crate::bundles::{keep_stamp, stamp_requests, verify_bundle};
use crate::jobs::{LEASE_MS, STAMP, VERIFY, backoff_ms};
use crate::repository::Job;
use crate::tls::ServerIdentity;
use crate::{Error, Result};

/// Jobs are looked for at least this often (another process may add some).
const POLL: Duration = Duration::from_secs(2);
const HEARTBEAT: Duration = Duration::from_secs(15);
const HOUR_MS: i64 = 3_600_000;
const HOUSEKEEPING: Duration = Duration::from_secs(60);
const TSA_WITHIN: Duration = Duration::from_secs(20);
/// A time-stamp response is a few kilobytes.
const MAX_TSR_BYTES: usize = 1 << 20;

pub(super) async fn work(app: App, mut stopped: watch::Receiver<bool>) {
    let owner = app.centre.new_id();
    let http = tsa_client();
    loop {
        if *stopped.borrow() {
            return;
        }
        match one_job(&app, &owner, http.as_ref()).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => tracing::error!(%cause, "Looking for work failed."),
        }
        tokio::select! {
            () = app.work.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.changed() => return,
        }
    }
}

async fn one_job(app: &App, owner: &str, http: Option<&reqwest::Client>) -> Result<bool> {
    let (owner, claimant) = (owner.to_owned(), owner.to_owned());
    let claimed = app
        .run_plain(move |centre| centre.repo().claim_job(&claimant, centre.now_ms(), LEASE_MS))
        .await?;
    let Some(job) = claimed else { return Ok(false) };
    let done = {
        let work = async {
            match job.kind.as_str() {
                VERIFY => {
                    let id = job.subject.clone();
                    app.run_plain(move |centre| verify_bundle(centre, &id)).await
                }
                STAMP => stamp(app, http, &job).await,
                _ => Ok(()),
            }
        };
        tokio::select! {
            done = work => done,
            () = heartbeat(app, &job, &owner) => Ok(()),
        }
    };
    app.run_plain(move |centre| match done {
        Ok(()) => centre.repo().finish_job(&job),
        Err(cause) => {
            tracing::warn!(kind = %job.kind, subject = %job.subject, %cause, "A job has to wait.");
            let due = centre.now_ms().saturating_add(backoff_ms(job.attempts));
            let code = spotcheck_domain::Trouble::from(cause).code;
            centre.repo().retry_job(&job, due, &code)
        }
    })
    .await?;
    Ok(true)
}

/// Keeps the lease while the job runs; never ends by itself.
async fn heartbeat(app: &App, job: &Job, owner: &str) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let (job, owner) = (job.clone(), owner.to_owned());
        let kept = app
            .run_plain(move |centre| {
                let until = centre.now_ms().saturating_add(LEASE_MS);
                centre.repo().renew_lease(&job, &owner, until)
            })
            .await;
        if let Err(cause) = kept {
            tracing::warn!(%cause, "A lease could not be renewed.");
        }
    }
}

fn tsa_client() -> Option<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(TSA_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .inspect_err(|error| tracing::error!(%error, "No client for time stamps."))
        .ok()
}

async fn stamp(app: &App, http: Option<&reqwest::Client>, job: &Job) -> Result<()> {
    let (Some(url), Some(http)) = (app.tsa.clone(), http) else { return Ok(()) };
    let bundle = job.subject.clone();
    let wanted = app.run_plain(move |centre| stamp_requests(centre, &bundle)).await?;
    let net = |e: reqwest::Error| Error::Net(format!("time stamp: {}", e.without_url()));
    for request in wanted {
        let response = http
            .post(url.as_ref())
            .header("content-type", "application/timestamp-query")
            .body(request.query.clone())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(net)?;
        let bytes = response.bytes().await.map_err(net)?;
        if bytes.len() > MAX_TSR_BYTES {
            return Err(Error::Net("time stamp: response too long".to_owned()));
        }
        let bundle = job.subject.clone();
        app.run_plain(move |centre| keep_stamp(centre, &bundle, &request, &bytes)).await?;
    }
    Ok(())
}

pub(super) async fn housekeeping(
    app: App,
    identity: Arc<ServerIdentity>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let identity = Arc::clone(&identity);
        let done = app
            .run_plain(move |centre| {
                hourly_time(centre)?;
                tus::sweep(centre)?;
                crate::claims::expire_reports(centre)?;
                identity.renew_if_due(centre)
            })
            .await;
        if let Err(cause) = done {
            tracing::error!(%cause, "Housekeeping failed.");
        }
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// A time entry every hour, whoever of several processes is first.
fn hourly_time(centre: &crate::Centre) -> Result<()> {
    use spotcheck_evidence::entry::LogEntry;
    let newest = centre.repo().newest_leaf(crate::log::KIND_TIME)?;
    let at_ms = newest.and_then(|leaf| match LogEntry::parse(&leaf.entry) {
        Ok(LogEntry::Time(entry)) => spotcheck_domain::time::parse_rfc3339(&entry.at),
        _ => None,
    });
    let due = at_ms.is_none_or(|at| centre.now_ms().saturating_sub(at) >= HOUR_MS);
    if due {
        centre.log().append_time(centre.clock().as_ref())?;
    }
    Ok(())
}
