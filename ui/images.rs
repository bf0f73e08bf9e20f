//! Pictures from bytes, decoded away from the UI thread.
//!
//! Evidence and pages are never read by path: they exist in clear only in memory.

use slint::{Image, Rgb8Pixel, Rgba8Pixel, SharedPixelBuffer};

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

/// For the face.
pub(crate) fn image(pixels: Pixels) -> Image {
    match pixels {
        Pixels::Rgb(buffer) => Image::from_rgb8(buffer),
        Pixels::Rgba(buffer) => Image::from_rgba8(buffer),
    }
}
