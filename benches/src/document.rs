//! docs/performance.md: the tables between its markers, and the drawings beside it.

use std::path::{Path, PathBuf};

use crate::row::{Row, table};
use crate::rows::Measured;
use crate::{Outcome, ratios};

/// The document with its folder of drawings.
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    drawings: PathBuf,
}

impl Document {
    /// The one of this workspace.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open() -> Outcome<Document> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs");
        let path = docs.join("performance.md");
        let text = std::fs::read_to_string(&path)?;
        Ok(Document { path, text, drawings: docs.join("performance") })
    }

    /// Puts the rows of a group, its drawings and what they were measured on in the group's place.
    pub(crate) fn put(&mut self, group: &str, measured_on: &str, measured: &Measured) -> Outcome {
        let mut text = table(&measured.rows);
        for (file, plot) in &measured.plots {
            self.draw(file, &plot.svg())?;
            text.push_str(&format!("\n![{}](performance/{file}.svg)\n", plot.title));
        }
        text.push_str(&format!("\n<sub>{measured_on}.</sub>\n"));
        self.text = replaced(&self.text, group, &text)?;
        Ok(())
    }

    /// Draws all of them beside each other.
    pub(crate) fn put_ratios(&mut self, rows: &[Row]) -> Outcome {
        self.draw("ratios", &ratios::svg(rows))?;
        self.text =
            replaced(&self.text, "ratios", "![Ours divided by raw libzmq](performance/ratios.svg)\n")?;
        Ok(())
    }

    pub(crate) fn save(self) -> Outcome {
        Ok(std::fs::write(self.path, self.text)?)
    }

    fn draw(&self, file: &str, svg: &str) -> Outcome {
        std::fs::create_dir_all(&self.drawings)?;
        Ok(std::fs::write(self.drawings.join(format!("{file}.svg")), svg)?)
    }
}

/// `document` with `text` between the markers of `group`.
fn replaced(document: &str, group: &str, text: &str) -> Outcome<String> {
    let (begin, end) = (format!("<!-- {group} -->\n"), format!("<!-- /{group} -->"));
    let missing = || {
        format!("docs/performance.md has no place for `{group}`: the lines `{}` and `{end}`", begin.trim())
    };
    let (before, rest) = document.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::GROUPS;

    #[test]
    fn a_group_is_put_into_its_place_and_nowhere_else() {
        let document = "a\n<!-- calls -->\nold\n<!-- /calls -->\nb\n<!-- idle -->\n<!-- /idle -->\n";
        let expect = "a\n<!-- calls -->\nnew\n<!-- /calls -->\nb\n<!-- idle -->\n<!-- /idle -->\n";
        assert_eq!(replaced(document, "calls", "new\n").unwrap(), expect);
        assert!(replaced(document, "frames", "new\n").unwrap_err().to_string().contains("`frames`"));
    }

    #[test]
    fn the_document_has_a_place_for_each_group() {
        let document = Document::open().unwrap();
        for name in GROUPS.iter().map(|group| group.name).chain(["ratios"]) {
            replaced(&document.text, name, "").unwrap();
        }
    }
}
