//! What is told of a relay when it is added.

use std::fmt;

use router_wire::Encoding;
use serde_json::Value;

use super::options::StreamOptions;
use super::tap::{Tap, TappedMessage};

/// How a source writes its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RelayFormat {
    /// Told from each message: a packet of another `RouterServer`, one of the Python one-liner, several frames of which
    /// the first is the topic, or otherwise a payload without topic. A stream to which a packet of a `RouterServer` has
    /// come takes nothing else from then on: its numbers are those of its source.
    #[default]
    Auto,
    /// Packets of another `RouterServer`, which keep their numbers, times and status.
    RouterServer,
    /// Packets of the Python one-liner: topic, NUL, pickled metadata, payload.
    PythonOneLiner,
    /// The topic in the first frame, the payload in the second. More small frames are joined.
    Multipart,
    /// One frame: the topic up to the first such byte, then the payload.
    Prefixed(u8),
    /// One frame, all of it payload; a topic in front, if it is subscribed to by one, is a part of it.
    Bare,
}

/// How a relay receives and what is told of its streams. [`Default`] is right for most.
///
/// ```
/// use router_server::{RelayFormat, RelayOptions};
/// let options = RelayOptions::new()
///     .format(RelayFormat::Multipart)
///     .topic("power")
///     .docs("Behind the shutter.")
///     .unit("mW");
/// # let _ = options;
/// ```
pub struct RelayOptions {
    pub(super) stream: StreamOptions,
    pub(super) format: RelayFormat,
    /// Topics, and what their streams are called when that is not the topic.
    pub(super) topics: Vec<(String, Option<String>)>,
    /// The prefix of the streams, when there is one for each topic.
    pub(super) each_topic: Option<String>,
    pub(super) most_topics: usize,
    pub(super) keep: bool,
    pub(super) encoding: Encoding,
    pub(super) tap: Option<Tap>,
}

impl RelayOptions {
    /// Most streams of one relay, unless [`most_topics`](RelayOptions::most_topics) says otherwise.
    pub const MOST_TOPICS: usize = 1_024;

    /// Every topic into one stream; raw payloads of at most 64 KiB; subscribed at the source while somebody listens.
    pub fn new() -> RelayOptions {
        RelayOptions {
            stream: StreamOptions::new(),
            format: RelayFormat::Auto,
            topics: Vec::new(),
            each_topic: None,
            most_topics: RelayOptions::MOST_TOPICS,
            keep: false,
            encoding: Encoding::Raw,
            tap: None,
        }
    }

    /// Says how the source writes its messages, where it is better not told from each.
    pub fn format(mut self, format: RelayFormat) -> RelayOptions {
        self.format = format;
        self
    }

    /// Relays this topic; may be called for several. Topics are compared whole, except in messages that have none
    /// apart ([`RelayFormat::Bare`]), which begin with it. A `RouterServer` publishes a stream only for those who name
    /// it: without a topic, the relay asks it for a stream of its own name.
    pub fn topic(mut self, topic: impl Into<String>) -> RelayOptions {
        self.topics.push((topic.into(), None));
        self
    }

    /// As [`topic`](RelayOptions::topic); with [`each_topic`](RelayOptions::each_topic) its stream has another name.
    pub fn topic_as(mut self, topic: impl Into<String>, name: impl Into<String>) -> RelayOptions {
        self.topics.push((topic.into(), Some(name.into())));
        self
    }

    /// Makes a stream `PREFIX.TOPIC` of each topic; with an empty prefix it is called as the topic. The relay's name
    /// then stands for all of them where they are enabled, disabled and removed together.
    ///
    /// Where topics were given these are the streams, from the beginning. Otherwise a stream appears with the first
    /// message of its topic, so the relay stays subscribed. Topics that are no legal names are counted.
    pub fn each_topic(mut self, prefix: impl Into<String>) -> RelayOptions {
        self.each_topic = Some(prefix.into());
        self
    }

    /// Bounds the streams of [`each_topic`](RelayOptions::each_topic); 1,024 unless set. Further topics are counted.
    pub fn most_topics(mut self, most: usize) -> RelayOptions {
        self.most_topics = most;
        self
    }

    /// Stays subscribed at the source though nobody listens: the last value is always a new one.
    pub fn keep_subscribed(mut self) -> RelayOptions {
        self.keep = true;
        self
    }

    /// Says how payloads are encoded: [`Encoding::Json`] and [`Encoding::MessagePack`] let clients read them as values.
    /// [`Encoding::Raw`] unless set. It does not hold for packets of a `RouterServer`, which tell it.
    pub fn encoding(mut self, encoding: Encoding) -> RelayOptions {
        self.encoding = encoding;
        self
    }

    /// Shows `look` every message as it came, on a thread of its own. Up to `waiting` messages wait for it, by
    /// reference; when it falls further behind, it misses some, which are counted.
    pub fn tap(mut self, waiting: usize, look: impl FnMut(&TappedMessage) + Send + 'static) -> RelayOptions {
        self.tap = Some(Tap { waiting: waiting.max(1), look: Box::new(look) });
        self
    }

    /// Logs every message, level `info`: size of each frame and the beginning of the first.
    pub fn log_messages(self) -> RelayOptions {
        const WAITING: usize = 100;
        self.tap(WAITING, |message| log::info!("{message}"))
    }

    /// Relays nothing until it is enabled.
    pub fn disabled(mut self) -> RelayOptions {
        self.stream = self.stream.disabled();
        self
    }

    /// Declares the largest payload [bytes]; 64 KiB unless told. A larger one becomes an error sample.
    pub fn largest_sample_bytes(mut self, bytes: usize) -> RelayOptions {
        self.stream = self.stream.largest_sample_bytes(bytes);
        self
    }

    /// Gives a new subscriber nothing until the next sample: for streams whose old values mean nothing.
    pub fn without_last_value(mut self) -> RelayOptions {
        self.stream = self.stream.without_last_value();
        self
    }

    /// Says what the streams are.
    pub fn docs(mut self, docs: impl Into<String>) -> RelayOptions {
        self.stream = self.stream.docs(docs);
        self
    }

    /// Says the unit of their values: `um`, `ms`.
    pub fn unit(mut self, unit: impl Into<String>) -> RelayOptions {
        self.stream = self.stream.unit(unit);
        self
    }

    /// Gives the JSON Schema of their values.
    pub fn schema(mut self, schema: Value) -> RelayOptions {
        self.stream = self.stream.schema(schema);
        self
    }

    /// Whether the source may be a server, that tells where its streams are.
    pub(super) fn greets(&self) -> bool {
        matches!(self.format, RelayFormat::Auto | RelayFormat::RouterServer)
    }

    /// Whether streams are made as topics are met.
    pub(super) fn discovers(&self) -> bool {
        self.each_topic.is_some() && self.topics.is_empty()
    }

    /// Whether it stays subscribed though nobody listens.
    pub(super) fn keeps(&self) -> bool {
        self.keep || self.discovers()
    }
}

impl Default for RelayOptions {
    fn default() -> RelayOptions {
        RelayOptions::new()
    }
}

impl fmt::Debug for RelayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayOptions")
            .field("format", &self.format)
            .field("topics", &self.topics)
            .field("each_topic", &self.each_topic)
            .field("keep", &self.keep)
            .field("encoding", &self.encoding)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
