//! Translates Spark's date patterns to those of `strftime`.

/// Groups of equal letters in a Spark pattern, and their `strftime` form.
const LETTERS: &[(&str, &str)] = &[
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("y", "%Y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("M", "%-m"),
    ("dd", "%d"),
    ("d", "%-d"),
    ("DDD", "%j"),
    ("HH", "%H"),
    ("H", "%-H"),
    ("hh", "%I"),
    ("h", "%-I"),
    ("mm", "%M"),
    ("m", "%-M"),
    ("ss", "%S"),
    ("s", "%-S"),
    ("SSS", "%3f"),
    ("SSSSSS", "%6f"),
    ("a", "%p"),
    ("EEEE", "%A"),
    ("EEE", "%a"),
    ("E", "%a"),
    ("XXX", "%:z"),
    ("Z", "%z"),
];

/// The `strftime` pattern with the same meaning; the letters that have none as
/// the error.
pub(super) fn to_strftime(spark: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = spark.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            // Text is between quotes; a quote is written as two quotes.
            '\'' => {
                if rest.next_if_eq(&'\'').is_some() {
                    out.push('\'');
                    continue;
                }
                for inner in rest.by_ref().take_while(|c| *c != '\'') {
                    out.push(inner);
                }
            }
            letter if letter.is_ascii_alphabetic() => {
                let mut letters = String::from(letter);
                while let Some(same) = rest.next_if_eq(&letter) {
                    letters.push(same);
                }
                match LETTERS.iter().find(|(theirs, _)| *theirs == letters) {
                    Some((_, ours)) => out.push_str(ours),
                    None => return Err(letters),
                }
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::to_strftime;

    #[test]
    fn spark_patterns_become_strftime() {
        let cases = [
            ("yyyy-MM-dd", "%Y-%m-%d"),
            ("dd.MM.yyyy HH:mm:ss.SSS", "%d.%m.%Y %H:%M:%S.%3f"),
            ("yyyy-MM-dd'T'HH:mm", "%Y-%m-%dT%H:%M"),
            ("''yy", "'%y"),
        ];
        for (spark, ours) in cases {
            assert_eq!(to_strftime(spark), Ok(ours.to_owned()));
        }
    }

    #[test]
    fn letters_without_meaning_are_named() {
        assert_eq!(to_strftime("yyyy-QQ"), Err("QQ".to_owned()));
    }
}
