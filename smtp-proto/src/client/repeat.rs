//! Saying a recorded command once more.

use super::{Client, Misuse, ReplyTo};
use crate::{
    command::{Burl, Command, Verb},
    extension::Capabilities,
    profile::Syntax,
    sequence::{Request, Rule, State, rule},
};

impl Client {
    /// Makes the call that says `line`; `None` if there is no such call.
    pub(crate) fn repeat(&mut self, line: &[u8]) -> Option<Result<(), Misuse>> {
        let command = Command::parse(line, &Syntax::LENIENT).ok()?;
        self.permit(command.verb());
        Some(match command {
            Command::Ehlo(name) | Command::Lhlo(name) => self.hello(name),
            Command::Helo(name) => self.helo(name),
            Command::Mail(mail) => self.mail(mail.reverse_path, mail.parameters),
            Command::Rcpt(rcpt) => self.rcpt(rcpt.forward_path, rcpt.parameters),
            Command::Data => self.data(),
            Command::Rset => self.reset(),
            Command::Noop(None) => self.noop(),
            Command::Quit => self.quit(),
            Command::Vrfy(query) => self.verify(query),
            Command::Expn(query) => self.expand(query),
            Command::Help(topic) => self.help(topic),
            Command::StartTls => self.starttls(),
            Command::Other(other) => {
                // Which keyword allowed it is not recorded.
                let keyword = self.capabilities().and_then(any_keyword)?;
                self.extension(&keyword, other)
            }
            Command::Etrn(node) => self.etrn(node),
            Command::Atrn(domains) => self.atrn(domains),
            Command::Burl(Burl { url, last }) => self.burl(url, last),
            // One call may have led to several lines, and which is the last nobody says.
            Command::XClient(_) => self.repeat_line(command, ReplyTo::XClient { more: false }),
            Command::XForward(_) => self.repeat_line(command, ReplyTo::XForward { more: false }),
            Command::Noop(Some(_)) | Command::Bdat(_) | Command::Auth(_) => return None,
        })
    }

    fn repeat_line(&mut self, command: Command<'_>, to: ReplyTo) -> Result<(), Misuse> {
        self.command(to, |out| command.write(out))?;
        self.session.plan(Request::of(command.verb(), self.session.config.protocol));
        Ok(())
    }

    /// Lets a command be sent that was queued before replies came which would not allow it any more.
    pub(crate) fn permit(&mut self, verb: Verb) {
        // The last chunk may come where any may.
        let request = match Request::of(verb, self.session.config.protocol) {
            Request::Unknown => Request::Extension,
            request => request,
        };
        let allows = |state: &State| !matches!(rule(*state, request), Rule::Refuse { .. });
        if !allows(&self.session.planned)
            && let Some(state) = State::ALL.iter().copied().find(allows)
        {
            self.session.planned = state;
        }
    }
}

fn any_keyword(capabilities: Capabilities<'_>) -> Option<alloc::string::String> {
    let (keyword, _) = capabilities.lines().next()?;
    core::str::from_utf8(keyword).ok().map(Into::into)
}
