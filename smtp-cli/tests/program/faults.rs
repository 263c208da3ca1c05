//! What becomes of messages when the server is killed, or the system has no more to give: nothing that was
//! acknowledged is lost, nothing is there in part, and all else is told with a 4yz.

use std::{
    collections::HashSet,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{SMTP, Serve, delivered, directory};

/// `smtp serve` under limits that a shell sets before it becomes the program.
fn limited(limits: &str, arguments: &[&str]) -> Serve {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), SMTP, "serve"]);
    Serve::spawn(&mut command, arguments)
}

fn serve(maildir: &str) -> Serve {
    Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", maildir])
}

/// A client that says what it likes.
pub(super) struct Talk {
    input: BufReader<TcpStream>,
    pub(super) output: TcpStream,
}

impl Talk {
    /// Behind the EHLO.
    pub(super) fn open(server: &str) -> io::Result<Self> {
        let output = TcpStream::connect(server)?;
        output.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut talk = Self { input: BufReader::new(output.try_clone()?), output };
        talk.reply()?;
        talk.say("EHLO client.example\r\n")?;
        Ok(talk)
    }

    /// The last line of a reply.
    pub(super) fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    pub(super) fn say(&mut self, octets: &str) -> io::Result<String> {
        self.output.write_all(octets.as_bytes())?;
        self.reply()
    }

    /// The reply to the first command that is refused, or to the content.
    pub(super) fn message(&mut self, to: &str, content: &str) -> io::Result<String> {
        for command in ["MAIL FROM:<a@x.example>", &format!("RCPT TO:<{to}>"), "DATA"] {
            let reply = self.say(&format!("{command}\r\n"))?;
            if !reply.starts_with(['2', '3']) {
                self.say("RSET\r\n")?;
                return Ok(reply);
            }
        }
        self.say(&format!("{content}\r\n.\r\n"))
    }
}

/// Content that shows by itself whether it is whole.
pub(super) fn numbered(number: usize) -> String {
    let lines = format!("line of {number}\r\n").repeat(number % 7 * 300);
    format!("Subject: {number}\r\n\r\n{lines}end of {number}")
}

pub(super) fn number_of(message: &[u8]) -> usize {
    let text = str::from_utf8(message).unwrap();
    let number = text.strip_prefix("Subject: ").and_then(|rest| rest.split("\r\n").next()).unwrap();
    number.parse().unwrap()
}

/// No unfinished file is anywhere but where it is being received.
pub(super) fn unfinished(maildir: &Path) -> usize {
    fs::read_dir(maildir.join(".incoming")).unwrap().count()
}

