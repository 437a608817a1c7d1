//! What `view` is made of: a picture as it is to be seen, ways to show it in a terminal, keys.

pub(crate) mod blocks;
pub(crate) mod keys;
pub(crate) mod picture;
pub(crate) mod protocols;
