//! Whether a photographed page can be read: sharp, without glare, whole. Pure: a grey picture in, a verdict out.
//!
//! The verdict is advice while the paper still lies there, no property of the evidence: nothing is refused,
//! nothing is changed. Three measures on the picture made small (noise goes, lines stay):
//!
//! * the page is what is bright, parted from what lies around it by Otsu's threshold;
//! * sharpness is the variance of the Laplacian inside the page, as a part of the variance of its brightness, so
//!   that dim light and pale ink do not count as blur;
//! * glare is the share of the page that is as bright as the sensor can tell.
//!
//! The thresholds were set with drawn pages (see the tests) and were not tried with a camera yet.

use serde::{Deserialize, Serialize};

/// Longest side, in pixels, that a picture is made small to at most: a line of print is still some pixels high.
const SMALL: usize = 1_200;
/// A page has ink of at least this variance of brightness (a standard deviation of 8 of 255); what has less is
/// blank paper, of which nobody can tell whether it is sharp.
const LEAST_INK: f64 = 64.0;
/// Variance of the Laplacian per variance of brightness. Drawn print of strokes two to three pixels wide has 7.5;
/// softened so that a stroke runs over five pixels 0.10, which can be read; over thirteen pixels 0.013, which
/// cannot. Between the two, nearer to what can be read: a needless second photo costs a tap, a lost page the visit.
const LEAST_SHARPNESS: f64 = 0.04;
/// From here on a pixel is clipped: JPEG leaves the white of a blown highlight a little below 255.
const CLIPPED: u8 = 252;
/// Share of the page in thousandths that may be clipped: the reflex of a lamp is larger, the white between lines
/// of a well exposed page is not clipped at all.
const MOST_CLIPPED: u32 = 20;
/// Less of the picture than this, in thousandths, is no page.
const LEAST_PAGE: u32 = 150;
/// Paper and what lies around it differ by at least so much in mean brightness.
const LEAST_CONTRAST: f64 = 25.0;
/// Share of a border of the picture, in thousandths, that must be page to say that the page runs over it.
const TOUCHES: u32 = 120;
/// A row or column belongs to the page from this share of its brightest one on, in thousandths.
const OF_PAGE: u32 = 300;

/// A picture in shades of grey, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct Grey {
    width: usize,
    pixels: Vec<u8>,
}

impl std::fmt::Debug for Grey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grey").field("width", &self.width).finish_non_exhaustive()
    }
}

impl Grey {
    /// Mean brightness, 0–100.
    #[must_use]
    pub fn brightness_percent(&self) -> u8 {
        let sum = self.pixels.iter().fold(0_u64, |sum, p| sum.saturating_add(u64::from(*p)));
        let count = u64::try_from(self.pixels.len()).unwrap_or(u64::MAX);
        let percent = sum.saturating_mul(100).checked_div(count.saturating_mul(255)).unwrap_or(0);
        u8::try_from(percent).unwrap_or(100)
    }

    /// `None` unless there are whole rows of `width` pixels, three at least.
    #[must_use]
    pub fn new(width: usize, pixels: Vec<u8>) -> Option<Self> {
        let whole = width >= 3 && pixels.len().checked_rem(width) == Some(0);
        (whole && pixels.len() >= width.saturating_mul(3)).then_some(Self { width, pixels })
    }

    fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.width)
    }

    /// Made small by whole factors, each pixel the mean of a square.
    #[must_use]
    pub fn small(&self) -> Self {
        let longest = self.width.max(self.rows().len());
        let factor = longest.div_ceil(SMALL);
        if factor <= 1 {
            return self.clone();
        }
        let area = u32::try_from(factor.saturating_mul(factor)).unwrap_or(u32::MAX);
        let width = self.width.checked_div(factor).unwrap_or(0);
        let mut pixels = Vec::new();
        let mut sums = vec![0_u32; width];
        for band in self.pixels.chunks_exact(self.width.saturating_mul(factor)) {
            sums.fill(0);
            for row in band.chunks_exact(self.width) {
                for (sum, square) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    let add: u32 = square.iter().map(|p| u32::from(*p)).sum();
                    *sum = sum.saturating_add(add);
                }
            }
            let mean = |sum: &u32| u8::try_from(sum.checked_div(area).unwrap_or(0)).unwrap_or(255);
            pixels.extend(sums.iter().map(mean));
        }
        Self::new(width, pixels).unwrap_or_else(|| self.clone())
    }
}

/// What may be wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageFault {
    /// Nothing in the picture looks like a page.
    NoPage,
    /// The page runs over the border of the picture.
    Cut,
    /// Out of focus or moved.
    Blurred,
    /// A lamp is reflected, or the page is over-exposed.
    Glare,
}

impl PageFault {
    /// Its name in the journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPage => "no_page",
            Self::Cut => "cut",
            Self::Blurred => "blurred",
            Self::Glare => "glare",
        }
    }
}

/// What was measured, in thousandths, and what may be wrong; nothing: it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PageVerdict {
    /// Variance of the Laplacian per variance of brightness; `None` for blank paper.
    pub sharpness: Option<u32>,
    /// Clipped share of the page.
    pub clipped: u32,
    /// Share of the picture that is page.
    pub page: u32,
    /// What may be wrong, the first thing to mend first.
    pub faults: Vec<PageFault>,
}

