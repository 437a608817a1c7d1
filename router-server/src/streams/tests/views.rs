//! Views: parts of a stream, and what is told of what they leave out.

use router_wire::{Name, SampleStatus, Topic, View};

use super::super::{Publisher, StreamOptions};
use super::listener::Listener;
use super::{Served, serve, serve_tcp};

/// An hour between two samples.
const RARELY: View = View::Paced { pause_us: 3_600_000_000 };

fn topic(view: View) -> String {
    Topic::view_of(&Name::parse("stage").unwrap(), view).as_str().to_owned()
}

fn listen(served: &Served, view: View) -> Listener {
    served.listen(&topic(view))
}

fn publish(publisher: &mut Publisher<u64>, values: impl IntoIterator<Item = u64>) {
    for value in values {
        assert_eq!(publisher.publish(&value).unwrap().sequence(), Some(value));
    }
}

fn add(served: &Served) -> Publisher<u64> {
    served.streams.add_publisher("stage", 100, StreamOptions::new()).unwrap()
}

#[track_caller]
fn expect(listener: &mut Listener, status: SampleStatus, sequence: u64, skipped: u32) {
    let next = listener.next();
    assert_eq!((next.status(), next.sequence(), next.skipped), (status, sequence, skipped));
}

#[track_caller]
fn expect_value(listener: &mut Listener, sequence: u64, skipped: u32) {
    let next = listener.next_sample();
    assert_eq!((next.sequence(), next.skipped, next.value::<u64>()), (sequence, skipped, sequence));
}

#[test]
fn every_tenth_is_sent_and_nine_are_told_to_be_left_out() {
    let served = serve();
    let mut publisher = add(&served);
    let mut tenth = listen(&served, View::EveryNth { nth: 10 });
    served.wait_for_subscribers("stage", 1);
    publish(&mut publisher, 0..=25);
    for (sequence, skipped) in [(0, 0), (10, 9), (20, 18)] {
        expect_value(&mut tenth, sequence, skipped);
    }
    served.streams.declare("stage", 7).unwrap();
    expect(&mut tenth, SampleStatus::Declaration, 25, 23);
    // A second one begins with the newest value, which changes nothing for the first.
    let mut second = listen(&served, View::EveryNth { nth: 10 });
    for listener in [&mut second, &mut tenth] {
        let last = listener.next_sample();
        assert_eq!((last.sequence(), last.skipped, last.last_value), (25, 23, true));
    }
    publish(&mut publisher, 26..=30);
    for listener in [&mut second, &mut tenth] {
        expect_value(listener, 30, 27);
    }
}

#[test]
fn a_paced_one_leaves_out_what_a_newer_one_replaces_and_ends_with_the_newest() {
    let served = serve();
    let mut publisher = add(&served);
    let mut paced = listen(&served, RARELY);
    let mut whole = served.listen("stage");
    served.wait_for_subscribers("stage", 2);
    publish(&mut publisher, 0..10);
    expect_value(&mut paced, 0, 0);
    for sequence in 0..10 {
        expect_value(&mut whole, sequence, 0);
    }
    // Whoever waits for everything gets the newest one now.
    served.streams.declare("stage", 7).unwrap();
    expect(&mut paced, SampleStatus::Value, 9, 8);
    expect(&mut paced, SampleStatus::Declaration, 9, 8);
    // And whoever waits gets it when its time has come.
    let mut brisk = listen(&served, View::Paced { pause_us: 20_000 });
    expect_value(&mut brisk, 9, 9);
    publish(&mut publisher, 10..20);
    let mut news = brisk.next_sample();
    while news.sequence() < 19 {
        news = brisk.next_sample();
    }
    assert!(news.skipped >= 9, "{news:?}");
}

#[test]
fn the_newest_is_sent_to_whoever_asks_and_once() {
    let served = serve();
    let mut publisher = add(&served);
    publish(&mut publisher, 0..5);
    let mut asker = listen(&served, View::Asked { asker: 1 });
    expect_value(&mut asker, 4, 4);
    publish(&mut publisher, 5..10);
    served.streams.declare("stage", 7).unwrap();
    expect(&mut asker, SampleStatus::Value, 9, 8);
    expect(&mut asker, SampleStatus::Declaration, 9, 8);
    publish(&mut publisher, 10..15);
    served.streams.ask("stage", 2, 20).unwrap(); // somebody else
    served.streams.ask("stage", 1, 10).unwrap();
    // The samples may still be on their way to the proxy: then it says so, and sends the first that comes.
    let answer = asker.next();
    let newest = if answer.status() == SampleStatus::Declaration { asker.next_sample() } else { answer };
    assert!((10..15).contains(&newest.sequence()) && u64::from(newest.skipped) == newest.sequence() - 2);
    served.streams.declare("stage", 8).unwrap();
    let mut next = asker.next();
    if next.status() == SampleStatus::Value {
        next = asker.next();
    }
    assert_eq!((next.status(), next.sequence()), (SampleStatus::Declaration, 14));
    served.streams.ask("stage", 1, 10).unwrap();
    assert_eq!((asker.next().status(), next.sequence()), (SampleStatus::Declaration, 14));
    publish(&mut publisher, 15..17);
    assert_eq!(asker.next_sample().sequence(), 15);
    served.streams.declare("stage", 9).unwrap();
    assert_eq!(asker.next_sample().sequence(), 16);
}

