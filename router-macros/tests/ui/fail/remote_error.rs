use router_client::{Interrupted, RemoteError};

#[derive(Debug, thiserror::Error, RemoteError)]
enum Unmarked {
    #[error(transparent)]
    Interrupted(Interrupted),
}

#[derive(Debug, thiserror::Error, RemoteError)]
enum TwoFields {
    #[error("{0}")]
    Interrupted(#[interrupted] Interrupted, u8),
}

#[derive(Debug, thiserror::Error, RemoteError)]
enum Two {
    #[error("{0}")]
    First(#[interrupted] Interrupted),
    #[error("{0}")]
    Second(#[interrupted] Interrupted),
}

#[derive(Debug, thiserror::Error, RemoteError)]
enum Borrowed {
    #[error("{0}")]
    Text(&'static str),
}

#[derive(Debug, thiserror::Error, RemoteError)]
#[error("{0}")]
struct Generic<T>(T);

#[derive(RemoteError)]
union Either {
    low: u8,
    high: u8,
}

fn main() {}
