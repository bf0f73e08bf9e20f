//! Brings the two font faces into the build.
//!
//! The faces are made by `packaging/fonts.sh` from the distribution's Noto collection and are not kept in
//! the repository (19 MB sources, reproducible result). `SPOTCHECK_FONTS` names a folder with ready-made
//! faces instead, for builds without the sources.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const FILES: [&str; 3] = ["SpotcheckSans-Regular.otf", "SpotcheckSans-Bold.otf", "SHA256SUMS"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=SPOTCHECK_FONTS");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let fonts = match env::var_os("SPOTCHECK_FONTS") {
        Some(given) => PathBuf::from(given),
        None => {
            let script = root.join("packaging/fonts.sh");
            println!("cargo:rerun-if-changed={}", script.display());
            let made = root.join("target/fonts");
            let status = Command::new("bash").arg(&script).arg(&made).status()?;
            if !status.success() {
                return Err(
                    "packaging/fonts.sh could not make the fonts; its message says why".into()
                );
            }
            made
        }
    };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for file in FILES {
        let source = fonts.join(file);
        println!("cargo:rerun-if-changed={}", source.display());
        fs::copy(&source, out.join(file))
            .map_err(|e| format!("{} cannot be copied: {e}", source.display()))?;
    }
    Ok(())
}