/// Looks at a page.
#[must_use]
pub fn judge(picture: &Grey) -> PageVerdict {
    let grey = picture.small();
    let Some(bounds) = page(&grey) else {
        return PageVerdict { faults: vec![PageFault::NoPage], ..PageVerdict::default() };
    };
    let inside: Vec<&[u8]> = grey
        .rows()
        .skip(bounds.top)
        .take(bounds.height)
        .filter_map(|row| row.get(bounds.left..bounds.left.saturating_add(bounds.width)))
        .collect();
    let (sharpness, clipped) = (sharpness(&inside), clipped(&inside));
    let mut faults = Vec::new();
    if bounds.cut {
        faults.push(PageFault::Cut);
    }
    if sharpness.is_some_and(|s| s < LEAST_SHARPNESS) {
        faults.push(PageFault::Blurred);
    }
    if clipped > MOST_CLIPPED {
        faults.push(PageFault::Glare);
    }
    PageVerdict { sharpness: sharpness.map(thousandths), clipped, page: bounds.share, faults }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn thousandths(share: f64) -> u32 {
    (share * 1_000.0).clamp(0.0, 1e9).round() as u32
}

/// Parts of a whole in thousandths.
fn share(part: usize, whole: usize) -> u32 {
    let thousandths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
    u32::try_from(thousandths).unwrap_or(u32::MAX)
}

fn real(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
}

/// Where the page lies.
struct Bounds {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Of the picture, in thousandths.
    share: u32,
    cut: bool,
}

/// The bright area as a rectangle along the picture's sides; `None` if there is none that could be a page.
fn page(grey: &Grey) -> Option<Bounds> {
    let (threshold, contrast) = otsu(grey);
    let bright = |p: &u8| *p > threshold;
    let rows: Vec<u32> = grey
        .rows()
        .map(|row| share(row.iter().filter(|p| bright(p)).count(), grey.width))
        .collect();
    let mut counts = vec![0_usize; grey.width];
    for row in grey.rows() {
        for (count, pixel) in counts.iter_mut().zip(row) {
            *count = count.saturating_add(usize::from(bright(pixel)));
        }
    }
    let columns: Vec<u32> = counts.iter().map(|count| share(*count, rows.len())).collect();
    let (top, height) = stretch(&rows)?;
    let (left, width) = stretch(&columns)?;
    let share = share(width.saturating_mul(height), grey.pixels.len());
    if share < LEAST_PAGE || contrast < LEAST_CONTRAST {
        return None;
    }
    let borders = [rows.first(), rows.last(), columns.first(), columns.last()];
    let cut = borders.into_iter().flatten().any(|border| *border >= TOUCHES);
    Some(Bounds { left, top, width, height, share, cut })
}

/// First and number of rows (or columns) that belong to the page.
fn stretch(profile: &[u32]) -> Option<(usize, usize)> {
    let most = profile.iter().max().copied().unwrap_or(0);
    let enough = |p: &u32| p.saturating_mul(1_000) >= most.saturating_mul(OF_PAGE) && *p > 0;
    let first = profile.iter().position(enough)?;
    let last = profile.iter().rposition(enough)?;
    Some((first, last.saturating_sub(first).saturating_add(1)))
}

/// Otsu's threshold between dark and bright, and how far the means of both lie apart (N. Otsu, 1979).
fn otsu(grey: &Grey) -> (u8, f64) {
    let mut histogram = [0_usize; 256];
    for pixel in &grey.pixels {
        if let Some(bin) = histogram.get_mut(usize::from(*pixel)) {
            *bin = bin.saturating_add(1);
        }
    }
    let levels = || (0..=u8::MAX).zip(histogram.iter().map(|n| real(*n)));
    let total: f64 = levels().map(|(_, n)| n).sum();
    let sum: f64 = levels().map(|(level, n)| f64::from(level) * n).sum();
    let (mut dark, mut dark_sum) = (0.0, 0.0);
    let (mut best, mut at, mut apart) = (-1.0, 0, 0.0);
    for (level, n) in levels() {
        dark += n;
        dark_sum += f64::from(level) * n;
        let bright = total - dark;
        if dark <= 0.0 || bright <= 0.0 {
            continue;
        }
        let gap = (sum - dark_sum) / bright - dark_sum / dark;
        let between = dark * bright * gap * gap;
        if between > best {
            (best, at, apart) = (between, level, gap);
        }
    }
    (at, apart)
}

/// Variance of the Laplacian per variance of brightness; `None` where there is no ink.
fn sharpness(rows: &[&[u8]]) -> Option<f64> {
    let brightness = Spread::of(rows.iter().flat_map(|row| row.iter().map(|p| f64::from(*p))));
    if brightness.variance() < LEAST_INK {
        return None;
    }
    let mut laplacian = Spread::default();
    for three in rows.windows(3) {
        let [above, row, below] = three else { continue };
        let vertical = above.iter().zip(below.iter()).skip(1);
        for (beside, (up, down)) in row.windows(3).zip(vertical) {
            let [left, middle, right] = beside else { continue };
            let around = f64::from(*left) + f64::from(*right) + f64::from(*up) + f64::from(*down);
            laplacian.add(around - 4.0 * f64::from(*middle));
        }
    }
    Some(laplacian.variance() / brightness.variance())
}

/// Clipped pixels in thousandths.
fn clipped(rows: &[&[u8]]) -> u32 {
    let whole = rows.iter().map(|row| row.len()).sum();
    share(rows.iter().flat_map(|row| row.iter()).filter(|p| **p >= CLIPPED).count(), whole)
}

/// Mean and variance in one pass.
#[derive(Default)]
struct Spread {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut spread = Self::default();
        values.for_each(|value| spread.add(value));
        spread
    }

    fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn variance(&self) -> f64 {
        if self.n < 1.0 {
            return 0.0;
        }
        let mean = self.sum / self.n;
        (self.squares / self.n - mean * mean).max(0.0)
    }
}

#[cfg(test)]
#[path = "page_check/tests.rs"]
mod tests;
