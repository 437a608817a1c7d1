//! Runs every example as its README says, on free ports, and compares what it prints.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::cargo;
use crate::example::{self, Program};

/// Far more than any example takes: what is still running then hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// Builds the examples and runs one after another.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    cargo::run(root, &["build", "--package", "examples", "--bins"])?;
    let mut wrong = Vec::new();
    let folders =
        folders(&root.join("examples")).map_err(|error| format!("examples cannot be read: {error}"))?;
    for folder in &folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match run_one(root, folder) {
            Ok(skipped) if skipped.is_empty() => eprintln!("{name:<22} ok"),
            Ok(skipped) => eprintln!("{name:<22} ok, but *** SKIPPED: {} ***", skipped.join("; ")),
            Err(why) => {
                eprintln!("{name:<22} FAILED\n{why}");
                wrong.push(name);
            }
        }
    }
    match wrong[..] {
        [] if folders.is_empty() => Err("there are no examples".into()),
        [] => Ok(()),
        _ => Err(format!("{} of {} examples: {}", wrong.len(), folders.len(), wrong.join(", "))),
    }
}

/// The folders with a README, sorted.
fn folders(examples: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(examples)? {
        let path = entry?.path();
        if path.join("README.md").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Runs an example; what of it was skipped, and why.
fn run_one(root: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let readme = folder.join("README.md");
    let readme =
        std::fs::read_to_string(&readme).map_err(|error| format!("{}: {error}", readme.display()))?;
    let example = example::read(&readme)?;
    let (server, clients) = example.programs.split_first().ok_or("no programs")?;
    let (clients, skipped): (Vec<&Program>, Vec<&Program>) =
        clients.iter().partition(|client| can_run(client));
    let skipped = skipped.iter().filter_map(|program| {
        let (interpreter, _) = program.script.as_ref()?;
        Some(format!("{} needs {}", program.title(), interpreter.needs()))
    });
    let skipped = skipped.collect();
    let (server, endpoint) = Server::start(root, server)?;
    let running: Vec<Running> =
        clients.iter().map(|client| Running::start(root, client, &endpoint)).collect::<Result<_, _>>()?;
    let ended: Vec<Result<(), String>> = running.into_iter().map(Running::end).collect();
    let stopped = server.stop();
    let wrong: Vec<String> = ended.into_iter().chain([stopped]).filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(skipped) } else { Err(wrong.join("\n")) }
}

/// Whether what runs the program is on this machine.
fn can_run(program: &Program) -> bool {
    let Some((interpreter, _)) = &program.script else { return true };
    let mut check = Command::new(interpreter.command());
    check.args(interpreter.check()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    check.status().is_ok_and(|status| status.success())
}

/// A server; it stops at the end of its input.
struct Server {
    child: Child,
    output_ended: mpsc::Receiver<()>,
}

impl Server {
    /// Starts it and waits for the line that names its endpoint.
    fn start(root: &Path, program: &Program) -> Result<(Server, String), String> {
        let mut child = spawn(root, program, "tcp://127.0.0.1:*", Stdio::piped())?;
        let output = child.stdout.take().ok_or("the server has no stdout")?;
        let (send_line, line) = mpsc::channel();
        let (send_end, output_ended) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut first = String::new();
            // Who waits for either may have given up: then nobody needs to know.
            let _ = output.read_line(&mut first);
            let _ = send_line.send(first);
            let _ = output.read_to_string(&mut String::new());
            let _ = send_end.send(());
        });
        let server = Server { child, output_ended };
        let line = line.recv_timeout(DEADLINE).map_err(|_| format!("{} printed nothing", program.title()))?;
        match line.split_whitespace().find(|word| word.starts_with("tcp://")) {
            Some(endpoint) => Ok((server, endpoint.trim_end_matches([',', ';', '.']).to_owned())),
            None => Err(format!("{} names no endpoint in its first line: {line}", program.title())),
        }
    }

    fn stop(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        if self.output_ended.recv_timeout(DEADLINE).is_err() {
            return Err(format!("the server still runs {} s after the end of its input", DEADLINE.as_secs()));
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After stop() it has ended, and there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client on its way.
struct Running<'a> {
    program: &'a Program,
    child: Child,
    printed: mpsc::Receiver<String>,
}

impl<'a> Running<'a> {
    fn start(root: &Path, program: &'a Program, endpoint: &str) -> Result<Running<'a>, String> {
        let mut child = spawn(root, program, endpoint, Stdio::null())?;
        let output = child.stdout.take().ok_or("the client has no stdout")?;
        let (send, printed) = mpsc::channel();
        std::thread::spawn(move || send.send(read_all(output)));
        Ok(Running { program, child, printed })
    }

    /// Waits for its end and compares what it printed.
    fn end(mut self) -> Result<(), String> {
        let title = self.program.title();
        let printed = self.printed.recv_timeout(DEADLINE);
        if printed.is_err() {
            let _ = self.child.kill();
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let printed =
            printed.map_err(|_| format!("{title} was still running after {} s", DEADLINE.as_secs()))?;
        let expected = self.program.prints.as_deref().unwrap_or("...");
        if !status.success() {
            Err(format!("{title} ended with {status}; it printed\n{printed}"))
        } else if !example::matches(expected, &printed) {
            Err(format!("{title} printed\n{printed}its README says\n{expected}"))
        } else {
            Ok(())
        }
    }
}

fn read_all(mut output: ChildStdout) -> String {
    let mut bytes = Vec::new();
    // What came before an error is what there is to compare.
    let _ = output.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn spawn(root: &Path, program: &Program, endpoint: &str, stdin: Stdio) -> Result<Child, String> {
    let mut command = match &program.script {
        Some((interpreter, path)) => {
            let mut command = Command::new(interpreter.command());
            command.arg(root.join(path));
            command
        }
        None => {
            // This program was built by the same cargo into the same folder.
            let folder = std::env::current_exe().map_err(|error| error.to_string())?;
            Command::new(folder.with_file_name(format!("{}{}", program.bin, std::env::consts::EXE_SUFFIX)))
        }
    };
    command
        .arg(endpoint)
        .args(&program.arguments)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{:?} could not be started: {error}", command.get_program()))
}
