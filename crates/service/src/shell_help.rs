//! What a program prints for a shell: `PROGRAM completions SHELL` prints completions,
//! `PROGRAM man` a page for `man`.

use std::ffi::{OsStr, OsString};
use std::io::Write;

use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// The text that `arguments` ask for; `None` when they ask for something else.
/// They begin with the program's name.
///
/// # Errors
/// A message for people, when the shell is missing or not known.
pub fn shell_help(
    command: Command,
    arguments: &[impl AsRef<OsStr>],
) -> Option<Result<String, String>> {
    let words: Vec<&str> = arguments
        .iter()
        .skip(1)
        .map(|word| word.as_ref().to_str().unwrap_or_default())
        .collect();
    match words.as_slice() {
        ["man"] => Some(man_page(command)),
        ["completions"] => Some(Err(unknown_shell("no shell is named"))),
        ["completions", name] => Some(match Shell::from_str(name, false) {
            Ok(shell) => Ok(completions(command, shell)),
            Err(_) => Err(unknown_shell(&format!(
                "there are no completions for `{name}`"
            ))),
        }),
        _ => None,
    }
}

/// Prints what `arguments` ask for, and gives the exit code of the process.
pub fn print_shell_help(command: Command, arguments: &[OsString]) -> Option<u8> {
    // If the terminal is closed, there is nothing left to do.
    Some(match shell_help(command, arguments)? {
        Ok(text) => {
            let _ = write!(std::io::stdout(), "{text}");
            0
        }
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "error: {message}");
            2
        }
    })
}

fn unknown_shell(problem: &str) -> String {
    let names: Vec<String> = Shell::value_variants()
        .iter()
        .map(Shell::to_string)
        .collect();
    format!(
        "{problem}; write `completions` with one of {}",
        names.join(", ")
    )
}

fn completions(mut command: Command, shell: Shell) -> String {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn man_page(command: Command) -> Result<String, String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|error| format!("the page cannot be written: {error}"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn answer(words: &[&str]) -> Option<Result<String, String>> {
        let command = Command::new("scheduler").arg(Arg::new("bind").long("bind"));
        shell_help(command, words)
    }

    #[test]
    fn completions_have_the_options_of_the_program() {
        for shell in ["bash", "zsh", "fish"] {
            let text = answer(&["scheduler", "completions", shell])
                .unwrap()
                .unwrap();
            assert!(
                text.contains("scheduler") && text.contains("bind"),
                "{text}"
            );
        }
        let page = answer(&["scheduler", "man"]).unwrap().unwrap();
        assert!(page.contains(".TH scheduler 1"), "{page}");
    }

    #[test]
    fn other_words_are_for_the_program() {
        assert!(answer(&["scheduler"]).is_none());
        assert!(answer(&["scheduler", "--bind", "man"]).is_none());
        assert!(answer(&["scheduler", "completions", "bash", "x"]).is_none());
        for words in [&["s", "completions"][..], &["s", "completions", "cmd"]] {
            let message = answer(words).unwrap().unwrap_err();
            assert!(message.contains("one of bash"), "{message}");
        }
    }
}
