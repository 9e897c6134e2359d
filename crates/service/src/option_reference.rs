//! Generates the reference page of a process from its options.

use std::fmt::Write;

use clap::Command;

use crate::options::{CONFIG_FLAG, environment_name};

/// A Markdown table of every option of `command`: flag, environment variable,
/// key in the file, default and meaning.
pub fn options_table(command: &Command, prefix: &str) -> String {
    let mut page = String::from(
        "| flag | environment | key in the file | default | meaning |\n|---|---|---|---|---|\n",
    );
    for argument in command.get_arguments() {
        let Some(flag) = argument
            .get_long()
            .filter(|f| !matches!(*f, "help" | "version"))
        else {
            continue;
        };
        let value = argument
            .get_value_names()
            .and_then(|names| names.first())
            .map(|name| format!(" {name}"))
            .unwrap_or_default();
        let defaults: Vec<String> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let default = match (defaults.is_empty(), argument.is_required_set()) {
            (false, _) => defaults.join(" "),
            (true, true) => "required".to_owned(),
            (true, false) => String::new(),
        };
        let key = if flag == CONFIG_FLAG {
            String::new()
        } else {
            format!("`{flag}`")
        };
        let help = argument
            .get_long_help()
            .or_else(|| argument.get_help())
            .map(ToString::to_string)
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('|', "\\|");
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `--{flag}{value}` | `{}` | {key} | {default} | {help} |",
            environment_name(prefix, flag)
        );
    }
    page
}

/// Replaces the text between `<!-- NAME -->` and `<!-- /NAME -->` in `page`. A page
/// without these lines is returned unchanged.
pub fn replace_section(page: &str, name: &str, content: &str) -> String {
    let open = format!("<!-- {name} -->\n");
    let close = format!("<!-- /{name} -->");
    match (page.find(&open), page.find(&close)) {
        (Some(start), Some(end)) if start + open.len() <= end => {
            format!("{}{content}{}", &page[..start + open.len()], &page[end..])
        }
        _ => page.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn the_table_says_everything_about_an_option() {
        let command = Command::new("x").disable_help_flag(true).arg(
            Arg::new("work_dir")
                .long("work-dir")
                .value_name("DIR")
                .default_value("./x")
                .help("Where\nto | from"),
        );
        let page = options_table(&command, "SLUICE_X");
        assert!(page.ends_with(
            "| `--work-dir DIR` | `SLUICE_X_WORK_DIR` | `work-dir` | `./x` | Where to \\| from |\n"
        ));
    }

    #[test]
    fn only_the_marked_part_is_replaced() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        assert_eq!(
            replace_section(page, "x", "new\n"),
            "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
        );
        assert_eq!(replace_section(page, "y", "new\n"), page);
    }
}
