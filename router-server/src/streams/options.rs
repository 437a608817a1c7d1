//! What is told of a stream when it is added.

use serde_json::Value;

use router_wire::describe::ValueDescription;

use super::stream::Origin;

/// Samples up to this size, and their streams, are on the socket `samples`; larger ones on `frames` [bytes].
pub(crate) const SMALL_SAMPLE_BYTES: usize = 64 << 10;

/// How a stream begins and what is told of it. [`Default`] is right for most.
///
/// ```
/// use router_server::StreamOptions;
/// let options = StreamOptions::new().docs("Where the stage is.").unit("um").on_demand();
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct StreamOptions {
    pub(crate) enabled: bool,
    pub(crate) on_demand: bool,
    pub(crate) spin: bool,
    pub(crate) largest_sample_bytes: usize,
    pub(crate) last_value: bool,
    pub(crate) docs: String,
    pub(crate) unit: Option<String>,
    pub(crate) schema: Option<Value>,
    /// The call whose values are streamed, and what it returns. Set by the server for ticks on a lane.
    pub(crate) method: Option<(String, ValueDescription)>,
    /// Where a relayed stream comes from. Set by the server.
    pub(crate) source: Option<Origin>,
}

impl StreamOptions {
    /// Enabled, called whether or not anybody listens, samples up to 64 KiB, the last value kept.
    pub fn new() -> StreamOptions {
        StreamOptions {
            enabled: true,
            on_demand: false,
            spin: false,
            largest_sample_bytes: SMALL_SAMPLE_BYTES,
            last_value: true,
            docs: String::new(),
            unit: None,
            schema: None,
            method: None,
            source: None,
        }
    }

    /// Publishes nothing until the stream is enabled.
    pub fn disabled(mut self) -> StreamOptions {
        self.enabled = false;
        self
    }

    /// Calls the function only while somebody listens. A new subscriber gets the last value, which may be old:
    /// its time tells.
    pub fn on_demand(mut self) -> StreamOptions {
        self.on_demand = true;
        self
    }

    /// Calls the function within microseconds of its time: the thread does not sleep for the last 100 us before each
    /// tick, or half a period where that is less, but looks at the clock. A thread that only sleeps is woken 30 to
    /// 100 us late. Costs up to that share of a core, 10 % at 1 kHz, and nothing is gained where no core is free. All
    /// streams of this frequency share the thread, and so the precision and the cost. Says nothing of a stream that is
    /// not periodic, and where a method runs on a lane, it is punctually queued there.
    pub fn spin(mut self) -> StreamOptions {
        self.spin = true;
        self
    }

    /// Declares the largest sample [bytes of payload]; 64 KiB unless told. What a stalled subscriber may cost is
    /// bounded by this number, so a larger sample is not published.
    pub fn largest_sample_bytes(mut self, bytes: usize) -> StreamOptions {
        self.largest_sample_bytes = bytes;
        self
    }

    /// Gives a new subscriber nothing until the next sample: for streams whose old values mean nothing.
    pub fn without_last_value(mut self) -> StreamOptions {
        self.last_value = false;
        self
    }

    /// Says what the stream is.
    pub fn docs(mut self, docs: impl Into<String>) -> StreamOptions {
        self.docs = docs.into();
        self
    }

    /// Says the unit of its values: `um`, `ms`.
    pub fn unit(mut self, unit: impl Into<String>) -> StreamOptions {
        self.unit = Some(unit.into());
        self
    }

    /// Gives the JSON Schema of its values, in place of what is known of their type.
    pub fn schema(mut self, schema: Value) -> StreamOptions {
        self.schema = Some(schema);
        self
    }

    /// Says which call's values are streamed, and what it returns.
    pub(crate) fn method(mut self, call: impl Into<String>, returns: ValueDescription) -> StreamOptions {
        self.method = Some((call.into(), returns));
        self
    }
}

impl Default for StreamOptions {
    fn default() -> StreamOptions {
        StreamOptions::new()
    }
}
