//! Compiles the Slint files into Rust, with the font that the documents use.
//!
//! The font is made by `packaging/fonts.sh` (a subset of the system's Chinese font, renamed), so that the
//! repository carries no binary and screen and paper show the same glyphs. A `fonts.slint` that imports
//! the two files is written beside the generated code and found through the include path.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Failure = Box<dyn std::error::Error>;

const FACES: [&str; 2] = ["SpotcheckSans-Regular.otf", "SpotcheckSans-Bold.otf"];

fn main() -> Result<(), Failure> {
    let face = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let root = face.join("../..");
    let script = root.join("packaging/fonts.sh");
    println!("cargo::rerun-if-changed={}", script.display());
    fonts(&root, &script, &out)?;
    let config = slint_build::CompilerConfiguration::new()
        .with_style("fluent-light".to_owned())
        .with_include_paths(vec![out])
        // The Chinese word is the key everywhere, whichever component says it.
        .with_bundled_translations("lang")
        .with_default_translation_context(slint_build::DefaultTranslationContext::None)
        // Labels are found through it: by assistive programs' tests and by ours.
        .with_debug_info(true);
    slint_build::compile_with_config(face.join("app.slint"), config)?;
    Ok(())
}

fn fonts(root: &Path, script: &Path, out: &Path) -> Result<(), Failure> {
    let made = root.join("target/fonts");
    let status = Command::new("bash").arg(script).current_dir(root).status()?;
    if !status.success() {
        return Err(format!("packaging/fonts.sh failed: {status}").into());
    }
    let mut text = String::new();
    for name in FACES {
        println!("cargo::rerun-if-changed={}", made.join(name).display());
        fs::copy(made.join(name), out.join(name))?;
        text.push_str(&format!("import \"{name}\";\n"));
    }
    text.push_str("export global Font { out property <string> family: \"Spotcheck Sans\"; }\n");
    fs::write(out.join("fonts.slint"), text)?;
    Ok(())
}
