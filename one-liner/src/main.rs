//! The command `one-liner`: serves a demo, and lists, describes, calls and watches what any server serves.
//!
//! ```text
//! one-liner demo                                   serves this computer, a stage and a camera
//! one-liner call stage.move_to 1500                calls one of its methods
//! one-liner watch stage.position_um                prints one of its streams
//! one-liner view camera.frame                      shows its pictures
//! one-liner top                                    shows what it is doing
//! one-liner doctor                                 finds out why it cannot be used
//! ```
//!
//! # Layout
//!
//! | module | holds |
//! |---|---|
//! | `commands` | the commands, one file each |
//! | `demo` | the instruments that `demo` serves, and its live table |
//! | `top`, `graph`, `doctor` | what those commands are made of: tables on a page; nodes and edges; checks |
//! | `picture_file` | frames as PNG and TIFF files, for `grab` |
//! | `view` | pictures in a terminal |
//! | `rate`, `bandwidth` | what `hz` and `bw` measure |
//! | `target`, `awaited_server` | which server, and how to print; waiting for one that may be started later |
//! | `connection_news`, `stream_news`, `hint`, `not_found` | what people are told when something is not there |
//! | `exit` | outcomes as exit codes |
//! | `upstreams` | the servers behind a server |
//! | `name` | names on the command line |
//! | `value`, `watched` | MessagePack, JSON and what people type and read; what a stream sends |
//! | `output` | stdout for results, stderr for people |

mod awaited_server;
mod bandwidth;
mod byte_count;
mod clock;
mod columns;
mod commands;
mod connection_news;
mod counted;
mod ctrl_c;
mod demo;
mod doctor;
mod duration;
mod exit;
mod graph;
mod hint;
mod loss;
mod name;
mod not_found;
mod output;
mod picture_file;
mod progress_bar;
mod rate;
mod signature;
mod stream_news;
mod tables;
mod target;
mod top;
mod upstreams;
mod value;
mod view;
mod watched;

use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    bw, call, completions, demo as demo_command, describe, disable, doctor as doctor_command, enable, grab,
    graph as graph_command, hz, list, outcome, ping, stats, top as top_command, view as view_command, watch,
};
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::target::CONNECT_VARIABLE;

/// Call an instrument's functions and watch its streams, from this or another computer.
#[derive(Debug, Parser)]
#[command(name = "one-liner", version, after_help = AFTER_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
All commands but `demo` and `completions` talk to a server: --connect ADDRESS or the variable ONE_LINER_CONNECT says to
which, tcp://localhost unless given. `demo` is a server itself, `completions` needs none.

Exit codes: 0 done; 1 the call was refused, failed or cancelled; 2 wrong usage; 3 no server, unknown outcome or
the deadline passed; 130 the second Ctrl-C left a call running.";

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Describe(describe::Describe),
    Call(call::Call),
    Outcome(outcome::Outcome),
    Watch(watch::Watch),
    Grab(grab::Grab),
    View(view_command::View),
    Hz(hz::Hz),
    Bw(bw::Bw),
    Top(top_command::Top),
    Enable(enable::Enable),
    Disable(disable::Disable),
    Ping(ping::Ping),
    Stats(stats::Stats),
    Graph(graph_command::GraphCommand),
    Doctor(doctor_command::Doctor),
    Demo(demo_command::Demo),
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let command = read_command_line().command;
    let output = command.output();
    match command.run() {
        Ok(exit) => exit.into(),
        Err(error) if error.is_closed_output() => Exit::Done.into(),
        Err(error) => {
            let error = error.examined();
            // Whoever reads stdout may be gone by now; the exit code tells it all the same.
            let _ = output.json(&error.to_json());
            output::tell(format_args!("one-liner: {error}"));
            if let Some(hint) = error.hint() {
                output::tell(hint);
            }
            error.exit().into()
        }
    }
}

/// Reads the command line; ends the process where that is wrong, or only asks for help.
fn read_command_line() -> CommandLine {
    let mut line = CommandLine::command();
    if std::env::var_os(CONNECT_VARIABLE).is_some_and(|address| address.is_empty()) {
        // Scripts empty a variable where they mean that it is not there.
        let without = |arg: Arg| if arg.get_id() == "connect" { arg.env(Resettable::Reset) } else { arg };
        line = line.mut_subcommands(|command| command.mut_args(without));
    }
    let read = CommandLine::from_arg_matches(&line.get_matches());
    read.unwrap_or_else(|error| error.exit())
}

impl Command {
    fn run(self) -> Result<Exit, CommandError> {
        match self {
            Command::List(list) => list.run(),
            Command::Describe(describe) => describe.run(),
            Command::Call(call) => call.run(),
            Command::Outcome(outcome) => outcome.run(),
            Command::Watch(watch) => watch.run(),
            Command::Grab(grab) => grab.run(),
            Command::View(view) => view.run(),
            Command::Hz(hz) => hz.run(),
            Command::Bw(bw) => bw.run(),
            Command::Top(top) => top.run(),
            Command::Enable(enable) => enable.run(),
            Command::Disable(disable) => disable.run(),
            Command::Ping(ping) => ping.run(),
            Command::Stats(stats) => stats.run(),
            Command::Graph(graph) => graph.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Demo(demo) => demo.run(),
            Command::Completions(completions) => completions.run(),
        }
    }

    fn output(&self) -> Output {
        match self {
            Command::List(list) => list.target.output(),
            Command::Describe(describe) => describe.target.output(),
            Command::Call(call) => call.target.output(),
            Command::Outcome(outcome) => outcome.target.output(),
            Command::Watch(watch) => watch.output(),
            Command::Grab(grab) => grab.output(),
            Command::View(view) => view.output(),
            Command::Hz(hz) => hz.output(),
            Command::Bw(bw) => bw.output(),
            Command::Top(top) => top.output(),
            Command::Enable(enable) => enable.target.output(),
            Command::Disable(disable) => disable.target.output(),
            Command::Ping(ping) => ping.target.output(),
            Command::Stats(stats) => stats.target.output(),
            Command::Graph(graph) => graph.output(),
            Command::Doctor(doctor) => doctor.target.output(),
            Command::Demo(demo) => demo.output(),
            Command::Completions(_) => Output { json: false },
        }
    }
}

#[cfg(test)]
mod tests {
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
