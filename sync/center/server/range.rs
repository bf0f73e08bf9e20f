//! One byte range of a file (RFC 9110 §14): what a resumed download asks for.
//!
//! Several ranges in one request are answered with the whole file, as the RFC allows: our client never asks
//! for them, and a multipart answer would be code without a user.

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything.
    Whole,
    /// `length` bytes from `start`.
    Part {
        /// First byte.
        start: u64,
        /// Bytes.
        length: u64,
    },
    /// Not within the file.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes; a header that is not understood is ignored.
pub(crate) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|h| h.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return Wanted::Whole };
    let number = |text: &str| -> Option<u64> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if plain { text.parse().ok() } else { None }
    };
    let (first, last) = (first.trim(), last.trim());
    let (start, end) = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Wanted::Whole,
        (true, false) => {
            let Some(suffix) = number(last) else { return Wanted::Whole };
            if suffix == 0 {
                return Wanted::Unsatisfiable;
            }
            (size.saturating_sub(suffix), size)
        }
        (false, open) => {
            let Some(start) = number(first) else { return Wanted::Whole };
            let end = if open { Some(size) } else { number(last).map(|l| l.saturating_add(1)) };
            let Some(end) = end else { return Wanted::Whole };
            if end <= start && !open {
                return Wanted::Whole;
            }
            (start, end.min(size))
        }
    };
    match end.checked_sub(start) {
        Some(length) if length > 0 => Wanted::Part { start, length },
        _ => Wanted::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(None, Wanted::Whole)]
    #[case(Some("bytes=0-"), Wanted::Part { start: 0, length: 100 })]
    #[case(Some("bytes=40-"), Wanted::Part { start: 40, length: 60 })]
    #[case(Some("bytes=0-0"), Wanted::Part { start: 0, length: 1 })]
    #[case(Some("bytes=90-400"), Wanted::Part { start: 90, length: 10 })]
    #[case(Some("bytes=-30"), Wanted::Part { start: 70, length: 30 })]
    #[case(Some("bytes=-300"), Wanted::Part { start: 0, length: 100 })]
    #[case(Some("bytes=100-"), Wanted::Unsatisfiable)]
    #[case(Some("bytes=-0"), Wanted::Unsatisfiable)]
    #[case(Some("bytes=5-4"), Wanted::Whole)]
    #[case(Some("bytes=0-1,4-5"), Wanted::Whole)]
    #[case(Some("lines=0-1"), Wanted::Whole)]
    #[case(Some("bytes=a-b"), Wanted::Whole)]
    #[case(Some("bytes=0-99999999999999999999999"), Wanted::Whole)]
    fn ranges_of_a_file_of_100_bytes(#[case] header: Option<&str>, #[case] want: Wanted) {
        assert_eq!(wanted(header, 100), want);
    }
}
