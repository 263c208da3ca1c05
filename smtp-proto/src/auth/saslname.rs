//! Names as attributes have them (RFC 5801 §4, RFC 5802 §5.1).

use alloc::string::String;

/// `saslname = 1*(value-safe-char / "=2C" / "=3D")`
pub(super) fn read(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(['\0', ',']) {
        return None;
    }
    let mut parts = text.split('=');
    let mut name = String::from(parts.next()?);
    for part in parts {
        if let Some(rest) = part.strip_prefix("2C") {
            name.push(',');
            name.push_str(rest);
        } else {
            name.push('=');
            name.push_str(part.strip_prefix("3D")?);
        }
    }
    Some(name)
}

/// The name as an attribute has it.
pub(super) fn write(name: &str, out: &mut String) {
    for c in name.chars() {
        match c {
            ',' => out.push_str("=2C"),
            '=' => out.push_str("=3D"),
            _ => out.push(c),
        }
    }
}
