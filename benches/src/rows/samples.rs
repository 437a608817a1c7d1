//! Small samples a second, and what all sources and sinks have in common.

use std::path::PathBuf;
use std::time::Duration;

use super::Measured;
use super::rates::all;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::plan::{Plan, Transport};
use crate::row::{Goal, Row};

const SPAN: Duration = Duration::from_millis(1000);

/// A source and those who listen to it, each a process of its own.
pub(super) struct Flow {
    pub(super) source: Child,
    pub(super) sinks: Vec<Child>,
}

impl Flow {
    /// Of samples of `bytes`, through `ours`, `raw` or `iceoryx2`.
    pub(super) fn start(plan: &Plan, cores: Cores, kind: &str, bytes: usize, sinks: usize) -> Outcome<Flow> {
        let program = match kind {
            "iceoryx2" => iceoryx2().ok_or("the program with iceoryx2 is not there")?,
            _ => std::env::current_exe()?,
        };
        let start = |role: &str, with: &[&str]| Child::start_program(&program, cores, role, with);
        let source = start("source", &[kind, &plan.address(Transport::Ipc), &bytes.to_string()])?;
        let sinks: Outcome<Vec<Child>> =
            (0..sinks).map(|_| start("sink", &[kind, &source.address])).collect();
        Ok(Flow { source, sinks: sinks? })
    }

    /// Samples a second that each sink reads while the source floods; the mean.
    pub(super) fn flood(&mut self, span: Duration) -> Outcome<Vec<f64>> {
        self.source.ask("flood")?;
        let rates = all(&mut self.sinks, &format!("count {}", span.as_millis()));
        self.source.ask("stop")?;
        let rates = rates?;
        Ok(vec![rates.iter().sum::<f64>() / rates.len() as f64])
    }

    /// Latencies of `count` samples at `hz`: p50, p99, longest [us]; then the CPU time of both sides per sample [us].
    pub(super) fn pace(&mut self, hz: f64, count: usize) -> Outcome<Vec<f64>> {
        self.source.ask(&format!("pace {hz}"))?;
        for sink in &mut self.sinks {
            sink.ask("first")?;
        }
        let cpu = |flow: &Flow| flow.source.cpu_us() + flow.sinks.iter().map(Child::cpu_us).sum::<f64>();
        let before_us = cpu(self);
        let answers = self.sinks.iter_mut().map(|sink| sink.ask(&format!("latencies {count}")));
        let answer: Outcome<Vec<Vec<f64>>> = answers.collect();
        let took_us = cpu(self) - before_us;
        self.source.ask("stop")?;
        let mut answer = answer?.into_iter().next().ok_or("no sink")?;
        // The one that begins the order is read too.
        answer.push(took_us / (count + 1) as f64);
        Ok(answer)
    }
}

/// The program that plays the same roles through iceoryx2, if it was built beside this one.
pub(super) fn iceoryx2() -> Option<PathBuf> {
    let program = format!("bench-iceoryx2{}", std::env::consts::EXE_SUFFIX);
    Some(std::env::current_exe().ok()?.with_file_name(program)).filter(|program| program.is_file())
}

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for subscribers in [1, 4] {
        for cores in plan.both() {
            let mut ours = Flow::start(plan, cores, "ours", 64, subscribers)?;
            let mut raw = Flow::start(plan, cores, "raw", 64, subscribers)?;
            let name = format!(
                "samples, 64 B, through the proxy, {subscribers} subscriber(s), ipc, {}",
                cores.shown()
            );
            let mut row = Row::new(name, "samples/s each", Goal::RatioAtLeast(0.8));
            let span = plan.span(SPAN);
            plan.interleave(|| ours.flood(span), || raw.flood(span), |ours, raw| row.add(ours[0], raw[0]))?;
            rows.push(row);
        }
    }
    Ok(rows.into())
}
