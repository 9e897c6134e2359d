//! Texts that fit a screen.

use sluice_service::console::TerminalSize;
use unicode_width::UnicodeWidthChar;

use crate::color::COLOR_END;

/// Stands at the end of a line that was cut.
const CUT_MARK: char = '…';
/// Where tabs lead, on every terminal.
const TAB_STOP: usize = 8;

/// The beginning of the text that a terminal of this size shows without moving it: no
/// line is longer than the screen is wide, and there is a line left for the cursor.
pub(crate) fn fit_screen(text: &str, size: TerminalSize) -> String {
    let lines = text.lines().take(size.lines.saturating_sub(1).max(1));
    let lines: Vec<String> = lines.map(|line| cut_line(line, size.columns)).collect();
    lines.join("\n")
}

/// A line of at most this many columns. Its colours are no columns, and they end with
/// it.
fn cut_line(line: &str, columns: usize) -> String {
    let mut cut = String::with_capacity(line.len());
    // The line up to the last column, which the mark takes if there is more.
    let mut before_mark = 0;
    let mut width = 0;
    let mut has_color = false;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            has_color = true;
            cut.push(c);
            // Our own sequences, which end with their first letter.
            for c in rest.by_ref() {
                cut.push(c);
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
            if width < columns {
                before_mark = cut.len();
            }
            continue;
        }
        width += match c {
            '\t' => TAB_STOP - width % TAB_STOP,
            c => c.width().unwrap_or(0),
        };
        if width > columns {
            cut.truncate(before_mark);
            if columns > 0 {
                cut.push(CUT_MARK);
            }
            if has_color {
                cut.push_str(COLOR_END);
            }
            return cut;
        }
        cut.push(c);
        if width < columns {
            before_mark = cut.len();
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn without_colors(line: &str) -> String {
        let mut plain = String::new();
        let mut rest = line;
        while let Some((before, color)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = color.split_once('m').map_or("", |(_, after)| after);
        }
        plain + rest
    }

    #[test]
    fn a_line_is_cut_where_the_screen_ends() {
        for (line, columns, cut) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("", 3, ""),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            // Two columns each: the mark needs one, and the second one does not fit.
            ("漢字漢", 5, "漢字…"),
            ("漢字漢", 4, "漢…"),
            ("a\tb", 9, "a\tb"),
            ("a\tb", 8, "a…"),
        ] {
            assert_eq!(cut_line(line, columns), cut, "{line} {columns}");
        }
    }

    #[test]
    fn colours_have_no_columns_and_end_with_the_line() {
        let line = "ab \u{1b}[32mSUCCEEDED\u{1b}[0m now";
        assert_eq!(cut_line(line, 16), line);
        assert_eq!(
            cut_line(line, 15),
            "ab \u{1b}[32mSUCCEEDED\u{1b}[0m n…\u{1b}[0m"
        );
        assert_eq!(cut_line(line, 6), "ab \u{1b}[32mSU…\u{1b}[0m");
        assert_eq!(cut_line(line, 3), "ab…\u{1b}[0m");
    }

    #[test]
    fn a_text_leaves_a_line_for_the_cursor() {
        let size = |lines| TerminalSize { lines, columns: 2 };
        assert_eq!(fit_screen("a\nbbb\nc\nd", size(4)), "a\nb…\nc");
        assert_eq!(fit_screen("a\nb", size(1)), "a");
        assert_eq!(fit_screen("a\nb", size(9)), "a\nb");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen(
            parts in proptest::collection::vec(
                prop_oneof!["[a-z漢é ]{0,8}", Just("\u{1b}[31m".to_owned()), Just("\u{1b}[0m".to_owned())],
                0..8,
            ),
            columns in 0_usize..40,
        ) {
            let line = parts.concat();
            let cut = cut_line(&line, columns);
            let (plain, cut_plain) = (without_colors(&line), without_colors(&cut));
            prop_assert!(cut_plain.width() <= columns);
            if plain.width() <= columns {
                prop_assert_eq!(&cut, &line);
            } else {
                let kept = cut_plain.strip_suffix(CUT_MARK).unwrap_or(&cut_plain);
                prop_assert!(plain.starts_with(kept));
                let has_color = cut.contains('\u{1b}');
                prop_assert!(!has_color || cut.ends_with(COLOR_END));
            }
        }
    }
}
