//! Ticks that run on an instrument's lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender};
use router_wire::{Failure, SampleStatus, body};

use super::super::{LaneBusyWith, StreamOptions, TickDone, TickRunner};
use super::{DEADLINE, Served, serve, wait_until};

/// A lane whose calls the test runs.
struct Lane {
    queue: Sender<TickDone>,
    busy: Arc<AtomicBool>,
}

impl TickRunner for Lane {
    fn start(&self, done: TickDone) -> Result<(), LaneBusyWith> {
        if self.busy.load(Ordering::SeqCst) {
            return Err(LaneBusyWith { call: "stage.home".into() });
        }
        self.queue.send(done).unwrap();
        Ok(())
    }

    fn busy_with(&self) -> Option<String> {
        Some("stage.move_to".into())
    }
}

fn serve_ticks() -> (Served, Receiver<TickDone>, Arc<AtomicBool>) {
    let served = serve();
    let (queue, ticks) = crossbeam_channel::unbounded();
    let busy = Arc::new(AtomicBool::new(false));
    let lane = Box::new(Lane { queue, busy: Arc::clone(&busy) });
    let returns = router_client::described_by_name::<f64>();
    let options = StreamOptions::new().method("stage.position_um", returns);
    served.streams.add_periodic_ticks("stage.position_um", 500.0, lane, options).unwrap();
    (served, ticks, busy)
}

fn held_by(served: &Served, call: &str) -> u64 {
    let name = format!("ticks_held.stage.position_um.by.{call}");
    served.streams.counters().get(&name).copied().unwrap_or(0)
}

#[test]
fn the_lane_makes_the_value_and_the_streamer_publishes_it() {
    let (served, ticks, _) = serve_ticks();
    let mut listener = served.listen("stage.position_um");
    served.wait_for_subscribers("stage.position_um", 1);
    for value in 0..5 {
        let done = ticks.recv_timeout(DEADLINE).unwrap();
        done.finish(Ok(body::encode(&f64::from(value)).unwrap()));
        let sample = listener.next_sample();
        assert_eq!((sample.sequence(), sample.value::<f64>()), (value as u64, f64::from(value)));
    }
    let done = ticks.recv_timeout(DEADLINE).unwrap();
    done.finish(Err(Failure::Cancelled { by: "by stage.stop".into(), may_still_be_running: false }));
    let sample = listener.next_sample();
    assert_eq!((sample.sequence(), sample.status()), (5, SampleStatus::Error));
    let described = &served.streams.describe()[0];
    assert_eq!(described.method.as_deref(), Some("stage.position_um"));
    assert_eq!(described.value.type_name, "f64");
}

#[test]
fn a_tick_whose_predecessor_is_not_done_is_counted_with_what_held_it() {
    let (served, ticks, busy) = serve_ticks();
    let first = ticks.recv_timeout(DEADLINE).unwrap();
    wait_until("ticks are held up", || held_by(&served, "stage.move_to") >= 3);
    assert!(ticks.is_empty(), "one tick at most is queued");
    assert_eq!(served.stats("stage.position_um").produced, 0);
    busy.store(true, Ordering::SeqCst);
    first.finish(Ok(body::encode(&1.0).unwrap()));
    wait_until("the value is published", || served.stats("stage.position_um").produced == 1);
    wait_until("the lane refuses", || held_by(&served, "stage.home") >= 3);
    let stats = served.stats("stage.position_um");
    assert!(stats.ticks_missed >= 6, "{stats:?}");
    busy.store(false, Ordering::SeqCst);
    drop(ticks.recv_timeout(DEADLINE).unwrap()); // its lane was set apart
    ticks.recv_timeout(DEADLINE).unwrap().finish(Ok(body::encode(&2.0).unwrap()));
    wait_until("the next one is published", || served.stats("stage.position_um").produced == 2);
}

#[test]
fn a_tick_under_way_follows_its_stream_to_another_frequency() {
    let (served, ticks, _) = serve_ticks();
    let mut listener = served.listen("stage.position_um");
    served.wait_for_subscribers("stage.position_um", 1);
    for round in 0..40_u32 {
        let done = ticks.recv_timeout(DEADLINE).unwrap();
        served.streams.set_frequency("stage.position_um", f64::from(1_000 + round % 3)).unwrap();
        done.finish(Ok(body::encode(&round).unwrap()));
        let sample = listener.next_sample();
        assert_eq!((sample.sequence(), sample.value::<u32>()), (round.into(), round));
    }
}

#[test]
fn a_tick_that_is_done_after_its_stream_was_removed_is_dropped() {
    let (served, ticks, _) = serve_ticks();
    let done = ticks.recv_timeout(DEADLINE).unwrap();
    served.streams.remove("stage.position_um").unwrap();
    done.finish(Ok(body::encode(&1.0).unwrap()));
    wait_until("its thread ends", || served.streams.streamers.thread_names().is_empty());
}
