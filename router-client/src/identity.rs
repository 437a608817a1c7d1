//! Who this client is: `alice@scope-3 napari pid 4411`, and an id that no other client has.

use std::io;

use router_wire::{ClientId, ClientIdentity};

/// Finds out who runs this program where; `name` is what it calls itself, its executable's name unless given.
///
/// # Errors
/// The system's, when it gives no random numbers: a weak id could be another client's.
pub(crate) fn identify(name: Option<&str>) -> io::Result<ClientIdentity> {
    let identity = ClientIdentity {
        id: random_id()?,
        name: name.map_or_else(program_name, str::to_owned),
        user: user_name(),
        host: host_name(),
        pid: std::process::id(),
    };
    Ok(identity.tamed())
}

/// Returns the name of the running executable without its path and extension, `program` if the system does not tell.
pub fn program_name() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "program".to_owned())
}

/// Returns the name of the user as the environment has it (`USER`, `LOGNAME`, `USERNAME`), else as the system's list of
/// users has it, else `unknown`.
pub fn user_name() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| variable(name))
        .or_else(system_user_name)
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(unix)]
fn system_user_name() -> Option<String> {
    // SAFETY: asks for a number and changes nothing.
    let user_id = unsafe { libc::geteuid() }.to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let name_of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == user_id).then(|| name.to_owned())
    };
    users.lines().find_map(name_of)
}

#[cfg(not(unix))]
fn system_user_name() -> Option<String> {
    None
}

/// Returns the name of this PC, `localhost` if the system does not tell.
pub fn host_name() -> String {
    system_host_name().filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(unix)]
fn system_host_name() -> Option<String> {
    let mut name = [0_u8; 256];
    // SAFETY: room for the name and its NUL, which stays behind it because the last byte is not given.
    let status = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let length = name.iter().position(|&byte| byte == 0)?;
    (status == 0).then(|| String::from_utf8_lossy(&name[..length]).into_owned())
}

#[cfg(not(unix))]
fn system_host_name() -> Option<String> {
    variable("COMPUTERNAME")
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn random_id() -> io::Result<ClientId> {
    let mut halves = [[0_u8; 8]; 2];
    for half in &mut halves {
        getrandom::fill(half).map_err(|error| io::Error::other(error.to_string()))?;
    }
    let [first, second] = halves.map(u64::from_le_bytes);
    Ok(ClientId(first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_like_a_person_at_a_pc() {
        let identity = identify(Some("napari")).unwrap();
        let pid = std::process::id();
        assert!(identity.to_string().ends_with(&format!(" napari pid {pid}")), "{identity}");
        assert!(!identity.user.is_empty() && !identity.host.is_empty());
        assert_ne!(identity.id, identify(None).unwrap().id);
    }
}
