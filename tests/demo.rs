//! `make demo`: the whole way once, and where everything lies afterwards.
//!
//! With a display the handheld's window opens after tasks and packages are there, so that a person can make
//! the visit; what was not sealed by hand is then driven by sub-commands, as it is without a display.
#![allow(clippy::print_stdout, reason = "the demo talks to a person")]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use spotcheck_tests::root;
use spotcheck_tests::support::checks::{Out, collect};
use spotcheck_tests::support::programs::program;
use spotcheck_tests::support::tsa::Tsa;
use spotcheck_tests::support::visit::{Claims, World};

fn main() -> Result<()> {
    let base =
        std::env::args_os().nth(1).map_or_else(|| root().join("target/demo-run"), PathBuf::from);
    if base.exists() {
        std::fs::remove_dir_all(&base).context("the folder of an earlier demo")?;
    }
    std::fs::create_dir_all(&base)?;
    println!("demo: a time-stamp authority on loopback");
    let tsa = Tsa::start(&base.join("tsa"))?;
    let roots = tsa.roots.to_string_lossy().into_owned();
    let serve = ["--tsa", tsa.url.as_str(), "--tsa-roots", roots.as_str()];

    println!("demo: a centre with an invented city, a handheld, two officers, a task");
    let world = World::build(&base, &Claims::DemoCity { seed: 2026 }, &serve, None)?;
    synthea(&base, &serve)?;
    if std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some() {
        open_window(&world)?;
    }
    println!("demo: the visit, by sub-commands");
    let sealed = world.visit(None)?;
    println!("demo: sending the bundle, waiting for the receipt");
    world.handheld.ok(&["push"])?;
    let out = collect(&world, &sealed, &base.join("out"))?;
    tell(&out);
    judge(&out)
}

/// The window of the same handheld.
fn open_window(world: &World) -> Result<()> {
    println!("demo: the window opens; close it to go on");
    for (id, file) in &world.handheld.pins {
        let pin = std::fs::read_to_string(file)?;
        println!("demo: officer {id}, PIN {}", pin.trim());
    }
    let status = Command::new(program("spotcheck")?)
        .arg("--data")
        .arg(&world.handheld.data)
        .arg("--device")
        .arg(&world.handheld.device)
        .status()?;
    if !status.success() {
        println!("demo: the window could not be opened ({status}); going on without it");
    }
    Ok(())
}

/// The same way to the opened package on claims that others made, where they are.
fn synthea(base: &Path, serve: &[&str]) -> Result<()> {
    let from = root().join("../shared/data/synthea");
    if !from.is_dir() {
        println!("demo: no Synthea export beside the project, skipped");
        return Ok(());
    }
    println!("demo: the Synthea export through its mapping");
    let claims = Claims::Mapped {
        from,
        mapping: root().join("tests/fixtures/mappings/synthea.toml"),
        period: "1968-01-01..2025-12-31".to_owned(),
    };
    World::build(&base.join("synthea"), &claims, serve, None)?;
    Ok(())
}

fn tell(out: &Out) {
    println!();
    println!("bundle {}", out.bundle.display());
    println!("roots {}", out.roots.display());
    if let Some(tsa) = &out.tsa_roots {
        println!("tsa-roots {}", tsa.display());
    }
    println!("log-key {}", out.log_key.display());
    println!("receipt {}", out.receipt.display());
    for pdf in &out.pdfs {
        println!("pdf {}", pdf.display());
    }
    println!("gallery {}", root().join("ui/gallery").display());
    println!();
}

/// The verifier's own page, as a clerk reads it.
fn judge(out: &Out) -> Result<()> {
    let mut command = Command::new(program("spotcheck-verify")?);
    command.arg(&out.bundle).arg("--trust").arg(&out.roots).arg("--log-key").arg(&out.log_key);
    if let Some(tsa) = &out.tsa_roots {
        command.arg("--tsa").arg(tsa);
    }
    let status = command.status()?;
    anyhow::ensure!(status.success(), "the bundle was not accepted: {status}");
    Ok(())
}
