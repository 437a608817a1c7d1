//! Bytes as people read them.

/// `512 B`, `1.50 kB`, `15.73 MB`, `2.00 GB`: thousands, not 1,024s, as networks are measured.
pub(crate) fn for_people(bytes: f64) -> String {
    match bytes {
        _ if bytes < 1e3 => format!("{bytes:.0} B"),
        _ if bytes < 1e6 => format!("{:.2} kB", bytes / 1e3),
        _ if bytes < 1e9 => format!("{:.2} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written() {
        fn check(bytes: f64, expect: &str) {
            assert_eq!(for_people(bytes), expect);
        }
        check(0.0, "0 B");
        check(512.0, "512 B");
        check(1500.0, "1.50 kB");
        check(15_728_640.0, "15.73 MB");
        check(2e9, "2.00 GB");
    }
}
