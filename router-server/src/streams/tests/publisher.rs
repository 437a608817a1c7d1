//! What the application publishes.

use std::time::{Duration, SystemTime};

use router_wire::{Encoding, Failure, SampleStatus};

use super::super::{PublishError, Published, StreamOptions};
use super::serve;

#[test]
fn values_bytes_and_errors_arrive_as_they_are() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<str>("pushed", 60_000, StreamOptions::new()).unwrap();
    let mut listener = served.listen("pushed");
    served.wait_for_subscribers("pushed", 1);
    assert_eq!(publisher.publish("hello").unwrap(), Published::Sent { sequence: 0 });
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    publisher.publish_at("then", moment).unwrap();
    publisher.publish_bytes(vec![1, 2, 3]).unwrap();
    publisher.publish_bytes_at(vec![0xc0], Encoding::MessagePack, moment).unwrap();
    publisher.publish_error("no light").unwrap();

    let samples: Vec<_> = (0..5).map(|_| listener.next_sample()).collect();
    assert!(samples.iter().map(|sample| sample.sequence()).eq(0..5));
    assert_eq!(samples[0].value::<String>(), "hello");
    assert_eq!((samples[1].value::<String>(), samples[1].header.utc_ns), ("then".into(), 1_000_000_000_000));
    assert_eq!((samples[2].header.encoding, &samples[2].payload[..]), (Encoding::Raw, &[1, 2, 3][..]));
    assert_eq!(samples[3].header.encoding, Encoding::MessagePack);
    samples[3].value::<()>();
    assert_eq!(samples[4].status(), SampleStatus::Error);
    assert_eq!(samples[4].value::<Failure>().to_string(), "no light");
    assert!(samples[4].header.monotonic_ns >= samples[0].header.monotonic_ns);
    let stats = served.stats("pushed");
    assert_eq!((stats.produced, stats.published, stats.errors), (5, 5, 1));
}

#[test]
fn a_sample_larger_than_declared_takes_no_number() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<str>("pushed", 10, StreamOptions::new()).unwrap();
    let text = "x".repeat(20);
    let error = publisher.publish(&text).unwrap_err();
    assert_eq!(error, PublishError::TooLarge { name: "pushed".into(), bytes: 21, limit: 10 });
    assert!(matches!(publisher.publish_bytes(vec![0; 11]), Err(PublishError::TooLarge { bytes: 11, .. })));
    assert_eq!(publisher.publish("short").unwrap(), Published::Unheard { sequence: 0 });
    served.streams.disable("pushed").unwrap();
    assert_eq!(publisher.publish("short").unwrap(), Published::Disabled);
}

/// Serialising for nobody would cost what the application wants to save.
#[test]
fn what_nobody_will_see_is_not_serialised() {
    struct Never;
    impl serde::Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it was serialised"))
        }
    }
    let served = serve();
    let options = StreamOptions::new().without_last_value();
    let mut publisher = served.streams.add_publisher::<Never>("pushed", 100, options).unwrap();
    assert_eq!(publisher.publish(&Never).unwrap(), Published::Unheard { sequence: 0 });
    let _listener = served.listen("pushed");
    served.wait_for_subscribers("pushed", 1);
    assert!(publisher.is_heard());
    assert!(matches!(publisher.publish(&Never), Err(PublishError::Encode { .. })));
    drop(_listener);
    served.wait_for_subscribers("pushed", 0);
    assert_eq!(publisher.publish(&Never).unwrap(), Published::Unheard { sequence: 1 });
}
