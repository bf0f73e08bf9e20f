//! The network service for handhelds: TLS listener, router, workers.

mod auth;
mod bundles;
mod enrol;
mod hello;
mod listen;
mod logs;
mod packages;
mod problem;
mod range;
pub mod router;
mod tasks;
mod tus;
mod worker;

pub use listen::{Running, ServeOptions, start};

use std::sync::Arc;

use tokio::sync::Notify;

use crate::centre::Centre;
use crate::{Error, Result};
use problem::ApiError;

/// Lowest client version that may pull.
pub const MINIMUM_CLIENT: &str = "0.1.0";

/// What every handler shares.
#[derive(Clone)]
pub struct App {
    centre: Arc<Centre>,
    /// Wakes the workers when there is something to do.
    work: Arc<Notify>,
    /// URL of the time-stamping authority, if any.
    tsa: Option<Arc<str>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// What the router needs.
    #[must_use]
    pub fn new(centre: Arc<Centre>, tsa: Option<&str>) -> Self {
        Self { centre, work: Arc::new(Notify::new()), tsa: tsa.map(Arc::from) }
    }

    /// Runs database and file work on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Centre) -> std::result::Result<T, ApiError> + Send + 'static,
    ) -> std::result::Result<T, ApiError> {
        let centre = Arc::clone(&self.centre);
        tokio::task::spawn_blocking(move || work(&centre))
            .await
            .map_err(|_| ApiError::from(Error::Net("a worker thread died".to_owned())))?
    }

    async fn run_plain<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Centre) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let centre = Arc::clone(&self.centre);
        tokio::task::spawn_blocking(move || work(&centre))
            .await
            .map_err(|_| Error::Net("a worker thread died".to_owned()))?
    }
}
