//! Another process: this test program once more, in a role. It can be stopped, killed and measured.
//!
//! A test file that has roles contains a test named `child_process`, which returns at once unless it runs in a child:
//!
//! ```ignore
//! #[test]
//! fn child_process() {
//!     child::play(|role| match role {
//!         "server" => serve(),
//!         other => panic!("no role {other}"),
//!     });
//! }
//! ```

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use super::PATIENCE;

const ROLE: &str = "ROUTER_TEST_ROLE";
/// What begins a line that is meant for the test; the test harness prints lines of its own.
const MARK: &str = "@child ";

/// A process in a role. It is killed when this is dropped, stopped or not.
pub(crate) struct Child {
    process: std::process::Child,
    lines: Receiver<String>,
}

impl Child {
    /// Starts a child in `role` with the arguments `with`, which it reads by [`argument`].
    #[track_caller]
    pub(crate) fn start(role: &str, with: &[(&str, &str)]) -> Child {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            // A backtrace of a panic that belongs to a test takes longer than what it measures.
            .env("RUST_BACKTRACE", "0")
            .envs(with.iter().map(|(name, value)| (variable(name), value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = unbounded();
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The harness may have begun the line: `test child_process ... @child ...`.
                if let Some((_, line)) = line.split_once(MARK)
                    && sender.send(line.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Child { process, lines }
    }

    /// The next thing the child says with `say(key, value)`; what it says of other things is skipped.
    #[track_caller]
    pub(crate) fn hears(&self, key: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_deadline(deadline);
            let line = line.unwrap_or_else(|_| panic!("the child never said `{key}`"));
            if let Some((said, value)) = line.split_once(' ')
                && said == key
            {
                return value.to_owned();
            }
        }
    }

    /// Everything the child says with `say(key, value)` until it says `last`, which is included.
    #[track_caller]
    pub(crate) fn hears_until(&self, key: &str, last: &str) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|value| value != last) {
            heard.push(self.hears(key));
        }
        heard
    }

    /// Gives the child an order, which it finds among its [`orders`].
    pub(crate) fn tell(&mut self, order: &str) {
        let stdin = self.process.stdin.as_mut().unwrap();
        writeln!(stdin, "{order}").unwrap();
        stdin.flush().unwrap();
    }

    /// Ends the process as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits until the process has ended by itself.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        super::until("the child ends", || self.process.try_wait().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Stops the process in its tracks: its connections stay, and nothing reads from them.
    #[cfg(unix)]
    pub(crate) fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        super::eventually("the child is stopped", || self.state() == Some('T'));
    }

    /// Lets a stopped process run again.
    #[cfg(unix)]
    pub(crate) fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: i32) {
        // SAFETY: a signal to a child that was not waited for, so that its number is no other's.
        assert_eq!(unsafe { libc::kill(self.pid() as libc::pid_t, signal) }, 0);
    }

    /// The letter of its state in /proc.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Plays a role if this process is a child, and does nothing in the test itself.
pub(crate) fn play(role: impl FnOnce(&str)) {
    if let Ok(name) = std::env::var(ROLE) {
        role(&name);
    }
}

/// What the test gave the child as `name`.
pub(crate) fn argument(name: &str) -> Option<String> {
    std::env::var(variable(name)).ok()
}

/// Tells the test something.
pub(crate) fn say(key: &str, value: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{key} {value}").unwrap();
    out.flush().unwrap();
}

/// What the test tells the child, until the test is gone.
pub(crate) fn orders() -> impl Iterator<Item = String> {
    std::io::stdin().lines().map_while(Result::ok)
}

/// Memory that a process has in use now [bytes].
#[cfg(target_os = "linux")]
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Gives memory that is free back to the system, so that what is left is in use.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn give_memory_back() {
    // SAFETY: takes no pointer, and may be called at any time.
    unsafe { libc::malloc_trim(0) };
}

/// How long an order may take to be carried out.
pub(crate) const SOON: Duration = Duration::from_secs(1);

fn variable(name: &str) -> String {
    format!("ROUTER_TEST_{name}")
}
