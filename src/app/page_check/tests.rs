//! Drawn pages: lines of print on paper on a dark desk, and what can happen to a photo of them.

use super::*;

const WIDTH: usize = 900;
const HEIGHT: usize = 1_200;
const DESK: u8 = 70;
const PAPER: u8 = 215;
const INK: u8 = 45;

/// A page from `left`, `top` to `right`, `bottom` with strokes two pixels wide in lines like print.
fn drawn(left: usize, top: usize, right: usize, bottom: usize) -> Vec<u8> {
    let mut pixels = vec![DESK; WIDTH * HEIGHT];
    for y in top..bottom.min(HEIGHT) {
        for x in left..right.min(WIDTH) {
            let in_text = x > left + 60 && x + 60 < right && y > top + 60 && y + 60 < bottom;
            // Lines of 14 pixels every 30; strokes at uneven distances, gaps between words.
            let line = (y - top) % 30 < 14;
            let stroke = (x * 7 + (y / 30) * 13) % 11 < 3 || (y - top) % 30 == 6;
            let word = (x / 45 + y / 30) % 4 != 0;
            pixels[y * WIDTH + x] = if in_text && line && stroke && word { INK } else { PAPER };
        }
    }
    pixels
}

fn whole_page() -> Vec<u8> {
    drawn(80, 90, 820, 1_110)
}

fn look(pixels: Vec<u8>) -> PageVerdict {
    judge(&Grey::new(WIDTH, pixels).unwrap())
}

/// The mean over `2 r + 1` pixels along rows and along columns, twice: a camera out of focus.
fn blurred(mut pixels: Vec<u8>, r: usize) -> Vec<u8> {
    for _ in 0..2 {
        for step in [1, WIDTH] {
            let before = pixels.clone();
            for n in r * step..pixels.len() - r * step {
                let near = (n - r * step..=n + r * step).step_by(step);
                let sum: u32 = near.map(|m| u32::from(before[m])).sum();
                pixels[n] = (sum / (2 * r + 1) as u32) as u8;
            }
        }
    }
    pixels
}

/// Moved by some pixels while the shutter was open.
fn moved(pixels: &[u8], by: usize) -> Vec<u8> {
    pixels
        .chunks_exact(WIDTH)
        .flat_map(|row| {
            (0..WIDTH).map(move |x| {
                let part = &row[x.saturating_sub(by)..=x];
                (part.iter().map(|p| u32::from(*p)).sum::<u32>() / part.len() as u32) as u8
            })
        })
        .collect()
}

#[test]
fn a_sharp_whole_page_has_no_fault() {
    let verdict = look(whole_page());
    assert_eq!(verdict.faults, [], "{verdict:?}");
    assert!(verdict.sharpness.unwrap() > 500, "{verdict:?}");
    assert!((600..800).contains(&verdict.page), "{verdict:?}");
}

#[test]
fn a_page_out_of_focus_is_blurred_and_a_little_softness_is_not() {
    let verdict = look(blurred(whole_page(), 3));
    assert_eq!(verdict.faults, [PageFault::Blurred], "{verdict:?}");
    let softer = look(blurred(whole_page(), 1));
    assert_eq!(softer.faults, [], "{softer:?}");
    assert!(softer.sharpness < look(whole_page()).sharpness);
    let far = look(blurred(whole_page(), 6));
    eprintln!("sharp {:?}", look(whole_page()).sharpness);
    for (r, verdict) in [(1, &softer), (3, &verdict), (6, &far)] {
        eprintln!("blurred by {r}: {:?}", verdict.sharpness);
    }
    assert!(far.sharpness < verdict.sharpness && far.faults == [PageFault::Blurred], "{far:?}");
}

/// Dim light and pale ink are no blur: the measure is a ratio.
#[test]
fn a_dim_sharp_page_is_sharp() {
    let dim: Vec<u8> = whole_page().iter().map(|p| p / 2 + 10).collect();
    let verdict = look(dim);
    assert_eq!(verdict.faults, [], "{verdict:?}");
}

#[test]
fn the_reflex_of_a_lamp_is_glare() {
    let mut pixels = whole_page();
    for (n, pixel) in pixels.iter_mut().enumerate() {
        let (dx, dy) = ((n % WIDTH).abs_diff(450), (n / WIDTH).abs_diff(500));
        if dx * dx + dy * dy < 110 * 110 {
            *pixel = 255;
        }
    }
    let verdict = look(pixels);
    assert_eq!(verdict.faults, [PageFault::Glare], "{verdict:?}");
    assert!(verdict.clipped > 30, "{verdict:?}");
}

#[test]
fn a_page_that_runs_over_the_border_is_cut() {
    for (left, top, right, bottom) in
        [(0, 90, 700, 1_110), (80, 90, WIDTH, 1_110), (80, 0, 820, 1_000), (80, 300, 820, HEIGHT)]
    {
        let verdict = look(drawn(left, top, right, bottom));
        assert_eq!(verdict.faults, [PageFault::Cut], "{left} {top} {right} {bottom}: {verdict:?}");
    }
    // Held so near that nothing but paper is seen.
    assert!(look(drawn(0, 0, WIDTH, HEIGHT)).faults.contains(&PageFault::Cut));
}

#[test]
fn a_dark_desk_a_wall_and_a_scrap_of_paper_are_no_page() {
    assert_eq!(look(vec![DESK; WIDTH * HEIGHT]).faults, [PageFault::NoPage]);
    let grainy = (0..WIDTH * HEIGHT).map(|n| 100 + ((n * 7 + n / 13) % 9) as u8).collect();
    assert_eq!(look(grainy).faults, [PageFault::NoPage]);
    assert_eq!(look(drawn(400, 500, 500, 640)).faults, [PageFault::NoPage]);
}

#[test]
fn blank_paper_is_neither_sharp_nor_blurred() {
    let mut pixels = vec![DESK; WIDTH * HEIGHT];
    for y in 90..1_110 {
        pixels[y * WIDTH + 80..y * WIDTH + 820].fill(PAPER);
    }
    let verdict = look(pixels);
    assert_eq!((verdict.sharpness, verdict.faults), (None, Vec::new()));
}

#[test]
fn two_faults_are_told_together_and_the_cut_comes_first() {
    let verdict = look(moved(&drawn(0, 90, 700, 1_110), 9));
    assert!(verdict.faults.first() == Some(&PageFault::Cut), "{verdict:?}");
}

#[test]
fn a_large_picture_is_judged_small_and_like_the_small_one() {
    let small = whole_page();
    let large: Vec<u8> = small
        .chunks_exact(WIDTH)
        .flat_map(|row| {
            let wide: Vec<u8> = row.iter().flat_map(|p| [*p; 3]).collect();
            [wide.clone(), wide.clone(), wide]
        })
        .flatten()
        .collect();
    let judged = judge(&Grey::new(WIDTH * 3, large).unwrap());
    assert_eq!(judged, look(small));
}

#[test]
fn what_is_no_picture_is_refused() {
    assert!(Grey::new(10, vec![0; 25]).is_none());
    assert!(Grey::new(0, Vec::new()).is_none());
    assert!(Grey::new(2, vec![0; 8]).is_none());
    assert_eq!(look(vec![255; WIDTH * HEIGHT]).faults, [PageFault::NoPage], "nothing but white");
}
