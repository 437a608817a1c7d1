//! A graph as Graphviz reads it: <https://graphviz.org/doc/info/lang.html>.

use std::fmt::Write;

use super::{Graph, NodeKind};

/// The text of the digraph, line by line.
pub(crate) fn draw(graph: &Graph) -> String {
    let mut text = "digraph {\n  rankdir=LR;\n".to_owned();
    for node in &graph.nodes {
        let shape = match node.kind {
            NodeKind::Server => "box3d",
            NodeKind::Instrument => "box",
            NodeKind::Stream => "ellipse",
            NodeKind::Subscribers => "plaintext",
            NodeKind::Client => "hexagon",
            NodeKind::Source => "cds",
        };
        let label = node.label().map(|line| escape(&line)).collect::<Vec<_>>().join("\\n");
        let _ = writeln!(text, "  n{} [shape={shape}, label=\"{label}\"];", node.id.0);
    }
    for edge in &graph.edges {
        let _ = writeln!(text, "  n{} -> n{} [label={}];", edge.from.0, edge.to.0, edge.kind.word());
    }
    text.push_str("}\n");
    text
}

/// Inside of quotes a quote ends the text, a backslash begins an escape such as `\N`, and `&` one such as `&lt;`.
fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}

#[cfg(test)]
mod tests {
    use super::super::tests::graph;
    use super::*;

    #[test]
    fn a_server_is_drawn() {
        let expect = [
            "digraph {",
            "  rankdir=LR;",
            "  n0 [shape=box3d, label=\"stage\\nscope-3 pid 7\"];",
            "  n1 [shape=box, label=\"stage\\n0 calls\"];",
            "  n2 [shape=ellipse, label=\"stage.position\\nperiodic 30 Hz\"];",
            "  n3 [shape=plaintext, label=\"2 subscribers\"];",
            "  n4 [shape=ellipse, label=\"other\\nrelayed\"];",
            "  n5 [shape=cds, label=\"tcp://laser:7000\"];",
            "  n6 [shape=hexagon, label=\"stage@home\\n2 calls in flight\"];",
            "  n0 -> n1 [label=serves];",
            "  n1 -> n2 [label=streams];",
            "  n2 -> n3 [label=feeds];",
            "  n0 -> n4 [label=relays];",
            "  n5 -> n4 [label=feeds];",
            "  n6 -> n0 [label=calls];",
            "}",
        ];
        assert_eq!(draw(&graph("stage")).lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn hostile_names_stay_in_their_labels() {
        fn check(name: &str, expect: &str) {
            let text = draw(&graph(name));
            let label = format!("  n1 [shape=box, label=\"{expect}\\n0 calls\"];");
            assert_eq!(text.lines().nth(3), Some(label.as_str()), "{name:?}");
            assert_eq!(text.lines().count(), 16, "{name:?}: {text}");
        }
        check("a\"]; n9 [label=\"b", "a\\\"]; n9 [label=\\\"b");
        check("ends with \\", "ends with \\\\");
        check("\\\"", "\\\\\\\"");
        check("a\nn9 -> n0;\r", "a n9 -> n0;\u{fffd}");
        check("&lt;<b>\\N", "&amp;lt;<b>\\\\N");
        check("Bühne.显微镜", "Bühne.显微镜");
    }
}
