//! `ServedView`: one view of a stream as the proxy serves it, and which samples are part of it.
//!
//! Each packet tells how many samples the view has left out until then, so that a subscriber tells what was skipped
//! from what was lost: `skipped = seen - sent`, where `seen` counts the samples of the stream that passed.

use std::time::{Duration, Instant};

use router_wire::{SampleStatus, Topic, View};

use super::clock::Times;
use super::forwarding::last_value_pause;
use super::packet::{Life, Packet, Stamp};

/// A sample that is no part of a view is sent for new subscribers at most this often: everyone who listens gets it.
const LAST_VALUE_PAUSE: Duration = Duration::from_millis(20);

/// A view that somebody listens to. Written and read by the proxy.
pub(crate) struct ServedView {
    topic: Topic,
    view: View,
    /// How many samples were sent, modulo 2^32.
    sent: u32,
    /// The newest one that was sent, and how many had been left out then.
    newest: Option<(Life, u64, u32)>,
    /// The newest sample, that waits for its time, and the value of `seen` behind it.
    waiting: Option<(Packet, u32)>,
    /// The subscriber asked for the next sample.
    armed: bool,
    /// Nothing that waits is sent before this.
    next_at: Option<Instant>,
    /// The proxy has it in its list of views in which something waits.
    listed: bool,
}

/// What is to be done about a view now.
pub(crate) enum Due {
    /// This is sent.
    Send(Packet),
    /// Something is sent then, by [`ServedView::due_at_last`].
    At(Instant),
    /// Nothing is to be sent.
    Nothing,
}

impl ServedView {
    /// `None` for the whole stream, which is no view.
    pub(crate) fn new(topic: Topic) -> Option<ServedView> {
        let view = topic.view()?;
        let (newest, waiting, next_at) = (None, None, None);
        Some(ServedView { topic, view, sent: 0, newest, waiting, armed: false, next_at, listed: false })
    }

    /// Whether its samples are to be in slots.
    pub(crate) fn wants_slots(&self) -> bool {
        self.view == View::Slots
    }

    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    /// A sample passes, the last of `seen`.
    pub(crate) fn offer(&mut self, sample: &Packet, seen: u32) -> Due {
        let is_part = match self.view {
            View::EveryNth { nth } => sample.sequence.is_multiple_of(nth),
            View::Asked { .. } => self.armed,
            View::Slots => true,
            View::Paced { .. } => {
                self.waiting = Some((sample.shared(), seen));
                return self.due(Instant::now());
            }
            _ => false,
        };
        if is_part { Due::Send(self.send(sample, seen)) } else { Due::Nothing }
    }

    /// Somebody subscribed: `last`, the newest sample, is for it.
    pub(crate) fn subscribed(&mut self, last: Option<&Packet>, seen: u32) -> Due {
        self.waiting = last.map(|last| (last.shared(), seen)).or(self.waiting.take());
        self.due(Instant::now())
    }

    /// The subscriber asks for the newest sample, which is `last`: it gets that, if it is newer than what was sent.
    /// `Nothing`: it gets the next one, and is to be told so.
    pub(crate) fn asked(&mut self, last: Option<&Packet>, seen: u32) -> Due {
        match last.filter(|last| !self.has_sent(last)) {
            Some(last) => Due::Send(self.send(last, seen)),
            None => {
                self.armed = true;
                Due::Nothing
            }
        }
    }

    /// What waits, for the list in which it waits.
    pub(crate) fn due_at_last(&mut self, now: Instant) -> Due {
        self.listed = false;
        self.due(now)
    }

    fn due(&mut self, now: Instant) -> Due {
        let Some((sample, seen)) = self.waiting.take() else { return Due::Nothing };
        if let Some(at) = self.next_at.filter(|&at| now < at) {
            self.waiting = Some((sample, seen));
            return if std::mem::replace(&mut self.listed, true) { Due::Nothing } else { Due::At(at) };
        }
        let pause = match self.view {
            View::EveryNth { .. } => LAST_VALUE_PAUSE,
            View::Slots => last_value_pause(&sample),
            view => view.pause().unwrap_or_default(),
        };
        // One that is a little late does not make all that follow late.
        let on_time = self.next_at.filter(|&at| now < at + pause);
        self.next_at = Some(on_time.unwrap_or(now) + pause);
        Due::Send(match self.view {
            // No part of the view, which those who are subscribed already leave out by its mark.
            View::EveryNth { .. } => {
                sample.as_last_value(self.topic.name().as_str()).under(&self.topic, self.skipped(seen))
            }
            // By value: a new subscriber may come too late for the slot, and would wait for the next sample.
            View::Slots => sample.as_last_value(self.topic.name().as_str()).under(&self.topic, 0),
            _ => self.send(&sample, seen),
        })
    }

    /// Tells the subscribers what is no sample: how far the stream has come, or that it is gone. Whoever waits for all
    /// that was published (`payload` is its token) gets the newest sample before.
    pub(crate) fn control(
        &mut self,
        status: SampleStatus,
        stamp: Stamp,
        payload: &[u8],
        (last, seen): (Option<&Packet>, u32),
        now: Times,
        due: &mut Vec<(Topic, Due)>,
    ) {
        // What is a part of these has been sent when it is declared.
        let leaves_newest_out = matches!(self.view, View::EveryNth { .. } | View::Slots);
        let news = last.filter(|last| !payload.is_empty() && !leaves_newest_out && !self.has_sent(last));
        if let Some(last) = news {
            due.push((self.topic.clone(), Due::Send(self.send(last, seen))));
        }
        let mut stamp = stamp;
        let mut skipped = self.skipped(seen);
        if status == SampleStatus::Declaration && !leaves_newest_out {
            // What may still be sent is not declared yet.
            if let Some((life, newest, skipped_then)) = self.newest {
                (stamp.epoch, stamp.incarnation) = life;
                (stamp.sequence, skipped) = (newest, skipped_then);
            }
        }
        let packet = Packet::control(self.topic.as_str(), status, stamp, payload, now).with_skipped(skipped);
        due.push((self.topic.clone(), Due::Send(packet)));
    }

    /// How many samples of `seen` were left out.
    fn skipped(&self, seen: u32) -> u32 {
        match self.view {
            View::Slots => 0, // it leaves nothing out
            _ => seen.wrapping_sub(self.sent),
        }
    }

    /// The stream began anew, or nothing of it is to be sent any more.
    pub(crate) fn forget(&mut self) {
        (self.waiting, self.newest) = (None, None);
    }

    fn has_sent(&self, sample: &Packet) -> bool {
        self.newest.is_some_and(|(life, sequence, _)| life == sample.life && sequence >= sample.sequence)
    }

    fn send(&mut self, sample: &Packet, seen: u32) -> Packet {
        (self.waiting, self.armed) = (None, false);
        if !self.has_sent(sample) {
            self.sent = self.sent.wrapping_add(1);
        }
        let skipped = self.skipped(seen);
        self.newest = Some((sample.life, sample.sequence, skipped));
        match self.view {
            View::Slots => sample.by_slot(&self.topic),
            _ => sample.under(&self.topic, skipped),
        }
    }
}
