//! Revocation lists, made when asked for: the database knows what is revoked, a list is only its form.

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use spotcheck_domain::Clock;

use super::{Authority, DAY_MS, moment};
use crate::repository::Directory;
use crate::{Error, Result};

/// Days until the next list is promised. Devices may be off for weeks; a stale list is only a warning.
const NEXT_UPDATE_DAYS: i64 = 30;

impl Authority {
    /// The present revocation list as PEM.
    ///
    /// # Errors
    /// Those of the database, or a stored serial that is no hex.
    pub fn crl_pem(&self, directory: &dyn Directory, clock: &dyn Clock) -> Result<String> {
        let now = clock.read().wall_ms;
        let revoked_certs = directory
            .revoked(self.kind)?
            .into_iter()
            .map(|r| {
                let serial = hex::decode(&r.serial).map_err(|_| Error::Stored("serial"))?;
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from(serial),
                    revocation_time: moment(r.revoked_ms)?,
                    reason_code: Some(RevocationReason::CessationOfOperation),
                    invalidity_date: None,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let number = u64::try_from(now).unwrap_or(1).max(1);
        let list = CertificateRevocationListParams {
            this_update: moment(now)?,
            next_update: moment(now.saturating_add(NEXT_UPDATE_DAYS.saturating_mul(DAY_MS)))?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }
}
