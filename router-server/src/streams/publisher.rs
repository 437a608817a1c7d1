//! `Publisher`: the application publishes when it likes.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use router_wire::{Encoding, Failure, Refused, ToPayload};

use super::clock::Times;
use super::packet::Unnumbered;
use super::source::Source;
use super::stream::{Ended, Published, Stream};
use super::stream_error::PublishError;

/// Publishes the samples of one stream, from any thread.
///
/// It is `Send` and its methods take `&mut self`: the samples of a stream have one order. No method waits, also not
/// after the server stopped: then it returns [`PublishError::Stopped`]. Dropping it leaves the stream in place, which
/// only has no new samples then; `remove` takes it away.
pub struct Publisher<T: ?Sized> {
    stream: Arc<Stream>,
    source: Source,
    /// Values are only looked at.
    value: PhantomData<fn(&T)>,
}

impl<T: ToPayload + ?Sized> Publisher<T> {
    /// Publishes a value that was acquired now. One that is bytes already, such as a camera's frame, is not copied.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`] and [`PublishError::Encode`]: the sample took no number.
    /// [`PublishError::Removed`] and [`PublishError::Stopped`]: nothing can be published here any more.
    pub fn publish(&mut self, value: &T) -> Result<Published, PublishError> {
        self.publish_with(value, self.stream.clock.now())
    }

    /// Publishes a value that was acquired at `moment`, by the clock of this PC: the time of an exposure, say.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish).
    pub fn publish_at(&mut self, value: &T, moment: SystemTime) -> Result<Published, PublishError> {
        self.publish_with(value, self.stream.clock.at(moment))
    }

    fn publish_with(&mut self, value: &T, times: Times) -> Result<Published, PublishError> {
        if let Some(unseen) = self.stream.publish_unseen() {
            return unseen.map_err(|ended| self.ended(ended));
        }
        let sample = Unnumbered::value(self.name(), value, times)
            .map_err(|error| PublishError::Encode { name: self.name().to_owned(), error })?;
        self.send(sample)
    }
}

impl<T: ?Sized> Publisher<T> {
    pub(super) fn new(stream: Arc<Stream>, source: Source) -> Publisher<T> {
        Publisher { stream, source, value: PhantomData }
    }

    /// Publishes bytes as they are, encoding [`Encoding::Raw`]. From 64 KiB on they are not copied: `bytes` is
    /// dropped, by any thread, when the last subscriber's connection has sent them.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish).
    pub fn publish_bytes<B>(&mut self, bytes: B) -> Result<Published, PublishError>
    where
        B: AsRef<[u8]> + Send + Sync + 'static,
    {
        let times = self.stream.clock.now();
        self.send(Unnumbered::bytes(self.name(), bytes, Encoding::Raw, times))
    }

    /// As [`publish_bytes`](Publisher::publish_bytes), acquired at `moment` by the clock of this PC, in the encoding
    /// that the bytes have: [`Encoding::MessagePack`] makes them readable as a `T`.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish).
    pub fn publish_bytes_at<B>(
        &mut self,
        bytes: B,
        encoding: Encoding,
        moment: SystemTime,
    ) -> Result<Published, PublishError>
    where
        B: AsRef<[u8]> + Send + Sync + 'static,
    {
        let times = self.stream.clock.at(moment);
        self.send(Unnumbered::bytes(self.name(), bytes, encoding, times))
    }

    /// Publishes that a value could not be had, and why: subscribers get it in place of a value.
    ///
    /// # Errors
    /// [`PublishError::Removed`] and [`PublishError::Stopped`].
    pub fn publish_error(&mut self, error: impl fmt::Display) -> Result<Published, PublishError> {
        self.publish_failure(&Failure::Refused(Refused::new("error", error.to_string())))
    }

    /// As [`publish_error`](Publisher::publish_error), with the kind and the fields of an error of the
    /// application's own.
    ///
    /// # Errors
    /// [`PublishError::Removed`] and [`PublishError::Stopped`].
    pub fn publish_failure(&mut self, failure: &Failure) -> Result<Published, PublishError> {
        let (limit, times) = (self.stream.spec.largest_sample_bytes, self.stream.clock.now());
        let sample = Unnumbered::error(self.name(), failure, limit, times);
        self.stream.publish(sample, Some(&mut self.source)).map_err(|ended| self.ended(ended))
    }

    /// Whether somebody listens now. A value that costs much need not be made for nobody; it is not kept for the next
    /// subscriber then.
    pub fn is_heard(&self) -> bool {
        self.stream.is_heard()
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        self.stream.name.as_str()
    }

    /// Holds what a send holds, as a thread does that gets no time on a core in the middle of one.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Drop + '_ {
        self.source.hold()
    }

    fn send(&mut self, sample: Unnumbered) -> Result<Published, PublishError> {
        let (bytes, limit) = (sample.payload_bytes(self.name()), self.stream.spec.largest_sample_bytes);
        if bytes > limit {
            return Err(PublishError::TooLarge { name: self.name().to_owned(), bytes, limit });
        }
        self.stream.publish(sample, Some(&mut self.source)).map_err(|ended| self.ended(ended))
    }

    fn ended(&self, ended: Ended) -> PublishError {
        let name = self.name().to_owned();
        match ended {
            Ended::Removed => PublishError::Removed { name },
            Ended::Stopped => PublishError::Stopped { name },
        }
    }
}

impl<T: ?Sized> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("stream", &self.name()).finish_non_exhaustive()
    }
}
