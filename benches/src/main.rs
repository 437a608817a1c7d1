//! Measures what everything costs, beside raw libzmq in the same run.
//!
//! ```sh
//! cargo xtask bench                            # everything: a quarter of an hour on an idle machine
//! cargo xtask bench --only calls --only rates  # some of it; --list shows what there is
//! cargo xtask bench --json                     # one object a line
//! cargo xtask bench --write                    # docs/performance.md too, with its drawings
//! cargo xtask bench --quick                    # does it run at all
//! ```
//!
//! Servers, clients, sources and subscribers are processes of their own: this program once more, in a role. On "one core"
//! each pins itself to core 0, so that no wake-up crosses cores; "free" is where the scheduler likes. Each round measures
//! both sides, one after the other; a row has the medians of all rounds, and how far the rounds lie apart.
//!
//! Frames are compared with iceoryx2 too where that program was built beside this one:
//! `cargo build --release --manifest-path benches/iceoryx2/Cargo.toml --target-dir target`. It is a workspace of its own,
//! because nothing else here needs its crates.
//!
//! # Layout
//! | module | holds |
//! |---|---|
//! | `rows/` | what is measured, a group a file, and their list |
//! | `roles/` | what the processes do, ours and raw libzmq |
//! | `child`, `plan` | a process in a role; how much is measured, and in which order |
//! | `row`, `latencies` | a row of the table; percentiles and medians |
//! | `publishing`, `reading` | sources and sinks that obey orders, whatever they are made of |
//! | `pattern`, `pool`, `raw_message` | what samples hold, their buffers; what the `zmq` crate lacks |
//! | `plot`, `ratios`, `document`, `machine` | drawings; docs/performance.md; what it was measured on |
//! | `os` | cores, CPU time, memory, the clock of all processes |

mod arguments;
mod child;
mod document;
mod latencies;
mod machine;
mod os;
mod pattern;
mod plan;
mod plot;
mod pool;
mod publishing;
mod ratios;
mod raw_message;
mod reading;
mod roles;
mod row;
mod rows;

use std::process::ExitCode;
use std::time::Instant;

use arguments::Arguments;
use document::Document;
use plan::Plan;
use row::Row;
use rows::{GROUPS, Group};

/// What went wrong is for a person to read.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["role", words @ ..] = &words[..] {
        return match roles::play(words) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Whoever started it hears it in place of what it waits for.
                println!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    if let ["--help" | "-h"] = words[..] {
        println!("{}", arguments::USAGE);
        return ExitCode::SUCCESS;
    }
    if words == ["--list"] {
        GROUPS.iter().for_each(|group| println!("{:<12} {}", group.name, group.does));
        return ExitCode::SUCCESS;
    }
    let arguments = match arguments::read(&words) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures; whether everything could be measured. A goal that is not met is a result like any other.
fn run(arguments: &Arguments) -> Outcome<bool> {
    let plan = Plan::new(arguments.quick, arguments.rounds)?;
    let mut document = if arguments.write { Some(Document::open()?) } else { None };
    let started = Instant::now();
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    let measured_on = machine::described();
    if !arguments.json {
        println!("{measured_on}; {} round(s)\n", plan.rounds);
    }
    for group in arguments.groups() {
        eprintln!("{:>5.0} s  {}: {}", started.elapsed().as_secs_f64(), group.name, group.does);
        let measured = match (group.run)(&plan) {
            Ok(measured) => measured,
            Err(error) => {
                eprintln!("{} FAILED: {error}", group.name);
                failed.push(group.name);
                continue;
            }
        };
        show(group, &measured.rows, arguments.json);
        if let Some(document) = &mut document {
            document.put(group.name, &format!("{} round(s); {measured_on}", plan.rounds), &measured)?;
        }
        rows.extend(measured.rows);
    }
    if let Some(mut document) = document {
        if arguments.only.is_empty() {
            document.put_ratios(&rows)?;
        }
        document.save()?;
    }
    if !arguments.json {
        summarise(&rows, &failed);
    }
    Ok(failed.is_empty())
}

fn show(group: &Group, rows: &[Row], json: bool) {
    if json {
        rows.iter().for_each(|row| println!("{}", row.json()));
    } else {
        println!("## {}\n{}", group.name, row::table(rows));
    }
}

fn summarise(rows: &[Row], failed: &[&str]) {
    let with_goal = rows.iter().filter(|row| row.ok().is_some()).count();
    let short: Vec<&str> =
        rows.iter().filter(|row| row.ok() == Some(false)).map(|row| row.name.as_str()).collect();
    println!("{} of {with_goal} goals are met", with_goal - short.len());
    short.iter().for_each(|name| println!("falls short: {name}"));
    if !failed.is_empty() {
        println!("could not be measured: {}", failed.join(", "));
    }
}
