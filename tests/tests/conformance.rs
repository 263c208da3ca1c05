//! CONFORMANCE.md is held to what it says: every row is there once, what it names exists, and what is
//! cited anywhere has a row. The codes of section 5 are held against the tables of the RFCs here, too.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use smtp_proto::status::{Code, EnhancedCode};

/// Every id, in the order of the page.
const IDS: [&str; 22] = [
    "F-01…F-35",
    "G-01…G-62",
    "S-01…S-98",
    "C-01…C-67",
    "C-67a…C-67k",
    "C-68…C-84",
    "R-01…R-13",
    "R-20…R-58",
    "E-0.0",
    "E-1.0…E-1.10",
    "E-2.0…E-2.4",
    "E-3.0…E-3.6",
    "E-4.0…E-4.7",
    "E-5.0…E-5.6",
    "E-6.0…E-6.10",
    "E-7.0…E-7.30",
    "T-01…T-14",
    "T-15…T-29",
    "L-01…L-20",
    "L-21…L-28",
    "X-01…X-32",
    "X-33…X-39",
];

const SWITCHES: [&str; 27] = [
    "bare_newline",
    "client_bare_newline",
    "undeclared_8bit",
    "nul_in_text",
    "max_text_line",
    "long_line",
    "reply_code_mismatch",
    "lenient_reply_lf",
    "relaxed_syntax",
    "local_part_max",
    "underscore_domain",
    "hello_syntax",
    "utf8_orcpt",
    "early_talker",
    "disclose_forward",
    "early_data",
    "lmtp_last_without_rcpt",
    "starttls_trailing",
    "plaintext_auth",
    "unannounced_pipelining",
    "helo_after_drop",
    "tls",
    "long_initial_response",
    "ehlo_after_auth",
    "all_or_nothing",
    "received_for",
    "reject_null_mx_sender",
];

const STATES: [&str; 3] = ["yes", "part", "not yet"];

/// A line of a table of the page.
#[derive(Debug)]
struct Row {
    section: String,
    /// One id, or as many as a range has.
    ids: Vec<String>,
    says: String,
    state: String,
    /// Why it is not "yes".
    reason: String,
    places: Vec<String>,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    fs::read_to_string(root().join("CONFORMANCE.md")).unwrap()
}

/// The rows of all sections.
fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut section = String::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        }
        let Some(line) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if section.is_empty() || matches!(cells[0], "id" | "---") {
            continue;
        }
        assert_eq!(cells.len(), 6, "{line}");
        let (state, reason) = cells[3].split_once(": ").unwrap_or((cells[3], ""));
        rows.push(Row {
            section: section.clone(),
            ids: expand(cells[0].trim_matches('`')),
            says: cells[1].to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            places: names(cells[4]),
            tests: names(cells[5]),
        });
    }
    rows
}

/// What stands in backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The ids of a range: `F-01…F-03`, `C-67a…C-67c`, `E-1.0…E-1.10`; of anything else itself.
fn expand(range: &str) -> Vec<String> {
    let Some((first, last)) = range.split_once('…') else {
        return vec![range.to_owned()];
    };
    let stem = |id: &str| {
        let stem = id.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem.to_owned(), id[stem.len()..].to_owned())
    };
    let ((stem, from), (other, to)) = (stem(first), stem(last));
    if from.is_empty() {
        let letter = |id: &str| id.chars().last().unwrap();
        let stem = &stem[..stem.len() - 1];
        return (letter(first)..=letter(last)).map(|letter| format!("{stem}{letter}")).collect();
    }
    assert_eq!(stem, other, "{range}");
    let width = if stem.ends_with('.') { 1 } else { 2 };
    let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
    (from..=to).map(|number| format!("{stem}{number:0width$}")).collect()
}

/// The ids that stand in a text.
fn cited(text: &str) -> BTreeSet<String> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut ids = BTreeSet::new();
    for (at, _) in text.match_indices('-') {
        let Some(letter) = text[..at].chars().next_back().filter(|c| "FGSCRETLX".contains(*c))
        else {
            continue;
        };
        let before = text[..at - 1].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "-_".contains(c)) {
            continue;
        }
        let rest = &text[at + 1..];
        let mut end = digits(rest);
        if letter == 'E' {
            let Some(detail) = rest[end..].strip_prefix('.').map(digits).filter(|_| end > 0) else {
                continue;
            };
            if detail == 0 {
                continue;
            }
            end += 1 + detail;
        } else if end != 2 {
            continue;
        } else if rest[end..].starts_with(|c: char| ('a'..='k').contains(&c)) {
            end += 1;
        }
        if !rest[end..].starts_with(|c: char| c.is_alphanumeric()) {
            ids.insert(format!("{letter}-{}", &rest[..end]));
        }
    }
    ids
}

