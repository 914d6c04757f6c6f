//! What fuzzing reached once is tried again: every file of the corpora.

use std::{path::Path, thread};

use fuzzing::TARGETS;

/// Inputs may be nested a few thousand levels deep, and the parser they are compared with recurses.
const STACK_BYTES: usize = 256 << 20;

#[test]
fn every_input_of_the_corpora_keeps_the_promises() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, check) in TARGETS {
        let mut inputs: Vec<_> = std::fs::read_dir(corpora.join(target))
            .unwrap_or_else(|error| panic!("the corpus of {target}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(inputs.len() > 3, "the corpus of {target} has {} inputs", inputs.len());
        for path in inputs {
            let input = std::fs::read(&path).unwrap();
            let run = move || check(&input);
            let ran = thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join();
            assert!(ran.is_ok(), "{target} fails on {}", path.display());
        }
    }
}
