//! `SocketFile`: what an `ipc` endpoint leaves in the file system, and who serves there. What only Unix has is here.

#[cfg(unix)]
pub(crate) use unix::{SocketFile, check_path, holder};

#[cfg(not(unix))]
pub(crate) use elsewhere::{SocketFile, check_path, holder};

#[cfg(unix)]
mod unix {
    use std::fs::{self, Metadata};
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::path::{Path, PathBuf};

    use router_socket::Endpoint;

    use crate::bind_error::BindError;

    /// The file of a socket that listens here. libzmq leaves it behind; it is removed when this is dropped, if it is
    /// still the one that was made. That is done before the listener is closed: until then nobody takes the path over.
    #[derive(Debug)]
    pub(crate) struct SocketFile {
        path: PathBuf,
        made: FileId,
    }

    /// Device and inode.
    type FileId = (u64, u64);

    impl SocketFile {
        /// The file of `endpoint`, which was just bound; `None` for what has none that outlives its socket.
        pub(crate) fn of(endpoint: &Endpoint) -> Option<SocketFile> {
            // Absolute: the program may change its folder.
            let path = std::path::absolute(path_of(endpoint)?).ok()?;
            let made = id(&fs::symlink_metadata(&path).ok()?);
            Some(SocketFile { path, made })
        }
    }

    impl Drop for SocketFile {
        fn drop(&mut self) {
            let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|found| id(&found) == self.made);
            if is_ours && let Err(error) = fs::remove_file(&self.path) {
                log::warn!("{} is left behind: {error}", self.path.display());
            }
        }
    }

    /// Looks whether `endpoint` can be bound without harm: libzmq deletes whatever is at its path.
    ///
    /// # Errors
    /// [`BindError::NotASocket`].
    pub(crate) fn check_path(endpoint: &Endpoint) -> Result<(), BindError> {
        let found = path_of(endpoint).and_then(|path| fs::metadata(path).ok());
        match found {
            Some(found) if !found.file_type().is_socket() => {
                Err(BindError::NotASocket { endpoint: endpoint.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The path, unless it is an abstract name, `@...`, or a wildcard, whose file libzmq itself removes.
    fn path_of(endpoint: &Endpoint) -> Option<&Path> {
        endpoint.ipc_path().filter(|path| !path.starts_with(['@', '*'])).map(Path::new)
    }

    fn id(file: &Metadata) -> FileId {
        (file.dev(), file.ino())
    }

    /// The process that serves at `endpoint`, as people read it; `None` where nobody does, or the system does not
    /// tell.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn holder(endpoint: &Endpoint) -> Option<String> {
        use std::os::fd::AsRawFd;
        use std::os::unix::net::UnixStream;

        let connection = UnixStream::connect(path_of(endpoint)?).ok()?;
        let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
        let mut bytes = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: an open socket, and room for what SO_PEERCRED writes, unix(7): who called listen.
        let told = unsafe {
            libc::getsockopt(
                connection.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut credentials).cast(),
                &mut bytes,
            )
        };
        let pid = credentials.pid;
        if told != 0 || pid <= 0 {
            return None; // 0: it is not visible from this container
        }
        if u32::try_from(pid) == Ok(std::process::id()) {
            return Some(format!("this program (pid {pid})"));
        }
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        Some(format!("{} (pid {pid})", program.as_deref().map_or("a program", str::trim_end)))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn holder(_endpoint: &Endpoint) -> Option<String> {
        None
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use router_socket::Endpoint;

    use crate::bind_error::BindError;

    /// libzmq is built without `ipc`: nothing is left behind.
    #[derive(Debug)]
    pub(crate) struct SocketFile;

    impl SocketFile {
        pub(crate) fn of(_endpoint: &Endpoint) -> Option<SocketFile> {
            None
        }
    }

    pub(crate) fn check_path(_endpoint: &Endpoint) -> Result<(), BindError> {
        Ok(())
    }

    pub(crate) fn holder(_endpoint: &Endpoint) -> Option<String> {
        None
    }
}