/// Where nothing is shared the view of slots is the whole stream, and tells that nothing was left out.
#[test]
fn what_is_in_no_slot_comes_as_it_is() {
    let served = serve();
    let mut publisher = add(&served);
    publish(&mut publisher, 0..3);
    let mut slots = listen(&served, View::Slots);
    let last = slots.next_sample();
    assert_eq!((last.sequence(), last.skipped, last.last_value, last.value::<u64>()), (2, 0, true, 2));
    publish(&mut publisher, 3..6);
    for sequence in 3..6 {
        expect_value(&mut slots, sequence, 0);
    }
    served.streams.declare("stage", 7).unwrap();
    expect(&mut slots, SampleStatus::Declaration, 5, 0);
    served.streams.remove("stage").unwrap();
    expect(&mut slots, SampleStatus::Removed, 5, 0);
}

#[test]
fn a_view_is_served_where_its_stream_is_also_when_it_was_there_first() {
    let served = serve_tcp(Default::default());
    let (small, large) = ("small", "large");
    let view = |name: &str| {
        Topic::view_of(&Name::parse(name).unwrap(), View::EveryNth { nth: 2 }).as_str().to_owned()
    };
    let mut early = served.listen(&view(small));
    let mut misplaced = served.listen(&view(large));
    let mut publisher = served.streams.add_publisher::<u64>(small, 100, StreamOptions::new()).unwrap();
    let _large = served.streams.add_publisher::<u64>(large, 1 << 20, StreamOptions::new()).unwrap();
    served.wait_for_subscribers(small, 1);
    publish(&mut publisher, 0..3);
    assert_eq!([early.next_sample().sequence(), early.next_sample().sequence()], [0, 2]);
    let elsewhere = misplaced.next();
    assert_eq!((elsewhere.name, elsewhere.header.status), (view(large), SampleStatus::Elsewhere));
    // Nobody listens to what was left: the source need not send.
    drop(early);
    served.wait_for_subscribers(small, 0);
}

#[test]
fn a_view_ends_with_its_stream_and_begins_anew_with_the_next() {
    let served = serve();
    let mut publisher = add(&served);
    let mut paced = listen(&served, RARELY);
    served.wait_for_subscribers("stage", 1);
    publish(&mut publisher, 0..3);
    expect_value(&mut paced, 0, 0);
    served.streams.remove("stage").unwrap();
    expect(&mut paced, SampleStatus::Removed, 2, 2);
    let mut publisher = add(&served);
    served.wait_for_subscribers("stage", 1);
    publish(&mut publisher, 0..2);
    let first = paced.next_sample();
    assert_eq!((first.sequence(), first.skipped, first.header.incarnation), (0, 0, 2));
}

/// Whoever asks for very many views harms nobody else: beyond the bound they are not served, and each costs one look.
#[test]
fn very_many_views_of_one_peer_hold_nobody_up() {
    const MANY: u64 = 900;
    let served = serve();
    let mut publisher = add(&served);
    let mut whole = served.listen("stage");
    served.wait_for_subscribers("stage", 1);
    let greedy = listen(&served, View::EveryNth { nth: 2 });
    for nth in 3..MANY {
        greedy.subscribe(&topic(View::EveryNth { nth }));
    }
    let refused = |served: &Served| served.streams.counters()["refused_views"];
    super::wait_until("they are refused", || refused(&served) >= MANY - 2 - 256);
    publish(&mut publisher, 0..100);
    for sequence in 0..100 {
        expect_value(&mut whole, sequence, 0);
    }
    drop(greedy);
    served.wait_for_subscribers("stage", 1);
    // Each subscription and each end of one was looked at once, or there would have been more refusals.
    assert!(refused(&served) < MANY, "{}", refused(&served));
    let mut tenth = listen(&served, View::EveryNth { nth: 10 });
    served.wait_for_subscribers("stage", 2);
    publish(&mut publisher, 100..111);
    let last = tenth.next_sample();
    assert!([99, 100].contains(&last.sequence()), "{last:?}");
}
