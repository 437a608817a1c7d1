//! Memory with a name for no one: made, sealed, mapped, and checked when it comes from somebody else.
//!
//! The only file that maps memory. A mapping is of a file whose size cannot change any more (`F_SEAL_SHRINK`), so that
//! no access inside it is a SIGBUS; and nobody but its maker can write it or punch holes in it
//! (`F_SEAL_FUTURE_WRITE`).

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// What both sides ask of each other's memory.
const SEALS: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::FUTURE_WRITE).union(SealFlags::SEAL);

/// `TMPFS_MAGIC` of linux/magic.h: memory, and not huge pages, which can run out at any access.
const TMPFS: u64 = 0x0102_1994;

/// Makes memory of `len` bytes that are zero, mapped writable here and never again.
pub(super) fn create(name: &str, len: usize) -> Result<(OwnedFd, Mapping), Errno> {
    // Making a file larger than this is a signal that ends the process.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    if limit.is_some_and(|limit| limit < len as u64) {
        return Err(Errno::FBIG);
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3; from there on a system may refuse memory that could be executed.
        Err(Errno::INVAL) => rustix::fs::memfd_create(name, flags)?,
        made => made?,
    };
    rustix::fs::ftruncate(&fd, len as u64)?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW)?;
    let mapping = Mapping::new(&fd, len, ProtFlags::READ | ProtFlags::WRITE)?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::FUTURE_WRITE | SealFlags::SEAL)?;
    Ok((fd, mapping))
}

/// Maps somebody else's memory to read it, once it is certain that no access to it can fail.
pub(super) fn open(fd: impl AsFd, len: usize) -> Result<Mapping, Unfit> {
    let fd = fd.as_fd();
    if rustix::fs::fstatfs(fd)?.f_type as u64 != TMPFS {
        return Err(Unfit::NoMemory);
    }
    // Other files of a tmpfs have F_SEAL_SEAL alone, or refuse the question.
    if !rustix::fs::fcntl_get_seals(fd).map_err(|_| Unfit::NoMemory)?.contains(SEALS) {
        return Err(Unfit::Unsealed);
    }
    let found = rustix::fs::fstat(fd)?.st_size;
    if u64::try_from(found) != Ok(len as u64) {
        return Err(Unfit::Size { found, expected: len });
    }
    Ok(Mapping::new(fd, len, ProtFlags::READ)?)
}

/// Why somebody's memory is not mapped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("the descriptor is not memory from memfd_create")]
    NoMemory,
    #[error("the memory could still be shrunk or changed by others")]
    Unsealed,
    #[error("the memory has {found} bytes instead of {expected}")]
    Size { found: i64, expected: usize },
    #[error("the memory cannot be mapped: {0}")]
    System(#[from] Errno),
}

