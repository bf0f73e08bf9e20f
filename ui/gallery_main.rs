//! Writes pictures of every screen: `gallery [FOLDER]`, by default `ui/gallery`.

use std::path::PathBuf;
use std::process::ExitCode;

use spotcheck_ui::fake_desk::FakeDesk;
use spotcheck_ui::gallery::screenshots;

fn main() -> ExitCode {
    let out = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("ui/gallery"), PathBuf::from);
    match screenshots(&|| Box::new(FakeDesk::new()), &out) {
        Ok(files) => {
            println!("{} pictures in {}", files.len(), out.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("gallery: {error}");
            ExitCode::from(3)
        }
    }
}
