//! When a sample was acquired, on the clock of the client's PC.

mod support;

use std::time::{Duration, SystemTime};

use support::{PATIENCE, client, server, until};

#[test]
fn a_sample_is_timed_on_the_clients_clock_and_keeps_its_own_times() {
    let server = server();
    let mut publisher = server.add_publisher::<u32>("shots", 100).unwrap();
    let client = client(&server);
    let shots = client.subscribe::<u32>("shots").queue(10).unwrap();
    let before = SystemTime::now();
    publisher.publish(&1).unwrap();
    let after = SystemTime::now();
    let sample = shots.recv_timeout(PATIENCE).unwrap();
    let clock = until("a ping is answered", || client.server_clock());
    assert_eq!(clock.epoch, server.epoch());
    // Client and server share a PC here, so its clock is the truth; it may be steered meanwhile.
    let steered = Duration::from_millis(1);
    let local = clock.local_time(&sample).unwrap();
    assert!(local.uncertainty < PATIENCE, "{local:?}");
    assert!(local.utc + local.uncertainty + steered >= before, "{local:?}, sent after {before:?}");
    assert!(local.utc <= after + local.uncertainty + steered, "{local:?}, sent before {after:?}");
    assert!(
        clock.utc_offset_ns.unsigned_abs() <= (local.uncertainty + steered).as_nanos() as u64,
        "{clock:?}"
    );
    assert!(sample.utc >= before && sample.utc <= after, "its own time stays");

    let mut of_another_life = sample;
    of_another_life.epoch += 1;
    assert_eq!(clock.local_time(&of_another_life), None);
}
