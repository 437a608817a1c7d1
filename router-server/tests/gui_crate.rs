//! A GUI depends on the client, and with it on no server and no driver.

use std::path::{Path, PathBuf};
use std::process::Command;

const GUI: &str = r#"//! A GUI with a typed client.
use router_client::{RouterClient, interface};

#[interface]
pub trait Stage {
    /// Moves to `target_um` [um]; returns the position reached [um].
    fn move_to(&self, target_um: f64) -> f64;
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = RouterClient::connect("tcp://localhost")?;
    println!("{}", StageClient::new(&client, "stage").move_to(1500.0).wait()?);
    Ok(())
}
"#;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Writes the GUI's crate, which has nothing of this workspace but the path of the client.
fn gui_crate(folder: &Path) -> PathBuf {
    let workspace = workspace();
    let manifest = folder.join("Cargo.toml");
    let client = workspace.join("router-client");
    let zmq_sys = workspace.join("zmq-sys");
    let text = format!(
        "[package]\nname = \"gui\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nrouter-client = {{ path = {client:?} }}\n\n\
         [patch.crates-io]\nzmq-sys = {{ path = {zmq_sys:?} }}\n\n{}",
        profiles(&workspace)
    );
    std::fs::write(&manifest, text).unwrap();
    std::fs::create_dir(folder.join("src")).unwrap();
    std::fs::write(folder.join("src/main.rs"), GUI).unwrap();
    std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    manifest
}

/// The workspace's profiles: with the same ones the GUI uses what is built already.
fn profiles(workspace: &Path) -> String {
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    let start = manifest.find("[profile.").map_or(manifest.len(), |start| start);
    manifest[start..].to_owned()
}

fn cargo(manifest: &Path, command: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(command)
        .args(["--offline", "--manifest-path"])
        .arg(manifest)
        // What cargo tells this test of its own build is no business of the other one.
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_gui_depends_on_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = gui_crate(folder.path());
    let tree = cargo(&manifest, &["tree", "--edges", "normal,build", "--prefix", "none"]);
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"router-client") && crates.contains(&"router-wire"), "{tree}");
    for server_only in ["router-server", "one-liner", "sysinfo", "nokhwa"] {
        assert!(!crates.contains(&server_only), "a GUI builds {server_only}:\n{tree}");
    }
}

#[test]
fn a_gui_builds() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = gui_crate(folder.path());
    // The dependencies that this test was built with are used again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    cargo(&manifest, &["check", "--quiet", "--target-dir", target.to_str().unwrap()]);
}
