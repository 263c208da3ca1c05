//! Logins from files, which nobody sees who lists the processes.

use std::{fs, path::Path};

use crate::{exit::Failure, notice::notice};

/// The logins of the command line, and of a file with one in each line. `form` is that of one.
pub(super) fn read(
    own: &[String],
    file: Option<&Path>,
    form: &str,
) -> Result<Vec<String>, Failure> {
    let mut logins = own.to_vec();
    let Some(path) = file else { return Ok(logins) };
    let failed = |why: &dyn std::fmt::Display| Failure::data(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    let before = logins.len();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let is_login = |(name, secret): (&str, &str)| !name.is_empty() && !secret.is_empty();
        if !line.split_once(':').is_some_and(is_login) {
            // Not with the line: a password may be all of it.
            return Err(failed(&format_args!("line {}: no {form}", index + 1)));
        }
        logins.push(line.to_owned());
    }
    if logins.len() == before {
        return Err(failed(&format_args!("no {form} in it")));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = fs::metadata(path).map_err(|error| failed(&error))?.permissions().mode();
        if mode & 0o004 != 0 {
            notice(format_args!("smtp: {}: everybody here may read it", path.display()));
        }
    }
    Ok(logins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;

    #[test]
    fn a_line_is_a_login() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            super::read(&["own:x".to_owned()], Some(&path), "NAME:PASSWORD")
        };
        let text = "# who may send\nalice:se:cret \r\n\nbob:#x";
        assert_eq!(read(text).unwrap(), ["own:x", "alice:se:cret ", "bob:#x"]);
        for (text, why) in [
            ("alice:x\nwonderland\n", "line 2: no NAME:PASSWORD"),
            (":wonderland", "line 1: no NAME:PASSWORD"),
            ("alice:", "line 1: no NAME:PASSWORD"),
            ("# nobody\n", "no NAME:PASSWORD in it"),
        ] {
            let failure = read(text).unwrap_err();
            assert_eq!(failure.code, Code::Data);
            assert_eq!(failure.message, format!("{}: {why}", path.display()));
        }
        fs::remove_file(&path).unwrap();
        assert!(super::read(&[], Some(&path), "NAME:PASSWORD").is_err());
        assert!(super::read(&[], None, "NAME:PASSWORD").unwrap().is_empty());
    }
}
