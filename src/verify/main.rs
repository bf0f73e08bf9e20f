//! `spotcheck-verify`: judge an evidence bundle offline.

fn main() {}
