//! Documents that need something durable before they are taken in.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::support::{
    AppendLetter, Ending, World, all, create, heavy, if_seq_no, index, one, source, still_waits,
    told, update, write,
};
use crate::{
    Admission, Candidate, Change, Shard, ShardOptions, Unfit, Update, Verdict, WriteError,
    log::BoxFuture,
};

/// Rules by first letters: `+` must be admitted once, `!` does not fit, everything else does.
#[derive(Debug)]
struct Letters {
    edition: AtomicU64,
    admitted: Mutex<Vec<String>>,
    /// One permit lets one admission through.
    gate: Semaphore,
    /// Whether nothing fits any more.
    is_closed: AtomicBool,
}

/// Does not fit.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("does not fit")]
struct Misfit;

impl Letters {
    fn gated() -> Arc<Self> {
        Arc::new(Self {
            edition: AtomicU64::new(0),
            admitted: Mutex::default(),
            gate: Semaphore::new(0),
            is_closed: AtomicBool::new(false),
        })
    }

    fn open() -> Arc<Self> {
        let rules = Self::gated();
        rules.gate.add_permits(1_000);
        rules
    }

    fn admitted(&self) -> Vec<String> {
        self.admitted.lock().clone()
    }
}

impl Admission for Letters {
    fn edition(&self) -> u64 {
        self.edition.load(SeqCst)
    }

    fn judge(&self, candidate: &Candidate) -> Verdict {
        let text = String::from_utf8_lossy(&candidate.source).into_owned();
        match candidate.source.first() {
            _ if self.is_closed.load(SeqCst) => Verdict::Refused(Unfit::new(Misfit)),
            Some(b'!') => Verdict::Refused(Unfit::new(Misfit)),
            Some(b'+') if !self.admitted.lock().contains(&text) => Verdict::Needs,
            Some(_) | None => Verdict::Fits,
        }
    }

    fn admit<'a>(&'a self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(async move {
            self.gate.acquire().await.unwrap().forget();
            if self.is_closed.load(SeqCst) {
                return Err(WriteError::Unfit(Unfit::new(Misfit)));
            }
            let text = String::from_utf8_lossy(&candidate.source).into_owned();
            if text.starts_with('+') {
                self.admitted.lock().push(text);
            }
            self.edition.fetch_add(1, SeqCst);
            Ok(())
        })
    }
}

fn open(world: &World, rules: &Arc<Letters>) -> Shard {
    let admission = Some(Arc::clone(rules) as Arc<dyn Admission>);
    world.open_with(ShardOptions { admission, ..ShardOptions::default() })
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_takes_no_number() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    let answers = all(&shard, vec![index("1", "a"), index("2", "!b"), index("3", "+c")]).await;
    assert_eq!(answers, ["Created v1 s0 t1", "does not fit", "Created v1 s1 t1"]);
    let refused = one(&shard, index("1", "!")).await.unwrap_err();
    let WriteError::Unfit(unfit) = refused else { panic!("{refused}") };
    assert_eq!(unfit.reason(), Some(&Misfit));
    assert_eq!(rules.admitted(), ["+c"]);
}

#[tokio::test]
async fn only_an_accepted_document_gets_what_it_needs() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    let answers = all(
        &shard,
        vec![
            index("1", "a"),
            create("1", "+create"),
            if_seq_no(index("1", "+stale"), 7, 1),
            if_seq_no(index("2", "+absent"), 0, 1),
            index("1", "+good"),
            create("1", "+late"),
        ],
    )
    .await;
    assert_eq!(
        (answers[0].as_str(), answers[4].as_str()),
        ("Created v1 s0 t1", "Updated v2 s1 t1")
    );
    assert!(
        [1, 2, 3, 5].iter().all(|&refused| answers[refused].contains("conflict")),
        "{answers:?}"
    );
    assert_eq!(rules.admitted(), ["+good"]);
}

#[tokio::test]
async fn everything_waits_for_what_a_document_needs_and_nothing_passes_it() {
    let rules = Letters::gated();
    let world = World::new();
    let shard = Arc::new(open(&world, &rules));
    let writes = vec![index("1", "a"), create("2", "+b"), create("2", "+c"), index("1", "d")];
    let mut answers = Box::pin(all(&shard, writes));
    assert!(still_waits(&mut answers).await);
    assert!(still_waits(&mut answers).await);
    // What was before it is durable already.
    assert_eq!(source(&shard, "1").await.as_deref(), Some("a"));
    assert_eq!(source(&shard, "2").await, None);
    rules.gate.add_permits(1);
    let answers = answers.await;
    assert_eq!(answers[1], "Created v1 s1 t1");
    assert_eq!(answers[3], "Updated v2 s2 t1");
    assert_eq!(rules.admitted(), ["+b"]);
    assert_eq!(source(&shard, "2").await.as_deref(), Some("+b"));
}