/// The file that the page names so.
fn file(name: &str) -> PathBuf {
    if name.ends_with(".smtp") {
        return root().join("tests/dialogs").join(name);
    }
    let whole = root().join(name);
    if whole.is_file() { whole } else { root().join("smtp-proto/src").join(name) }
}

/// Whether `word` stands in `text`, not as a part of another word.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !inside(text[..at].chars().next_back()) && !inside(text[at + word.len()..].chars().next())
    })
}

/// Whether `text` has a test function of this name.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.iter().enumerate().any(|(at, line)| {
        let begins = line.starts_with(&head) || line.starts_with(&format!("async {head}"));
        let above = lines[..at].iter().rev();
        let marks = ["#[test]", "#[tokio::test", "#[apply(on_runtime)]"];
        begins
            && above
                .take_while(|line| line.starts_with('#') || line.starts_with("//"))
                .any(|line| marks.iter().any(|mark| line.starts_with(mark)))
    })
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "smtp") {
            files.push(path);
        }
    }
}

#[test]
fn every_row_is_there_once() {
    let expected: Vec<String> =
        IDS.iter().chain(&SWITCHES).flat_map(|range| expand(range)).collect();
    let found: Vec<String> = rows(&page()).into_iter().flat_map(|row| row.ids).collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = found.iter().filter(|id| !seen.insert(*id)).collect();
    assert!(twice.is_empty(), "twice: {twice:?}");
    let missing: Vec<_> = expected.iter().filter(|id| !seen.contains(id)).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert_eq!(found, expected, "unknown, or out of order");
}

