use super::scanned;

/// RFC 3834 section 5: parameters of any length, and comments, change nothing.
#[test]
fn l14_what_a_machine_wrote() {
    for (header, automatic) in [
        ("Auto-Submitted: auto-replied\r\n", true),
        ("Auto-Submitted: auto-generated; owner-email=x\r\n", true),
        ("Auto-Submitted: No\r\n", false),
        ("Auto-Submitted: no (x)\r\n", false),
        ("Auto-Submitted: none-such-thing-as-this\r\n", true),
        ("Auto-Submitted: no; owner-email=x@example.net\r\n", false),
        ("Auto-Submitted: no\r\n (a comment (of more than one line)\r\n \\) and word)\r\n", false),
        ("Auto-Submitted: (auto-replied) no(x);a=b\r\n", false),
        ("Auto-Submitted: (no) auto-replied (no)\r\n", true),
        ("Auto-Submitted: (no(no)) auto-generated\r\n", true),
        ("Auto-Submitted: no way\r\n", true),
        ("Auto-Submitted: no (x) auto-replied\r\n", true),
        ("Auto-Submitted: nothing\r\n", true),
        ("Auto-Submitted: ; auto-replied\r\n", true),
        ("Auto-Submitted: (nothing)\r\n", false),
        ("Auto-Submitted:\r\n", false),
        ("Auto-Submitted: no\r\nAuto-Submitted: auto-replied\r\n", true),
        ("To: x\r\n", false),
    ] {
        for length in 1..=header.len() {
            assert_eq!(scanned(header.as_bytes(), length).is_automatic(), automatic, "{header}");
        }
    }
}

/// RFC 8689 section 3: the field is the one word, without a comment.
#[test]
fn c77_what_is_no_no() {
    for (header, no) in [
        ("TLS-Required:No\r\n", true),
        ("TLS-Required: N o\r\n", false),
        ("TLS-Required: Non\r\n", false),
        ("TLS-Required: No; x\r\n", false),
        ("TLS-Required: ; No\r\n", false),
        ("TLS-Required: No (x)\r\n", false),
        ("TLS-Required: (x) No\r\n", false),
        ("TLS-Required:\r\n", false),
    ] {
        for length in 1..=header.len() {
            assert_eq!(scanned(header.as_bytes(), length).tls_required_no(), no, "{header}");
        }
    }
}
