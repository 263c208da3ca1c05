//! The files dialogs are kept in.

use super::Dialog;

/// The dialogs of every file in `folder`.
///
/// A line `--- title` begins a further dialog of a file; what stands before the first of these lines
/// is the beginning of each.
///
/// # Panics
/// When the folder cannot be read, is empty, or a file is malformed.
pub fn all(folder: &str) -> Vec<Dialog> {
    let mut dialogs = Vec::new();
    for (name, text) in files(folder) {
        for (title, text) in parts(&text) {
            dialogs.push(Dialog::parse(&format!("{name} {title}"), &text));
        }
    }
    dialogs
}

/// The dialogs of a file, by their titles.
pub fn parts(text: &str) -> Vec<(String, String)> {
    let mut sections = text.split("\n---");
    let common = sections.next().unwrap_or_default();
    let parts: Vec<(String, String)> = sections
        .map(|section| {
            let (title, rest) = section.split_once('\n').unwrap_or((section, ""));
            (title.trim().to_owned(), format!("{common}\n{rest}"))
        })
        .collect();
    if parts.is_empty() { vec![(String::new(), text.to_owned())] } else { parts }
}

/// Every dialog file in `folder`, by name.
///
/// # Panics
/// When the folder cannot be read or is empty.
pub fn files(folder: &str) -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogs").join(folder);
    let mut found: Vec<(String, String)> = std::fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "smtp"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (format!("{folder}/{name}"), std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(!found.is_empty(), "no dialogs in {}", root.display());
    found.sort();
    found
}
