//! Running cargo, and what to say when a part of it is missing.

use std::path::Path;
use std::process::Command;

/// A cargo command in `root`; cargo tells this program which cargo runs it.
pub(crate) fn command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs `cargo ARGS` with its output on ours.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    if let Some(missing) = missing_component(root, args) {
        return Err(missing);
    }
    eprintln!("cargo {}", args.join(" "));
    let status =
        command(root).args(args).status().map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} ended with {status}", args.join(" "))) }
}

/// Runs `cargo ARGS` and returns what it printed on stdout, or what it printed on stderr.
pub(crate) fn output(root: &Path, args: &[&str]) -> Result<String, String> {
    let output =
        command(root).args(args).output().map_err(|error| format!("cargo could not be started: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// `cargo fmt` and `cargo clippy` are components of their own, and without rustup packages of their own.
fn missing_component(root: &Path, args: &[&str]) -> Option<String> {
    let (subcommand, component) = match *args.first()? {
        "fmt" => ("fmt", "rustfmt"),
        "clippy" => ("clippy", "clippy"),
        _ => return None,
    };
    let present = output(root, &[subcommand, "--version"]).is_ok();
    (!present).then(|| format!("{component} is not installed: rustup component add {component}"))
}
