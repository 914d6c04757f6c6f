//! The sequence numbers and terms of one shard (promise P3): no number twice, none left out, terms
//! rising with them, and all in the order in which clients saw the writes happen.

use std::collections::BTreeMap;

use super::timeline::NEVER;

/// A write of a shard, or what may be one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    /// Its number in the history.
    pub(super) op: usize,
    /// Its sequence number, if a client was told.
    pub(super) seq_no: Option<u64>,
    /// Its term, if a client was told.
    pub(super) term: Option<u64>,
    /// The life of the server.
    pub(super) life: u32,
    /// Its first moment.
    pub(super) from: u64,
    /// Its last moment.
    pub(super) to: u64,
    /// Whether it certainly happened, here.
    pub(super) certain: bool,
}

/// What is wrong: the rule, the words, the operations concerned.
pub(super) type Wrong = (&'static str, String, Vec<usize>);

/// Everything that is wrong with the numbers of a shard.
pub(super) fn check(writes: &[Write]) -> Vec<Wrong> {
    let mut numbered: Vec<(u64, &Write)> =
        writes.iter().filter_map(|write| Some((write.seq_no?, write))).collect();
    numbered.sort_by_key(|(seq_no, write)| (*seq_no, !write.certain, write.op));
    let certain: Vec<(u64, &Write)> =
        numbered.iter().filter(|(_, write)| write.certain).copied().collect();
    let mut wrong = check_order(&certain);
    if wrong.is_empty() {
        wrong.extend(check_gaps(writes, &numbered, &certain));
    }
    wrong
}

/// What is seen of neighbours: numbers, terms, and the order in time.
fn check_order(certain: &[(u64, &Write)]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut terms: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
    for ((seq_no, one), (next, other)) in certain.iter().zip(certain.iter().skip(1)) {
        if seq_no == next {
            let words = format!("two writes have the sequence number {seq_no}");
            wrong.push(("seq_no twice", words, vec![one.op, other.op]));
        }
        if let (Some(term), Some(later)) = (one.term, other.term)
            && (later < term || (later == term) != (one.life == other.life))
        {
            let words = format!(
                "number {seq_no} has term {term} in life {}, number {next} has term {later} in \
                 life {}",
                one.life, other.life
            );
            wrong.push(("term", words, vec![one.op, other.op]));
        }
    }
    for (_, write) in certain {
        let Some(term) = write.term else { continue };
        let (known, op) = *terms.entry(write.life).or_insert((term, write.op));
        if known != term {
            let words = format!("two terms, {known} and {term}, in one life");
            wrong.push(("term", words, vec![op, write.op]));
        }
    }
    let mut latest: Option<(u64, &Write)> = None;
    for (seq_no, write) in certain {
        if let Some((lower, before)) = latest.filter(|(_, before)| before.from > write.to) {
            let words = format!(
                "number {lower} was given before number {seq_no}, but to a write that began after \
                 the other was answered"
            );
            wrong.push(("seq_no order", words, vec![before.op, write.op]));
        }
        if latest.is_none_or(|(_, before)| before.from < write.from) {
            latest = Some((*seq_no, write));
        }
    }
    wrong
}

/// A write whose number nobody was told, with the numbers it may have: these are beyond its bounds.
struct Unnumbered<'w> {
    write: &'w Write,
    above: Option<u64>,
    below: u64,
}

