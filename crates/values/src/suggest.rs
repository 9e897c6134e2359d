//! "Did you mean": the nearest of the valid names.

/// The candidate nearest to `given` in spelling, ignoring case; `None` if none is
/// near enough to be a typing error.
pub fn nearest_name<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    let allowed = match given.chars().count() {
        0..=5 => 1,
        n => (n / 3).min(4),
    };
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&given, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.chars().count().max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `x`?``, if a name is near.
pub fn did_you_mean<'a>(
    misspelled: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest_name(misspelled, candidates).map(|name| format!("did you mean `{name}`?"))
}

/// `` `a`, `b` and `c` ``.
pub fn list_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| format!("`{n}`")).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// `did you mean …?` when a name is near, otherwise all of them.
pub fn suggest_or_list<'a>(
    misspelled: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    did_you_mean(misspelled, candidates.clone())
        .unwrap_or_else(|| format!("{what}: {}", list_names(candidates)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let names = ["user_events", "transactions", "gold"];
        assert_eq!(nearest_name("user_event", names), Some("user_events"));
        assert_eq!(nearest_name("USER_EVENTS", names), Some("user_events"));
        assert_eq!(nearest_name("glod", names), Some("gold"));
        assert_eq!(nearest_name("products", names), None);
        assert_eq!(
            nearest_name("x", ["y"]),
            None,
            "one letter is too short to compare"
        );
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(list_names(["a"]), "`a`");
        assert_eq!(list_names(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(list_names([]), "");
    }
}
