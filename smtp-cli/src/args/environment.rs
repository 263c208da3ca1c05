//! What the environment says where the command line does not.

use std::ffi::OsString;

use clap::ValueEnum;

use super::{Command, Login, Runtime};
use crate::exit::Failure;

/// A variable, by its name.
type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Command {
    /// Takes what was not said on the command line from these variables. An empty one is as good as none. Of what is
    /// wrong with one its value is never shown: a proxy may have a password in it.
    pub(crate) fn complete(
        &mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), Failure> {
        let variable: Variables<'_> = &variable;
        match self {
            Self::Serve(serve) => set_runtime(&mut serve.runtime, variable),
            Self::Send(send) => send.session.complete(variable),
            Self::Load(load) => load.session.complete(variable),
            Self::Probe(probe) => {
                probe.login.complete(variable)?;
                set_runtime(&mut probe.runtime, variable)
            }
            Self::Demo(demo) => set_runtime(&mut demo.runtime, variable),
            Self::Replay(_) => Ok(()),
        }
    }
}

impl super::Session {
    fn complete(&mut self, variable: Variables<'_>) -> Result<(), Failure> {
        self.login.complete(variable)?;
        set(&mut self.token, "SMTP_TOKEN", variable)?;
        set(&mut self.proxy, "SMTP_PROXY", variable)?;
        set_runtime(&mut self.runtime, variable)
    }
}

impl Login {
    fn complete(&mut self, variable: Variables<'_>) -> Result<(), Failure> {
        set(&mut self.password, "SMTP_PASSWORD", variable)
    }
}

fn set(option: &mut Option<String>, name: &str, variable: Variables<'_>) -> Result<(), Failure> {
    if option.is_none() {
        *option = text(name, variable)?;
    }
    Ok(())
}

fn set_runtime(option: &mut Option<Runtime>, variable: Variables<'_>) -> Result<(), Failure> {
    const NAME: &str = "SMTP_RUNTIME";
    if let (None, Some(text)) = (&option, text(NAME, variable)?) {
        let known = |_| Failure::usage(format!("{NAME} is tokio, smol or blocking"));
        *option = Some(Runtime::from_str(&text, false).map_err(known)?);
    }
    Ok(())
}

fn text(name: &str, variable: Variables<'_>) -> Result<Option<String>, Failure> {
    let value = variable(name).filter(|value| !value.is_empty());
    let text = value.map(|value| value.into_string().map_err(|_| name));
    text.transpose().map_err(|name| Failure::usage(format!("{name} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{super::Arguments, *};

    fn completed(line: &str, variables: &[(&str, &str)]) -> Result<Command, Failure> {
        let mut command = Arguments::try_parse_from(line.split(' ')).unwrap().command;
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
        command.complete(|name| value(name).map(|(_, value)| value.into())).map(|()| command)
    }

    fn send(rest: &str, variables: &[(&str, &str)]) -> super::super::Session {
        let line = format!("smtp send --server x --from a@x.example --to b@x.example{rest}");
        match completed(&line, variables).unwrap() {
            Command::Send(send) => send.session,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_command_line_says_comes_first() {
        let variables = [
            ("SMTP_PASSWORD", "p"),
            ("SMTP_TOKEN", "t"),
            ("SMTP_PROXY", "socks5://h:1"),
            ("SMTP_RUNTIME", "smol"),
        ];
        let of_both = send(" --password q --user u --token v --proxy http://i:2", &variables);
        assert_eq!(of_both.login.password.as_deref(), Some("q"));
        assert_eq!(of_both.token.as_deref(), Some("v"));
        assert_eq!(of_both.proxy.as_deref(), Some("http://i:2"));
        assert_eq!(of_both.runtime, Some(Runtime::Smol));
        let of_variables = send(" --runtime blocking", &variables);
        assert_eq!(of_variables.login.password.as_deref(), Some("p"));
        assert_eq!(of_variables.token.as_deref(), Some("t"));
        assert_eq!(of_variables.proxy.as_deref(), Some("socks5://h:1"));
        assert_eq!(of_variables.runtime, Some(Runtime::Blocking));
        let commands = ["serve", "demo", "probe x", "load --server x", "replay x"];
        for command in commands.map(|command| format!("smtp {command}")) {
            let on = completed(&command, &variables).unwrap().runtime();
            assert_eq!(on == Runtime::Smol, !command.contains("replay"), "{command}");
        }
    }

    #[test]
    fn an_empty_variable_is_none() {
        let names = ["SMTP_PASSWORD", "SMTP_TOKEN", "SMTP_PROXY", "SMTP_RUNTIME"];
        let session = send("", &names.map(|name| (name, "")));
        assert!(session.login.password.is_none() && session.token.is_none());
        assert!(session.proxy.is_none() && session.runtime.is_none());
    }
}
