//! The whole decision as one table: states × preconditions × actions. Review a change as a diff.

use expect_test::expect_file;

use super::{live, tombstone, version};
use crate::{
    Action, DocumentState, Precondition, PrimaryTerm, Refusal, SeqNo, VersionConflict, Write,
    plan_write,
};

#[test]
fn the_whole_decision_table() {
    let states = [
        ("absent", DocumentState::Absent),
        ("live v5 s7 t2", live(5, 7, 2)),
        ("tombstone v5 s7 t2", tombstone(5, 7, 2)),
        ("live v2^63-1 s7 t2", live(i64::MAX, 7, 2)),
    ];
    let seq_no = |seq_no, term| Precondition::SeqNo {
        seq_no: SeqNo::new(seq_no),
        term: PrimaryTerm::new(term),
    };
    let mut preconditions = vec![
        ("none".to_owned(), Precondition::None),
        ("seq_no 7/2".to_owned(), seq_no(7, 2)),
        ("seq_no 7/1".to_owned(), seq_no(7, 1)),
        ("seq_no 6/2".to_owned(), seq_no(6, 2)),
    ];
    for number in [4, 5, 6, i64::MAX] {
        let label = if number == i64::MAX { "2^63-1".to_owned() } else { number.to_string() };
        preconditions.push((format!("version {label}"), Precondition::Version(version(number))));
        preconditions
            .push((format!("external {label}"), Precondition::ExternalGreater(version(number))));
        preconditions.push((
            format!("external_gte {label}"),
            Precondition::ExternalGreaterOrEqual(version(number)),
        ));
        preconditions.push((format!("force {label}"), Precondition::Force(version(number))));
    }

    let mut table = String::new();
    for (state_name, state) in states {
        for (precondition_name, precondition) in &preconditions {
            for action in [Action::Index, Action::Create, Action::Delete] {
                let write = Write { action, precondition: *precondition };
                let decision = match plan_write(state, write) {
                    Ok(plan) => format!("{:?} v{}", plan.outcome, plan.version).to_lowercase(),
                    Err(Refusal::Conflict(VersionConflict { required, .. })) => {
                        format!("conflict: required {required:?}")
                    }
                    Err(Refusal::VersionExhausted) => "refused: version exhausted".to_owned(),
                };
                let action = format!("{action:?}").to_lowercase();
                table += &format!(
                    "{state_name:<20}| {precondition_name:<20}| {action:<7}| {decision}\n"
                );
            }
        }
    }
    expect_file!["decision_table.txt"].assert_eq(&table);
}
