//! `who.json`: which handheld this is and to which intake key its cases are encrypted, in clear beside the key store.
//!
//! Where the key store is gone or damaged, the cases can still be carried to the centre as they lie, and the centre must
//! be told whose they are and which of its keys opens them. Neither is a secret: both stand on every bundle.

use std::path::Path;

use serde::{Deserialize, Serialize};
use spotcheck_app::copies::LinkKeys;
use spotcheck_domain::{DeviceId, TroubleResult};
use spotcheck_vault::{Vault, write_durable};

const FILE: &str = "who.json";

/// What a copy of a case says of where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Who {
    pub(crate) device: DeviceId,
    pub(crate) intake_id: String,
}

impl Who {
    /// As the key store says.
    pub(crate) fn of(keys: &LinkKeys) -> Self {
        Self { device: keys.me.device.clone(), intake_id: keys.intake_id.clone() }
    }

    /// As it was kept; `None` if it never was, or is damaged.
    pub(crate) fn kept(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data.join(FILE)).ok()?).ok()
    }

    /// Keeps what an enrolled key store says; nothing to do is the rule.
    pub(crate) fn keep(data: &Path, vault: &Vault) {
        let kept = || -> TroubleResult<()> {
            use spotcheck_app::ports::KeyRing;
            let Some(enrolment) = vault.enrolment()? else { return Ok(()) };
            let who = Self { device: enrolment.device, intake_id: enrolment.intake_id };
            if Self::kept(data).as_ref() != Some(&who) {
                write_durable(&data.join(FILE), &serde_json::to_vec(&who).unwrap_or_default())?;
            }
            Ok(())
        };
        if let Err(trouble) = kept() {
            tracing::warn!(code = %trouble.code, "Whose handheld this is could not be kept in clear.");
        }
    }
}
