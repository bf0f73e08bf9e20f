//! Tasks, packages, revocation lists and time entries: everything a handheld needs to work offline.
//!
//! Log, time entry and lists are checked before any package is looked at. Packages are independent of each
//! other: one that is refused keeps its predecessor and does not hold up the rest.

use std::path::Path;

use spotcheck_app::errand::Leg;
use spotcheck_app::ports::{DeviceEnrolment, Pulled, TimeProof};
use spotcheck_domain::task::TASK_SCHEMA;
use spotcheck_domain::{PackageId, TaskId};
use spotcheck_wire::tasks::{INTAKE_PARAMETER, PackageItem, TASKS_SCHEMA, TaskItem, TaskList};

use crate::enrol::another_intake;
use crate::error::{Error, PackageFault, Result};
use crate::http::Http;
use crate::judged::JudgedTime;
use crate::log::Log;
use crate::package::{Offer, Shelf};
use crate::proofs;

/// Packages that were refused, by task.
pub(crate) type Refused = Vec<(TaskId, Error)>;

/// Another intake key of the centre: `age1…`, and its id.
pub(crate) type NewIntake = Option<(String, String)>;

/// Everything a pull works with.
pub(crate) struct Pull<'a> {
    pub(crate) http: &'a Http,
    pub(crate) packages_dir: &'a Path,
    pub(crate) enrolment: &'a DeviceEnrolment,
    pub(crate) time: &'a JudgedTime,
    /// Intake keys that something here is sealed for, the present one first.
    pub(crate) intake_keys: &'a [String],
}

impl Pull<'_> {
    /// Pulls all tasks, or only `task`. Beside what came: the packages that were refused, and why, and the intake
    /// key if the centre has another one now.
    pub(crate) async fn run(
        &self,
        task: Option<&TaskId>,
        last_checkpoint: Option<&str>,
        hear: &mut (dyn FnMut(Leg) + '_),
    ) -> Result<(Pulled, Refused, NewIntake)> {
        let log = Log::new(&self.enrolment.log_key)?;
        let mut url = self.http.url("/v1/tasks")?;
        let from_size = log.seen_size(last_checkpoint)?;
        url.query_pairs_mut()
            .append_pair("from_size", &from_size.to_string())
            .append_pair(INTAKE_PARAMETER, &self.intake_keys.join(","));
        let list: TaskList = self.http.get(&url).await?;
        if list.schema != TASKS_SCHEMA {
            return Err(Error::Protocol("task list of another schema".to_owned()));
        }
        let proof = self.check_proofs(&log, &list, last_checkpoint)?;
        let trust = list.trust.as_ref();
        let intake = trust.map_or(Ok(None), |signed| another_intake(self.enrolment, signed))?;
        let mut pulled = Pulled { proof, ..Pulled::default() };
        let mut refused = Refused::new();
        for item in list.tasks {
            if task.is_some_and(|wanted| *wanted != item.task.id) {
                continue;
            }
            if item.task.schema != TASK_SCHEMA
                || !item.task.devices.contains(&self.enrolment.device)
            {
                tracing::warn!(
                    "Task {} is not for this handheld or of another schema.",
                    item.task.id
                );
                continue;
            }
            self.take(item, &mut pulled, &mut refused, hear).await;
        }
        if let Some(wanted) = task
            && pulled.tasks.is_empty()
        {
            tracing::info!("The centre has no task {wanted} for this handheld.");
        }
        Ok((pulled, refused, intake))
    }

    async fn take(
        &self,
        item: TaskItem,
        pulled: &mut Pulled,
        refused: &mut Refused,
        hear: &mut (dyn FnMut(Leg) + '_),
    ) {
        let task = item.task.id.clone();
        if let Some(package) = &item.package {
            match self.package(&task, package, &pulled.proof, hear).await {
                Ok((id, true)) => pulled.new_packages.push((task, id)),
                Ok((id, false)) => pulled.unchanged.push((task, id)),
                Err(error) => {
                    tracing::warn!("The package of task {task} is refused: {error}.");
                    refused.push((task, error));
                }
            }
        }
        pulled.tasks.push(item.task);
    }

    /// Id of the package in force afterwards, and whether it is new.
    async fn package(
        &self,
        task: &TaskId,
        item: &PackageItem,
        proof: &TimeProof,
        hear: &mut (dyn FnMut(Leg) + '_),
    ) -> Result<(PackageId, bool)> {
        let offer = Offer::check(item)?;
        let shelf = Shelf::new(self.packages_dir, task)?;
        if shelf.holds(&offer)? {
            return Ok((offer.id, false));
        }
        let crls: Vec<String> = proof.crls.iter().map(|(_, pem)| pem.clone()).collect();
        let verify = |manifest: &[u8], signature: &[u8]| {
            let (roots, at_ms) = (&self.enrolment.roots, self.time.now_ms());
            proofs::centre_signature(manifest, signature, roots, &crls, at_ms)
                .map_err(|cause| Error::Package { fault: PackageFault::Signature, cause })
        };
        shelf.fetch(self.http, task, &offer, &verify, hear).await?;
        Ok((offer.id, true))
    }

    fn check_proofs(
        &self,
        log: &Log,
        list: &TaskList,
        last_checkpoint: Option<&str>,
    ) -> Result<TimeProof> {
        let newest = log.checkpoint(&list.checkpoint)?;
        if log.seen_size(last_checkpoint)? > newest.size {
            return Err(Error::Log("the log is shorter than it was".to_owned()));
        }
        log.continues(last_checkpoint, &newest, &list.consistency)?;
        let (at, under) = log.time_entry(&list.time_entry, &list.time_proof)?;
        // Two checkpoints of one size with two roots would be two logs.
        if under.size == newest.size && under.root != newest.root {
            return Err(Error::Log("two roots of one size".to_owned()));
        }
        let mut crls = Vec::new();
        for crl in &list.crls {
            let plain =
                crl.name.strip_suffix(".crl").is_some_and(spotcheck_domain::id::is_plain_id);
            if !plain || crl.name.starts_with('.') || crls.iter().any(|(name, _)| *name == crl.name)
            {
                return Err(Error::Crl("file name".to_owned()));
            }
            proofs::revocation_lists(
                &crl.text,
                &[&self.enrolment.roots, &self.enrolment.tls_roots],
            )
            .map_err(Error::Crl)?;
            crls.push((crl.name.clone(), crl.text.clone()));
        }
        self.time.saw(at);
        Ok(TimeProof {
            time_entry: list.time_entry.clone(),
            time_proof: list.time_proof.clone(),
            checkpoint: list.checkpoint.clone(),
            crls,
        })
    }
}
