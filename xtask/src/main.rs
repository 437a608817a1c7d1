//! `cargo xtask ENV...`: every check of this workspace by name, the same at home and in CI.
//!
//! ```sh
//! cargo xtask list            # what there is, what each needs
//! cargo xtask fmt lint        # some
//! cargo xtask ci              # all, in order, with timings
//! cargo xtask soak --minutes 60
//! cargo xtask bench --only calls --rounds 3
//! ```
//!
//! # Layout
//!
//! | module | holds |
//! |---|---|
//! | [`environment`] | the table of environments |
//! | [`cargo`] | running cargo, and what to say when a part of it is missing |
//! | [`deny`], [`licence`] | licences and doubled versions, without network |
//! | [`msrv`] | the stated Rust version |
//! | [`doc`] | rustdoc, told apart from units in brackets |
//! | [`links`] | links between documents, and to tests that exist |
//! | [`examples`], [`example`] | the examples, run as their READMEs say |
//! | [`demo`] | the README's first command |
//! | [`faults`], [`fuzz`] | the fault suite and the fuzz targets, for as long as they are told |
//! | [`bench`] | the bench, with its own words |

mod bench;
mod cargo;
mod demo;
mod deny;
mod doc;
mod environment;
mod example;
mod examples;
mod faults;
mod fuzz;
mod licence;
mod links;
mod msrv;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use environment::{Amount, BENCH, ENVIRONMENTS, Ended, Environment};

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    match asked.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["list" | "help" | "-h" | "--help"] => {
            list();
            ExitCode::SUCCESS
        }
        _ => match amount(&asked).and_then(|(amount, names)| Ok((amount, chosen(&names)?))) {
            Ok((amount, environments)) => run(&environments, &amount),
            Err(message) => {
                eprintln!("{message}");
                ExitCode::from(2)
            }
        },
    }
}

fn list() {
    println!("cargo xtask ENV... [--minutes N] [--seconds N]\ncargo xtask bench [ITS OWN WORDS...]\n");
    for environment in ENVIRONMENTS {
        println!("  {:<9} {}\n  {:<9}   needs {}", environment.name, environment.does, "", environment.needs);
    }
    println!("  {:<9} all of them in this order, except those that say otherwise", "ci");
}

/// Takes `--minutes N` and `--seconds N` out of what is asked for. Behind `bench` as the first word all words are the
/// bench's own.
fn amount(asked: &[String]) -> Result<(Amount, Vec<String>), String> {
    let (mut amount, mut names) = (Amount::default(), Vec::new());
    if let Some((BENCH, words)) = asked.split_first().map(|(first, words)| (first.as_str(), words))
        && words.first().is_some_and(|word| word.starts_with('-'))
    {
        amount.bench = words.to_vec();
        return Ok((amount, vec![BENCH.to_owned()]));
    }
    let mut words = asked.iter();
    while let Some(word) = words.next() {
        let place = match word.as_str() {
            "--minutes" => &mut amount.minutes,
            "--seconds" => &mut amount.seconds,
            _ => {
                names.push(word.clone());
                continue;
            }
        };
        let number = words.next().and_then(|number| number.parse().ok());
        *place = Some(number.ok_or_else(|| format!("{word} needs a whole number"))?);
    }
    Ok((amount, names))
}

/// The environments that `asked` names, each once, in the order asked for.
fn chosen(asked: &[String]) -> Result<Vec<&'static Environment>, String> {
    let mut environments: Vec<&'static Environment> = Vec::new();
    for name in asked {
        let named: Vec<&Environment> = match name.as_str() {
            "ci" => ENVIRONMENTS.iter().filter(|environment| environment.in_ci).collect(),
            name => ENVIRONMENTS.iter().filter(|environment| environment.name == name).collect(),
        };
        if named.is_empty() {
            return Err(format!("there is no environment `{name}`; `cargo xtask list` shows what there is"));
        }
        for environment in named {
            if !environments.iter().any(|chosen| chosen.name == environment.name) {
                environments.push(environment);
            }
        }
    }
    Ok(environments)
}

fn run(environments: &[&Environment], amount: &Amount) -> ExitCode {
    let root = workspace_root();
    let mut results: Vec<(&str, Ended, Duration)> = Vec::new();
    for environment in environments {
        eprintln!("\n== {} ==", environment.name);
        let start = Instant::now();
        let ended = (environment.run)(&root, amount);
        if let Ended::Failed(why) = &ended {
            eprintln!("{} failed: {why}", environment.name);
        }
        results.push((environment.name, ended, start.elapsed()));
    }
    eprintln!();
    for (name, ended, took) in &results {
        eprintln!("{name:<9} {:>7.1} s  {ended}", took.as_secs_f64());
    }
    let failed = results.iter().filter(|(_, ended, _)| matches!(ended, Ended::Failed(_))).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn workspace_root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask is a folder of the workspace").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_are_chosen_once_and_by_name() {
        let names = |asked: &[&str]| -> Result<Vec<&str>, String> {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            Ok(chosen(&asked)?.into_iter().map(|environment| environment.name).collect())
        };
        assert_eq!(names(&["lint", "fmt", "lint"]).unwrap(), ["lint", "fmt"]);
        assert!(names(&["ci"]).unwrap().contains(&"test"));
        assert!(names(&["fmt", "lnt"]).unwrap_err().contains("`lnt`"));
    }

    #[test]
    fn amounts_stand_anywhere() {
        let read = |asked: &[&str]| amount(&asked.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        let (found, names) = read(&["soak", "--minutes", "60", "fmt"]).unwrap();
        assert_eq!(
            (found, names),
            (Amount { minutes: Some(60), ..Amount::default() }, vec!["soak".into(), "fmt".into()])
        );
        let (found, names) = read(&["bench", "--only", "calls", "--minutes"]).unwrap();
        assert_eq!(
            (found.bench.join(" "), names),
            ("--only calls --minutes".to_owned(), vec!["bench".into()])
        );
        assert_eq!(read(&["bench", "fmt"]).unwrap().1, ["bench", "fmt"]);
        assert!(read(&["fuzz", "--seconds", "long"]).unwrap_err().contains("--seconds"));
    }
}
