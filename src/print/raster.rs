//! PWG raster (PWG 5102.4), 8-bit grey: the format every IPP Everywhere printer takes.
//!
//! A page is a header of 1,796 bytes and lines packed by runs. Written here because no maintained crate
//! does; checked by reading it back below and by `ippevepcl` of CUPS in the tests.

use crate::Error;

/// A page bitmap: 8-bit grey, 0 black, rows from the top without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RasterPage {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pixels per inch, both directions.
    pub dpi: u32,
    /// `width × height` bytes.
    pub pixels: Vec<u8>,
}

const SYNC: &[u8; 4] = b"RaS2";
const HEADER_BYTES: usize = 1796;
/// `ColorSpace` of sGray.
const SGRAY: u32 = 18;
/// Longest run or literal of one code.
const MAX_RUN: usize = 128;
/// Most equal lines of one code.
const MAX_EQUAL_LINES: usize = 256;
const POINTS_PER_INCH: u32 = 72;
/// Side in pixels no page has: A3 at 1,200 dpi is below.
const MAX_SIDE: u32 = 32_768;

/// The pages as one PWG raster document.
///
/// # Errors
/// [`Error::Bitmap`] for no pages, or a page whose size does not fit its bytes.
pub fn pwg_raster(pages: &[RasterPage]) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(pages.len()).map_err(|_| Error::Bitmap)?;
    if pages.is_empty() {
        return Err(Error::Bitmap);
    }
    let mut out = SYNC.to_vec();
    for page in pages {
        let width = usize::try_from(page.width).map_err(|_| Error::Bitmap)?;
        let height = usize::try_from(page.height).map_err(|_| Error::Bitmap)?;
        let sound = (1..=MAX_SIDE).contains(&page.width)
            && (1..=MAX_SIDE).contains(&page.height)
            && (1..=2400).contains(&page.dpi)
            && width.checked_mul(height) == Some(page.pixels.len());
        if !sound {
            return Err(Error::Bitmap);
        }
        out.extend_from_slice(&header(page, count));
        let lines: Vec<&[u8]> = page.pixels.chunks_exact(width).collect();
        for equal in lines.chunk_by(|a, b| a == b) {
            for group in equal.chunks(MAX_EQUAL_LINES) {
                out.push(u8::try_from(group.len().saturating_sub(1)).unwrap_or(u8::MAX));
                if let Some(line) = group.first() {
                    pack(line, &mut out);
                }
            }
        }
    }
    Ok(out)
}

/// One page header. Offsets are those of PWG 5102.4 table 1; everything not set is zero.
fn header(page: &RasterPage, pages: u32) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEADER_BYTES);
    let pad = |head: &mut Vec<u8>, to: usize| head.resize(to, 0);
    let number = |head: &mut Vec<u8>, n: u32| head.extend_from_slice(&n.to_be_bytes());
    let points = |pixels: u32| {
        pixels.saturating_mul(POINTS_PER_INCH).checked_div(page.dpi).unwrap_or_default()
    };
    head.extend_from_slice(b"PwgRaster");
    pad(&mut head, 276);
    number(&mut head, page.dpi); // HWResolution, cross feed
    number(&mut head, page.dpi); // HWResolution, feed
    pad(&mut head, 340);
    number(&mut head, 1); // NumCopies
    number(&mut head, 0); // Orientation: portrait
    pad(&mut head, 352);
    number(&mut head, points(page.width)); // PageSize
    number(&mut head, points(page.height));
    pad(&mut head, 372);
    number(&mut head, page.width);
    number(&mut head, page.height);
    pad(&mut head, 384);
    number(&mut head, 8); // BitsPerColor
    number(&mut head, 8); // BitsPerPixel
    number(&mut head, page.width); // BytesPerLine
    number(&mut head, 0); // ColorOrder: chunky
    number(&mut head, SGRAY); // ColorSpace
    pad(&mut head, 420);
    number(&mut head, 1); // NumColors
    pad(&mut head, 452);
    number(&mut head, pages); // TotalPageCount
    number(&mut head, 1); // CrossFeedTransform
    number(&mut head, 1); // FeedTransform
    pad(&mut head, 480);
    number(&mut head, 0x00ff_ffff); // AlternatePrimary: white
    pad(&mut head, 1732);
    head.extend_from_slice(b"iso_a4_210x297mm"); // PageSizeName
    pad(&mut head, HEADER_BYTES);
    head
}

/// One line: `n` in 0..=127 repeats the next pixel n + 1 times, `257 - n` is followed by n pixels.
fn pack(line: &[u8], out: &mut Vec<u8>) {
    let mut literal: Vec<u8> = Vec::new();
    for run in line.chunk_by(|a, b| a == b) {
        for piece in run.chunks(MAX_RUN) {
            match piece {
                [single] => {
                    literal.push(*single);
                    if literal.len() == MAX_RUN {
                        flush(&mut literal, out);
                    }
                }
                [first, ..] => {
                    flush(&mut literal, out);
                    out.push(u8::try_from(piece.len().saturating_sub(1)).unwrap_or(127));
                    out.push(*first);
                }
                [] => {}
            }
        }
    }
    flush(&mut literal, out);
}

fn flush(literal: &mut Vec<u8>, out: &mut Vec<u8>) {
    match literal.as_slice() {
        [] => {}
        // One pixel alone is a run of one.
        [single] => out.extend_from_slice(&[0, *single]),
        many => {
            out.push(u8::try_from(257_usize.saturating_sub(many.len())).unwrap_or(u8::MAX));
            out.extend_from_slice(many);
        }
    }
    literal.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8], width: usize, height: usize) -> Vec<u8> {
        let mut pixels = Vec::new();
        let mut at = bytes.iter().copied();
        while pixels.len() < width * height {
            let times = usize::from(at.next().unwrap()) + 1;
            let mut line = Vec::new();
            while line.len() < width {
                match at.next().unwrap() {
                    n @ 0..=127 => {
                        let pixel = at.next().unwrap();
                        line.extend(std::iter::repeat_n(pixel, usize::from(n) + 1));
                    }
                    128 => panic!("not used"),
                    n => line.extend(at.by_ref().take(257 - usize::from(n))),
                }
            }
            assert_eq!(line.len(), width);
            for _ in 0..times {
                pixels.extend_from_slice(&line);
            }
        }
        assert_eq!(at.next(), None);
        pixels
    }

    #[test]
    fn packed_lines_unpack_to_the_same_pixels() {
        let (width, height) = (700_usize, 600_usize);
        let mut pixels = vec![255_u8; width * height];
        let mut seed = 7_u32;
        for (n, pixel) in pixels.iter_mut().enumerate() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if (n / width) % 3 == 0 && n / width < 300 {
                *pixel = if n % 11 < 5 { 0 } else { (seed >> 24) as u8 };
            }
        }
        let page = RasterPage { width: width as u32, height: height as u32, dpi: 300, pixels };
        let bytes = pwg_raster(std::slice::from_ref(&page)).unwrap();
        assert_eq!(&bytes[..4], SYNC);
        assert_eq!(unpack(&bytes[4 + HEADER_BYTES..], width, height), page.pixels);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let page = RasterPage { width: 10, height: 10, dpi: 300, pixels: vec![0; 99] };
        assert!(pwg_raster(&[page]).is_err());
        assert!(pwg_raster(&[]).is_err());
        let page = RasterPage { width: 0, height: 10, dpi: 300, pixels: vec![] };
        assert!(pwg_raster(&[page]).is_err());
    }
}
