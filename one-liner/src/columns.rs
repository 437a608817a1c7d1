//! Lines whose parts stand below each other.

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// The rows as lines, each column as wide as its longest text, two blanks between them, none at the end.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]], align: [Align; N]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).zip(align).map(|((cell, width), align)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["stage".into(), "7".into()], ["a".into(), "1000".into()], ["um".into(), String::new()]];
        assert_eq!(columns(&rows, [Align::Left, Align::Right]), ["stage     7", "a      1000", "um"]);
    }
}
