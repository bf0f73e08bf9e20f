//! Compiles the Slint files into Rust.
fn main() {}
