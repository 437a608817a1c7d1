//! The hand-over of a loop, its decisions one by one and, with loom, in every order that a few threads can take.

use std::collections::VecDeque;

use loom::sync::{Arc, Condvar, Mutex};

use super::*;

struct Quiet;

impl Turned for Quiet {
    fn has_work(&self) -> bool {
        false
    }
}

#[test]
fn one_waiter_at_a_time_is_told_to_come_and_passes_it_on() {
    let mut seat = Seat::new(Quiet);
    let loop_ = seat.take_or_wait(&1).expect("nobody has it");
    assert!(seat.take_or_wait(&2).is_none() && seat.take_or_wait(&3).is_none());
    assert!(seat.put(loop_, false) == Next::Waiter(2));
    let barged_in = seat.take().expect("it is in its seat");
    assert!(seat.put(barged_in, false) == Next::Nobody, "2 is on its way");
    assert!(seat.leave(&2, false) == Next::Waiter(3), "its call ended");
    let loop_ = seat.take_or_wait(&3).expect("it was told to come");
    assert!(seat.put(loop_, false) == Next::Nobody && !seat.has_waiters());
}

#[test]
fn a_waiter_that_comes_too_late_is_the_next() {
    let mut seat = Seat::new(Quiet);
    let loop_ = seat.take().expect("nobody has it");
    assert!(seat.take_or_wait(&1).is_none() && seat.take_or_wait(&2).is_none());
    assert!(seat.put(loop_, false) == Next::Waiter(1));
    let loop_ = seat.take().expect("it is in its seat");
    assert!(seat.take_or_wait(&1).is_none());
    assert!(seat.put(loop_, false) == Next::Waiter(1));
}

#[test]
fn the_keeper_turns_the_loop_when_callers_do_not() {
    let (mut seat, mut seen): (Seat<Quiet, u8>, u64) = (Seat::new(Quiet), 0);
    let Duty::Turn(loop_) = seat.duty(&mut seen) else { panic!("nobody else does") };
    assert!(seat.put(loop_, false) == Next::Nobody);
    let loop_ = seat.take().expect("it is in its seat");
    assert!(matches!(seat.duty(&mut seen), Duty::StandBy), "a caller has it");
    assert!(matches!(seat.duty(&mut seen), Duty::Rest), "and keeps it");
    assert!(seat.call_keeper() == Next::Nobody, "the caller calls it");
    assert!(seat.put(loop_, false) == Next::Keeper, "it rests");
    let loop_ = seat.take().expect("it is in its seat");
    assert!(seat.put(loop_, false) == Next::Nobody);
    assert!(matches!(seat.duty(&mut seen), Duty::StandBy), "a caller had it just now");
    assert!(matches!(seat.duty(&mut seen), Duty::Turn(_)));
}

#[test]
fn the_keeper_is_called_for_onlookers_and_for_work_and_to_end_the_loop() {
    struct Busy;
    impl Turned for Busy {
        fn has_work(&self) -> bool {
            true
        }
    }
    let mut seat: Seat<Busy, u8> = Seat::new(Busy);
    let loop_ = seat.take().expect("nobody has it");
    assert!(seat.put(loop_, false) == Next::Keeper);

    let (mut seat, mut seen): (Seat<Quiet, u8>, u64) = (Seat::new(Quiet), 0);
    let loop_ = seat.take_or_wait(&1).expect("nobody has it");
    assert!(seat.put(loop_, true) == Next::Keeper);
    let Duty::Turn(loop_) = seat.duty(&mut seen) else { panic!("it was called") };
    assert!(seat.put_ended(loop_) == Next::Keeper);
    assert!(seat.take_or_wait(&1).is_none(), "it has ended");
    assert!(matches!(seat.duty(&mut seen), Duty::End(_)));
}

/// A loop whose server answers at once: what is posted comes back when the loop is turned.
#[derive(Default)]
struct Model {
    seat: Option<Mutex<Seat<ModelLoop, usize>>>,
    /// Posted and not taken, and whether who turns the loop sleeps: a mailbox whose own protocol is tested elsewhere.
    mail: Mutex<(VecDeque<usize>, bool)>,
    bell: Condvar,
    /// One for each caller: whether its call has ended, and whether it was told to come.
    slots: Vec<(Mutex<(bool, bool)>, Condvar)>,
    /// Whether the keeper was called.
    keeper: Mutex<bool>,
    keeper_called: Condvar,
}

struct ModelLoop(Arc<Mutex<bool>>);

impl Turned for ModelLoop {
    fn has_work(&self) -> bool {
        *self.0.lock().unwrap()
    }
}

