//! A drawing of how all rows with a goal compare with raw.

use std::fmt::Write;

use crate::plot::{begin, escaped, short};
use crate::row::{Goal, Row, number};

const WIDTH: f64 = 960.0;
const LINE: f64 = 24.0;
const TOP: f64 = 64.0;
/// Where bars begin, and where the longest ends.
const LEFT: f64 = 470.0;
const RIGHT: f64 = 900.0;

/// Bars from 1 to the ratio on a logarithmic scale, and a stroke at the goal.
pub(crate) fn svg(rows: &[Row]) -> String {
    let shown: Vec<(&Row, f64, f64)> = rows
        .iter()
        .filter_map(|row| match (row.goal, row.ratio()) {
            (Goal::RatioAtMost(goal) | Goal::RatioAtLeast(goal), Some(ratio)) if ratio > 0.0 => {
                Some((row, ratio, goal))
            }
            _ => None,
        })
        .collect();
    let values = || shown.iter().flat_map(|(_, ratio, goal)| [*ratio, *goal]);
    let least = values().fold(0.5_f64, f64::min).log2() - 0.2;
    let most = values().fold(2.0_f64, f64::max).log2() + 0.2;
    let at = |value: f64| LEFT + (RIGHT - LEFT) * (value.log2() - least) / (most - least);
    let height = TOP + LINE * shown.len() as f64 + 24.0;
    let mut svg = begin(WIDTH, height, "Ours divided by raw libzmq; the stroke is the goal");
    for power in least.ceil() as i32..=most.floor() as i32 {
        let (value, bottom) = (2_f64.powi(power), height - 16.0);
        let (x, text) = (at(value), short(value));
        let class = if power == 0 { "axis" } else { "grid" };
        let line =
            format!("<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>");
        let _ = writeln!(
            svg,
            "{line}<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            TOP - 8.0
        );
    }
    for (index, (row, ratio, goal)) in shown.iter().enumerate() {
        let y = TOP + LINE * index as f64;
        // Blue for what meets its goal, orange for what falls short, and the number says it too.
        let class = if row.ok() == Some(true) { "s0" } else { "s1" };
        let (from, to) = (at(1.0).min(at(*ratio)), at(1.0).max(at(*ratio)));
        let (name, middle) = (escaped(&row.name), y + 16.0);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"{class}\" fill-opacity=\"0.6\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"14\"/>\
             <line class=\"goal\" x1=\"{goal_x:.1}\" x2=\"{goal_x:.1}\" y1=\"{}\" y2=\"{}\"/>\
             <text x=\"{}\" y=\"{middle}\">{}</text>",
            LEFT - 12.0,
            y + 5.0,
            to - from,
            y + 2.0,
            y + 22.0,
            RIGHT + 8.0,
            number(*ratio),
            goal_x = at(*goal),
        );
    }
    svg + "</svg>\n"
}
