//! Who turns a loop: leader and followers. The loop is in its seat, or somebody has taken it out and turns it.
//!
//! A caller that waits for an outcome takes the loop and turns it until the outcome is there; whoever finds it taken
//! posts to it and parks. Everything here is a decision made under the lock of the seat, which is held for nothing
//! else. No wake-up is lost because
//! - who finds the loop taken is among the waiters before the lock is let go, and who puts the loop back looks at
//!   waiters and mail under the same lock: of the two, the second sees what the first has done;
//! - one waiter at a time is told to come. It comes, or leaves because its call has ended; either way it passes on what
//!   it was told.
//!
//! The loom tests below try the orders.

use std::collections::VecDeque;

/// A loop as its seat sees it.
pub(crate) trait Turned {
    /// Whether it has something to do that no waiting caller is sure to do.
    fn has_work(&self) -> bool;
}

/// The seat of a loop `L`; `W` names a caller that waits.
#[derive(Debug)]
pub(crate) struct Seat<L, W> {
    /// `None`: somebody turns it, or it has ended.
    loop_: Option<L>,
    /// Callers that found the loop taken, oldest first.
    waiters: VecDeque<W>,
    /// The waiter that was told to come; it is not among `waiters`.
    promoted: Option<W>,
    /// How often callers have taken the loop.
    takes: u64,
    /// The keeper sleeps until it is called.
    keeper_rests: bool,
    /// The keeper is to turn the loop although callers did just now.
    keeper_is_called: bool,
    /// The loop is to be dropped, by the keeper.
    is_over: bool,
}

/// Whom to tell after the lock was let go.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "whoever is not told sleeps on"]
pub(crate) enum Next<W> {
    Nobody,
    Waiter(W),
    Keeper,
}

/// What the keeper is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Duty<L> {
    /// Turn the loop while nobody waits.
    Turn(L),
    /// Drop the loop and end.
    End(L),
    /// Callers turn the loop: look again in a while, or when called.
    StandBy,
    /// A caller has turned the loop for a while: sleep until called.
    Rest,
}

impl<L: Turned, W: Clone + PartialEq> Seat<L, W> {
    pub(crate) fn new(loop_: L) -> Seat<L, W> {
        Seat {
            loop_: Some(loop_),
            waiters: VecDeque::new(),
            promoted: None,
            takes: 0,
            keeper_rests: false,
            keeper_is_called: false,
            is_over: false,
        }
    }

    /// Takes the loop, if it is there.
    pub(crate) fn take(&mut self) -> Option<L> {
        if self.is_over {
            return None;
        }
        let loop_ = self.loop_.take()?;
        self.takes += 1;
        Some(loop_)
    }

    /// Takes the loop for a caller that waits, or keeps the caller among the waiters.
    pub(crate) fn take_or_wait(&mut self, waiter: &W) -> Option<L> {
        let was_promoted = self.promoted.as_ref() == Some(waiter);
        if was_promoted {
            self.promoted = None;
        }
        if let Some(loop_) = self.take() {
            self.waiters.retain(|other| other != waiter);
            return Some(loop_);
        }
        if was_promoted {
            self.waiters.push_front(waiter.clone());
        } else if !self.waiters.contains(waiter) {
            self.waiters.push_back(waiter.clone());
        }
        None
    }

    /// A waiter waits no more.
    pub(crate) fn leave(&mut self, waiter: &W, onlookers: bool) -> Next<W> {
        self.waiters.retain(|other| other != waiter);
        if self.promoted.as_ref() != Some(waiter) {
            return Next::Nobody;
        }
        self.promoted = None;
        self.next(onlookers)
    }

    /// Puts the loop back.
    pub(crate) fn put(&mut self, loop_: L, onlookers: bool) -> Next<W> {
        self.loop_ = Some(loop_);
        self.next(onlookers)
    }

    /// Puts a loop back that has ended.
    pub(crate) fn put_ended(&mut self, loop_: L) -> Next<W> {
        self.is_over = true;
        self.put(loop_, false)
    }

    /// Somebody wants the loop turned who does not wait. Whoever turns it now sees to that when it puts the loop back.
    pub(crate) fn call_keeper(&mut self) -> Next<W> {
        if self.loop_.is_none() {
            return Next::Nobody;
        }
        self.keeper_is_called = true;
        Next::Keeper
    }

    /// Whether a caller waits that could turn the loop.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// By the keeper, which does not have the loop. `seen` is its own memory, of how often callers had taken the loop.
    pub(crate) fn duty(&mut self, seen: &mut u64) -> Duty<L> {
        let is_idle = std::mem::replace(seen, self.takes) == self.takes;
        self.keeper_rests = false;
        if self.loop_.is_none() {
            self.keeper_rests = is_idle;
            return if is_idle { Duty::Rest } else { Duty::StandBy };
        }
        let nobody_comes = is_idle && self.waiters.is_empty() && self.promoted.is_none();
        let its_turn = self.is_over || self.keeper_is_called || nobody_comes;
        if !its_turn {
            return Duty::StandBy;
        }
        self.keeper_is_called = false;
        match self.loop_.take() {
            Some(loop_) if self.is_over => Duty::End(loop_),
            Some(loop_) => Duty::Turn(loop_),
            None => Duty::StandBy,
        }
    }

    /// Who is to come now that the loop is in its seat.
    fn next(&mut self, onlookers: bool) -> Next<W> {
        let Some(loop_) = &self.loop_ else { return Next::Nobody };
        if self.is_over {
            return Next::Keeper;
        }
        if self.promoted.is_some() {
            return Next::Nobody;
        }
        if let Some(waiter) = self.waiters.pop_front() {
            self.promoted = Some(waiter.clone());
            return Next::Waiter(waiter);
        }
        if onlookers || loop_.has_work() {
            self.keeper_is_called = true;
            return Next::Keeper;
        }
        if std::mem::take(&mut self.keeper_rests) { Next::Keeper } else { Next::Nobody }
    }
}

#[cfg(test)]
mod tests;
