//! Pictures from bytes, decoded away from the UI thread.
//!
//! Evidence and pages are never read by path: they exist in clear only in memory.

use slint::{Image, Rgb8Pixel, Rgba8Pixel, SharedPixelBuffer};
use spotcheck_app::ports::Picture;

/// A decoded picture that may cross threads.
#[derive(Clone)]
pub(crate) enum Pixels {
    Rgb(SharedPixelBuffer<Rgb8Pixel>),
    Rgba(SharedPixelBuffer<Rgba8Pixel>),
}

/// Decodes PNG or JPEG.
pub(crate) fn decode(bytes: &[u8]) -> Option<Pixels> {
    let image = Image::load_from_data(bytes, None).ok()?;
    image.to_rgb8().map(Pixels::Rgb).or_else(|| image.to_rgba8().map(Pixels::Rgba))
}

/// Decodes PNG or JPEG into a picture of at most `size` pixels, its shape kept, never larger than it is.
pub(crate) fn scaled(bytes: &[u8], size: (u32, u32)) -> Option<Pixels> {
    let whole = match decode(bytes)? {
        Pixels::Rgb(whole) => whole,
        Pixels::Rgba(whole) => opaque(&whole),
    };
    Some(Pixels::Rgb(shrink(&whole, size).unwrap_or(whole)))
}

/// Photos have no transparency, whatever their format could hold.
fn opaque(whole: &SharedPixelBuffer<Rgba8Pixel>) -> SharedPixelBuffer<Rgb8Pixel> {
    let mut plain = SharedPixelBuffer::new(whole.width(), whole.height());
    for (to, from) in plain.make_mut_slice().iter_mut().zip(whole.as_slice()) {
        *to = Rgb8Pixel { r: from.r, g: from.g, b: from.b };
    }
    plain
}

/// The mean of the points that fall into each new one; `None` where nothing has to shrink.
fn shrink(
    whole: &SharedPixelBuffer<Rgb8Pixel>,
    (most_wide, most_high): (u32, u32),
) -> Option<SharedPixelBuffer<Rgb8Pixel>> {
    let (wide, high) = (u64::from(whole.width()), u64::from(whole.height()));
    let (most_wide, most_high) = (u64::from(most_wide), u64::from(most_high));
    if wide <= most_wide && high <= most_high {
        return None;
    }
    // The narrower of the two limits decides.
    let by_width = wide.saturating_mul(most_high) >= high.saturating_mul(most_wide);
    let (to_wide, to_high) = if by_width {
        (most_wide, high.saturating_mul(most_wide).checked_div(wide)?.max(1))
    } else {
        (wide.saturating_mul(most_high).checked_div(high)?.max(1), most_high)
    };
    let mut small =
        SharedPixelBuffer::new(u32::try_from(to_wide).ok()?, u32::try_from(to_high).ok()?);
    let source = whole.as_slice();
    let edge = |n: u64, of: u64, to: u64| {
        usize::try_from(n.saturating_mul(of).checked_div(to).unwrap_or(0)).unwrap_or(usize::MAX)
    };
    let stride = usize::try_from(wide).ok()?;
    let mut points = small.make_mut_slice().iter_mut();
    for y in 0..to_high {
        let (top, below) = (edge(y, high, to_high), edge(y.saturating_add(1), high, to_high));
        for x in 0..to_wide {
            let (left, right) = (edge(x, wide, to_wide), edge(x.saturating_add(1), wide, to_wide));
            let mut sum = [0_u32; 3];
            let mut count = 0_u32;
            for row in top..below {
                let begin = row.saturating_mul(stride);
                let run = begin.saturating_add(left)..begin.saturating_add(right);
                for point in source.get(run)? {
                    for (sum, part) in sum.iter_mut().zip([point.r, point.g, point.b]) {
                        *sum = sum.saturating_add(u32::from(part));
                    }
                    count = count.saturating_add(1);
                }
            }
            let [r, g, b] = sum.map(|sum| {
                u8::try_from(sum.checked_div(count.max(1)).unwrap_or(0)).unwrap_or(u8::MAX)
            });
            *points.next()? = Rgb8Pixel { r, g, b };
        }
    }
    Some(small)
}

