//! A picture of coloured half blocks, which every terminal of 24-bit colour shows: two pixels a character.

use std::fmt::Write;

use crate::view::picture::Picture;

/// The lines of a picture, each with its colours and without an end.
pub(crate) fn lines(picture: &Picture) -> Vec<String> {
    (0..picture.height).step_by(2).map(|row| line(picture, row)).collect()
}

fn line(picture: &Picture, row: usize) -> String {
    let mut line = String::with_capacity(picture.width * 12);
    let mut before = None;
    for column in 0..picture.width {
        let colours = (picture.pixel(row, column), picture.pixel(row + 1, column));
        // What is as it was before needs not be said again.
        if before != Some(colours) {
            let ([r, g, b], [below_r, below_g, below_b]) = colours;
            let written = write!(line, "\x1b[38;2;{r};{g};{b};48;2;{below_r};{below_g};{below_b}m");
            written.expect("a string takes whatever is written");
            before = Some(colours);
        }
        line.push('\u{2580}');
    }
    line.push_str("\x1b[0m");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_are_one_line_of_coloured_halves() {
        let rgb = vec![1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 7, 8, 9, 7, 8, 9, 255, 255, 255, 0, 0, 0, 0, 0, 0];
        let lines = lines(&Picture { height: 3, width: 3, rgb });
        let expect = [
            "\x1b[38;2;1;2;3;48;2;7;8;9m▀▀\x1b[38;2;4;5;6;48;2;7;8;9m▀\x1b[0m",
            "\x1b[38;2;255;255;255;48;2;0;0;0m▀\x1b[38;2;0;0;0;48;2;0;0;0m▀▀\x1b[0m",
        ];
        assert_eq!(lines, expect);
    }
}
