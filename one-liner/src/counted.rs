//! How many of something, in words.

/// `1 sample`, `2 samples`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "sample")), ["0 samples", "1 sample", "2 samples"]);
    }
}
