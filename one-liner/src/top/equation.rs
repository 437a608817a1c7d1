//! How the samples of subscriptions add up, as a table and for scripts.

use router_client::SubscriptionStats;
use serde_json::{Value as Json, json};

use crate::columns::Align::{Left, Right};
use crate::columns::columns;
use crate::tables::cut;
use crate::value::tame;

/// What holds for every subscription, in each life of its source.
const EQUATION: &str = "received + replaced + dropped + lost + skipped + waiting = last - first + 1";

/// One line for each life of each subscription's source, with its numbers in place of the words.
pub(crate) fn table(subscriptions: &[(String, SubscriptionStats)], name_room: usize) -> Vec<String> {
    let rows: Vec<_> = subscriptions.iter().flat_map(|(name, stats)| rows(name, stats, name_room)).collect();
    let mut lines = vec![EQUATION.to_owned()];
    lines.extend(columns(&rows, [Left, Right, Right, Right, Right, Right, Right, Right, Right, Left]));
    lines
}

/// The subscription for scripts.
pub(crate) fn to_json(name: &str, stats: &SubscriptionStats) -> Json {
    let mut object = json!(stats);
    object["stream"] = json!(name);
    object["expected"] = json!(stats.expected());
    object["balances"] = json!(stats.balances());
    if let Some(segments) = object["segments"].as_array_mut() {
        for (object, segment) in segments.iter_mut().zip(&stats.segments) {
            object["expected"] = json!(segment.expected());
            object["balances"] = json!(segment.balances());
        }
    }
    object
}

fn rows(name: &str, stats: &SubscriptionStats, name_room: usize) -> Vec<[String; 10]> {
    let name = cut(&tame(name), name_room);
    if stats.segments.is_empty() {
        let mut row = <[String; 10]>::default();
        (row[0], row[9]) = (name, "nothing came yet".to_owned());
        return vec![row];
    }
    let newest = stats.segments.len() - 1;
    let row = |(index, segment): (usize, &router_client::SegmentStats)| {
        let mut verdict = if segment.balances() { "balances" } else { "DOES NOT BALANCE" }.to_owned();
        if index == newest && stats.removed {
            verdict.push_str(", removed");
        }
        [
            name.clone(),
            segment.received.to_string(),
            format!("+ {}", segment.replaced),
            format!("+ {}", segment.dropped),
            format!("+ {}", segment.lost),
            format!("+ {}", segment.skipped),
            format!("+ {}", segment.waiting),
            format!("= {}", segment.last),
            format!("- {} + 1", segment.first),
            verdict,
        ]
    };
    let mut rows: Vec<_> = stats.segments.iter().enumerate().map(row).collect();
    if stats.earlier_expected > 0 {
        let mut row = <[String; 10]>::default();
        (row[0], row[9]) = (name.clone(), format!("and {} samples of earlier lives", stats.earlier_expected));
        rows.insert(0, row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_client::SegmentStats;

    fn segment(received: u64, lost: u64, last: u64) -> SegmentStats {
        // Its fields are not all known to this crate for ever.
        let mut segment = SegmentStats::default();
        (segment.received, segment.lost, segment.first, segment.last) = (received, lost, 5, last);
        segment
    }

    #[test]
    fn each_life_of_a_source_has_its_equation() {
        let mut stats = SubscriptionStats::default();
        stats.segments = vec![segment(100, 3, 107), segment(1, 0, 9)];
        (stats.received, stats.lost, stats.removed) = (101, 3, true);
        let expect = [
            EQUATION,
            "load  100  + 0  + 0  + 3  + 0  + 0  = 107  - 5 + 1  balances",
            "load    1  + 0  + 0  + 0  + 0  + 0    = 9  - 5 + 1  DOES NOT BALANCE, removed",
            "idle                                                nothing came yet",
        ];
        stats.earlier_expected = 7;
        let earlier = &table(&[("load".to_owned(), stats.clone())], 20)[1];
        assert!(
            earlier.starts_with("load ") && earlier.ends_with("  and 7 samples of earlier lives"),
            "{earlier}"
        );
        stats.earlier_expected = 0;
        let subscriptions =
            [("load".to_owned(), stats.clone()), ("idle".to_owned(), SubscriptionStats::default())];
        assert_eq!(table(&subscriptions, 20), expect);
        let object = to_json("load", &stats);
        assert_eq!(
            (&object["stream"], &object["balances"], &object["segments"][0]["balances"]),
            (&"load".into(), &false.into(), &true.into())
        );
        assert_eq!((&object["segments"][1]["expected"], &object["expected"]), (&5.into(), &108.into()));
    }
}
