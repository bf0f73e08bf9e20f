//! Writes pictures of every screen: `gallery [FOLDER]`, by default `ui/gallery`.
//! `gallery --window` opens the window on the invented data instead, to try the face by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use spotcheck_ui::testkit::fake_desk::FakeDesk;
use spotcheck_ui::testkit::gallery::{options, screenshots};
use spotcheck_ui::{ThemeMode, run};

fn main() -> ExitCode {
    let argument = std::env::args_os().nth(1);
    if argument.as_ref().is_some_and(|a| a == "--window") {
        return match run(Box::new(FakeDesk::new()), &options(ThemeMode::Light)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("gallery: {error}");
                ExitCode::from(3)
            }
        };
    }
    let out = argument.map_or_else(|| PathBuf::from("ui/gallery"), PathBuf::from);
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