#[test]
fn what_a_row_names_exists() {
    let mut faults = Vec::new();
    for row in rows(&page()) {
        let ids = row.ids.join(" ");
        for name in row.places.iter().chain(&row.tests) {
            let (name, item) = name.split_once("::").unwrap_or((name, ""));
            let Ok(text) = fs::read_to_string(file(name)) else {
                faults.push(format!("{ids}: no file {name}"));
                continue;
            };
            if !item.is_empty() && !has_word(&text, item) {
                faults.push(format!("{ids}: no {item} in {name}"));
            }
        }
        // A switch is shown by what cites the rows it belongs to.
        let own = match SWITCHES.contains(&ids.as_str()) {
            true => cited(&row.says),
            false => row.ids.iter().cloned().collect(),
        };
        for name in &row.tests {
            let (name, function) = name.split_once("::").unwrap_or((name, ""));
            let text = fs::read_to_string(file(name)).unwrap_or_default();
            if name.ends_with(".smtp") {
                if own.is_disjoint(&cited(&text)) {
                    faults.push(format!("{ids}: not cited in {name}"));
                }
            } else if !has_test(&text, function) {
                faults.push(format!("{ids}: no test {function} in {name}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// And what a dialog shows is not "not yet" there.
#[test]
fn every_citation_has_its_row() {
    let (mut known, mut waiting) = (BTreeSet::new(), BTreeSet::new());
    for row in rows(&page()) {
        if row.state == "not yet" {
            waiting.extend(row.ids.iter().cloned());
        }
        known.extend(row.ids);
    }
    let mut files = Vec::new();
    for folder in ["tests", "smtp-proto/src", "smtp-tokio", "smtp-cli"] {
        walk(&root().join(folder), &mut files);
    }
    assert!(files.len() > 100);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let unknown: Vec<_> = cited(&text).into_iter().filter(|id| !known.contains(id)).collect();
        assert!(unknown.is_empty(), "{}: no row {unknown:?}", path.display());
        if path.extension().is_some_and(|kind| kind == "smtp") {
            let titles: Vec<_> = text.lines().filter(|line| line.starts_with("---")).collect();
            let shown: Vec<_> = cited(&titles.join("\n")).intersection(&waiting).cloned().collect();
            assert!(shown.is_empty(), "{}: shows {shown:?}, not yet there", path.display());
        }
    }
}

/// A row is "yes" only if it says where, and a test shows it; else it says what is missing.
#[test]
fn states_have_their_grounds() {
    let mut faults = Vec::new();
    for row in rows(&page()) {
        let untested = row.reason.contains("untested");
        let grounded = match row.state.as_str() {
            "yes" => row.reason.is_empty() && !row.places.is_empty() && !row.tests.is_empty(),
            "part" => {
                !row.reason.is_empty()
                    && !row.places.is_empty()
                    && (untested || !row.tests.is_empty())
            }
            "not yet" => !row.reason.is_empty(),
            _ => false,
        };
        if !grounded || row.says.is_empty() {
            faults.push(format!("{}: {} {}", row.ids.join(" "), row.state, row.reason));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// With `CONFORMANCE=count` in the environment they are put right instead.
#[test]
fn the_numbers_are_right() {
    let page = page();
    let counted = with_numbers(&page);
    if env::var_os("CONFORMANCE").is_some_and(|wish| wish == "count") {
        fs::write(root().join("CONFORMANCE.md"), counted).unwrap();
        return;
    }
    for (is, should_be) in page.lines().zip(counted.lines()) {
        assert_eq!(is, should_be, "set CONFORMANCE=count and run this test to put it right");
    }
}

/// The page with its rows counted anew.
fn with_numbers(page: &str) -> String {
    let rows = rows(page);
    let count = |section: Option<&str>| -> [usize; 3] {
        STATES.map(|state| {
            let counted = rows.iter().filter(|row| {
                row.state == state && section.is_none_or(|section| row.section == section)
            });
            counted.map(|row| row.ids.len()).sum()
        })
    };
    let line = |line: &str| {
        if line.starts_with("**") && line.ends_with("not yet.**") {
            let [yes, part, not_yet] = count(None);
            let all = yes + part + not_yet;
            return format!("**{all} rows: {yes} yes, {part} part, {not_yet} not yet.**");
        }
        let section = line.strip_prefix("| ").and_then(|line| line.split_once(" |"));
        match section.map(|(section, _)| (section, count(Some(section)))) {
            Some((section, [yes, part, not_yet])) if yes + part + not_yet > 0 => {
                let all = yes + part + not_yet;
                format!("| {section} | {all} | {yes} | {part} | {not_yet} |")
            }
            _ => line.to_owned(),
        }
    };
    page.lines().map(|text| line(text) + "\n").collect()
}

/// The checks check.
#[test]
fn how_ids_are_read() {
    assert_eq!(expand("F-09…F-11"), ["F-09", "F-10", "F-11"]);
    assert_eq!(expand("C-67a…C-67c"), ["C-67a", "C-67b", "C-67c"]);
    assert_eq!(expand("E-1.9…E-1.10"), ["E-1.9", "E-1.10"]);
    let text = "(F-05), S-01 … C-67h: E-7.30. But not UTF-8, X-FOO, SHA-25, A-01, F-5, F-051, E-7.";
    let found: Vec<String> = cited(text).into_iter().collect();
    assert_eq!(found, ["C-67h", "E-7.30", "F-05", "S-01"]);
    assert!(has_word("fn a_b()", "a_b") && !has_word("fn a_bc()", "a_b"));
    assert!(has_test("#[test]\nfn a() {}", "a") && !has_test("fn a() {}", "a"));
}

///
#[test]
fn basic_codes_have_their_numbers() {
    for (code, number) in [
        (Code::SYSTEM_STATUS, 211),
        (Code::HELP, 214),
        (Code::READY, 220),
        (Code::CLOSING, 221),
        (Code::AUTHENTICATED, 235),
        (Code::OK, 250),
        (Code::WILL_FORWARD, 251),
        (Code::CANNOT_VERIFY, 252),
        (Code::MESSAGES_STARTED, 253),
        (Code::CHALLENGE, 334),
        (Code::START_MAIL_INPUT, 354),
        (Code::RESUME_AT_OFFSET, 355),
        (Code::SERVICE_NOT_AVAILABLE, 421),
        (Code::PASSWORD_TRANSITION, 432),
        (Code::MAILBOX_BUSY, 450),
        (Code::LOCAL_ERROR, 451),
        (Code::INSUFFICIENT_STORAGE, 452),
        (Code::NO_MAIL_WAITING, 453),
        (Code::TEMPORARILY_UNAVAILABLE, 454),
        (Code::PARAMETER_NOT_NOW, 455),
        (Code::CANNOT_QUEUE, 458),
        (Code::NODE_NOT_ALLOWED, 459),
        (Code::SYNTAX_ERROR, 500),
        (Code::ARGUMENT_ERROR, 501),
        (Code::NOT_IMPLEMENTED, 502),
        (Code::BAD_SEQUENCE, 503),
        (Code::ARGUMENT_NOT_IMPLEMENTED, 504),
        (Code::HOST_TAKES_NO_MAIL, 521),
        (Code::ENCRYPTION_NEEDED, 523),
        (Code::ENCRYPTION_NEEDED_FOR_MECHANISM, 524),
        (Code::ACCOUNT_DISABLED, 525),
        (Code::AUTHENTICATION_REQUIRED, 530),
        (Code::UNAUTHORIZED, 533),
        (Code::MECHANISM_TOO_WEAK, 534),
        (Code::CREDENTIALS_INVALID, 535),
        (Code::MECHANISM_NEEDS_ENCRYPTION, 538),
        (Code::MAILBOX_UNAVAILABLE, 550),
        (Code::USER_NOT_LOCAL, 551),
        (Code::STORAGE_EXCEEDED, 552),
        (Code::MAILBOX_NAME_NOT_ALLOWED, 553),
        (Code::TRANSACTION_FAILED, 554),
        (Code::PARAMETER_UNKNOWN, 555),
        (Code::DOMAIN_TAKES_NO_MAIL, 556),
    ] {
        assert_eq!(code.value(), number);
        assert_eq!(Code::new(number), Some(code));
    }
}

/// E-0.0 to E-7.30, for each class that makes sense: the basic code it is sent with unless another is
/// asked for (RFC 3463, and the registry of RFC 5248). Where the registry names none it only has to be
/// of the same class.
#[test]
fn enhanced_codes_have_their_basic_codes() {
    const TABLE: &str = "
        2.0.0 250  4.0.0 -  5.0.0 -
        4.1.0 -  5.1.0 -  5.1.1 550  5.1.2 550  5.1.3 501  4.1.4 -  5.1.4 553  2.1.5 250  5.1.6 550
        5.1.7 501  4.1.8 451  5.1.8 550  2.1.9 -  5.1.10 556
        4.2.0 -  5.2.0 -  4.2.1 450  5.2.1 550  4.2.2 452  5.2.2 552  5.2.3 552  4.2.4 450  5.2.4 -
        2.3.0 250  4.3.0 451  5.3.0 554  4.3.1 452  4.3.2 421  5.3.2 521  5.3.3 -  5.3.4 552
        4.3.5 -  5.3.5 -  2.3.6 250
        4.4.0 -  5.4.0 -  4.4.1 451  4.4.2 421  4.4.3 451  5.4.3 550  4.4.4 -  5.4.4 -  4.4.5 451
        4.4.6 -  5.4.6 554  4.4.7 -  5.4.7 -
        2.5.0 250  4.5.0 451  5.5.0 554  5.5.1 503  5.5.2 500  4.5.3 452  5.5.3 550  4.5.4 451
        5.5.4 501  5.5.5 -  4.5.6 -  5.5.6 500
        5.6.0 554  5.6.1 -  5.6.2 -  5.6.3 554  2.6.4 250  5.6.4 -  4.6.5 -  5.6.5 -  4.6.6 -
        5.6.6 554  5.6.7 550  2.6.8 252  5.6.8 550  5.6.9 554  5.6.10 -
        2.7.0 -  4.7.0 450  5.7.0 530  4.7.1 451  5.7.1 550  5.7.2 550  5.7.3 -  5.7.4 504  4.7.5 -
        5.7.5 -  4.7.6 -  5.7.6 -  2.7.7 -  4.7.7 -  5.7.7 -  5.7.8 535  5.7.9 534  5.7.10 523
        5.7.11 538  4.7.12 432  5.7.13 525  5.7.14 554  4.7.15 450  5.7.15 550  4.7.16 452
        5.7.16 552  5.7.17 550  5.7.18 550  5.7.19 550  5.7.20 550  5.7.21 550  5.7.22 550
        5.7.23 550  4.7.24 451  5.7.24 550  5.7.25 550  5.7.26 550  5.7.27 550  4.7.28 -  5.7.28 -
        5.7.29 550  5.7.30 550";
    let mut seen = BTreeSet::new();
    let words: Vec<&str> = TABLE.split_whitespace().collect();
    for pair in words.chunks(2) {
        let (enhanced, number) = (pair[0], pair[1]);
        let (code, _) = EnhancedCode::parse(enhanced.as_bytes()).unwrap();
        assert_eq!(code.basic_code().severity(), code.severity(), "{enhanced}");
        if number != "-" {
            assert_eq!(code.basic_code().to_string(), number, "{enhanced}");
        }
        seen.insert(format!("E-{}.{}", code.subject(), code.detail()));
    }
    let all: BTreeSet<String> =
        IDS.iter().filter(|ids| ids.starts_with('E')).flat_map(|ids| expand(ids)).collect();
    assert_eq!(seen, all);
}
