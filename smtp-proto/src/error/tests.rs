use alloc::{string::ToString, vec::Vec};

use super::*;
use crate::{command::DomainList, path::ReversePath, xtext::Xtext};

/// What a rule is answered with, wherever it is broken.
#[test]
fn replies_of_values() {
    let long = ["a.example"; 60].join(",");
    let path = "<a@-x.example>";
    for (error, code, enhanced, text) in [
        (DomainList::parse(&long).unwrap_err(), 500, "5.5.2", "line too long (octet 505)"),
        (Xtext::parse("a+").unwrap_err(), 501, "5.5.4", "bad xtext (octet 1)"),
        (ReversePath::parse(path).unwrap_err(), 501, "5.1.7", "bad domain (octet 3)"),
    ] {
        let rejection = error.rejection();
        let said = (rejection.code().value(), rejection.enhanced().to_string());
        assert_eq!((said.0, said.1.as_str()), (code, enhanced), "{error}");
        assert_eq!(error.to_string(), text);
        crate::tests::passes_errors_on(&error);
    }
}

/// RFC 5321 section 4.2.4: 500 where the command cannot be told, 501 where its argument is wrong.
#[test]
fn each_rule_has_words_of_its_own() {
    let lines =
        [Rule::EmptyLine, Rule::LeadingBlank, Rule::BareNewline, Rule::LineLength, Rule::Verb];
    let arguments = [
        Rule::Control,
        Rule::Utf8,
        Rule::MissingArgument,
        Rule::UnexpectedArgument,
        Rule::Spacing,
        Rule::HelloName,
        Rule::ReversePath,
        Rule::ForwardPath,
        Rule::Mailbox,
        Rule::Domain,
        Rule::AddressLiteral,
        Rule::LocalPart,
        Rule::PathLength,
        Rule::Parameter,
        Rule::DuplicateParameter,
        Rule::ParameterValue,
        Rule::Priority,
        Rule::Xtext,
        Rule::Mechanism,
        Rule::Base64,
        Rule::BdatSize,
        Rule::BdatLast,
        Rule::Node,
        Rule::DomainList,
        Rule::Url,
        Rule::Attribute,
        Rule::AttributeValue,
    ];
    let mut texts = Vec::new();
    for (rules, code) in [(&lines[..], 500), (&arguments[..], 501)] {
        for &rule in rules {
            let rejection = ParseError::at_start(rule).rejection();
            assert_eq!(
                (rejection.code().value(), rejection.enhanced().class()),
                (code, 5),
                "{rule:?}"
            );
            assert_eq!(rejection.text(), rule.text());
            texts.push(rule.text());
        }
    }
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), lines.len() + arguments.len());
}