#[tokio::test]
async fn a_document_decided_on_what_the_log_refused_fails_with_it_and_gets_nothing() {
    let rules = Letters::open();
    let world = World::new();
    let shard = open(&world, &rules);
    *world.ending.lock() = Ending::NoRoomOnce;
    let answers = all(&shard, vec![index("1", "a"), index("1", "+b"), index("2", "c")]).await;
    assert_eq!(answers, ["disk full", "disk full", "Created v1 s0 t1"]);
    assert!(rules.admitted().is_empty());
}

#[tokio::test]
async fn a_refused_admission_is_the_answer_of_its_document_alone() {
    let rules = Letters::gated();
    let shard = open(&World::new(), &rules);
    let mut answers = Box::pin(all(&shard, vec![index("1", "+a"), index("2", "b")]));
    assert!(still_waits(&mut answers).await);
    rules.is_closed.store(true, SeqCst);
    rules.gate.add_permits(1);
    assert_eq!(answers.await, ["does not fit", "does not fit"]);
}

#[tokio::test]
async fn what_fitted_the_present_edition_is_not_judged_again() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    let known = |id: &str, edition| crate::Write { fits: Some(edition), ..index(id, "!") };
    assert_eq!(told(&one(&shard, known("1", 0)).await), "Created v1 s0 t1");
    one(&shard, index("2", "+")).await.unwrap();
    assert_eq!(told(&one(&shard, known("3", 0)).await), "does not fit");
    assert_eq!(told(&one(&shard, known("3", 1)).await), "Created v1 s2 t1");
}

#[tokio::test]
async fn what_an_update_makes_is_judged() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    one(&shard, index("1", "+")).await.unwrap();
    let upsert = |id: &str, letter| {
        let modify = Arc::new(AppendLetter { letter, upsert: true, weight: 0 });
        let update = Update { modify, wants_document: true, basis: None };
        write(id, document::Precondition::None, Change::Update(update))
    };
    let answers = all(
        &shard,
        vec![
            update("1", 'x'),
            heavy("1", 'y'),
            update("1", 'z'),
            upsert("2", '!'),
            upsert("3", '+'),
            if_seq_no(update("1", 'n'), 0, 1),
            update("1", '='),
        ],
    )
    .await;
    assert_eq!(answers[0], "Updated v2 s1 t1");
    assert!(answers[3].contains("does not fit") || answers[3].contains("not like this"));
    assert_eq!(source(&shard, "1").await.as_deref(), Some("+xyz"));
    assert_eq!(source(&shard, "2").await, None);
    let admitted = rules.admitted();
    assert!(!admitted.contains(&"+xyzn".to_owned()), "{admitted:?}");
    assert!(admitted.contains(&"+xyz".to_owned()) && admitted.contains(&"+x".to_owned()));
}

#[tokio::test]
async fn writes_behind_a_parked_update_keep_their_order_when_it_needs_something() {
    let rules = Letters::gated();
    let shard = open(&World::new(), &rules);
    rules.gate.add_permits(1);
    one(&shard, index("1", "+")).await.unwrap();
    let writes = vec![heavy("1", 'a'), update("1", 'b'), heavy("1", 'c'), index("2", "x")];
    let mut answers = Box::pin(all(&shard, writes));
    assert!(still_waits(&mut answers).await);
    rules.gate.add_permits(3);
    answers.await;
    assert_eq!(source(&shard, "1").await.as_deref(), Some("+abc"));
    assert_eq!(rules.admitted(), ["+", "+a", "+ab", "+abc"]);
}

#[tokio::test]
async fn a_long_document_is_judged_beside_the_writer() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    let long = bytes::Bytes::from(vec![b'x'; 100_000]);
    let write = write("1", document::Precondition::None, Change::Index(long));
    assert_eq!(told(&one(&shard, write).await), "Created v1 s0 t1");
    assert_eq!(rules.edition(), 1);
}

/// What was found to fit where it was merged is not judged again, and needs no admission.
#[tokio::test]
async fn what_a_long_update_makes_is_judged_where_it_is_merged() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    let long = bytes::Bytes::from(vec![b'x'; 100_000]);
    one(&shard, write("1", document::Precondition::None, Change::Index(long))).await.unwrap();
    assert_eq!(rules.edition(), 1);
    assert_eq!(told(&one(&shard, update("1", 'y')).await), "Updated v2 s1 t1");
    assert_eq!(rules.edition(), 1);
}

#[tokio::test]
async fn a_long_merge_that_does_not_fit_is_refused() {
    let rules = Letters::open();
    let shard = open(&World::new(), &rules);
    one(&shard, index("1", "a")).await.unwrap();
    rules.is_closed.store(true, SeqCst);
    assert_eq!(told(&one(&shard, heavy("1", 'b')).await), "does not fit");
    assert_eq!(rules.edition(), 0);
}
