//! Errors that travel: how a method's error becomes a refusal and a refusal the caller's error.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;

use router_wire::Refused;
use router_wire::describe::ErrorDescription;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::interrupted::Interrupted;

/// An error that a method may return and that the typed client gives back as the same type.
///
/// `#[derive(RemoteError)]` writes it: `kind` is the variant's name, the message its `Display`, the details its
/// fields. It is there already for `String`, `std::io::Error`, a boxed error and [`Interrupted`].
///
/// ```
/// use router_client::{Interrupted, RemoteError};
///
/// #[derive(Debug, PartialEq, thiserror::Error, RemoteError)]
/// enum StageError {
///     /// The target is outside the travel.
///     #[error("target {target_um} um is outside 0..={limit_um} um")]
///     OutOfRange { target_um: f64, limit_um: f64 },
///     #[error(transparent)]
///     Interrupted(#[interrupted] Interrupted),
/// }
///
/// let error = StageError::OutOfRange { target_um: 12000.0, limit_um: 10000.0 };
/// let refused = error.to_refused();
/// assert_eq!(refused.kind, "OutOfRange");
/// assert_eq!(refused.message, "target 12000 um is outside 0..=10000 um");
/// assert_eq!(StageError::from_refused(&refused), Some(error));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel as a method's error",
    label = "no `RemoteError`",
    note = "write `#[derive(RemoteError)]` on it, beside one that gives it a `Display`, such as `thiserror::Error`"
)]
pub trait RemoteError: Display + Sized {
    /// The error, taken apart so that any client can read it.
    fn to_refused(&self) -> Refused;

    /// The error again, or `None` when the refusal is not one of this type.
    fn from_refused(refused: &Refused) -> Option<Self>;

    /// The interruption that it holds: its call then ends as cancelled or past its deadline, not as refused.
    fn interrupted(&self) -> Option<Interrupted> {
        None
    }

    /// The kinds there are, for `describe`; empty when that is not known.
    fn kinds() -> Vec<ErrorDescription> {
        Vec::new()
    }
}

/// The kind of an error that has no kinds, such as a `String`.
pub(crate) const PLAIN_KIND: &str = "error";

impl RemoteError for Refused {
    fn to_refused(&self) -> Refused {
        self.clone()
    }

    fn from_refused(refused: &Refused) -> Option<Self> {
        Some(refused.clone())
    }
}

impl RemoteError for Interrupted {
    fn to_refused(&self) -> Refused {
        Refused::new("Interrupted", self.to_string())
    }

    fn from_refused(_: &Refused) -> Option<Self> {
        None
    }

    fn interrupted(&self) -> Option<Interrupted> {
        Some(self.clone())
    }
}

impl RemoteError for String {
    fn to_refused(&self) -> Refused {
        Refused::new(PLAIN_KIND, self.as_str())
    }

    fn from_refused(refused: &Refused) -> Option<Self> {
        Some(refused.to_string())
    }
}

impl RemoteError for io::Error {
    fn to_refused(&self) -> Refused {
        Refused::new("io", self.to_string())
    }

    fn from_refused(refused: &Refused) -> Option<Self> {
        (refused.kind == "io").then(|| io::Error::other(refused.message.clone()))
    }
}

impl RemoteError for Box<dyn std::error::Error + Send + Sync> {
    fn to_refused(&self) -> Refused {
        Refused::new(PLAIN_KIND, self.to_string())
    }

    fn from_refused(refused: &Refused) -> Option<Self> {
        Some(Box::new(refused.clone()))
    }

    fn interrupted(&self) -> Option<Interrupted> {
        self.downcast_ref::<Interrupted>().cloned()
    }
}

impl RemoteError for Infallible {
    fn to_refused(&self) -> Refused {
        match *self {}
    }

    fn from_refused(_: &Refused) -> Option<Self> {
        None
    }
}

/// The name of the structure as which a remote error serialises; `write_returned` knows it by this.
pub(crate) const SERIALIZED_NAME: &str = "RemoteError";

/// An interruption as a field of that structure. [`Interrupted`] itself serialises as a remote error, because
/// a closure may return it.
#[derive(Serialize, Deserialize)]
pub(crate) enum SerializedInterruption {
    Cancelled(String),
    DeadlineExceeded,
    ClientLost,
    ServerStopping,
}

/// Serialises an error so that [`write_returned`](crate::write_returned) finds its parts: what the derive's
/// `impl Serialize` calls.
///
/// # Errors
/// The serializer's.
pub fn serialize_error<E: RemoteError, S: Serializer>(error: &E, serializer: S) -> Result<S::Ok, S::Error> {
    let refused = error.to_refused();
    let interruption = error.interrupted().map(|interrupted| match interrupted {
        Interrupted::Cancelled { by } => SerializedInterruption::Cancelled(by),
        Interrupted::DeadlineExceeded => SerializedInterruption::DeadlineExceeded,
        Interrupted::ClientLost => SerializedInterruption::ClientLost,
        Interrupted::ServerStopping => SerializedInterruption::ServerStopping,
    });
    let mut fields = serializer.serialize_struct(SERIALIZED_NAME, 4)?;
    fields.serialize_field("kind", &refused.kind)?;
    fields.serialize_field("message", &refused.message)?;
    fields.serialize_field("details", &refused.details)?;
    fields.serialize_field("interrupted", &interruption)?;
    fields.end()
}

impl Serialize for Interrupted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_error(self, serializer)
    }
}

impl From<SerializedInterruption> for Interrupted {
    fn from(interruption: SerializedInterruption) -> Interrupted {
        match interruption {
            SerializedInterruption::Cancelled(by) => Interrupted::Cancelled { by },
            SerializedInterruption::DeadlineExceeded => Interrupted::DeadlineExceeded,
            SerializedInterruption::ClientLost => Interrupted::ClientLost,
            SerializedInterruption::ServerStopping => Interrupted::ServerStopping,
        }
    }
}
