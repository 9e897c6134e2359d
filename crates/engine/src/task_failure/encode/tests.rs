use proptest::prelude::*;

use super::*;

fn lost(stage: &str) -> FailureKind {
    FailureKind::StagedLost {
        stage: stage.to_owned(),
    }
}

/// What Ballista makes of a task's error: `Debug` text once, and once more when
/// attempts are counted.
fn as_ballista_reports(token: &str) -> [String; 2] {
    let once = format!("Task failed: {:?}", Some(token));
    let twice = format!("Stage 1 failed 4 times, reason: {once:?}");
    [once, twice]
}

#[test]
fn every_kind_and_any_message_survives_debug_twice_over() {
    let message = "cannot write \"a\\b\": \u{7f}\n\t<100 %> schön 日本 \u{200b} '|'";
    for kind in PLAIN_KINDS.into_iter().chain([lost("job|1-<2>-3")]) {
        let failure = TaskFailure::new(kind, message);
        for text in as_ballista_reports(&failure.encode()) {
            assert_eq!(TaskFailure::find_in_text(&text).unwrap(), failure);
        }
    }
}

#[test]
fn plain_words_stay_readable_and_texts_without_a_token_hold_no_failure() {
    let failure = TaskFailure::new(lost("job-7-2"), "part 3 on 10.0.0.1:4 is gone");
    assert_eq!(
        failure.encode(),
        "SLUICE_TASK<SLUICE_STAGED_LOST|job-7-2|part 3 on 10.0.0.1:4 is gone>"
    );
    for text in [
        "",
        "nothing",
        "SLUICE_TASK<",
        "SLUICE_TASK<x|y>",
        "SLUICE_TASK<x|y|z>",
        "SLUICE_TASK<storage|%4>",
        "SLUICE_TASK<storage|%+1>",
        "SLUICE_TASK<storage|%ff>",
        "SLUICE_TASK<storage|cut",
        "SLUICE_TASK<SLUICE_STAGED_LOST|only a message>",
    ] {
        assert_eq!(TaskFailure::find_in_text(text), None, "{text}");
    }
}

#[test]
fn what_is_encoded_without_need_is_decoded_too() {
    let text = "SLUICE_TASK<storage|%61 \"b\" %3c%3C ü>";
    let failure = TaskFailure::new(FailureKind::Storage, "a \"b\" << ü");
    assert_eq!(TaskFailure::find_in_text(text), Some(failure));
}

#[test]
fn the_last_of_several_tokens_counts() {
    let first = TaskFailure::new(FailureKind::Execution, "first").encode();
    let second = TaskFailure::new(FailureKind::Memory, "second");
    let text = format!("{first}, caused by {}", second.encode());
    assert_eq!(TaskFailure::find_in_text(&text), Some(second));
}

/// Every byte is written as before `percent-encoding` was used: the same
/// characters are escaped, in upper case.
#[test]
fn the_escaped_characters_are_exactly_these() {
    let all: String = (0..=127).map(char::from).collect();
    let token = TaskFailure::new(FailureKind::Storage, all).encode();
    let mut expected = String::from("SLUICE_TASK<storage|");
    for byte in 0..=127_u8 {
        match byte {
            b' '..=b'~' if !b"\"'\\<>%".contains(&byte) => expected.push(char::from(byte)),
            _ => expected.push_str(&format!("%{byte:02X}")),
        }
    }
    expected.push('>');
    assert_eq!(token, expected);
}

fn any_failure() -> impl Strategy<Value = TaskFailure> {
    let kind = prop_oneof![
        proptest::sample::select(PLAIN_KINDS.to_vec()),
        any::<String>().prop_map(|stage| FailureKind::StagedLost { stage }),
    ];
    (kind, any::<String>()).prop_map(|(kind, message)| TaskFailure::new(kind, message))
}

proptest! {
    #[test]
    fn a_failure_is_decoded_as_it_was_encoded(
        failure in any_failure(),
        before in "[^<]*",
        after in any::<String>().prop_filter("has no token", |text| !text.contains(TOKEN_START)),
    ) {
        let token = failure.encode();
        prop_assert_eq!(format!("{token:?}"), format!("\"{token}\""));
        for text in as_ballista_reports(&token) {
            let text = format!("{before}{text}{after}");
            prop_assert_eq!(TaskFailure::find_in_text(&text), Some(failure.clone()));
        }
    }

    #[test]
    fn any_text_is_decoded_without_a_panic(text in "(SLUICE_TASK<|[|%>a]|\\PC)*") {
        let _ = TaskFailure::find_in_text(&text);
    }
}