/// Cycles: 5, or as many as `SMTP_KILLS` says.
#[test]
fn what_was_acknowledged_survives_kill_9_in_the_middle_of_deliveries() {
    let (_directory, maildir, text) = directory();
    let cycles = std::env::var("SMTP_KILLS").map_or(5, |number| number.parse().unwrap());
    let mut acknowledged = HashSet::new();
    for cycle in 0..cycles {
        let mut serve = serve(&text);
        let server = serve.address("smtp").to_owned();
        let (tell, told) = mpsc::channel();
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let (server, tell) = (server.clone(), tell.clone());
                thread::spawn(move || {
                    let Ok(mut talk) = Talk::open(&server) else { return };
                    for turn in 0.. {
                        let number = cycle * 10_000 + client * 1000 + turn;
                        match talk.message("b@x.example", &numbered(number)) {
                            Ok(reply) if reply.starts_with("250 ") => tell.send(number).unwrap(),
                            Ok(reply) => panic!("{reply}"),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        drop(tell);
        // The others are anywhere when one of them has this.
        acknowledged.extend(told.iter().take(1 + cycle % 9));
        serve.child.kill().unwrap();
        serve.child.wait().unwrap();
        acknowledged.extend(told.iter());
        clients.into_iter().for_each(|client| client.join().unwrap());
    }
    let mut there = HashSet::new();
    for message in delivered(&maildir, "b@x.example") {
        let number = number_of(&message);
        assert_eq!(str::from_utf8(&message).unwrap(), format!("{}\r\n", numbered(number)));
        assert!(there.insert(number), "{number} is there twice");
    }
    assert!(acknowledged.len() >= cycles);
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
}

#[test]
fn a_full_disk_is_told_for_now_and_leaves_nothing() {
    let (_directory, maildir, text) = directory();
    // A file may have 16 blocks of 512 or 1024 octets: what a full disk or a quota does.
    // What it says of that has no place either.
    let limits = "if [ -e /dev/full ]; then exec 2> /dev/full; fi; trap '' XFSZ; ulimit -f 16";
    let serve = limited(limits, &["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let mut talk = Talk::open(serve.address("smtp")).unwrap();
    let large = "line\r\n".repeat(20_000);
    let reply = talk.message("b@x.example", &large).unwrap();
    assert!(reply.starts_with("452 4.3.1 ") || reply.starts_with("451 4.3."), "{reply}");
    assert!(delivered(&maildir, "b@x.example").is_empty());
    assert_eq!(unfinished(&maildir), 0);
    // The session and the server go on.
    let reply = talk.message("b@x.example", "Subject: small\r\n\r\nx").unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(delivered(&maildir, "b@x.example").len(), 1);
}

/// A file system of its own, of 256 KiB, which has no room left and then has some again. Left out where
/// nobody may have one.
#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_is_full_loses_nothing_and_takes_mail_again_when_there_is_room() {
    let (_directory, maildir, text) = directory();
    fs::create_dir(&maildir).unwrap();
    let alone = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg(format!("mount -t tmpfs -o size=256k none '{text}' && {script}"));
        command
    };
    if !alone("true").output().is_ok_and(|output| output.status.success()) {
        println!("left out: no file system can be mounted in a namespace here");
        return;
    }
    let mut command = alone("exec \"$0\" \"$@\"");
    command.args([SMTP, "serve"]);
    let arguments = ["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text];
    let serve = Serve::spawn(&mut command, &arguments);
    // As the server sees it.
    let inside = Path::new("/proc").join(serve.child.id().to_string()).join("root");
    let inside = inside.join(maildir.strip_prefix("/").unwrap());
    let mut talk = Talk::open(serve.address("smtp")).unwrap();
    let mut acknowledged = HashSet::new();
    let refusal = (0..1000).find_map(|number| {
        let reply = talk.message("b@x.example", &numbered(number)).unwrap();
        if reply.starts_with("250 ") {
            acknowledged.insert(number);
        }
        (!reply.starts_with("250 ")).then_some(reply)
    });
    assert!(refusal.unwrap().starts_with("452 4.3.1 "));
    let there = || {
        let messages = delivered(&inside, "b@x.example");
        messages.iter().map(|message| number_of(message)).collect::<HashSet<_>>()
    };
    assert_eq!(there(), acknowledged);
    assert_eq!(unfinished(&inside), 0);
    fs::remove_dir_all(inside.join("b@x.example")).unwrap();
    let reply = talk.message("b@x.example", &numbered(1)).unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(there(), HashSet::from([1]));
}

#[test]
fn a_mailbox_that_cannot_be_written_is_told_for_now() {
    let (_directory, maildir, text) = directory();
    let serve = serve(&text);
    let mut talk = Talk::open(serve.address("smtp")).unwrap();
    // No permission would stop root; a file where a directory must be stops everybody.
    fs::write(maildir.join("b@x.example"), "in the way").unwrap();
    let reply = talk.message("b@x.example", &numbered(1)).unwrap();
    assert!(reply.starts_with('4'), "{reply}");
    assert_eq!(unfinished(&maildir), 0);
    let reply = talk.message("c@x.example", &numbered(2)).unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
    // The whole store is gone, and comes back.
    fs::rename(maildir.join(".incoming"), maildir.join("away")).unwrap();
    let reply = talk.message("c@x.example", &numbered(3)).unwrap();
    assert!(reply.starts_with('4'), "{reply}");
    fs::rename(maildir.join("away"), maildir.join(".incoming")).unwrap();
    let reply = talk.message("c@x.example", &numbered(4)).unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
    let numbers: HashSet<_> =
        delivered(&maildir, "c@x.example").iter().map(|message| number_of(message)).collect();
    assert_eq!(numbers, HashSet::from([2, 4]));
}

#[test]
fn a_server_without_descriptors_goes_on_when_it_has_some_again() {
    let (_directory, maildir, text) = directory();
    let limits = "ulimit -n 24";
    let serve = limited(limits, &["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let server = serve.address("smtp").to_owned();
    let mut talk = Talk::open(&server).unwrap();
    // More than it can have: those behind the last wait in the queue of the listener.
    let crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(&server).unwrap()).collect();
    // One that is heard shows that descriptors are used up, or will be before long.
    let mut replies = Vec::new();
    for number in 0..20 {
        let reply = talk.message("b@x.example", &numbered(number)).unwrap();
        assert!(reply.starts_with("250 ") || reply.starts_with('4'), "{reply}");
        replies.push((number, reply.starts_with("250 ")));
    }
    drop(crowd);
    let mut later = Talk::open(&server).unwrap();
    let reply = later.message("b@x.example", &numbered(100)).unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
    let there: HashSet<_> =
        delivered(&maildir, "b@x.example").iter().map(|message| number_of(message)).collect();
    let taken = replies.iter().filter(|(_, taken)| *taken).map(|(number, _)| *number);
    assert_eq!(there, taken.chain([100]).collect());
    assert_eq!(unfinished(&maildir), 0);
}
