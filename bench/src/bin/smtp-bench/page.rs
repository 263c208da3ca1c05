//! The page of figures.

use std::fs;

use crate::folder;

/// Puts a table between the marks that bear its name.
pub(crate) fn put(name: &str, table: &str) -> Result<(), String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let page = folder().with_file_name("PERFORMANCE.md");
    let told = |error: std::io::Error| format!("{}: {error}", page.display());
    let text = fs::read_to_string(&page).map_err(told)?;
    let places = text.find(&begin).zip(text.find(&end)).filter(|(begin, end)| begin < end);
    let Some((first, last)) = places else {
        return Err(format!("{}: no marks for the table of {name}", page.display()));
    };
    let (before, after) = (&text[..first], &text[last..]);
    fs::write(&page, format!("{before}{begin}\n{table}\n{after}")).map_err(told)
}
