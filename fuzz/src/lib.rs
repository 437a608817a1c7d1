//! What the fuzz targets call. `cargo xtask fuzz` says what is needed to run them; without it the same functions run
//! over the committed corpus, and over every truncation of it, in an ordinary test: `cargo test -p faults`.

pub mod decoders;
