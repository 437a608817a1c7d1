//! Another process: this program once more, in a role. It can be stopped, killed and measured.
//!
//! A child says things on its output, `KEY VALUE` a line, and is told things on its input. It ends when the input does,
//! and the system ends it when the suite is gone, stopped or not.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use serde::de::DeserializeOwned;

use crate::failed::{Failed, Outcome, PATIENCE, check, until};

const ROLE: &str = "FAULTS_ROLE";

/// A process in a role. It is killed when this is dropped, stopped or not.
pub(crate) struct Child {
    role: String,
    process: std::process::Child,
    lines: Receiver<String>,
    /// What it said while something else was waited for.
    skipped: RefCell<Vec<(String, String)>>,
    reader: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts a child in `role` with the arguments `with`, which it reads by [`argument`]. By the main thread only: a
    /// child ends with the thread that started it.
    pub(crate) fn start(role: &str, with: &[(&str, &str)]) -> Outcome<Child> {
        Child::spawn(Command::new(std::env::current_exe()?), role, with)
    }

    /// Starts a child on the host that is the network namespace `namespace`.
    pub(crate) fn start_on(namespace: &str, role: &str, with: &[(&str, &str)]) -> Outcome<Child> {
        let mut command = Command::new("ip");
        // It becomes the program: the process number stays.
        command.args(["netns", "exec", namespace]).arg(std::env::current_exe()?);
        Child::spawn(command, role, with)
    }

    fn spawn(mut command: Command, role: &str, with: &[(&str, &str)]) -> Outcome<Child> {
        command
            .env(ROLE, role)
            .envs(with.iter().map(|(name, value)| (variable(name), value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // SAFETY: a system call that takes no memory and no lock, between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let mut process = command.spawn()?;
        let output = BufReader::new(process.stdout.take().ok_or("the child has no output")?);
        let (sender, lines) = unbounded();
        let reader = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Child { role: role.to_owned(), process, lines, skipped: RefCell::default(), reader: Some(reader) })
    }

    /// The next thing the child says of `key`; what it says of other things is kept for [`heard`](Child::heard).
    pub(crate) fn hears(&self, key: &str) -> Outcome<String> {
        self.hears_within(key, PATIENCE)
    }

    /// The same of something that takes longer.
    pub(crate) fn hears_within(&self, key: &str, timeout: Duration) -> Outcome<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let line = self.lines.recv_deadline(deadline);
            let line = line.map_err(|_| format!("the {} says no `{key}`, or has ended", self.role))?;
            let (said, value) = split(&line);
            if said == key {
                return Ok(value);
            }
            self.skipped.borrow_mut().push((said, value));
        }
    }

    /// Everything it has said and nobody has heard yet.
    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        let mut heard = self.skipped.take();
        heard.extend(self.lines.try_iter().map(|line| split(&line)));
        heard
    }

    /// Gives the child an order, which it finds among its [`orders`].
    pub(crate) fn tell(&mut self, order: &str) -> Outcome {
        let stdin = self.process.stdin.as_mut().ok_or("the child has no input")?;
        writeln!(stdin, "{order}").map_err(|error| format!("the {} takes no order: {error}", self.role))?;
        Ok(stdin.flush()?)
    }

    /// Gives an order whose answer the child says under the same key.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, order: &str) -> Outcome<T> {
        self.ask_within(order, PATIENCE)
    }

    /// The same of something that takes longer.
    pub(crate) fn ask_within<T: DeserializeOwned>(&mut self, order: &str, timeout: Duration) -> Outcome<T> {
        self.tell(order)?;
        let answer = self.hears_within(order, timeout)?;
        Ok(serde_json::from_str(&answer).map_err(|error| format!("{order}: {error} in {answer}"))?)
    }

    /// Ends the process as a power cut would, waits until it is gone, and returns what it said and nobody had heard.
    pub(crate) fn kill(&mut self) -> Vec<(String, String)> {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.heard()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Stops the process in its tracks: its connections stay, and nothing reads from them.
    pub(crate) fn freeze(&self) -> Outcome {
        self.signal(libc::SIGSTOP)?;
        until("the child is stopped", || Ok((self.state() == Some('T')).then_some(())))
    }

    /// Lets a stopped process run again.
    pub(crate) fn thaw(&self) -> Outcome {
        self.signal(libc::SIGCONT)
    }

    fn signal(&self, signal: i32) -> Outcome {
        // SAFETY: a signal to a child that was not waited for, so that its number is no other's.
        let sent = unsafe { libc::kill(self.pid() as libc::pid_t, signal) };
        check(sent == 0, || format!("the {} takes no signal", self.role))
    }

    /// The letter of its state in /proc.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn split(line: &str) -> (String, String) {
    let (key, value) = line.split_once(' ').unwrap_or((line, ""));
    (key.to_owned(), value.to_owned())
}

/// The role of this process; `None` in the suite itself.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// What the suite gave the child as `name`.
///
/// # Errors
/// It gave nothing by this name.
pub(crate) fn argument(name: &str) -> Outcome<String> {
    std::env::var(variable(name)).map_err(|_| Failed(format!("the role needs `{name}`")))
}

/// A number that the suite gave the child as `name`, or `otherwise`.
pub(crate) fn number(name: &str, otherwise: usize) -> usize {
    argument(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Tells the suite something. By one write, so that it is out before whatever happens next.
pub(crate) fn say(key: &str, value: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // A suite that is gone hears nothing, and its children end.
    let _ = out.write_all(format!("{key} {value}\n").as_bytes()).and_then(|()| out.flush());
}

/// Tells the suite a value.
///
/// # Errors
/// It cannot be written.
pub(crate) fn say_value(key: &str, value: &impl serde::Serialize) -> Outcome {
    say(key, serde_json::to_string(value)?);
    Ok(())
}

/// What the suite tells the child, until the suite is gone.
pub(crate) fn orders() -> impl Iterator<Item = String> {
    std::io::stdin().lines().map_while(Result::ok)
}

fn variable(name: &str) -> String {
    format!("FAULTS_{}", name.to_uppercase())
}