/// For the face.
pub(crate) fn image(pixels: Pixels) -> Image {
    match pixels {
        Pixels::Rgb(buffer) => Image::from_rgb8(buffer),
        Pixels::Rgba(buffer) => Image::from_rgba8(buffer),
    }
}

/// A picture of a video.
pub(crate) fn of_rgb(picture: &Picture) -> Option<Image> {
    let mut buffer = SharedPixelBuffer::<Rgb8Pixel>::new(picture.width, picture.height);
    let target = buffer.make_mut_bytes();
    (target.len() == picture.rgb.len()).then(|| target.copy_from_slice(&picture.rgb))?;
    Some(Image::from_rgb8(buffer))
}

/// More pixels than this are not decoded for a picture in passing (R14: 108 megapixels are 324 MB).
const MOST_PIXELS: u64 = 40_000_000;

/// Width times height of a JPEG, by its frame header (ITU-T T.81, B.2.2); `None` for anything else.
fn jpeg_pixels(bytes: &[u8]) -> Option<u64> {
    let mut at = bytes.starts_with(&[0xff, 0xd8]).then_some(2_usize)?;
    loop {
        let marker = bytes.get(at..at.checked_add(4)?)?;
        let [0xff, kind, high, low] = *marker else { return None };
        let frame = matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc);
        if frame {
            let size = bytes.get(at.checked_add(5)?..at.checked_add(9)?)?;
            let [y_high, y_low, x_high, x_low] = *size else { return None };
            let height = u64::from(u16::from_be_bytes([y_high, y_low]));
            return Some(height.saturating_mul(u64::from(u16::from_be_bytes([x_high, x_low]))));
        }
        at = at.checked_add(2)?.checked_add(usize::from(u16::from_be_bytes([high, low])))?;
    }
}

/// A small picture of a photo in passing, scaled as [`scaled`] does; `None` where decoding would take too much.
pub(crate) fn thumbnail(bytes: &[u8], size: (u32, u32)) -> Option<Pixels> {
    if jpeg_pixels(bytes).is_some_and(|pixels| pixels > MOST_PIXELS) {
        return None;
    }
    scaled(bytes, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_picture_shrinks_to_the_mean_and_keeps_its_shape() {
        let mut whole = SharedPixelBuffer::<Rgb8Pixel>::new(400, 300);
        for (n, point) in whole.make_mut_slice().iter_mut().enumerate() {
            let light = if (n % 400) % 2 == 0 { 0 } else { 200 };
            *point = Rgb8Pixel { r: light, g: 40, b: 0 };
        }
        let small = shrink(&whole, (100, 100)).unwrap();
        assert_eq!((small.width(), small.height()), (100, 75));
        assert!(small.as_slice().iter().all(|p| (p.r, p.g, p.b) == (100, 40, 0)));
        let tall = shrink(&whole, (400, 30)).unwrap();
        assert_eq!((tall.width(), tall.height()), (40, 30));
        assert!(shrink(&whole, (400, 300)).is_none(), "nothing is blown up");
        let line = shrink(&SharedPixelBuffer::new(5_000, 1), (100, 100)).unwrap();
        assert_eq!((line.width(), line.height()), (100, 1));
    }

    #[test]
    fn the_size_of_a_photo_is_read_before_it_is_decoded() {
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe1, 0, 4, 9, 9];
        jpeg.extend([0xff, 0xc0, 0, 17, 8, 0x2e, 0xe0, 0x23, 0x28]);
        assert_eq!(jpeg_pixels(&jpeg), Some(12_000 * 9_000));
        assert!(thumbnail(&jpeg, (160, 160)).is_none());
        assert_eq!(jpeg_pixels(b"no picture"), None);
        assert_eq!(jpeg_pixels(&jpeg[..10]), None);
    }
}
