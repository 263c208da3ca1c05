use clap::CommandFactory;

use super::*;
use crate::exit::Code;

/// The text behind the options of each command.
fn notes() -> Vec<(String, String)> {
    let all = Arguments::command();
    let notes = all.get_subcommands().map(|command| {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        (command.get_name().to_owned(), text)
    });
    notes.filter(|(name, _)| name != "help").collect()
}

/// What is longer is broken anywhere on a terminal of 100 columns.
#[test]
fn no_line_of_the_help_is_broken() {
    for (name, text) in notes() {
        for line in text.lines().chain(EXAMPLES.lines()) {
            assert!(line.len() <= 96, "{name}: {line}");
        }
    }
}

#[test]
fn the_help_tells_every_exit_code() {
    let never: [(&str, &[Code]); 2] = [
        ("serve", &[Code::Protocol, Code::Permission]),
        ("replay", &[Code::Unavailable, Code::Temporary, Code::Permission]),
    ];
    let readme = include_str!("../../../README.md");
    let (_, readme) = readme.split_once("Exit codes of").unwrap();
    let (readme, _) = readme.split_once("\n\n").unwrap();
    let in_readme = ("README".to_owned(), format!("Exit codes{readme}"));
    for (name, text) in notes().into_iter().chain([in_readme]) {
        let (_, told) = text.split_once("Exit codes").unwrap_or_else(|| panic!("{name}: {text}"));
        let numbers: Vec<_> = told.split(|c: char| !c.is_ascii_digit()).collect();
        for code in Code::ALL {
            let can_be =
                !never.iter().any(|(other, codes)| *other == name && codes.contains(&code));
            let number = (code as u8).to_string();
            assert_eq!(numbers.contains(&number.as_str()), can_be, "{name}: {number}");
        }
        assert!(numbers.contains(&"0"), "{name}");
    }
}
