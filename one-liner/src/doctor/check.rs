//! One thing that was looked at, and what to do about it.

use std::fmt::Display;

use serde_json::{Map, Value as Json, json};

use crate::exit::CommandError;
use crate::output::Output;
use crate::value::one_line;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

/// One line of the doctor.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    what: &'static str,
    pub(crate) verdict: Verdict,
    found: String,
    /// Stands below every line that is not ok.
    fix: Option<String>,
    numbers: Map<String, Json>,
}

impl Check {
    /// `what` is as it should be.
    pub(crate) fn ok(what: &'static str, found: impl Display) -> Check {
        Check::new(what, Verdict::Ok, found, None)
    }

    /// `what` works, but; `fix` says what to do.
    pub(crate) fn warn(what: &'static str, found: impl Display, fix: impl Display) -> Check {
        Check::new(what, Verdict::Warn, found, Some(fix.to_string()))
    }

    /// `what` does not work; `fix` says what to do.
    pub(crate) fn fail(what: &'static str, found: impl Display, fix: impl Display) -> Check {
        Check::new(what, Verdict::Fail, found, Some(fix.to_string()))
    }

    fn new(what: &'static str, verdict: Verdict, found: impl Display, fix: Option<String>) -> Check {
        Check { what, verdict, found: found.to_string(), fix, numbers: Map::new() }
    }

    /// Adds what a script reads instead of the text.
    pub(crate) fn number(mut self, name: &str, value: impl Into<Json>) -> Check {
        self.numbers.insert(name.to_owned(), value.into());
        self
    }

    /// Prints it.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) fn print(&self, output: Output) -> Result<(), CommandError> {
        output.line(format_args!("{:<4}  {:<12}  {}", self.word(), self.what, one_line(&self.found)))?;
        if let Some(fix) = &self.fix {
            output.line(format_args!("      {:<12}  -> {}", "", one_line(fix)))?;
        }
        output.json(&self.to_json())?;
        Ok(())
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }

    fn to_json(&self) -> Json {
        let mut object = json!({
            "check": self.what.replace(' ', "_"),
            "verdict": self.word(),
            "found": self.found,
            "fix": self.fix,
        });
        if let Some(object) = object.as_object_mut() {
            object.extend(self.numbers.clone());
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_read_the_verdict_and_the_numbers() {
        let check = Check::warn("round trip", "slow", "use a cable").number("median_us", 7);
        let expect = json!({
            "check": "round_trip",
            "verdict": "warn",
            "found": "slow",
            "fix": "use a cable",
            "median_us": 7,
        });
        assert_eq!(check.to_json(), expect);
        assert_eq!(Check::ok("host", "").to_json()["fix"], Json::Null);
    }
}
