//! Where the handheld is and what time a satellite receiver says it is, where there is one.
//!
//! Nothing of a visit waits for it: whoever asks gets what was heard last, with its age, or nothing
//! (evidence.md §2). A position is a fact of a journal line and stands nowhere else; it is never logged.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spotcheck_domain::time::rfc3339;

/// A fix older than this, in milliseconds, says little of where something was captured.
const OLDEST_MS: i64 = 5 * 60 * 1_000;

/// One fix of a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Latitude in 10⁻⁷ degrees, north positive (WGS 84).
    pub lat_e7: i64,
    /// Longitude in 10⁻⁷ degrees, east positive (WGS 84).
    pub lon_e7: i64,
    /// Estimated horizontal error in metres, where the receiver tells one.
    pub accuracy_m: Option<u32>,
    /// With height (three dimensions), hence from four satellites and more.
    pub three_d: bool,
    /// Boot time at which it was heard, milliseconds.
    pub heard_boottime_ms: i64,
    /// The receiver's time, unix milliseconds.
    pub time_ms: Option<i64>,
}

/// Degrees with six decimals (a tenth of a metre), as text: journals carry no fractions.
fn degrees(e7: i64) -> String {
    let half = if e7 < 0 { -5 } else { 5 };
    let rounded = e7.saturating_add(half).checked_div(10).unwrap_or(0);
    let (whole, rest) = (rounded.unsigned_abs() / 1_000_000, rounded.unsigned_abs() % 1_000_000);
    format!("{}{whole}.{rest:06}", if rounded < 0 { "-" } else { "" })
}

impl Fix {
    /// As a fact of a journal line written at `now_boottime_ms`; `None` if it is too old to say anything.
    #[must_use]
    pub fn fact(&self, now_boottime_ms: i64) -> Option<Value> {
        let age_ms = now_boottime_ms.saturating_sub(self.heard_boottime_ms);
        if !(0..=OLDEST_MS).contains(&age_ms) {
            return None;
        }
        let mut fact = json!({
            "lat": degrees(self.lat_e7),
            "lon": degrees(self.lon_e7),
            "age_ms": age_ms,
            "dimensions": if self.three_d { 3 } else { 2 },
            "source": "gnss",
        });
        let members = fact.as_object_mut()?;
        if let Some(metres) = self.accuracy_m {
            members.insert("accuracy_m".to_owned(), metres.into());
        }
        if let Some(time_ms) = self.time_ms {
            members.insert("time".to_owned(), rfc3339(time_ms).into());
        }
        Some(fact)
    }
}

/// What the receiver says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// This handheld has none.
    #[default]
    None,
    /// One is configured and its program does not answer.
    Away,
    /// It answers and has no fix.
    Searching,
    /// The last fix.
    Fixed(Fix),
}

/// Where the handheld is. Implemented by `device`; asking never waits.
pub trait Locator: Send + Sync {
    /// What was heard last.
    fn state(&self) -> PlaceState;
}

/// A handheld without a receiver.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLocator;

impl Locator for NoLocator {
    fn state(&self) -> PlaceState {
        PlaceState::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_is_a_fact_without_fractions_and_says_how_old_it_is() {
        let fix = Fix {
            lat_e7: 399_042_004,
            lon_e7: -1_164_074_126,
            accuracy_m: Some(12),
            three_d: true,
            heard_boottime_ms: 10_000,
            time_ms: Some(1_795_138_200_000),
        };
        let fact = fix.fact(10_800).unwrap();
        assert_eq!(
            (fact["lat"].as_str(), fact["lon"].as_str()),
            (Some("39.904200"), Some("-116.407413"))
        );
        assert_eq!((fact["age_ms"].as_i64(), fact["accuracy_m"].as_u64()), (Some(800), Some(12)));
        assert_eq!(fact["time"], "2026-11-20T09:30:00.000+08:00");
        assert!(spotcheck_domain::to_canonical(&fact).is_ok(), "a journal can carry it");
        assert_eq!(fix.fact(10_000 + OLDEST_MS + 1), None, "too old");
        assert_eq!(fix.fact(9_999), None, "heard in another boot");
        assert_eq!(degrees(-4), "0.000000");
    }
}
