//! The real program as processes: started, read line by line, and ended.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a module of several test binaries, each of which uses a part"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// How long anything may take on a machine that is busy with other tests.
pub const LONG: Duration = Duration::from_secs(60);

/// A running `one-liner`, killed when dropped.
pub struct Process {
    child: Child,
    pub stdout: Lines,
    pub stderr: Lines,
}

/// What a process prints, line by line.
pub struct Lines {
    lines: Receiver<String>,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    pub fn start(arguments: &[&str]) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_one-liner"))
            .args(arguments)
            .env_remove("ONE_LINER_CONNECT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built with the test");
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Process { child, stdout, stderr }
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.signal(libc::SIGINT);
    }

    /// Stops it as a debugger does, or lets it go on.
    #[cfg(unix)]
    pub fn freeze(&self, frozen: bool) {
        self.signal(if frozen { libc::SIGSTOP } else { libc::SIGCONT });
    }

    #[cfg(unix)]
    fn signal(&self, signal: libc::c_int) {
        // SAFETY: signals a child of ours that was not waited for yet, so the id is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }

    /// Waits for its end, and takes all that was not read yet.
    pub fn finish(mut self) -> Finished {
        let status = self.wait();
        Finished { code: status.code(), stdout: self.stdout.rest(), stderr: self.stderr.rest() }
    }

    /// Ends it as a power cut would.
    pub fn finish_at_once(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            // The standard library has no wait with a deadline.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Lines { lines }
    }

    /// The next line.
    pub fn next(&self) -> String {
        self.lines.recv_timeout(LONG).expect("a line should come")
    }

    /// The next line that contains `text`.
    pub fn until(&self, text: &str) -> String {
        let mut others = Vec::new();
        loop {
            match self.lines.recv_timeout(LONG) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => others.push(line),
                Err(error) => panic!("no line with `{text}` ({error}) in {others:#?}"),
            }
        }
    }

    /// The next line that is an object of which `is_so` says yes; lines that go on and on do not keep it waiting.
    pub fn until_object(&self, is_so: impl Fn(&Json) -> bool) -> Json {
        let deadline = Instant::now() + LONG;
        loop {
            let object: Json = serde_json::from_str(&self.next()).expect("each line is JSON");
            if is_so(&object) {
                return object;
            }
            assert!(Instant::now() < deadline, "it does not come; the last is {object:#}");
        }
    }

    /// All lines to the end of the pipe.
    fn rest(&self) -> String {
        let mut rest = String::new();
        loop {
            match self.lines.recv_timeout(LONG) {
                Ok(line) => {
                    rest.push_str(&line);
                    rest.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("the pipe stays open after the process ended"),
            }
        }
    }
}

impl Finished {
    /// The only line on stdout, as JSON.
    pub fn json(&self) -> Json {
        let lines = self.json_lines();
        assert_eq!(lines.len(), 1, "{self:#?}");
        lines[0].clone()
    }

    /// All lines on stdout, as JSON.
    pub fn json_lines(&self) -> Vec<Json> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }
}

/// A demo on ports of its own.
pub struct Demo {
    process: Process,
    pub connect: String,
    /// Its first line.
    pub started: Json,
}

impl Demo {
    pub fn start() -> Demo {
        Demo::start_with(&[])
    }

    pub fn start_with(more: &[&str]) -> Demo {
        let arguments = [&["demo", "--json", "--calls-port", "0"], more].concat();
        let process = Process::start(&arguments);
        let started: Json = serde_json::from_str(&process.stdout.until("started")).unwrap();
        let connect = started["connect"].as_str().unwrap().to_owned();
        Demo { process, connect, started }
    }

    /// Starts a command that talks to this demo.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        Process::start(&[arguments, &["--connect", &self.connect]].concat())
    }

    /// Runs a command that talks to this demo to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.spawn(arguments).finish()
    }

    /// Runs a command until `is_there` finds what it looks for in its JSON lines.
    pub fn run_until(&self, arguments: &[&str], is_there: impl Fn(&[Json]) -> bool) -> Vec<Json> {
        let deadline = Instant::now() + LONG;
        loop {
            let lines = self.run(arguments).json_lines();
            if is_there(&lines) {
                return lines;
            }
            assert!(Instant::now() < deadline, "it does not come: {lines:#?}");
        }
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    pub fn into_process(self) -> Process {
        self.process
    }
}
