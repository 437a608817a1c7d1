//! Tables on a page that may be too small for them.

/// Lines that stand together: a head, and rows below it.
pub(crate) type Table = Vec<String>;

/// The tables below each other with an empty line between them, those without a row left out, in `lines` lines at
/// most: what does not fit is cut from the longest tables, which then tell how much. Empty lines give way first to
/// tables that would have no room at all.
pub(crate) fn page(tables: Vec<Table>, lines: usize) -> Vec<String> {
    let tables: Vec<_> = tables.into_iter().filter(|table| table.len() > 1).collect();
    let least: usize = tables.iter().map(|table| table.len().min(LEAST_LINES)).sum();
    let gaps = tables.len().saturating_sub(1);
    let gaps = if least.saturating_add(gaps) > lines { 0 } else { gaps };
    let room = share(&tables.iter().map(Vec::len).collect::<Vec<_>>(), lines.saturating_sub(gaps));
    let mut page = Vec::new();
    for (mut table, room) in tables.into_iter().zip(room) {
        if room == 0 {
            continue;
        }
        if gaps > 0 && !page.is_empty() {
            page.push(String::new());
        }
        if room < table.len() {
            let hidden = table.len() - room + 1;
            table.truncate(room - 1);
            table.push(format!("... and {hidden} more"));
        }
        page.append(&mut table);
    }
    page.truncate(lines);
    page
}

/// How many of `lines` each table gets: what it wants, or as much as those have that get least.
fn share(wanted: &[usize], lines: usize) -> Vec<usize> {
    let mut given = vec![0; wanted.len()];
    let mut left = lines;
    // A head alone tells nothing: the first ones get three lines before any gets more.
    for (given, wanted) in given.iter_mut().zip(wanted) {
        let least = (*wanted).min(LEAST_LINES).min(left);
        if least < 2 {
            break;
        }
        *given = least;
        left -= least;
    }
    while left > 0 {
        let hungry = (0..wanted.len()).filter(|index| given[*index] > 0 && given[*index] < wanted[*index]);
        let Some(next) = hungry.min_by_key(|index| given[*index]) else { break };
        given[next] += 1;
        left -= 1;
    }
    given
}

/// A head, a row, and how many more there are.
const LEAST_LINES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, rows: usize) -> Table {
        let mut table = vec![name.to_owned()];
        table.extend((1..=rows).map(|row| format!("{name}{row}")));
        table
    }

    #[test]
    fn what_fits_is_shown_whole_without_empty_tables() {
        let found = page(vec![table("a", 2), table("b", 0), table("c", 1)], 24);
        assert_eq!(found, ["a", "a1", "a2", "", "c", "c1"]);
        assert!(page(vec![], 24).is_empty());
    }

    #[test]
    fn the_longest_tables_give_way() {
        let found = page(vec![table("a", 9), table("b", 1), table("c", 4)], 12);
        let expect =
            ["a", "a1", "a2", "... and 7 more", "", "b", "b1", "", "c", "c1", "c2", "... and 2 more"];
        assert_eq!(found, expect);
        let found = page(vec![table("a", 2), table("b", 9), table("c", 1)], 8);
        assert_eq!(found, ["a", "a1", "a2", "b", "b1", "... and 8 more", "c", "c1"]);
    }

    #[test]
    fn a_page_is_never_longer_than_it_may_be() {
        for lines in 0..40 {
            for rows in 0..12 {
                let found = page(vec![table("a", rows), table("b", 5), table("c", rows * 3)], lines);
                assert!(found.len() <= lines, "{lines} {rows} {found:#?}");
            }
        }
    }
}
