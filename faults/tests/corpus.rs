//! The fuzz targets over their committed corpus, without cargo-fuzz: each file whole, cut short at every length, and
//! with every byte changed.

use std::path::Path;

#[path = "../../fuzz/src/decoders.rs"]
#[allow(unreachable_pub)] // a crate of its own makes them public
mod decoders;

use decoders::DECODERS;

#[test]
fn every_decoder_takes_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, decode) in DECODERS {
        let mut files = 0;
        for file in std::fs::read_dir(corpus.join(name)).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            decode(&bytes);
            for length in 0..bytes.len() {
                decode(&bytes[..length]);
                let mut changed = bytes.clone();
                for change in [0x01, 0x80, 0xff] {
                    changed[length] = bytes[length] ^ change;
                    decode(&changed);
                }
            }
            files += 1;
        }
        assert!(files > 0, "{name} has no corpus");
    }
}

#[test]
fn each_target_runs_its_decoder() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    for (name, _) in DECODERS {
        let target = std::fs::read_to_string(targets.join(format!("{name}.rs"))).unwrap();
        assert!(target.contains(&format!("decoders::{name}(")), "{name}");
    }
    assert_eq!(std::fs::read_dir(targets).unwrap().count(), DECODERS.len());
}
