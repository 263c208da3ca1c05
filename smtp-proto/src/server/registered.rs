//! Extensions that the application has registered: whether they may be used now, and how.

use super::session::Session;
use crate::{
    answer::Rejection,
    extension::{Carrier, Extension, Registered},
    parameter::{Parameter, Parameters},
};

/// What is known of a verb that the application has registered.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnVerb {
    /// Its extension is offered now.
    pub(super) offered: bool,
    /// Octets of its longest line, CRLF included.
    pub(super) line: usize,
    /// It may come in the present state.
    pub(super) in_order: bool,
    /// The hello need not come first.
    pub(super) before_hello: bool,
}

impl Session {
    /// The extensions that may be used now, whatever the hello was.
    pub(super) fn registered(&self) -> impl Iterator<Item = &Registered> {
        let extensions = self.config.extensions.iter();
        extensions.filter(|registered| registered.has_place(self.tls, self.authenticated))
    }

    /// The verb of `line`, if the application has registered it.
    pub(super) fn own_verb(&self, line: &[u8]) -> Option<OwnVerb> {
        let verb = line.split(|octet| matches!(octet, b' ' | b'\t')).next().unwrap_or_default();
        let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(verb);
        for registered in &self.config.extensions {
            if let Some(rule) = registered.verbs().iter().find(|rule| is(rule.verb())) {
                let greeted = self.hello.is_some();
                let before_hello = rule.is_before_hello();
                return Some(OwnVerb {
                    offered: registered.has_place(self.tls, self.authenticated)
                        && (self.is_extended() || !greeted),
                    line: rule.line_limit(),
                    in_order: rule.may_come(greeted, self.state.in_transaction()),
                    before_hello,
                });
            }
        }
        self.config.verbs.iter().any(|known| is(known)).then_some(OwnVerb {
            offered: true,
            line: self.config.limits.command_line,
            in_order: true,
            before_hello: false,
        })
    }

    /// Each parameter must belong to something that was offered, be it known here or registered. A
    /// value that is malformed counts before a keyword that is unknown, so that the order of
    /// parameters makes no difference (G-56).
    pub(super) fn admit_parameters(
        &self,
        parameters: Parameters<'_>,
        of: Carrier,
        extension: fn(Parameter<'_>) -> Option<Extension>,
    ) -> Result<(), Rejection<'static>> {
        let mut unknown = false;
        for parameter in parameters.iter() {
            if extension(parameter).is_some_and(|extension| self.honours_parameter(extension)) {
                continue;
            }
            let offered = self.registered().filter(|_| self.is_extended());
            let mut rules = offered.flat_map(|registered| registered.parameters(of));
            match rules.find(|rule| rule.is_of(parameter)) {
                Some(rule) => rule.judge(parameter).map_err(|error| error.rejection())?,
                None => unknown = true,
            }
        }
        if unknown { Err(Rejection::PARAMETER_UNKNOWN) } else { Ok(()) }
    }
}
