//! The fuzz targets, each for a short time, where cargo-fuzz and a nightly compiler are installed.

use std::path::Path;
use std::process::Command;

use crate::environment::Ended;

/// How long each target runs unless `--seconds` says otherwise.
const SECONDS: u32 = 3;

/// Runs each target for `--seconds N`, beginning with the committed corpus.
pub(crate) fn run(root: &Path, seconds: Option<u32>) -> Ended {
    if let Some(missing) = missing(root) {
        return Ended::Skipped(missing);
    }
    let targets = match targets(root) {
        Ok(targets) => targets,
        Err(why) => return Ended::Failed(why),
    };
    let seconds = seconds.unwrap_or(SECONDS);
    for target in &targets {
        eprintln!("{target}: {seconds} s");
        if let Err(why) = run_target(root, target, seconds) {
            return Ended::Failed(why);
        }
    }
    Ended::Passed
}

/// What is not installed, with the command that installs it. Nothing is installed from here.
fn missing(root: &Path) -> Option<String> {
    let works = |args: &[&str]| nightly(root, args).output().is_ok_and(|output| output.status.success());
    if !works(&["--version"]) {
        return Some("there is no nightly compiler: rustup toolchain install nightly".into());
    }
    (!works(&["fuzz", "--version"]))
        .then(|| "there is no cargo-fuzz: cargo install --locked cargo-fuzz".into())
}

/// The targets by name: one file each.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("fuzz/fuzz_targets");
    let read = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut targets: Vec<String> =
        read.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    targets.sort();
    Ok(targets)
}

/// What is found is kept under `fuzz/target`; what fails under `fuzz/artifacts`, with the command that runs it again.
fn run_target(root: &Path, target: &str, seconds: u32) -> Result<(), String> {
    let (found, committed) = (format!("target/corpus/{target}"), format!("corpus/{target}"));
    let fuzz = root.join("fuzz");
    std::fs::create_dir_all(fuzz.join(&found)).map_err(|error| format!("{found}: {error}"))?;
    let time = format!("-max_total_time={seconds}");
    let args = ["fuzz", "run", target, &found, &committed, "--", &time, "-verbosity=0", "-rss_limit_mb=1024"];
    let output =
        nightly(&fuzz, &args).output().map_err(|error| format!("rustup could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    Err(format!("the fuzz target {target} ended with {}", output.status))
}

/// Cargo of the nightly toolchain, in `folder`.
fn nightly(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(args).current_dir(folder);
    // They name the compiler that runs this program, which would be taken instead.
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_declared_and_has_a_corpus() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let targets = targets(&root).unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(
                manifest.contains(&format!("fuzz_targets/{target}.rs")),
                "{target} is not in fuzz/Cargo.toml"
            );
            let corpus = std::fs::read_dir(root.join("fuzz/corpus").join(&target));
            assert!(corpus.is_ok_and(|mut files| files.next().is_some()), "{target} has no corpus");
        }
    }
}
