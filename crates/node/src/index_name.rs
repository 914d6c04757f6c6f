//! What an index may be called (spec document-api §8.2).

/// The objection that aliases are free of.
const LOWERCASE: &str = "must be lowercase";

/// Says why a name cannot be an index's, if so; the checks are in Elasticsearch's order.
pub(crate) fn objection(name: &str) -> Option<String> {
    const FORBIDDEN: &[char] = &['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ','];
    let says = |text: &str| Some(text.to_owned());
    if name.is_empty() {
        says("must not be empty")
    } else if name.contains(FORBIDDEN) {
        says("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]")
    } else if name.contains('#') {
        says("must not contain '#'")
    } else if name.contains(':') {
        says("must not contain ':'")
    } else if name.starts_with(['_', '-', '+']) {
        says("must not start with '_', '-', or '+'")
    } else if name.len() > 255 {
        Some(format!("index name is too long, ({} > 255)", name.len()))
    } else if name == "." || name == ".." {
        says("must not be '.' or '..'")
    } else if name.chars().any(char::is_uppercase) {
        says(LOWERCASE)
    } else {
        None
    }
}

/// Says why a name cannot be an alias's, if so. Unlike an index's it may have capitals.
pub(crate) fn alias_objection(name: &str) -> Option<String> {
    objection(name).filter(|why| why != LOWERCASE)
}

#[cfg(test)]
mod tests {
    use super::objection;

    #[test]
    fn names_are_judged_in_elasticsearchs_order() {
        for fine in ["movies", "a", ".hidden", "a.b-c_d+e", "ünïcode", "日本"] {
            assert_eq!(objection(fine), None, "{fine}");
        }
        let cases = [
            ("a b", "must not contain the following"),
            ("_A#", "must not contain '#'"),
            ("_a:B", "must not contain ':'"),
            ("_A", "must not start with"),
            ("..", "must not be '.' or '..'"),
            ("Movies", "must be lowercase"),
            ("", "must not be empty"),
        ];
        for (name, why) in cases {
            assert!(objection(name).is_some_and(|text| text.starts_with(why)), "{name}");
        }
        let long = "a".repeat(256);
        assert_eq!(objection(&long).as_deref(), Some("index name is too long, (256 > 255)"));
        assert_eq!(objection(&"a".repeat(255)), None);
    }
}
