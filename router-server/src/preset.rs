//! Arguments that a named call brings along.

use router_wire::{BodyError, arguments, body};
use serde::Serialize;

/// Arguments that a named call brings along: those by position are overridden index by index, those by keyword name
/// by name.
///
/// ```
/// use router_server::Preset;
/// let home = Preset::new((0.0,)).keyword("speed_um_per_s", 100.0);
/// # let _ = home;
/// ```
#[derive(Debug, Clone)]
pub struct Preset {
    positional: Result<Vec<u8>, BodyError>,
    keyword: Vec<(String, Result<Vec<u8>, BodyError>)>,
}

impl Preset {
    /// Positional arguments: a tuple, one element each.
    pub fn new(positional: impl Serialize) -> Preset {
        Preset { positional: body::encode(&positional), keyword: Vec::new() }
    }

    /// One more keyword argument.
    pub fn keyword(mut self, name: impl Into<String>, value: impl Serialize) -> Preset {
        self.keyword.push((name.into(), body::encode(&value)));
        self
    }

    pub(crate) fn into_body(self) -> Result<Vec<u8>, BodyError> {
        let positional: rmpv::Value = body::decode(&self.positional?)?;
        let keyword: Vec<(String, Vec<u8>)> =
            self.keyword.into_iter().map(|(name, value)| Ok((name, value?))).collect::<Result<_, _>>()?;
        arguments::encode(&positional, &keyword)
    }
}
