//! Compiles the Slint files into Rust.

use std::env;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let face = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let config = slint_build::CompilerConfiguration::new()
        .with_style("fluent-light".to_owned())
        // The Chinese word is the key everywhere, whichever component says it.
        .with_bundled_translations("lang")
        .with_default_translation_context(slint_build::DefaultTranslationContext::None)
        // Labels are found through it: by assistive programs' tests and by ours.
        .with_debug_info(true);
    slint_build::compile_with_config(face.join("app.slint"), config)?;
    Ok(())
}
