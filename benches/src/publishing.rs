//! A source that obeys orders, whatever it publishes through.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use crate::{Outcome, child};

/// How often a flood looks for the end: not at each of the small ones.
const LOOK_EVERY: u64 = 16;

/// Publishes one sample of a number; `false` if it was refused.
pub(crate) type Publish = Box<dyn FnMut(u64) -> Outcome<bool> + Send>;

#[derive(PartialEq)]
enum Order {
    Begin { period: Option<Duration> },
    Stop,
}

/// Publishes by orders, at `address`:
/// - `flood`: as fast as samples are taken
/// - `pace HZ`: so many a second
/// - `stop`: no more; how many were published [samples], and how many of them were refused
///
/// `other` obeys those that are none of these.
pub(crate) fn obey(address: &str, publish: Publish, other: impl Fn(&[&str]) -> Outcome) -> Outcome {
    let (orders, received) = unbounded();
    let (answers, answered) = unbounded();
    let thread = std::thread::spawn(move || {
        if let Err(error) = work(publish, &received, &answers) {
            eprintln!("the source: {error}");
        }
    });
    let obeyed = child::obey(address, |words| {
        match words {
            ["flood"] => orders.send(Order::Begin { period: None })?,
            ["pace", hz] => {
                orders
                    .send(Order::Begin { period: Some(Duration::from_secs_f64(1.0 / hz.parse::<f64>()?)) })?;
            }
            ["stop"] => {
                orders.send(Order::Stop)?;
                return answered.recv().map_err(|_| "the source has ended".into());
            }
            words => other(words)?,
        }
        if thread.is_finished() { Err("the source has ended".into()) } else { Ok(Vec::new()) }
    });
    // What it publishes through is put away before the process ends.
    drop(orders);
    thread.join().map_err(|_| "the source panicked")?;
    obeyed
}

/// For sources that obey nothing else.
pub(crate) fn no_order(words: &[&str]) -> Outcome {
    Err(format!("no order: {words:?}").into())
}

fn work(mut publish: Publish, orders: &Receiver<Order>, answers: &Sender<Vec<f64>>) -> Outcome {
    let (mut number, mut refused) = (0, 0);
    loop {
        let period = match orders.recv() {
            Ok(Order::Begin { period }) => period,
            Ok(Order::Stop) => {
                answers.send(vec![0.0, 0.0])?;
                continue;
            }
            Err(_) => return Ok(()), // the bench needs no more
        };
        let (start, first) = (Instant::now(), number);
        loop {
            if !publish(number)? {
                refused += 1;
                std::thread::yield_now();
            }
            number += 1;
            let due = period.map(|period| start + period * (number - first) as u32);
            if let Some(due) = due {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            if (due.is_some() || number % LOOK_EVERY == 0) && orders.try_recv() != Err(TryRecvError::Empty) {
                break;
            }
        }
        answers.send(vec![(number - first) as f64, f64::from(refused)])?;
        refused = 0;
    }
}
