//! The Rust version that Cargo.toml states: the README states the same, and a compiler of it builds this.

use std::path::Path;
use std::process::Command;

use crate::environment::Ended;

/// Compares the stated versions, then looks for that compiler.
pub(crate) fn run(root: &Path) -> Ended {
    match stated(root) {
        Ok(version) => built_by(root, &version),
        Err(why) => Ended::Failed(why),
    }
}

/// The `rust-version` of the workspace, when the README states the same.
fn stated(root: &Path) -> Result<String, String> {
    let read =
        |file: &str| std::fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"));
    let manifest = read("Cargo.toml")?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .map(|rest| rest.trim_end_matches('"').to_owned())
        .ok_or("Cargo.toml states no rust-version")?;
    let sentence = format!("Rust {version}");
    if read("README.md")?.contains(&sentence) {
        Ok(version)
    } else {
        Err(format!("Cargo.toml states rust-version {version}; README.md does not say `{sentence}`"))
    }
}

fn built_by(root: &Path, version: &str) -> Ended {
    let present = Command::new("rustc").arg("--version").current_dir(root).output();
    let present =
        present.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if present.starts_with(&format!("rustc {version}.")) {
        eprintln!("rust-version {version} is this compiler: the other environments build with it");
        return Ended::Passed;
    }
    let installed = Command::new("rustup").args(["run", version, "cargo", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        let present = present.split(' ').nth(1).unwrap_or("unknown").to_owned();
        return Ended::Skipped(format!(
            "the compiler is {present}, not {version}: rustup toolchain install {version}"
        ));
    }
    // A target folder of its own: artefacts of two compilers would push each other out.
    let args = ["run", version, "cargo", "check", "--workspace", "--target-dir", "target/msrv"];
    eprintln!("rustup {}", args.join(" "));
    // The variable names the compiler that runs this program, which would be taken instead.
    match Command::new("rustup")
        .args(args)
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .current_dir(root)
        .status()
    {
        Ok(status) if status.success() => Ended::Passed,
        Ok(status) => Ended::Failed(format!("Rust {version} does not build this: {status}")),
        Err(error) => Ended::Failed(format!("rustup could not be started: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_states_one_version() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let version = stated(&root).unwrap();
        assert_eq!(version, env!("CARGO_PKG_RUST_VERSION"));
    }
}
