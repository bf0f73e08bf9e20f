//! Handwriting of a signature pad as strokes, and its evidence file.
//!
//! The file keeps time and pressure of every point (`data-t`, `data-p`): they are what an expert looks at;
//! the drawing alone is only a picture of a name.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Width of the pad's coordinate system.
pub const PAD_WIDTH: u16 = 800;
/// Height of the pad's coordinate system.
pub const PAD_HEIGHT: u16 = 300;

/// `(x, y, milliseconds from the first touch, pressure 0–1023)`.
pub type PadPoint = (u16, u16, u32, u16);

/// One stroke, pen down to pen up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stroke {
    /// Points in order; the pad is 800 × 300.
    pub points: Vec<PadPoint>,
}

/// The strokes as the SVG file that goes into `data/handwriting/`.
#[must_use]
pub fn strokes_svg(strokes: &[Stroke]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"80mm\" height=\"30mm\" viewBox=\"0 0 {PAD_WIDTH} {PAD_HEIGHT}\">\n  \
         <desc>One path per stroke. data-t: milliseconds from the first touch, data-p: pressure 0-1023, one value per point.</desc>\n  \
         <g fill=\"none\" stroke=\"black\" stroke-width=\"6\" stroke-linecap=\"round\">\n"
    );
    for stroke in strokes.iter().filter(|s| !s.points.is_empty()) {
        // A dot is a line of no length with round ends: its point stands twice.
        let again = if stroke.points.len() == 1 { 2 } else { 1 };
        let join = |of: &dyn Fn(&PadPoint) -> String, between: &str| {
            stroke
                .points
                .iter()
                .cycle()
                .take(stroke.points.len().saturating_mul(again))
                .map(of)
                .collect::<Vec<_>>()
                .join(between)
        };
        let path = join(&|p| format!("{} {}", p.0, p.1), " L ");
        let (times, pressures) = (join(&|p| p.2.to_string(), " "), join(&|p| p.3.to_string(), " "));
        // Writing to a String cannot fail.
        let _ =
            writeln!(svg, "    <path d=\"M {path}\" data-t=\"{times}\" data-p=\"{pressures}\"/>");
    }
    svg.push_str("  </g>\n</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_form_of_the_golden_sample() {
        let svg = strokes_svg(&[
            Stroke { points: vec![(90, 150, 0, 310), (130, 90, 41, 522)] },
            Stroke { points: vec![] },
            Stroke { points: vec![(260, 80, 402, 415)] },
        ]);
        assert_eq!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"80mm\" height=\"30mm\" viewBox=\"0 0 800 300\">\n  \
             <desc>One path per stroke. data-t: milliseconds from the first touch, data-p: pressure 0-1023, one value per point.</desc>\n  \
             <g fill=\"none\" stroke=\"black\" stroke-width=\"6\" stroke-linecap=\"round\">\n    \
             <path d=\"M 90 150 L 130 90\" data-t=\"0 41\" data-p=\"310 522\"/>\n    \
             <path d=\"M 260 80 L 260 80\" data-t=\"402 402\" data-p=\"415 415\"/>\n  </g>\n</svg>\n"
        );
    }
}
