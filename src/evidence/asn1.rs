//! Reading DER where the typed crates cannot: raw bytes of one element after another.
//!
//! Needed for object identifiers with arcs above 32 bits (`const-oid` 0.9 refuses our policy OIDs) and
//! for times with fractions of a second. Definite minimal lengths and single-byte tags only.

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Takes the first element off `input`; `None` if it is not DER.
pub(crate) fn take<'a>(input: &mut &'a [u8]) -> Option<Tlv<'a>> {
    let (&tag, rest) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        rest = after;
        if bytes.is_empty() || bytes.len() > 4 || bytes.first() == Some(&0) {
            return None;
        }
        let length = bytes.iter().try_fold(0_usize, |n, b| {
            n.checked_mul(256).and_then(|n| n.checked_add(usize::from(*b)))
        })?;
        if length < 0x80 {
            return None;
        }
        length
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some(Tlv { tag, value })
}

/// Takes the first element if it has this tag.
pub(crate) fn take_tag<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let mut rest = *input;
    let element = take(&mut rest).filter(|e| e.tag == tag)?;
    *input = rest;
    Some(element.value)
}

/// The content of `bytes` if they are exactly one element with this tag.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut rest = bytes;
    let value = take_tag(&mut rest, tag)?;
    rest.is_empty().then_some(value)
}

/// All elements inside a constructed value.
pub(crate) fn children(value: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut rest = value;
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.push(take(&mut rest)?);
    }
    Some(found)
}

/// One element as DER.
pub(crate) fn put(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.iter().copied().skip_while(|b| *b == 0).collect();
    let mut element = vec![tag];
    match digits.as_slice() {
        [] => element.push(0),
        [short] if *short < 0x80 => element.push(*short),
        long => {
            element.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_minimal_definite_lengths_are_read() {
        assert_eq!(only(&[0x04, 1, 7], OCTET_STRING), Some(&[7][..]));
        assert_eq!(only(&[0x04, 0x81, 1, 7], OCTET_STRING), None, "long form of a short length");
        assert_eq!(only(&[0x30, 0x80, 0, 0], SEQUENCE), None, "indefinite");
        assert_eq!(only(&[0x04, 1, 7, 0], OCTET_STRING), None, "trailing byte");
        assert_eq!(only(&[0x04, 2, 7], OCTET_STRING), None, "cut off");
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            assert_eq!(only(&put(OCTET_STRING, &content), OCTET_STRING), Some(&content[..]));
        }
        assert_eq!(children(&[0x04, 0, 0x02, 1, 5]).unwrap().len(), 2);
    }
}
