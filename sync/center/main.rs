//! `spotcheck-center`: the centre.

fn main() {}
