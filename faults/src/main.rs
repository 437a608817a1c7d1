//! Everything that can fail fails, on purpose and repeatedly, and what everyone else notices is measured.
//!
//! ```sh
//! cargo xtask faults              # every scenario once, a table in the end
//! cargo xtask soak --minutes 60   # again and again
//! cargo run --release -p faults -- --list
//! cargo run --release -p faults -- server_killed hosts
//! ```
//!
//! Each server and client is a process of its own: this program once more, in a role. Only bounds that any machine
//! keeps are asserted; how long things took is printed.
//!
//! # Layout
//! | module | holds |
//! |---|---|
//! | `scenarios/` | one scenario a file, and their list |
//! | `roles/` | what the processes do, one role a file |
//! | `child`, `server`, `caller`, `bystander`, `chain` | the processes as the suite has them |
//! | `watched`, `waiting_calls` | how scenarios begin and end; calls that wait behind one that hangs |
//! | `outcomes`, `account`, `latencies` | what callers were told and what ran; the loss equation; how long it took |
//! | `relay`, `hosts` | networks that fail |
//! | `row`, `failed`, `cleanup`, `memory`, `descriptors` | the table; why it failed; what must not stay; limits |
//! | `support` | hostile peers, as the server's tests have them |

#[cfg(not(target_os = "linux"))]
compile_error!("the suite stops processes and builds hosts by means of Linux");

mod account;
mod bystander;
mod caller;
mod chain;
mod child;
mod cleanup;
mod descriptors;
mod failed;
mod hosts;
mod latencies;
mod memory;
mod outcomes;
mod relay;
mod roles;
mod row;
mod scenarios;
mod server;
mod support;
mod waiting_calls;
mod watched;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use row::{Ended, HEAD, line};
use scenarios::{SCENARIOS, Scenario};

fn main() -> ExitCode {
    if let Some(role) = child::role() {
        return match roles::play(&role) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failed) => {
                eprintln!("the {role}: {}", failed.0);
                ExitCode::FAILURE
            }
        };
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = arguments.iter().map(String::as_str);
    let (mut names, mut minutes) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        match argument {
            "--list" => {
                SCENARIOS.iter().for_each(|scenario| println!("{:<14} {}", scenario.name, scenario.does));
                return ExitCode::SUCCESS;
            }
            "--minutes" => match arguments.next().and_then(|text| text.parse::<f64>().ok()) {
                Some(given) => minutes = Some(given),
                None => return usage("--minutes needs a number"),
            },
            name if SCENARIOS.iter().any(|scenario| scenario.name == name) => names.push(name.to_owned()),
            other => return usage(&format!("there is no scenario `{other}`")),
        }
    }
    if let Err(error) = ctrlc::set_handler(|| {
        cleanup::everything();
        std::process::exit(130);
    }) {
        eprintln!("Ctrl-C will not clean up: {error}");
    }
    let is_chosen = |scenario: &&Scenario| names.is_empty() || names.iter().any(|name| name == scenario.name);
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(is_chosen).collect();
    run(&chosen, minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes)))
}

fn usage(why: &str) -> ExitCode {
    eprintln!("{why}\nfaults [--list] [--minutes N] [SCENARIO...]");
    ExitCode::from(2)
}

/// Runs the scenarios once, or again and again until `soak` is over or one fails; prints the table.
fn run(chosen: &[&Scenario], soak: Option<Duration>) -> ExitCode {
    let started = Instant::now();
    let (mut lines, mut failed, mut skipped, mut rounds) = (Vec::new(), 0, Vec::new(), 0);
    while rounds == 0 || (failed == 0 && soak.is_some_and(|soak| started.elapsed() < soak)) {
        rounds += 1;
        (lines, skipped) = (Vec::new(), Vec::new());
        for scenario in chosen {
            eprintln!("{}: {}", scenario.name, scenario.does);
            let began = Instant::now();
            let ended = outcome(scenario);
            match &ended {
                Ended::Failed(why) => {
                    failed += 1;
                    eprintln!("{} FAILED: {why}", scenario.name);
                }
                Ended::Skipped(why) => {
                    skipped.push(scenario.name);
                    eprintln!("{} SKIPPED: {why}", scenario.name);
                }
                Ended::Passed(_) => {}
            }
            lines.push(line(scenario.name, &ended, began.elapsed()));
        }
        if soak.is_some() {
            eprintln!("round {rounds}, {:.0} minutes", started.elapsed().as_secs_f64() / 60.0);
            println!("{}", lines.join("\n"));
        }
    }
    println!("\n{HEAD}\n{}", lines.join("\n"));
    println!("\n{rounds} round(s) in {:.0} s, {failed} failed", started.elapsed().as_secs_f64());
    if !skipped.is_empty() {
        println!("SKIPPED, see above: {}", skipped.join(", "));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn outcome(scenario: &Scenario) -> Ended {
    if let Some(why) = (scenario.unavailable)() {
        return Ended::Skipped(why);
    }
    // A panic is a failure like any other: what was made is removed and the other scenarios run.
    match std::panic::catch_unwind(AssertUnwindSafe(scenario.run)) {
        Ok(Ok(row)) => Ended::Passed(Box::new(row)),
        Ok(Err(failed)) => Ended::Failed(failed.0),
        Err(_) => Ended::Failed("the suite panicked, see above".into()),
    }
}
