//! Every screen looks as it did when somebody last looked at it.

use std::path::Path;

use crate::options::ThemeMode;
use crate::testkit::fake_desk::FakeDesk;
use crate::testkit::gallery::{SMALL, every_screen};
use crate::testkit::goldens::{Compared, Goldens};

#[test]
fn no_screen_changed_its_looks_unseen() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("gallery");
    let shown = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pictures");
    let mut taken = Goldens::default();
    let mut pictures = Vec::new();
    for (theme, suffix) in [(ThemeMode::Light, ""), (ThemeMode::Sunlight, "-sunlight")] {
        let mut shot = |face: &crate::testkit::face::Face, name: &str| {
            let picture = face.snapshot()?;
            let name = format!("{name}{suffix}");
            taken.add(&name, &picture);
            pictures.push((name, picture));
            Ok(())
        };
        every_screen(&|| Box::new(FakeDesk::new()), theme, SMALL, &mut shot).unwrap();
        for (name, picture) in crate::testkit::catalogue::pictures(theme).unwrap() {
            let name = format!("{name}{suffix}");
            taken.add(&name, &picture);
            pictures.push((name, picture));
        }
    }
    match taken.compare(&gallery) {
        Compared::OtherKey => eprintln!(
            "SKIPPED no_screen_changed_its_looks_unseen: the pictures were listed with another typeface, renderer or \
             processor; `make screenshots` lists them with these"
        ),
        Compared::Different(names) if names.is_empty() => {}
        Compared::Different(names) => {
            std::fs::create_dir_all(&shown).unwrap();
            for (name, picture) in pictures.iter().filter(|(name, _)| names.contains(name)) {
                std::fs::write(shown.join(format!("{name}.png")), picture.png().unwrap()).unwrap();
            }
            taken.write(&shown).unwrap();
            panic!(
                "these pictures changed: {names:?}. Look at them in target/pictures; if they are what was meant, \
                 `make screenshots` lists them"
            );
        }
    }
}
