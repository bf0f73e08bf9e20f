//! `spotcheck`: the handheld.

fn main() {}
