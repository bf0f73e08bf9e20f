//! The brightness of a JPEG picture, decoded in memory: for the look at a photographed page.
//!
//! A decoder in safe Rust, because the bytes are the camera's. Only luma is decoded. A picture of more pixels than a
//! page needs is refused before memory is asked for (R14): 108 megapixels are 108 MB of luma, and six times that
//! where the camera writes progressive JPEG, all of whose coefficients have to be held.

use spotcheck_app::page_check::Grey;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::Error;

/// Pixels along a side.
const MOST: usize = 16_384;
/// Pixels in all, as for pictures in passing on the screen.
const MOST_PIXELS: usize = 40_000_000;

/// Decodes the luma of a JPEG.
///
/// # Errors
/// [`Error::Picture`]: no JPEG, a damaged one, or one of more than 40 megapixels.
pub fn grey_of(jpeg: &[u8]) -> Result<Grey, Error> {
    let options = DecoderOptions::default()
        .set_max_width(MOST)
        .set_max_height(MOST)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().map_err(|_| Error::Picture)?;
    let (width, height) = decoder
        .info()
        .map(|info| (usize::from(info.width), usize::from(info.height)))
        .ok_or(Error::Picture)?;
    if width.saturating_mul(height) > MOST_PIXELS {
        return Err(Error::Picture);
    }
    let pixels = decoder.decode().map_err(|_| Error::Picture)?;
    Grey::new(width, pixels).ok_or(Error::Picture)
}

#[cfg(test)]
mod tests {
    use spotcheck_app::page_check::judge;

    use super::*;
    use crate::{DeviceConfig, Devices};

    #[test]
    fn the_cameras_own_jpeg_becomes_grey_and_nonsense_is_refused() {
        let devices = Devices::open(&DeviceConfig::stand_ins()).unwrap();
        let photo = devices.photo().unwrap();
        let grey = grey_of(&photo).unwrap();
        assert_eq!(format!("{grey:?}"), "Grey { width: 1280, .. }");
        // Colour bars are judged without a fault of the program, whatever the verdict.
        assert!(!judge(&grey).faults.is_empty());
        let half = &photo[..photo.len() / 8];
        for bad in [&b""[..], b"\xff\xd8\xff\xd9", b"no picture at all", half] {
            drop(grey_of(bad));
        }
        assert!(grey_of(b"no picture at all").is_err());
    }

    /// Highest resident size of this process so far, KiB.
    fn peak_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// R14: a photo whose head says 12,000 × 9,000 is refused by its head, baseline and progressive: the look at a page takes
    /// no memory for it.
    #[test]
    fn r14_a_photo_of_108_megapixels_is_not_decoded_for_the_look_at_a_page() {
        let devices = Devices::open(&DeviceConfig::stand_ins()).unwrap();
        let photo = devices.photo().unwrap().to_vec();
        let frame = photo.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        grey_of(&photo).unwrap();
        let before = peak_kib();
        for kind in [0xc0, 0xc2] {
            let mut large = photo.clone();
            large[frame + 1] = kind;
            large[frame + 5..frame + 9].copy_from_slice(&[0x23, 0x28, 0x2e, 0xe0]);
            assert!(matches!(grey_of(&large), Err(Error::Picture)));
        }
        let grew = peak_kib() - before;
        assert!(grew < 8 * 1024, "peak grew by {grew} KiB");
    }
}
