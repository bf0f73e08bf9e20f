//! Frames on the recorder's socket: one JSON line and, for pictures, bytes after it.
//!
//! `u32` length of the line, `u32` length of the bytes (big endian), line with LF, bytes. Lengths come first
//! so that neither side ever has to guess where a message ends; limits keep a broken peer from filling
//! memory.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

const LINE_LIMIT: u32 = 4 << 20;
const BYTES_LIMIT: u32 = 64 << 20;

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "frame is too large")
}

fn length(len: usize, limit: u32) -> io::Result<u32> {
    u32::try_from(len).ok().filter(|l| *l <= limit).ok_or_else(too_large)
}

pub(super) fn write_frame(
    to: &mut impl Write,
    message: &impl Serialize,
    bytes: &[u8],
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut head = Vec::with_capacity(line.len().saturating_add(8));
    head.extend(length(line.len(), LINE_LIMIT)?.to_be_bytes());
    head.extend(length(bytes.len(), BYTES_LIMIT)?.to_be_bytes());
    head.extend(line);
    to.write_all(&head)?;
    to.write_all(bytes)?;
    to.flush()
}

/// The next message; `None` at the end of the stream between two frames.
pub(super) fn read_frame<T: DeserializeOwned>(
    from: &mut impl Read,
) -> io::Result<Option<(T, Zeroizing<Vec<u8>>)>> {
    let mut first = [0_u8; 4];
    let mut got = 0_usize;
    while let Some(rest) = first.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => got = got.saturating_add(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let mut second = [0_u8; 4];
    from.read_exact(&mut second)?;
    let line = take(from, u32::from_be_bytes(first), LINE_LIMIT)?;
    let bytes = take(from, u32::from_be_bytes(second), BYTES_LIMIT)?;
    Ok(Some((serde_json::from_slice(&line)?, bytes)))
}

fn take(from: &mut impl Read, len: u32, limit: u32) -> io::Result<Zeroizing<Vec<u8>>> {
    if len > limit {
        return Err(too_large());
    }
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(len).map_err(|_| too_large())?]);
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn frames_follow_each_other_and_bytes_stay_bytes() {
        let mut stream = Vec::new();
        write_frame(&mut stream, &json!({"n": 1}), b"").unwrap();
        write_frame(&mut stream, &json!({"n": "二"}), b"\xff\xd8\n").unwrap();
        let mut from = stream.as_slice();
        let (first, bytes) = read_frame::<Value>(&mut from).unwrap().unwrap();
        assert_eq!((first, bytes.len()), (json!({"n": 1}), 0));
        let (second, bytes) = read_frame::<Value>(&mut from).unwrap().unwrap();
        assert_eq!((second, bytes.as_slice()), (json!({"n": "二"}), b"\xff\xd8\n".as_slice()));
        assert!(read_frame::<Value>(&mut from).unwrap().is_none());
    }

    #[test]
    fn cut_frames_lying_lengths_and_nonsense_are_errors() {
        let mut whole = Vec::new();
        write_frame(&mut whole, &json!({"n": 1}), b"abc").unwrap();
        for cut in 1..whole.len() {
            assert!(read_frame::<Value>(&mut &whole[..cut]).is_err(), "cut at {cut}");
        }
        let huge = [255_u8, 255, 255, 255, 0, 0, 0, 0];
        assert!(read_frame::<Value>(&mut huge.as_slice()).is_err());
        let nonsense = [0, 0, 0, 1, 0, 0, 0, 0, b'{'];
        assert!(read_frame::<Value>(&mut nonsense.as_slice()).is_err());
    }
}
