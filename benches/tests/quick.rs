//! Whether everything that is measured can be: the bench itself, for as short as it goes.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn every_row_is_measured() {
    let output = Command::new(env!("CARGO_BIN_EXE_benches")).args(["--quick", "--json"]).output().unwrap();
    let (printed, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{printed}");
    let mut names = BTreeSet::new();
    for line in printed.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = row["name"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} twice");
        let is_number = row["ours"].as_f64().is_some_and(f64::is_finite);
        assert!(is_number && row["unit"].is_string() && row["goal"].is_string(), "{line}");
        assert_eq!(row["raw"].is_null(), row["ratio"].is_null(), "{line}");
        assert!(row["goal"] == "" || row["ok"].is_boolean(), "{line}");
    }
    // One of each group.
    for part in [
        "inline call, 64 B, tcp",
        "lane call, 64 B, ipc",
        "inline call, 64 B, inproc",
        "calls inline, 8 clients",
        "calls on a lane",
        "samples, 64 B, through the proxy, 4",
        "frames, 12.3 MB x4",
        "frames, 12.3 MB at 20/s",
        "all cores busy, last 100 us spun",
        "urgent call, every lane busy",
        "stream of numbers at 1 kHz",
        "cascade",
        "another client's calls hang",
        "idle server",
        "per idle client",
        "call, 16 MiB there and back",
        "sample, 16 MiB",
    ] {
        assert!(names.iter().any(|name| name.contains(part)), "no row has `{part}`: {names:?}");
    }
}
