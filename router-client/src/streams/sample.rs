//! `Sample`: a value with its number and times; and why there is none.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use router_wire::body::{self, BodyError, Encoding};
use router_wire::{Failure, FromPayload, Name, Payload, SampleStatus};
use thiserror::Error;

use super::packet::Packet;

/// A value of a stream, with its sequence number and times.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample<T> {
    /// The value.
    pub value: T,
    /// The stream.
    pub name: Name,
    /// Its number in this incarnation of the stream, from 0.
    pub sequence: u64,
    /// The life of the server that made it.
    pub epoch: u64,
    /// The life of the stream under its name.
    pub incarnation: u64,
    /// When it was acquired, by the clock of the server's PC.
    pub utc: SystemTime,
    /// When it was acquired, by the server's monotonic clock [ns since an unspecified start]: comparable within
    /// one epoch, and not changed when somebody sets the time.
    pub monotonic_ns: u64,
    /// How the bytes were encoded; matters for a [`RawSample`] only.
    pub encoding: Encoding,
}

/// A sample whose value is its bytes, see [`Payload`].
pub type RawSample = Sample<Payload>;

/// Why there is no sample.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// Nothing arrived yet, or nothing since the last one was taken.
    #[error(
        "`{name}` has no sample yet; check that the stream exists, is enabled and that the server can be reached"
    )]
    NothingYet {
        /// The stream.
        name: Name,
    },
    /// Nothing arrived in the time given.
    #[error("`{name}` had no sample within {} ms; check that the stream exists, is enabled and that the server can be reached", waited.as_millis())]
    NothingInTime {
        /// The stream.
        name: Name,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The source could not make the value. Such a sample has a number like any other.
    #[error("`{name}` could not be read (sample {sequence}): {failure}")]
    Failed {
        /// The stream.
        name: Name,
        /// Why.
        failure: Failure,
        /// The sample's number.
        sequence: u64,
        /// When that was, by the clock of the server's PC.
        utc: SystemTime,
    },
    /// The sample is not of the type that was asked for.
    #[error("sample {sequence} of `{name}` is of another type than this program reads: {reason}")]
    Decode {
        /// The stream.
        name: Name,
        /// What was expected and what came.
        reason: BodyError,
        /// The sample's number.
        sequence: u64,
    },
    /// The client was closed, and everything that had arrived was taken.
    #[error("`{name}` ended: the client was closed")]
    Closed {
        /// The stream.
        name: Name,
    },
}

impl<T: FromPayload> Sample<T> {
    /// Reads the packet on the calling thread.
    pub(crate) fn read(name: &Name, packet: &Packet) -> Result<Sample<T>, SampleError> {
        let header = &packet.header;
        let sequence = header.sequence;
        let utc = system_time(header.utc_ns);
        let unreadable = |reason| SampleError::Decode { name: name.clone(), reason, sequence };
        if header.status == SampleStatus::Error {
            let failure =
                body::decode_as::<Failure>(Encoding::MessagePack, &packet.payload).map_err(unreadable)?;
            return Err(SampleError::Failed { name: name.clone(), failure, sequence, utc });
        }
        Ok(Sample {
            value: T::from_payload(header.encoding, &packet.payload).map_err(unreadable)?,
            name: name.clone(),
            sequence,
            epoch: header.epoch,
            incarnation: header.incarnation,
            utc,
            monotonic_ns: header.monotonic_ns,
            encoding: header.encoding,
        })
    }
}

impl<T> Sample<T> {
    /// The same sample with another value.
    pub fn map<U>(self, value: impl FnOnce(T) -> U) -> Sample<U> {
        Sample {
            value: value(self.value),
            name: self.name,
            sequence: self.sequence,
            epoch: self.epoch,
            incarnation: self.incarnation,
            utc: self.utc,
            monotonic_ns: self.monotonic_ns,
            encoding: self.encoding,
        }
    }
}

/// The moment `utc_ns` [ns since 1970-01-01]; what no clock can say is 1970-01-01.
fn system_time(utc_ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(utc_ns.unsigned_abs());
    let moment = if utc_ns < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    moment.unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use router_wire::SampleHeader;

    use super::super::packet::Way;
    use super::*;

    fn packet(status: SampleStatus, payload: Vec<u8>) -> Packet {
        let header = SampleHeader {
            payload_in_own_frame: false,
            status,
            encoding: Encoding::MessagePack,
            epoch: 7,
            incarnation: 2,
            sequence: 41,
            utc_ns: -1_500_000_000,
            monotonic_ns: 9,
        };
        Packet { header, skipped: 0, payload: payload.into(), way: Way::Message }
    }

    #[test]
    fn values_failures_and_wrong_types_are_told_apart() {
        let name = Name::parse("stage.position_um").unwrap();
        let read = |packet: &Packet| Sample::<f64>::read(&name, packet);
        let sample = read(&packet(SampleStatus::Value, body::encode(&1.5).unwrap())).unwrap();
        assert_eq!((sample.value, sample.sequence, sample.epoch, sample.incarnation), (1.5, 41, 7, 2));
        assert_eq!(sample.utc, UNIX_EPOCH - Duration::from_millis(1500));
        let failure = Failure::Panicked { message: "no encoder".into() };
        let error = read(&packet(SampleStatus::Error, body::encode(&failure).unwrap())).unwrap_err();
        assert_eq!(error, SampleError::Failed { name: name.clone(), failure, sequence: 41, utc: sample.utc });
        let error = read(&packet(SampleStatus::Value, body::encode("far").unwrap())).unwrap_err();
        assert!(error.to_string().contains("expected f64, got \"far\""), "{error}");
        let error = read(&packet(SampleStatus::Error, vec![0xc1])).unwrap_err();
        assert!(matches!(error, SampleError::Decode { .. }), "{error}");
    }
}
