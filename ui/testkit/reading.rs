//! What a picture of the window says to somebody who knows nothing of our labels.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::face::Face;

/// Pictures are read at so many times their size.
const LARGER: usize = 3;

/// The words of the picture by tesseract, blanks left out; `None` where it, or its Chinese, is not installed, or the
/// picture could not be taken.
#[must_use]
pub fn read_from_picture(face: &Face) -> Option<String> {
    let picture = face.snapshot().ok()?;
    let (width, height) =
        (usize::try_from(picture.width).ok()?, usize::try_from(picture.height).ok()?);
    let (wide, high) = (width.checked_mul(LARGER)?, height.checked_mul(LARGER)?);
    let mut ppm = format!("P6 {wide} {high} 255\n").into_bytes();
    for row in picture.rgb.chunks(width.checked_mul(3)?) {
        let wide: Vec<u8> = row.chunks(3).flat_map(|dot| dot.repeat(LARGER)).collect();
        ppm.extend(wide.repeat(LARGER));
    }
    let mut reader = Command::new("tesseract")
        .args(["stdin", "stdout", "-l", "chi_sim", "--psm", "11"])
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It reads the whole picture before it says anything.
    reader.stdin.take()?.write_all(&ppm).ok()?;
    let said = reader.wait_with_output();
    let text = said.ok().filter(|said| said.status.success())?;
    let text = String::from_utf8(text.stdout).ok()?;
    Some(text.split_whitespace().collect())
}
