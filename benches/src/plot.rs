//! A drawing of some series, as SVG that can be read on light and dark.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
/// Left, top, right and bottom of the axes.
const AXES: [f64; 4] = [80.0, 44.0, 690.0, 320.0];
/// How far beyond the values a linear axis goes.
const MARGIN: f64 = 1.08;
const STEPS: usize = 5;

/// Colours that keep their distance from white and from black, and from each other for most eyes.
pub(crate) const STYLE: &str = "<style>\
    text { font: 13px system-ui, sans-serif; fill: #57606a }\
    .title { font-size: 15px; font-weight: 600; fill: #24292f }\
    .grid { stroke: #d0d7de; stroke-width: 1 }\
    .axis { stroke: #8c959f; stroke-width: 1 } .goal { stroke: #57606a; stroke-width: 3 }\
    .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 }\
    polyline { fill: none !important; stroke-width: 2 }\
    .s0 text, text.s0, .s1 text, text.s1 { stroke: none }\
    @media (prefers-color-scheme: dark) {\
    text { fill: #9da7b3 } .title { fill: #e6edf3 } .grid { stroke: #30363d } .axis { stroke: #6e7681 } .goal { stroke: #9da7b3 }\
    .s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #f0883e; fill: #f0883e } }\
    </style>";

/// One drawing.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    /// Whether x and y grow tenfold from line to line.
    pub(crate) logarithmic: (bool, bool),
    pub(crate) series: Vec<Series>,
}

/// Points that belong together, from left to right.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Plot {
    /// The drawing. A value that is none, or that a logarithmic axis does not have, is left out.
    pub(crate) fn svg(&self) -> String {
        let [left, top, right, bottom] = AXES;
        let all = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let x = Axis::over(all().map(|point| point.0), self.logarithmic.0);
        let y = Axis::over(all().map(|point| point.1), self.logarithmic.1);
        let across = |value: f64| left + (right - left) * x.share(value);
        let up = |value: f64| bottom - (bottom - top) * y.share(value);
        let mut svg = begin(WIDTH, HEIGHT, &self.title);
        for line in &x.lines {
            let (at, text) = (across(*line), short(*line));
            add(
                &mut svg,
                format!("<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"),
            );
            add(
                &mut svg,
                format!("<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>", bottom + 18.0),
            );
        }
        for line in &y.lines {
            let (at, text) = (up(*line), short(*line));
            add(
                &mut svg,
                format!("<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"),
            );
            add(
                &mut svg,
                format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>", left - 8.0, at + 4.0),
            );
        }
        add(&mut svg, format!("<path class=\"axis\" fill=\"none\" d=\"M{left} {top}V{bottom}H{right}\"/>"));
        let (middle, below) = ((left + right) / 2.0, bottom + 42.0);
        add(
            &mut svg,
            format!("<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", escaped(&self.x)),
        );
        let (height, y_label) = ((top + bottom) / 2.0, escaped(&self.y));
        add(
            &mut svg,
            format!(
                "<text transform=\"translate(18 {height}) rotate(-90)\" text-anchor=\"middle\">{y_label}</text>"
            ),
        );
        for (index, series) in self.series.iter().enumerate() {
            let shown = series.points.iter().filter(|point| x.has(point.0) && y.has(point.1));
            let points: Vec<(f64, f64)> = shown.map(|point| (across(point.0), up(point.1))).collect();
            let class = format!("s{}", index % 2);
            let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            add(&mut svg, format!("<polyline class=\"{class}\" points=\"{}\"/>", line.join(" ")));
            for (x, y) in &points {
                add(&mut svg, format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"));
            }
            if self.series.len() > 1 {
                let (x, y) = (left + 14.0, top + 18.0 + 20.0 * index as f64);
                add(&mut svg, format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{}\" r=\"4\"/>", y - 4.0));
                add(&mut svg, format!("<text x=\"{}\" y=\"{y}\">{}</text>", x + 12.0, escaped(&series.name)));
            }
        }
        svg + "</svg>\n"
    }
}

/// The beginning of a drawing, with its title.
pub(crate) fn begin(width: f64, height: f64, title: &str) -> String {
    let title = escaped(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{title}</title>\n{STYLE}\n<text class=\"title\" x=\"16\" y=\"26\">{title}</text>\n"
    )
}

fn add(svg: &mut String, element: String) {
    let _ = writeln!(svg, "{element}"); // writing to a String does not fail
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The values along one side.
struct Axis {
    least: f64,
    most: f64,
    logarithmic: bool,
    lines: Vec<f64>,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, logarithmic: bool) -> Axis {
        let fits = |value: &f64| value.is_finite() && (!logarithmic || *value > 0.0);
        let (least, most) =
            values.filter(fits).fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        if logarithmic {
            let (first, last) = match least <= most {
                true => (least.log10().floor() as i32, most.log10().ceil() as i32),
                false => (0, 1),
            };
            let last = last.max(first + 1);
            let lines = (first..=last).map(|power| 10_f64.powi(power)).collect();
            return Axis { least: f64::from(first), most: f64::from(last), logarithmic, lines };
        }
        let most = if most > 0.0 { most * MARGIN } else { 1.0 };
        let step = round_step(most / STEPS as f64);
        let lines = (0..).map(|line| f64::from(line) * step).take_while(|line| *line <= most).collect();
        Axis { least: 0.0, most, logarithmic, lines }
    }

    fn has(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }

    /// How far along it a value is, 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        (value - self.least) / (self.most - self.least)
    }
}

/// A round number at an axis: 10k, 2, 0.5.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{}M", value / 1e6),
        size if size >= 1e4 => format!("{}k", value / 1e3),
        // What binary fractions add behind the ninth digit is not shown.
        _ => format!("{}", (value * 1e9).round() / 1e9),
    }
}

/// The next of 1, 2, 5, 10, ... times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|round| *round >= step).unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_their_values() {
        assert_eq!([0.1, 2.0, 1000.0, 1e4, 1e8].map(short), ["0.1", "2", "1000", "10k", "100M"]);
        let log = Axis::over([16.0, 16e6].into_iter(), true);
        assert_eq!(log.lines, [1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]);
        assert!((0.0..=1.0).contains(&log.share(16.0)) && (0.0..=1.0).contains(&log.share(16e6)));
        let linear = Axis::over([3.0, 92.0, f64::NAN].into_iter(), false);
        assert_eq!(linear.lines, [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert!(linear.share(92.0) < 1.0);
        assert!(!Axis::over(std::iter::empty(), true).lines.is_empty());
    }

    #[test]
    fn points_that_are_none_are_left_out() {
        let points = vec![(1.0, 2.0), (10.0, f64::NAN), (100.0, 0.0), (1000.0, 5.0)];
        let series = vec![
            Series { name: "a < b".into(), points: points.clone() },
            Series { name: "b".into(), points },
        ];
        let plot =
            Plot { title: "t".into(), x: "x".into(), y: "y".into(), logarithmic: (true, true), series };
        let svg = plot.svg();
        assert_eq!(svg.matches("<circle").count(), 2 * (2 + 1));
        assert!(svg.contains("a &lt; b") && !svg.contains("NaN"), "{svg}");
    }
}
