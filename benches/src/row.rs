//! One row of the results: what was measured, what raw libzmq needs for the same, and what is aimed at.

use std::fmt::Write;

use serde_json::json;

use crate::latencies::median;

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// At most so many times raw.
    RatioAtMost(f64),
    /// At least so many times raw.
    RatioAtLeast(f64),
    /// At most this, in the row's unit.
    AtMost(f64),
    /// Nothing: it is measured to be known.
    Printed,
}

/// One row. Each round gave one value.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Vec<f64>,
    /// Raw libzmq's, round by round, or what else it is compared with.
    pub(crate) raw: Vec<f64>,
    pub(crate) goal: Goal,
    /// What was measured beside it, or what it is compared with if not with raw libzmq.
    pub(crate) note: String,
    /// A condition beside the goal was not kept: the note says which.
    pub(crate) broken: bool,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, goal: Goal) -> Row {
        let (name, ours, raw) = (name.into(), Vec::new(), Vec::new());
        Row { name, unit, ours, raw, goal, note: String::new(), broken: false }
    }

    /// What a round measured, beside raw.
    pub(crate) fn add(&mut self, ours: f64, raw: f64) {
        self.ours.push(ours);
        self.raw.push(raw);
    }

    pub(crate) fn noted(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    /// Ours divided by raw, of the medians.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (!self.raw.is_empty()).then(|| median(&self.ours) / median(&self.raw))
    }

    /// Whether the goal is met; `None` without one.
    pub(crate) fn ok(&self) -> Option<bool> {
        let met = match (self.goal, self.ratio()) {
            (Goal::Printed, _) if !self.broken => return None,
            (Goal::Printed, _) => true,
            (Goal::RatioAtMost(most), Some(ratio)) => ratio <= most,
            (Goal::RatioAtLeast(least), Some(ratio)) => ratio >= least,
            (Goal::RatioAtMost(_) | Goal::RatioAtLeast(_), None) => false,
            (Goal::AtMost(most), _) => median(&self.ours) <= most,
        };
        Some(met && !self.broken)
    }

    pub(crate) fn goal_text(&self) -> String {
        match self.goal {
            Goal::RatioAtMost(most) => format!("at most {most} times"),
            Goal::RatioAtLeast(least) => format!("at least {least} times"),
            Goal::AtMost(most) => format!("at most {most} {}", self.unit),
            Goal::Printed => String::new(),
        }
    }

    /// The least and the largest value of all rounds; of the ratio where there is one, else of ours.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let ratios = || self.ours.iter().zip(&self.raw).map(|(ours, raw)| ours / raw);
        let values: Vec<f64> = if self.raw.is_empty() { self.ours.clone() } else { ratios().collect() };
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// One line of the table.
    pub(crate) fn line(&self) -> String {
        let (least, most) = self.spread();
        let ended = match self.ok() {
            Some(true) => "ok",
            Some(false) => "**falls short**",
            None => "",
        };
        let raw = if self.raw.is_empty() { String::new() } else { number(median(&self.raw)) };
        let ratio = self.ratio().map(number).unwrap_or_default();
        let spread =
            if self.ours.len() > 1 { format!("{}..{}", number(least), number(most)) } else { String::new() };
        let Row { name, unit, note, .. } = self;
        let (ours, goal) = (number(median(&self.ours)), self.goal_text());
        format!("| {name} | {unit} | {ours} | {raw} | {ratio} | {spread} | {goal} | {ended} | {note} |")
    }

    /// One JSON object in a line.
    pub(crate) fn json(&self) -> String {
        let raw = (!self.raw.is_empty()).then(|| median(&self.raw));
        let (least, most) = self.spread();
        let mut object = json!({
            "name": self.name, "ours": median(&self.ours), "raw": raw, "ratio": self.ratio(), "unit": self.unit,
            "goal": self.goal_text(), "ok": self.ok(), "note": self.note, "rounds": self.ours.len(),
        });
        let spread_of = if self.raw.is_empty() { "spread_of_ours" } else { "spread_of_ratio" };
        object[spread_of] = json!([least, most]);
        object.to_string()
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "| measure | unit | ours | raw | ours/raw | min..max | goal | | beside it |\n\
    |---|---|---|---|---|---|---|---|---|";

/// The table of several rows.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = format!("{HEAD}\n");
    for row in rows {
        let _ = writeln!(text, "{}", row.line()); // writing to a String does not fail
    }
    text
}

/// A number with three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "?".to_owned(),
        0.0 => "0".to_owned(),
        size if size >= 1e6 => format!("{:.2}M", value / 1e6),
        size if size >= 1e4 => format!("{:.0}k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_kept_or_not() {
        let check = |goal, ours: f64, raw: Option<f64>, expect| {
            let mut row = Row::new("a", "us", goal);
            match raw {
                Some(raw) => row.add(ours, raw),
                None => row.ours.push(ours),
            }
            assert_eq!(row.ok(), expect, "{row:?}");
            assert_eq!(Row { broken: true, ..row }.ok(), Some(false));
        };
        check(Goal::RatioAtMost(1.15), 23.0, Some(20.0), Some(true));
        check(Goal::RatioAtMost(1.15), 23.1, Some(20.0), Some(false));
        check(Goal::RatioAtMost(1.15), 23.1, None, Some(false));
        check(Goal::RatioAtLeast(0.7), 70.0, Some(100.0), Some(true));
        check(Goal::RatioAtLeast(0.7), 69.0, Some(100.0), Some(false));
        check(Goal::RatioAtLeast(0.7), f64::NAN, Some(100.0), Some(false));
        check(Goal::AtMost(10.0), 9.0, None, Some(true));
        check(Goal::AtMost(10.0), 11.0, None, Some(false));
        check(Goal::Printed, 11.0, None, None);
    }

    #[test]
    fn the_ratio_is_that_of_the_medians_and_the_spread_that_of_the_rounds() {
        let mut row = Row::new("a", "us", Goal::RatioAtMost(1.5));
        for (ours, raw) in [(10.0, 10.0), (12.0, 10.0), (40.0, 20.0)] {
            row.add(ours, raw);
        }
        assert_eq!((row.ratio(), row.spread()), (Some(1.2), (1.0, 2.0)));
        let json: serde_json::Value = serde_json::from_str(&row.json()).unwrap();
        assert_eq!((&json["ok"], &json["ratio"], &json["raw"]), (&true.into(), &1.2.into(), &10.0.into()));
        assert!(row.line().contains("| 1.00..2.00 | at most 1.5 times | ok |"), "{}", row.line());
    }
}