/// Whether the numbers that nobody was told are those of writes whose numbers nobody was told.
fn check_gaps(
    writes: &[Write],
    numbered: &[(u64, &Write)],
    certain: &[(u64, &Write)],
) -> Option<Wrong> {
    let highest = certain.last().map(|(seq_no, _)| *seq_no)?;
    let mut gaps = Vec::new();
    let mut expected = 0;
    for (seq_no, _) in numbered.iter().filter(|(seq_no, _)| *seq_no <= highest) {
        gaps.extend(expected..*seq_no);
        expected = expected.max(seq_no.saturating_add(1));
    }
    let bounds = Bounds::new(certain);
    let others = writes.iter().filter(|write| write.seq_no.is_none());
    let mut others: Vec<Unnumbered<'_>> = others
        .map(|write| Unnumbered {
            write,
            above: bounds.ended_before(write.from),
            below: bounds.began_after(write.to),
        })
        .collect();
    others.sort_by_key(|other| other.above);
    if let Err(gap) = fill(&gaps, &others) {
        let words = format!("no write can have the sequence number {gap}");
        let near = certain.iter().filter(|(seq_no, _)| seq_no.abs_diff(gap) <= 2);
        return Some(("seq_no gap", words, near.map(|(_, write)| write.op).collect()));
    }
    // Numbers that may be another incarnation's are no reason to find one too many.
    let is_sure = numbered.len() == certain.len();
    let must: Vec<Unnumbered<'_>> =
        others.into_iter().filter(|other| other.write.certain && other.below != NEVER).collect();
    let left = match is_sure {
        true => place(&gaps, &must),
        false => None,
    };
    left.map(|op| {
        let words = "there is no sequence number left for a write that was acknowledged".to_owned();
        ("seq_no missing", words, vec![op])
    })
}

/// Finds a write for every gap; fails with the first that has none.
fn fill(gaps: &[u64], others: &[Unnumbered<'_>]) -> Result<(), u64> {
    let mut waiting = others.iter().peekable();
    let mut open: BTreeMap<(u64, usize), ()> = BTreeMap::new();
    for gap in gaps {
        while let Some(other) = waiting.next_if(|other| other.above.is_none_or(|a| a < *gap)) {
            open.insert((other.below, other.write.op), ());
        }
        while let Some(((below, _), ())) = open.first_key_value()
            && *below <= *gap
        {
            open.pop_first();
        }
        open.pop_first().ok_or(*gap)?;
    }
    Ok(())
}

/// Finds a gap for every write; names the first write that has none.
fn place(gaps: &[u64], must: &[Unnumbered<'_>]) -> Option<usize> {
    let mut waiting = must.iter().peekable();
    let mut open: BTreeMap<(u64, usize), ()> = BTreeMap::new();
    for gap in gaps {
        while let Some(other) = waiting.next_if(|other| other.above.is_none_or(|a| a < *gap)) {
            open.insert((other.below, other.write.op), ());
        }
        if let Some(((below, op), ())) = open.pop_first()
            && below <= *gap
        {
            return Some(op);
        }
    }
    open.first_key_value().map(|((_, op), ())| *op).or(waiting.next().map(|other| other.write.op))
}

/// What the writes with numbers say about one without.
struct Bounds {
    /// By end: the highest number that ended until then.
    ended: Vec<(u64, u64)>,
    /// By beginning: the lowest number that began since.
    began: Vec<(u64, u64)>,
}

impl Bounds {
    fn new(certain: &[(u64, &Write)]) -> Self {
        let mut ended: Vec<(u64, u64)> =
            certain.iter().map(|(seq_no, write)| (write.to, *seq_no)).collect();
        ended.sort_unstable();
        let mut highest = 0;
        for (_, seq_no) in &mut ended {
            highest = highest.max(*seq_no);
            *seq_no = highest;
        }
        let mut began: Vec<(u64, u64)> =
            certain.iter().map(|(seq_no, write)| (write.from, *seq_no)).collect();
        began.sort_unstable();
        let mut lowest = NEVER;
        for (_, seq_no) in began.iter_mut().rev() {
            lowest = lowest.min(*seq_no);
            *seq_no = lowest;
        }
        Self { ended, began }
    }

    /// The highest number of a write that was over before this moment.
    fn ended_before(&self, moment: u64) -> Option<u64> {
        let count = self.ended.partition_point(|(ended, _)| *ended < moment);
        let last = count.checked_sub(1)?;
        self.ended.get(last).map(|(_, seq_no)| *seq_no)
    }

    /// The lowest number of a write that began after this moment.
    fn began_after(&self, moment: u64) -> u64 {
        let first = self.began.partition_point(|(began, _)| *began <= moment);
        self.began.get(first).map_or(NEVER, |(_, seq_no)| *seq_no)
    }
}
