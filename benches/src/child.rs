//! Another process: this program once more, in a role, pinned by itself.
//!
//! It is given orders on its input, a line each, and answers each by a line of numbers. It ends when its input does, and
//! the system ends it when the bench is gone.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use crate::{Outcome, os};

/// Far more than anything takes: who has said nothing by then hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a process may take to end by itself.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// What a failed order is answered with.
const FAILED: &str = "failed ";
/// What a child says first, with the address where it can be reached.
const READY: &str = "ready ";

/// Where processes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// All of them on core 0: no wake-up crosses cores.
    One,
    /// Where the scheduler likes.
    Free,
}

impl Cores {
    /// As a part of a row's name.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Cores::One => "one core",
            Cores::Free => "free",
        }
    }

    fn argument(self) -> &'static str {
        match self {
            Cores::One => "0",
            Cores::Free => "-",
        }
    }
}

/// A process in a role. It is ended when this is dropped.
pub(crate) struct Child {
    role: String,
    process: std::process::Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Where it can be reached.
    pub(crate) address: String,
}

impl Child {
    /// Starts a process in `role` and waits until it says that it is ready. By the main thread only: a child ends with
    /// the thread that started it.
    pub(crate) fn start(cores: Cores, role: &str, with: &[&str]) -> Outcome<Child> {
        Child::start_program(&std::env::current_exe()?, cores, role, with)
    }

    /// Starts another program than this one, which takes the same words and orders.
    pub(crate) fn start_program(program: &Path, cores: Cores, role: &str, with: &[&str]) -> Outcome<Child> {
        let mut process = Command::new(program)
            .args(["role", cores.argument(), role])
            .args(with)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(process.stdout.take().ok_or("a child without output")?);
        let input = process.stdin.take();
        let (sender, lines) = unbounded();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut child = Child { role: role.to_owned(), process, input, lines, address: String::new() };
        let line = child.line()?;
        let address = line.strip_prefix(READY).ok_or_else(|| format!("{role}: {line}"))?;
        address.clone_into(&mut child.address);
        Ok(child)
    }

    /// Gives an order; [`hear`](Child::hear) has its answer.
    pub(crate) fn tell(&mut self, order: &str) -> Outcome {
        let input = self.input.as_mut().ok_or("a child without input")?;
        writeln!(input, "{order}").map_err(|error| format!("{} has ended: {error}", self.role))?;
        Ok(input.flush()?)
    }

    /// Waits for an answer.
    pub(crate) fn hear(&self) -> Outcome<Vec<f64>> {
        let line = self.line()?;
        if let Some(why) = line.strip_prefix(FAILED) {
            return Err(format!("{}: {why}", self.role).into());
        }
        let numbers: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
        Ok(numbers.map_err(|_| format!("{} says `{line}`", self.role))?)
    }

    /// Gives an order and waits for its answer.
    pub(crate) fn ask(&mut self, order: &str) -> Outcome<Vec<f64>> {
        self.tell(order)?;
        self.hear()
    }

    /// CPU time of the process so far [us].
    pub(crate) fn cpu_us(&self) -> f64 {
        os::cpu_us_of(self.process.id())
    }

    /// Memory of the process now [MB].
    pub(crate) fn resident_mb(&self) -> f64 {
        os::resident_mb_of(self.process.id())
    }

    fn line(&self) -> Outcome<String> {
        Ok(self
            .lines
            .recv_timeout(PATIENCE)
            .map_err(|_| format!("{} says nothing, or has ended", self.role))?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        // Its output ends when it does, having put away what it left in the system.
        let end = Instant::now() + ENDS_WITHIN;
        while self.lines.recv_deadline(end).is_ok() {}
        // One that hangs must not outlive the bench; one that has ended is only taken off the list.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child: says that it is ready, at `address`.
pub(crate) fn say_ready(address: &str) {
    println!("{READY}{address}");
}

/// In a child that is ready at `address`: obeys orders until the bench is gone. `obey` is given the words of each and answers by numbers.
pub(crate) fn obey(address: &str, mut obey: impl FnMut(&[&str]) -> Outcome<Vec<f64>>) -> Outcome {
    say_ready(address);
    for line in std::io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match obey(&words) {
            Ok(numbers) => {
                println!("{}", numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
            }
            Err(error) => println!("{FAILED}{}", error.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}

/// In a child that obeys nothing and works until the bench is gone: ends the process then.
pub(crate) fn end_with_input() {
    std::thread::spawn(|| {
        let mut input = std::io::stdin().lock();
        let mut line = String::new();
        while input.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            line.clear();
        }
        std::process::exit(0);
    });
}
