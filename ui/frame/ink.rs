//! What a finger draws, as a picture: smooth lines through points that come some milliseconds apart.
//!
//! Each point but the ends bends a quadratic curve whose ends are the middles of its neighbours, so that the line
//! has no corners and never leaves the points by more than half a step. Only the picture is smoothed: what is
//! kept, and what an engine reads, are the points themselves.

use std::fmt::Write as _;

/// Length of the line that stands for a tap, in the units of the pad.
const DOT: f32 = 2.0;

/// Adds one stroke to path commands (SVG).
pub(crate) fn add(path: &mut String, points: &[(f32, f32)]) {
    let Some((x, y)) = points.first() else { return };
    // Writing to a string does not fail.
    let _ = write!(path, "M {x} {y} ");
    let mut next = points.iter().skip(2);
    for (x, y) in points.iter().skip(1) {
        let _ = match next.next() {
            Some((to_x, to_y)) => {
                write!(path, "Q {x} {y} {} {} ", f32::midpoint(*x, *to_x), f32::midpoint(*y, *to_y))
            }
            None => write!(path, "L {x} {y} "),
        };
    }
    // A tap is a dot, not nothing.
    if points.len() == 1 {
        let _ = write!(path, "L {} {y} ", x + DOT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(points: &[(f32, f32)]) -> String {
        let mut path = String::new();
        add(&mut path, points);
        path
    }

    #[test]
    fn a_stroke_goes_through_the_middles_and_ends_where_the_finger_did() {
        assert_eq!(path(&[(0.0, 0.0), (10.0, 0.0)]), "M 0 0 L 10 0 ");
        assert_eq!(
            path(&[(0.0, 0.0), (10.0, 0.0), (10.0, 11.0), (0.0, 20.0)]),
            "M 0 0 Q 10 0 10 5.5 Q 10 11 5 15.5 L 0 20 "
        );
    }

    #[test]
    fn a_tap_is_a_dot_and_nothing_is_nothing() {
        assert_eq!(path(&[(9.0, 9.0)]), "M 9 9 L 11 9 ");
        assert_eq!(path(&[]), "");
    }
}
