//! The evidence policies: `certificatePolicies` with arc 2.25.324750978229347175992892312150139303405.1.
//!
//! The arc is a UUID of 128 bits, more than common OID types hold, so the DER is written here by hand from
//! the number; the verifier compares the extension's DER (evidence.md §4).

use rcgen::CustomExtension;

/// The UUID as a number: third component of the arc.
pub const EVIDENCE_ARC: u128 = 324_750_978_229_347_175_992_892_312_150_139_303_405;

/// OID of `certificatePolicies`.
const CERTIFICATE_POLICIES: [u64; 4] = [2, 5, 29, 32];
/// First byte of an OID below 2.25: 2 × 40 + 25.
const JOINT_UUID: u8 = 105;
const TAG_OID: u8 = 0x06;
const TAG_SEQUENCE: u8 = 0x30;

/// Last arc of an officer's policy.
pub const OFFICER_POLICY: u8 = 1;
/// Last arc of a device's policy.
pub const DEVICE_POLICY: u8 = 2;

/// Base 128, most significant group first, high bit on all but the last (X.690 §8.19.2).
fn base128(mut number: u128) -> Vec<u8> {
    let mut groups = Vec::new();
    let mut last = true;
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        groups.push(if last { low } else { low | 0x80 });
        last = false;
        number >>= 7;
        if number == 0 {
            break;
        }
    }
    groups.reverse();
    groups
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    // All values here are far below 128 bytes: the short form of length.
    let mut der = vec![tag, u8::try_from(content.len()).unwrap_or(0)];
    der.extend_from_slice(content);
    der
}

/// DER of the extension's value: one policy, no qualifiers.
#[must_use]
pub fn policies_extension(last: u8) -> Vec<u8> {
    let mut oid = vec![JOINT_UUID];
    oid.extend(base128(EVIDENCE_ARC));
    oid.extend([1, last]);
    tagged(TAG_SEQUENCE, &tagged(TAG_SEQUENCE, &tagged(TAG_OID, &oid)))
}

/// The extension for rcgen.
pub(super) fn extension(last: u8) -> CustomExtension {
    CustomExtension::from_oid_content(&CERTIFICATE_POLICIES, policies_extension(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base128_is_that_of_x690() {
        assert_eq!(base128(0), [0]);
        assert_eq!(base128(127), [0x7f]);
        assert_eq!(base128(128), [0x81, 0x00]);
        assert_eq!(base128(840), [0x86, 0x48]);
        assert_eq!(base128(EVIDENCE_ARC).len(), 19);
    }
}
