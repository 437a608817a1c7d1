//! A graph as Mermaid reads it: <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write;

use super::{Graph, NodeKind};

/// The text of the flowchart, line by line.
pub(crate) fn draw(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for node in &graph.nodes {
        let (open, close) = match node.kind {
            NodeKind::Server => ("[[", "]]"),
            NodeKind::Instrument => ("[", "]"),
            NodeKind::Stream => ("([", "])"),
            NodeKind::Subscribers => ("(", ")"),
            NodeKind::Client => ("{{", "}}"),
            NodeKind::Source => (">", "]"),
        };
        let label = node.label().map(|line| escape(&line)).collect::<Vec<_>>().join("<br/>");
        let _ = writeln!(text, "  n{}{open}\"{label}\"{close}", node.id.0);
    }
    for edge in &graph.edges {
        let _ = writeln!(text, "  n{} -->|{}| n{}", edge.from.0, edge.kind.word(), edge.to.0);
    }
    text
}

/// Everything but letters, digits and what means nothing to Mermaid, HTML and Markdown becomes a numbered entity.
fn escape(label: &str) -> String {
    let mut escaped = String::with_capacity(label.len());
    for character in label.chars() {
        if character.is_alphanumeric() || matches!(character, ' ' | '.' | ',' | '@' | '-' | '_') {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "#{};", u32::from(character));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::tests::graph;
    use super::*;

    #[test]
    fn a_server_is_drawn() {
        let expect = [
            "flowchart LR",
            "  n0[[\"stage<br/>scope-3 pid 7\"]]",
            "  n1[\"stage<br/>0 calls\"]",
            "  n2([\"stage.position<br/>periodic 30 Hz\"])",
            "  n3(\"2 subscribers\")",
            "  n4([\"other<br/>relayed\"])",
            "  n5>\"tcp#58;#47;#47;laser#58;7000\"]",
            "  n6{{\"stage@home<br/>2 calls in flight\"}}",
            "  n0 -->|serves| n1",
            "  n1 -->|streams| n2",
            "  n2 -->|feeds| n3",
            "  n0 -->|relays| n4",
            "  n5 -->|feeds| n4",
            "  n6 -->|calls| n0",
        ];
        assert_eq!(draw(&graph("stage")).lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn hostile_names_stay_in_their_labels() {
        fn check(name: &str, expect: &str) {
            let text = draw(&graph(name));
            let label = format!("  n1[\"{expect}<br/>0 calls\"]");
            assert_eq!(text.lines().nth(2), Some(label.as_str()), "{name:?}");
            assert_eq!(text.lines().count(), 14, "{name:?}: {text}");
        }
        check("a\"] --> n9[\"b", "a#34;#93; --#62; n9#91;#34;b");
        check("a\nn9[b]\r", "a n9#91;b#93;#65533;");
        check("<img src=x>&amp;`#35;", "#60;img src#61;x#62;#38;amp#59;#96;#35;35#59;");
        check("Bühne.显微镜", "Bühne.显微镜");
        check("\u{202e}x\u{200b}", "#8238;x#8203;");
    }
}
