//! What the bench is told.

use crate::rows::{GROUPS, Group};

/// How it may be told.
pub(crate) const USAGE: &str =
    "cargo xtask bench [--quick] [--only NAME]... [--rounds N] [--json] [--write] [--list]";

const ROUNDS: usize = 5;

/// What is measured, how often, and where it goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) quick: bool,
    pub(crate) json: bool,
    pub(crate) write: bool,
    pub(crate) rounds: usize,
    /// Groups by name; none means all.
    pub(crate) only: Vec<String>,
}

impl Arguments {
    /// The groups that were asked for.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &'static Group> {
        GROUPS.iter().filter(|group| self.only.is_empty() || self.only.iter().any(|name| name == group.name))
    }
}

/// Reads the words behind `bench`.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut read = Arguments { quick: false, json: false, write: false, rounds: 0, only: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--quick" => read.quick = true,
            "--json" => read.json = true,
            "--write" => read.write = true,
            "--rounds" => {
                let number = words.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
                read.rounds = number.ok_or("--rounds needs a number above 0")?;
            }
            "--only" => match words.next() {
                Some(name) if GROUPS.iter().any(|group| group.name == *name) => {
                    read.only.push((*name).to_owned())
                }
                Some(name) => return Err(format!("there is no group `{name}`; --list shows what there is")),
                None => return Err("--only needs the name of a group; --list shows what there is".into()),
            },
            other => return Err(format!("`{other}` is not known")),
        }
    }
    if read.quick && read.write {
        return Err("--quick measures nothing worth to be written down".into());
    }
    if read.rounds == 0 {
        read.rounds = if read.quick { 1 } else { ROUNDS };
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_or_refused() {
        let all = read(&[]).unwrap();
        assert_eq!((all.rounds, all.groups().count()), (5, GROUPS.len()));
        let some = read(&["--only", "idle", "--rounds", "2", "--only", "calls", "--json"]).unwrap();
        assert_eq!(some.groups().map(|group| group.name).collect::<Vec<_>>(), ["calls", "idle"]);
        assert!(some.json && some.rounds == 2);
        assert_eq!(read(&["--quick"]).unwrap().rounds, 1);
        for wrong in
            [&["--only", "cals"][..], &["--only"], &["--rounds", "0"], &["--quick", "--write"], &["x"]]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