impl Model {
    fn seat<R>(&self, decide: impl FnOnce(&mut Seat<ModelLoop, usize>) -> R) -> R {
        decide(&mut self.seat.as_ref().unwrap().lock().unwrap())
    }

    fn tell(&self, next: Next<usize>) {
        match next {
            Next::Nobody => {}
            Next::Waiter(waiter) => {
                self.slots[waiter].0.lock().unwrap().1 = true;
                self.slots[waiter].1.notify_one();
            }
            Next::Keeper => {
                *self.keeper.lock().unwrap() = true;
                self.keeper_called.notify_one();
            }
        }
    }

    fn post(&self, loop_has_mail: &Mutex<bool>, call: usize) {
        let mut mail = self.mail.lock().unwrap();
        mail.0.push_back(call);
        *loop_has_mail.lock().unwrap() = true;
        if std::mem::take(&mut mail.1) {
            self.bell.notify_one();
        }
    }

    /// Ends the calls that were posted; sleeps first if there are none and `own` has not ended.
    fn turn(&self, loop_: &ModelLoop, own: Option<usize>) {
        let mut mail = self.mail.lock().unwrap();
        while mail.0.is_empty() && own.is_some_and(|own| !self.slots[own].0.lock().unwrap().0) {
            mail.1 = true;
            mail = self.bell.wait(mail).unwrap();
        }
        let posted = std::mem::take(&mut mail.0);
        *loop_.0.lock().unwrap() = false;
        drop(mail);
        for call in posted {
            self.slots[call].0.lock().unwrap().0 = true;
            self.slots[call].1.notify_one();
        }
    }

    /// As `driving.rs` waits.
    fn wait(&self, own: usize) {
        let mut is_among_waiters = false;
        while !self.slots[own].0.lock().unwrap().0 {
            let taken = self.seat(|seat| seat.take_or_wait(&own));
            is_among_waiters = taken.is_none();
            if let Some(loop_) = taken {
                while !self.slots[own].0.lock().unwrap().0 {
                    self.turn(&loop_, Some(own));
                }
                let next = self.seat(|seat| seat.put(loop_, false));
                self.tell(next);
                continue;
            }
            let mut slot = self.slots[own].0.lock().unwrap();
            while !slot.0 && !std::mem::take(&mut slot.1) {
                slot = self.slots[own].1.wait(slot).unwrap();
            }
        }
        if is_among_waiters {
            let next = self.seat(|seat| seat.leave(&own, false));
            self.tell(next);
        }
    }

    /// As `driving.rs` posts what nobody waits for.
    fn post_only(&self, has_mail: &Mutex<bool>, call: usize) {
        self.post(has_mail, call);
        let next = match self.seat(|seat| seat.take()) {
            Some(loop_) => {
                self.turn(&loop_, None);
                self.seat(|seat| seat.put(loop_, false))
            }
            None => self.seat(|seat| seat.call_keeper()),
        };
        self.tell(next);
    }
}

/// A lost wake-up leaves a caller waiting for ever, which loom reports as a deadlock. `posters` begin a call that nobody
/// waits for: whoever turns the loop, or the keeper, has to see to it.
fn every_call_ends(waiters: usize, posters: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(move || {
        let has_mail = Arc::new(Mutex::new(false));
        let model = Arc::new(Model {
            seat: Some(Mutex::new(Seat::new(ModelLoop(Arc::clone(&has_mail))))),
            slots: (0..waiters + posters).map(|_| Default::default()).collect(),
            ..Model::default()
        });
        // Callers have turned the loop just now: the keeper stands by, and does nothing unless it is called.
        let mut threads = Vec::new();
        for own in 0..waiters + posters {
            let (model, has_mail) = (Arc::clone(&model), Arc::clone(&has_mail));
            threads.push(loom::thread::spawn(move || {
                if own < waiters {
                    model.post(&has_mail, own);
                    model.wait(own);
                } else {
                    model.post_only(&has_mail, own);
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        if *model.keeper.lock().unwrap() {
            let mut seen = u64::MAX;
            if let Duty::Turn(loop_) = model.seat(|seat| seat.duty(&mut seen)) {
                model.turn(&loop_, None);
                assert!(model.seat(|seat| seat.put(loop_, false)) == Next::Nobody);
            }
        }
        assert!(model.slots.iter().all(|slot| slot.0.lock().unwrap().0), "a call was forgotten");
        assert!(!model.seat(|seat| seat.has_waiters()), "somebody is thought to wait");
    });
}

#[test]
fn two_callers_that_wait() {
    every_call_ends(2, 0);
}

#[test]
fn a_caller_that_waits_and_one_that_does_not() {
    every_call_ends(1, 1);
}

#[test]
fn three_callers_that_wait() {
    every_call_ends(3, 0);
}
