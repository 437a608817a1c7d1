//! Percentiles and CPU time.

use std::time::{Duration, Instant};

/// How long each of many things took.
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
    /// CPU time of the whole process over all of them, where the system tells.
    cpu: Option<Duration>,
}

impl Latencies {
    /// Times `run`, `count` times, after some runs that are not counted.
    pub(crate) fn measure<E>(count: usize, mut run: impl FnMut() -> Result<(), E>) -> Result<Latencies, E> {
        for _ in 0..count / 20 {
            run()?;
        }
        let mut sorted = Vec::with_capacity(count);
        let before = cpu_time();
        for _ in 0..count {
            let start = Instant::now();
            run()?;
            sorted.push(start.elapsed());
        }
        let cpu = cpu_time().zip(before).map(|(after, before)| after - before);
        sorted.sort_unstable();
        Ok(Latencies { sorted, cpu })
    }

    /// The time that `share` of them stayed below [us].
    pub(crate) fn percentile_us(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }

    /// CPU time of both sides, divided by the number of runs [us].
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.map_or(f64::NAN, |cpu| cpu.as_secs_f64() * 1e6 / self.sorted.len() as f64)
    }
}

/// User and system time of this process; Linux only, in steps of 10 ms.
fn cpu_time() -> Option<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u32>);
    Some(TICK * (ticks.next()?.ok()? + ticks.next()?.ok()?))
}