/// Shared memory in this process.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to the mapping and is reached through atomics, or through slices whose makers promise
// that nobody writes what somebody reads.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: impl AsFd, len: usize, access: ProtFlags) -> Result<Mapping, Errno> {
        // SAFETY: a new mapping at an address of the system's choice is in nobody's way.
        let start = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, fd, 0)? };
        let start = NonNull::new(start).expect("the system maps nothing at address 0 unasked");
        // A crash would otherwise write every frame into its core dump, and the next life wait for that. Where the system
        // does not know of it, it does so.
        // SAFETY: says something of this mapping, and changes nothing in it.
        let _ = unsafe { rustix::mm::madvise(start.as_ptr(), len, Advice::LinuxDontDump) };
        Ok(Mapping { start: start.cast(), len })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn at(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.len), "inside the mapping");
        // SAFETY: the assertion above.
        unsafe { self.start.add(offset) }
    }

    /// Returns the words at `offset`. In memory that is mapped to be read, they may only be loaded, and relaxed.
    pub(super) fn words(&self, offset: usize, count: usize) -> &[AtomicU64] {
        assert!(offset.is_multiple_of(8), "words are aligned");
        let start = self.at(offset, count.checked_mul(8).expect("a few words"));
        // SAFETY: inside the mapping, which lives as long as the borrow, and aligned, since mappings begin at pages.
        // Other processes may change it at any time, which is what atomics are for; no slice is made of these bytes.
        unsafe { std::slice::from_raw_parts(start.cast().as_ptr(), count) }
    }

    pub(super) fn word(&self, offset: usize) -> &AtomicU64 {
        &self.words(offset, 1)[0]
    }

    /// Returns the bytes at `offset`.
    ///
    /// # Safety
    /// Nobody writes them while the slice lives, and they hold no words.
    pub(super) unsafe fn bytes(&self, offset: usize, len: usize) -> &[u8] {
        // SAFETY: inside the mapping, which lives as long as the borrow; the caller knows that nobody writes.
        unsafe { std::slice::from_raw_parts(self.at(offset, len).as_ptr(), len) }
    }

    /// Returns the bytes at `offset` to write them.
    ///
    /// # Safety
    /// The mapping is writable, nobody else reads or writes these bytes while the slice lives, and they hold no words.
    #[expect(clippy::mut_from_ref, reason = "the caller alone has these bytes of what all share")]
    pub(super) unsafe fn bytes_mut(&self, offset: usize, len: usize) -> &mut [u8] {
        // SAFETY: inside the mapping, which lives as long as the borrow; the caller knows that nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.at(offset, len).as_ptr(), len) }
    }

    /// Brings in the memory at `offset`, so that writing it neither waits for pages nor ends the process for want of
    /// one: without this, memory that the system does not have is a SIGBUS at the first access.
    pub(super) fn populate(&self, fd: impl AsFd, offset: usize, len: usize) -> Result<(), Errno> {
        let page = rustix::param::page_size();
        let begin = offset - offset % page;
        let end = (offset + len).next_multiple_of(page).min(self.len.next_multiple_of(page));
        let start = self.at(begin, 1).as_ptr();
        loop {
            // SAFETY: pages of this mapping; what is in them stays.
            match unsafe { rustix::mm::madvise(start.cast(), end - begin, Advice::LinuxPopulateWrite) } {
                Err(Errno::INTR) => {}
                // Before Linux 5.14: the pages are made, and each is mapped at its first access.
                Err(Errno::INVAL) => {
                    let flags = rustix::fs::FallocateFlags::empty();
                    return rustix::fs::fallocate(fd, flags, offset as u64, len as u64);
                }
                done => return done,
            }
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value's own mapping, and every slice of it borrows the value.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_stays_as_it_is() {
        let (fd, ours) = create("test", 8192).unwrap();
        assert_eq!(rustix::fs::ftruncate(&fd, 0), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&fd, 1 << 20), Err(Errno::PERM));
        assert_eq!(rustix::io::write(&fd, b"x"), Err(Errno::PERM));
        assert_eq!(rustix::fs::fcntl_add_seals(&fd, SealFlags::WRITE), Err(Errno::PERM));
        let punch = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        assert_eq!(rustix::fs::fallocate(&fd, punch, 0, 4096), Err(Errno::PERM));
        assert!(Mapping::new(&fd, 8192, ProtFlags::READ | ProtFlags::WRITE).is_err(), "others read only");

        let theirs = open(&fd, 8192).unwrap();
        ours.word(8).store(7, std::sync::atomic::Ordering::Release);
        assert_eq!(theirs.word(8).load(std::sync::atomic::Ordering::Relaxed), 7);
    }

    #[test]
    fn memory_that_could_fail_is_not_mapped() {
        let (fd, _) = create("test", 4096).unwrap();
        assert!(matches!(open(&fd, 8192), Err(Unfit::Size { found: 4096, expected: 8192 })));

        let unsealed = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&unsealed, 4096).unwrap();
        assert!(matches!(open(&unsealed, 4096), Err(Unfit::Unsealed)));
        for seals in [SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL] {
            rustix::fs::fcntl_add_seals(&unsealed, seals).unwrap();
            assert!(matches!(open(&unsealed, 4096), Err(Unfit::Unsealed)), "{seals:?}");
        }

        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        assert!(matches!(open(&file, 4096), Err(Unfit::NoMemory | Unfit::Unsealed)));
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        assert!(open(&socket, 4096).is_err());
        let pipe = std::io::pipe().unwrap();
        assert!(open(&pipe.0, 4096).is_err());
    }

    #[test]
    fn populated_memory_is_there() {
        let (fd, mapping) = create("test", 1 << 20).unwrap();
        assert_eq!(rustix::fs::fstat(&fd).unwrap().st_blocks, 0);
        mapping.populate(&fd, 8192, 10_000).unwrap();
        assert_eq!(rustix::fs::fstat(&fd).unwrap().st_blocks * 512, 3 * 4096);
        mapping.populate(&fd, (1 << 20) - 4096, 4096).unwrap();
    }
}
