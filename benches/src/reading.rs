//! A sink that obeys orders, whatever it reads from.

use std::time::{Duration, Instant};

use crate::latencies::Latencies;
use crate::{Outcome, child};

/// Takes a sample, waiting for it, and reads every byte; its number, and how long ago it was published [us].
pub(crate) type Read = Box<dyn FnMut() -> Outcome<(u64, f64)>>;

/// Reads by orders:
/// - `first`: waits for a sample
/// - `count MS`: samples/s that were read in MS milliseconds from the first on
/// - `latencies COUNT`: p50, p99, longest [us] of COUNT samples, from publishing until every byte was read
pub(crate) fn obey(mut read: Read) -> Outcome {
    child::obey("-", |words| match words {
        ["first"] => fresh(&mut read).map(|()| Vec::new()),
        ["count", ms] => {
            let span = Duration::from_millis(ms.parse()?);
            fresh(&mut read)?;
            let (start, mut count) = (Instant::now(), 0_u64);
            while start.elapsed() < span {
                read()?;
                count += 1;
            }
            Ok(vec![count as f64 / start.elapsed().as_secs_f64()])
        }
        ["latencies", count] => {
            let (count, mut latencies) = (count.parse()?, Latencies::default());
            fresh(&mut read)?;
            while latencies.count() < count {
                latencies.add_us(read()?.1);
            }
            Ok(latencies.summary())
        }
        other => Err(format!("no order: {other:?}").into()),
    })
}

/// Waits for a sample that was published from now on: what waited since the last order is old.
fn fresh(read: &mut Read) -> Outcome {
    let start = Instant::now();
    while read()?.1 > start.elapsed().as_secs_f64() * 1e6 {}
    Ok(())
}
