//! Names on the command line.

use router_wire::Name;

use crate::exit::CommandError;

/// Refuses what can be no name of anything, before anybody is asked.
///
/// # Errors
/// [`CommandError::Usage`] says what is wrong with it.
pub(crate) fn check(name: &str) -> Result<(), CommandError> {
    match Name::parse(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(CommandError::Usage(format!("the NAME is none: {error}"))),
    }
}
