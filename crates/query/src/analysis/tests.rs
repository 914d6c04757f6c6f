//! The terms that analyzers make of texts.

use super::Analyzer;

/// The terms of a text.
fn terms(analyzer: &str, text: &str) -> Vec<String> {
    let analyzer = Analyzer::named(analyzer).unwrap();
    analyzer.tokens(text).into_iter().map(|token| token.term).collect()
}

/// Kind, beginning, end and place of each term.
fn places(analyzer: &str, text: &str) -> Vec<(&'static str, usize, usize, usize)> {
    let tokens = Analyzer::named(analyzer).unwrap().tokens(text);
    tokens.into_iter().map(|t| (t.kind, t.start, t.end, t.position)).collect()
}

#[test]
fn words_are_those_of_unicode_in_lower_case() {
    let text =
        "The 2 QUICK Brown-Foxes jumped over the dog's bone: john.doe@x.com, foo_bar 3.14 C++";
    let expected = [
        "the", "2", "quick", "brown", "foxes", "jumped", "over", "the", "dog's", "bone",
        "john.doe", "x.com", "foo_bar", "3.14", "c",
    ];
    assert_eq!(terms("standard", text), expected);
    assert_eq!(terms("standard", " ... -- ²½ "), Vec::<String>::new());
}

#[test]
fn each_chinese_character_is_a_word_and_a_run_of_thai_is_one() {
    assert_eq!(
        terms("standard", "東京 カタカナ ひら ภาษาไทย"),
        ["東", "京", "カタカナ", "ひ", "ら", "ภาษาไทย"]
    );
    assert_eq!(places("standard", "a 京")[1], ("<IDEOGRAPHIC>", 2, 3, 1));
}

#[test]
fn places_are_counted_in_utf_16_units() {
    // The emoji has two of them.
    assert_eq!(places("standard", "😀 ä b")[2], ("<ALPHANUM>", 5, 6, 2));
    assert_eq!(places("whitespace", "😀  b")[1], ("word", 4, 5, 1));
}

#[test]
fn lower_case_is_made_character_by_character() {
    // Not a final sigma, and no dot of its own above the i.
    assert_eq!(terms("standard", "ΣΑΣ İx"), ["σασ", "ix"]);
}

#[test]
fn a_word_that_is_too_long_is_cut() {
    let found = terms("standard", &"ä".repeat(600));
    let lengths: Vec<usize> = found.iter().map(|term| term.chars().count()).collect();
    assert_eq!(lengths, [255, 255, 90]);
}

#[test]
fn common_words_leave_their_place_empty() {
    let tokens = Analyzer::Stop.tokens("The quick, and the dead2");
    let shown: Vec<(&str, usize)> = tokens.iter().map(|t| (t.term.as_str(), t.position)).collect();
    assert_eq!(shown, [("quick", 1), ("dead", 4)]);
}

#[test]
fn a_whole_text_is_one_term() {
    assert_eq!(terms("keyword", "A b"), ["A b"]);
    assert_eq!(terms("keyword", ""), Vec::<String>::new());
    assert!(Analyzer::named("english").is_none());
}
