//! The device journal on its way to the centre: lines in order, in parts, repeated without harm.

use spotcheck_wire::bundles::{JOURNAL_SCHEMA, JournalAccepted, JournalUpload};

use spotcheck_wire::problem::{Problem, code};

use crate::error::{Error, Result};
use crate::http::Http;

/// Largest part, bytes of lines; a single longer line travels alone.
const MAX_PART_BYTES: usize = 512 << 10;

/// Sends lines from `from_seq` on; gives the last sequence number the centre has.
pub(crate) async fn send(http: &Http, from_seq: u64, lines: &[Vec<u8>]) -> Result<u64> {
    let url = http.url("/v1/device-journal")?;
    let mut last_seq = from_seq.saturating_sub(1);
    for part in parts(lines)? {
        let sent = u64::try_from(part.len()).unwrap_or(u64::MAX);
        let upload = JournalUpload { schema: JOURNAL_SCHEMA.to_owned(), lines: part };
        let accepted: JournalAccepted = match http.post(&url, &upload, None).await {
            Ok(accepted) => accepted,
            // A centre restored from a backup has fewer lines than it once said: the caller hears where it
            // stands and sends from there the next time.
            Err(Error::Problem(problem)) if lost(&problem, last_seq) => {
                tracing::warn!("The centre has fewer journal lines than it once had.");
                return Ok(problem.last_seq.unwrap_or(0));
            }
            Err(error) => return Err(error),
        };
        last_seq = last_seq.saturating_add(sent);
        if accepted.last_seq < last_seq {
            return Err(Error::Protocol(
                "the centre kept fewer journal lines than were sent".to_owned(),
            ));
        }
        last_seq = last_seq.max(accepted.last_seq);
    }
    Ok(last_seq)
}

/// True if the centre lacks lines before those that were sent; anything else is a contradiction.
fn lost(problem: &Problem, before: u64) -> bool {
    problem.code == code::JOURNAL_GAP && problem.last_seq.is_some_and(|has| has < before)
}

fn parts(lines: &[Vec<u8>]) -> Result<Vec<Vec<String>>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut size = 0_usize;
    for line in lines {
        let line = String::from_utf8(line.clone())
            .map_err(|_| Error::SetUp("a journal line is not UTF-8".to_owned()))?;
        size = size.saturating_add(line.len());
        match parts.last_mut() {
            Some(part) if size <= MAX_PART_BYTES => part.push(line),
            _ => {
                size = line.len();
                parts.push(vec![line]);
            }
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order_in_parts() {
        let lines: Vec<Vec<u8>> =
            (0..5).map(|n| format!("{n}").repeat(200 << 10).into_bytes()).collect();
        let parts = parts(&lines).unwrap();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        let firsts: String = parts.iter().flatten().map(|l| l.chars().next().unwrap()).collect();
        assert_eq!(firsts, "01234");
        assert!(super::parts(&[vec![0xff]]).is_err());
    }
}
