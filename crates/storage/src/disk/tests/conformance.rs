//! The contract suites, on a real directory and on a simulated one, with tiny segments.

use document::PrimaryTerm;

use super::super::{DiskLog, Options};

/// So small that every suite fills several segments.
const TINY: Options = Options {
    segment_bytes_max: 2_048,
    group_bytes_max: 512,
    group_entries_max: 8,
    collected_bytes_per_second: 0,
    opening_threads_max: 3,
    term_min: PrimaryTerm::FIRST,
};

mod on_a_real_directory {
    use shard::log::LogProvider;

    use super::{DiskLog, TINY};

    shard::log_conformance!({
        let directory = tempfile::tempdir().unwrap();
        move || -> Box<dyn LogProvider> { Box::new(DiskLog::new(directory.path(), TINY)) }
    });

    mod store {
        use super::{DiskLog, LogProvider, TINY};

        shard::store_conformance!({
            let directory = tempfile::tempdir().unwrap();
            move || -> Box<dyn LogProvider> { Box::new(DiskLog::new(directory.path(), TINY)) }
        });
    }
}

mod on_a_simulated_directory {
    use std::sync::Arc;

    use shard::log::LogProvider;

    use super::{DiskLog, Options};
    use crate::file::simulated::SimulatedFileSystem;

    fn provider(files: &SimulatedFileSystem) -> Box<dyn LogProvider> {
        Box::new(DiskLog::with_file_system(Arc::new(files.clone()), Options::default()))
    }

    shard::log_conformance!({
        let files = SimulatedFileSystem::default();
        move || provider(&files)
    });

    mod store {
        use super::{SimulatedFileSystem, provider};

        shard::store_conformance!({
            let files = SimulatedFileSystem::default();
            move || provider(&files)
        });
    }
}
