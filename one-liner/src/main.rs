//! The command `one-liner`: serves a demo, and lists, describes, calls and watches what any server serves.
//!
//! ```text
//! one-liner demo                                   serves this computer, a stage and a camera
//! one-liner call stage.move_to 1500                calls one of its methods
//! one-liner watch stage.position_um                prints one of its streams
//! ```
//!
//! # Layout
//!
//! | module | holds |
//! |---|---|
//! | `commands` | the commands, one file each |
//! | `demo` | the instruments that `demo` serves, and its live table |
//! | `target` | which server, and how to print |
//! | `exit` | outcomes as exit codes |
//! | `value` | MessagePack, JSON and what people type and read |
//! | `output` | stdout for results, stderr for people |

mod clock;
mod columns;
mod commands;
mod connection_news;
mod ctrl_c;
mod demo;
mod duration;
mod exit;
mod loss;
mod output;
mod progress_bar;
mod rate;
mod signature;
mod tables;
mod target;
mod value;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use router_client::CallError;

use crate::commands::{
    call, demo as demo_command, describe, disable, enable, hz, list, outcome, ping, stats, watch,
};
use crate::exit::{CommandError, Exit};
use crate::output::Output;

/// Call an instrument's functions and watch its streams, from this or another computer.
#[derive(Debug, Parser)]
#[command(name = "one-liner", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 the call was refused, failed or cancelled; 2 wrong usage; 3 no server, unknown outcome or
the deadline passed; 130 the second Ctrl-C left a call running.";

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Describe(describe::Describe),
    Call(call::Call),
    Outcome(outcome::Outcome),
    Watch(watch::Watch),
    Hz(hz::Hz),
    Enable(enable::Enable),
    Disable(disable::Disable),
    Ping(ping::Ping),
    Stats(stats::Stats),
    Demo(demo_command::Demo),
}

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    let output = command.output();
    match command.run() {
        Ok(exit) => exit.into(),
        Err(error) if error.is_closed_output() => Exit::Done.into(),
        Err(error) => {
            // Whoever reads stdout may be gone by now; the exit code tells it all the same.
            let _ = output.json(&error.to_json());
            output::tell(format_args!("one-liner: {}", value::tame(&error.to_string())));
            if let CommandError::Call(CallError::ServerGone { .. }) = error {
                output::tell("`one-liner demo` starts a server; --connect tcp://HOST[:PORT] names another");
            }
            error.exit().into()
        }
    }
}

impl Command {
    fn run(self) -> Result<Exit, CommandError> {
        match self {
            Command::List(list) => list.run(),
            Command::Describe(describe) => describe.run(),
            Command::Call(call) => call.run(),
            Command::Outcome(outcome) => outcome.run(),
            Command::Watch(watch) => watch.run(),
            Command::Hz(hz) => hz.run(),
            Command::Enable(enable) => enable.run(),
            Command::Disable(disable) => disable.run(),
            Command::Ping(ping) => ping.run(),
            Command::Stats(stats) => stats.run(),
            Command::Demo(demo) => demo.run(),
        }
    }

    fn output(&self) -> Output {
        match self {
            Command::List(list) => list.target.output(),
            Command::Describe(describe) => describe.target.output(),
            Command::Call(call) => call.target.output(),
            Command::Outcome(outcome) => outcome.target.output(),
            Command::Watch(watch) => watch.target.output(),
            Command::Hz(hz) => hz.target.output(),
            Command::Enable(enable) => enable.target.output(),
            Command::Disable(disable) => disable.target.output(),
            Command::Ping(ping) => ping.target.output(),
            Command::Stats(stats) => stats.target.output(),
            Command::Demo(demo) => demo.output(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn negative_numbers_are_arguments() {
        let line = ["one-liner", "call", "stage.move_by", "-100", "--kw", "steps=-3", "--deadline", "2s"];
        let Command::Call(call) = CommandLine::try_parse_from(line).unwrap().command else { panic!() };
        assert_eq!(call.arguments, ["-100"]);
    }
}
