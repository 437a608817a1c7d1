//! Who holds a TCP port of this computer, where the operating system tells.

use std::fmt;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortHolder {
    pid: u32,
    program: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.program, self.pid)
    }
}

/// The process that listens on `port`; `None` where nobody does, or it belongs to someone whose processes we
/// may not look into, or the operating system does not tell.
pub(crate) fn port_holder(port: u16) -> Option<PortHolder> {
    #[cfg(target_os = "linux")]
    return linux::port_holder(port);
    #[cfg(not(target_os = "linux"))]
    return {
        let _ = port;
        None
    };
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::PortHolder;

    const LISTEN: &str = "0A";

    pub(super) fn port_holder(port: u16) -> Option<PortHolder> {
        let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .find_map(|table| listening_inode(&table, port))?;
        let socket = format!("socket:[{inode}]");
        let holds_it = |pid: &u32| {
            let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
            descriptors
                .flatten()
                .any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == &*socket))
        };
        let pids = fs::read_dir("/proc")
            .ok()?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let pid = { pids }.find(holds_it)?;
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned();
        Some(PortHolder { pid, program })
    }

    /// The socket's inode in a table of proc(5): `sl local_address rem_address st tx:rx tr:tm retrnsmt uid
    /// timeout inode ...`, numbers in hexadecimal.
    pub(super) fn listening_inode(table: &str, port: u16) -> Option<u64> {
        table.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let local = fields.get(1)?.rsplit(':').next()?;
            let listens = *fields.get(3)? == LISTEN && u16::from_str_radix(local, 16).ok()? == port;
            if listens { fields.get(9)?.parse().ok() } else { None }
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_of_ours_is_held_by_us() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(port_holder(port).unwrap().pid, std::process::id());
    }

    #[test]
    fn a_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:15B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0\n\
             1: 0100007F:15B4 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0\n";
        assert_eq!(linux::listening_inode(table, 5555), Some(4711));
        assert_eq!(linux::listening_inode(table, 5556), None, "connected, not listening");
        assert_eq!(linux::listening_inode(table, 5557), None);
    }
}
