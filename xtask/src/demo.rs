//! The README's first command, as written there, for a few seconds.

use std::path::Path;

use crate::cargo;

/// The command that the README tells to run.
const COMMAND: &str = "cargo run --release --bin one-liner -- demo";

/// Runs it with `--for 3 --json` and looks for lines.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let readme =
        std::fs::read_to_string(root.join("README.md")).map_err(|error| format!("README.md: {error}"))?;
    if !readme.contains(COMMAND) {
        return Err(format!("README.md does not say `{COMMAND}`"));
    }
    // Any free ports: another demo may run on this machine.
    let added = ["--bind", "tcp://127.0.0.1:*", "--for", "3", "--json"];
    let args: Vec<&str> = COMMAND.split(' ').skip(1).chain(added).collect();
    eprintln!("cargo {}", args.join(" "));
    let output = cargo::output(root, &args)?;
    let lines = output.lines().filter(|line| line.starts_with('{')).count();
    match output.contains("stage.position_um") {
        true if lines > 0 => {
            eprintln!("{lines} lines");
            Ok(())
        }
        _ => Err(format!("it did not report the stream `stage.position_um`:\n{output}")),
    }
}
