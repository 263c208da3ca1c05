//! What is said of runtimes: a program for one is a program for another, and mail goes from each to each
//! other. That each keeps the protocol is shown by the suite of all runtimes, in `tests/suite`.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, mpsc},
};

use smtp_frontend::{
    Backend, Body, Facts, Handle, Recipient, Sender, Session, Tls,
    proto::{
        answer::{Acceptance, Rejection},
        client::Envelope,
        domain::Host,
        parameter::Parameters,
        path::{ForwardPath, ReversePath},
        server::Config,
    },
    tls::{client_config_unverified, rustls, server_config},
};

/// Keeps what it is given, on any runtime and on threads.
#[derive(Debug, Clone, Default)]
struct Store(Arc<Mutex<Vec<Vec<u8>>>>);

impl Backend for Store {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(self.clone())
    }
}

impl Session for Store {
    async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    async fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let content = body.read_to_end(1 << 20).await?;
        self.0.lock().unwrap().push(content.to_vec());
        Ok(Acceptance::default())
    }

    fn reset(&mut self) {}
}

impl smtp_blocking::Backend for Store {
    type Session = Self;

    fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(self.clone())
    }
}

impl smtp_blocking::Session for Store {
    fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn message(
        &mut self,
        body: &mut smtp_blocking::Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let content = body.read_to_end(1 << 20)?;
        self.0.lock().unwrap().push(content.to_vec());
        Ok(Acceptance::default())
    }

    fn reset(&mut self) {}
}

fn tls() -> Arc<rustls::ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    server_config(vec![made.cert.der().clone()], key.into()).unwrap()
}

fn content() -> Vec<u8> {
    b"Subject: over there\r\n\r\n"
        .iter()
        .chain(b"..\r\n.\r\nabc\r\n".repeat(9_000).iter())
        .copied()
        .collect()
}

/// A server on any runtime: its ports for plaintext and for TLS, and its end. A macro, as what is done
/// to the server of a runtime is the same, but the runtime's listeners are not.
macro_rules! serve {
    ($smtp:ident, $listener:ty, $store:expr $(, $await:ident)?) => {{
        let plain = <$listener>::bind("127.0.0.1:0")$(.$await)?.unwrap();
        let secure = <$listener>::bind("127.0.0.1:0")$(.$await)?.unwrap();
        let ports = [&plain, &secure].map(|listener| listener.local_addr().unwrap().port());
        let server =
            $smtp::Server::new(Config::new(Host::parse("mx.example.org").unwrap()), $store)
                .tls(tls())
                .listen_smtp(plain)
                .listen_smtps(secure);
        (ports, server)
    }};
}

/// Sends by each use of TLS from any runtime.
macro_rules! send {
    ($smtp:ident, $ports:expr $(, $await:ident)?) => {{
        let [plain, secure] = $ports;
        for (tls, port) in [(Tls::None, plain), (Tls::StartTls, plain), (Tls::Implicit, secure)] {
            let connector =
                $smtp::Connector::new(tls).tls_config(client_config_unverified().unwrap());
            let mut client = connector.connect("localhost", port)$(.$await)?.unwrap();
            assert_eq!(client.is_tls(), tls != Tls::None);
            let envelope = Envelope {
                reverse_path: ReversePath::Null,
                parameters: Parameters::EMPTY,
                recipients: &[ForwardPath::parse("<ann@example.org>").unwrap().into()],
            };
            // From a reader and from octets.
            let octets = content();
            let message = $smtp::Message::reader(&octets[..]);
            assert!(client.send(&envelope, message)$(.$await)?.unwrap().all_delivered());
            assert!(client.send(&envelope, content())$(.$await)?.unwrap().all_delivered());
            client.quit()$(.$await)?.unwrap();
        }
    }};
}

fn arrived(store: &Store) {
    let taken = store.0.lock().unwrap();
    assert_eq!(taken.len(), 6);
    assert!(taken.iter().all(|message| *message == content()));
}

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server that is served by a thread: its ports, its handle, and its end.
struct Served {
    ports: [u16; 2],
    handle: Handle,
    thread: std::thread::JoinHandle<()>,
}

impl Served {
    /// `serve` tells the ports and the handle, and serves.
    fn begin(serve: impl FnOnce(mpsc::Sender<([u16; 2], Handle)>) + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || serve(tell));
        let (ports, handle) = told.recv().unwrap();
        Self { ports, handle, thread }
    }
}

fn on_tokio(store: Store) -> Served {
    Served::begin(|tell| {
        tokio().block_on(async move {
            let (ports, server) = serve!(smtp_tokio, tokio::net::TcpListener, store, await);
            tell.send((ports, server.handle())).unwrap();
            server.serve().await;
        });
    })
}

fn on_smol(store: Store) -> Served {
    Served::begin(|tell| {
        smol::block_on(async move {
            let (ports, server) = serve!(smtp_smol, smol::net::TcpListener, store, await);
            tell.send((ports, server.handle())).unwrap();
            server.serve().await;
        });
    })
}

fn on_threads(store: Store) -> Served {
    Served::begin(|tell| {
        let (ports, server) = serve!(smtp_blocking, std::net::TcpListener, store);
        tell.send((ports, server.handle())).unwrap();
        server.serve();
    })
}

#[test]
fn mail_goes_from_each_runtime_to_each_other() {
    let clients: [fn([u16; 2]); 3] = [
        |ports| tokio().block_on(async { send!(smtp_tokio, ports, await) }),
        |ports| smol::block_on(async { send!(smtp_smol, ports, await) }),
        |ports| send!(smtp_blocking, ports),
    ];
    for serve in [on_tokio, on_smol, on_threads] {
        for send in clients {
            let store = Store::default();
            let served = serve(store.clone());
            send(served.ports);
            served.handle.shut_down();
            served.thread.join().unwrap();
            arrived(&store);
        }
    }
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Its lines in order, as imports are sorted by name.
fn lines(program: &str) -> Vec<&str> {
    let mut lines: Vec<_> = program.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines
}

/// The examples of a runtime, by what they are of: `*` stands for the runtime.
fn examples(runtime: &str) -> Vec<String> {
    let folder = format!("{}/../smtp-{runtime}/examples", env!("CARGO_MANIFEST_DIR"));
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> =
        names.map(|name| name.into_string().unwrap().replace(runtime, "*")).collect();
    names.sort();
    names
}

#[test]
fn a_program_for_one_runtime_is_a_program_for_another() {
    let names = examples("tokio");
    assert!(names.len() > 7 && names == examples("smol"), "{names:?}");
    for name in names {
        let program = |runtime: &str, begun: &str| {
            let program = read(&format!("smtp-{runtime}/examples/{}", name.replace('*', runtime)));
            let (program, _) = program.split_once(begun).expect("how it is begun");
            program.replace("tokio", "smol").replace("Tokio", "Smol")
        };
        let (tokio, smol) = (program("tokio", "\n#[tokio::main]"), program("smol", "\nfn main()"));
        assert_eq!(lines(&tokio), lines(&smol), "{name}");
    }
}

/// As a program without futures has it, but for spaces and what is imported of a runtime.
fn awaiting_nothing(program: &str, runtime: &str) -> String {
    let own = program.split_once("\nuse smtp_").expect("what is imported of this project").1;
    let own = own.split_once("::").expect("a crate's name").1;
    let mut text = String::new();
    for line in own.lines().filter(|line| !line.starts_with("use ")) {
        text.push_str(&line.replace(".await", "").replace("async fn", "fn"));
    }
    // How a task is begun, and the program.
    let text = text.replace("thread::spawn(move || ", "spawn(").replace("fn run()", "fn main()");
    // A client that calls which block are made on.
    let text = text.replace("LentClient<'_>", "Client").replace(runtime, "*");
    text.split_whitespace().collect::<String>().replace(",)", ")")
}

#[test]
fn a_program_that_awaits_is_one_that_blocks() {
    let names = examples("tokio");
    assert_eq!(names, examples("blocking"));
    for name in names {
        let awaits = read(&format!("smtp-tokio/examples/{}", name.replace('*', "tokio")));
        let awaits = awaits.split_once("\n#[tokio::main]").expect("how it is begun").0;
        let blocks = read(&format!("smtp-blocking/examples/{}", name.replace('*', "blocking")));
        assert!(!blocks.contains("async") && !blocks.contains("await"));
        let [awaits, blocks] = [(awaits, "tokio"), (blocks.as_str(), "blocking")]
            .map(|(program, runtime)| awaiting_nothing(program, runtime));
        assert_eq!(awaits, blocks, "{name}");
    }
}

/// Lines of code: none that is empty, nor a comment, nor a test.
fn lines_of_code(text: &str) -> usize {
    let code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().map(str::trim).filter(code).count()
}

/// How many files there are below a folder.
fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

/// The lines of all the files of a runtime.
fn lines_of_files(runtime: &str, files: &[&str]) -> Vec<usize> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(runtime).join("src");
    let there = files_below(&sources);
    assert_eq!(there, files.len(), "{runtime} has a file that is not counted");
    files.iter().map(|file| lines_of_code(&read(&format!("{runtime}/src/{file}.rs")))).collect()
}

/// How much there is to write for a runtime. What grows belongs into `smtp-frontend`.
#[test]
fn a_runtime_is_little_code() {
    // On smol, also a socket that one task polls, which smol::net has not.
    for (runtime, own) in [("smtp-tokio", None), ("smtp-smol", Some(("one_task", 70)))] {
        let files = ["runtime", "socket", "listener", "reader", "lib", "testing"];
        let all: Vec<&str> = files.into_iter().chain(own.map(|(file, _)| file)).collect();
        let lines = lines_of_files(runtime, &all);
        let whole: usize = lines[..5].iter().sum();
        println!("{runtime}: {} lines of runtime.rs, {whole} in all", lines[0]);
        assert!(lines[0] <= 120, "{runtime}/src/runtime.rs: {} lines", lines[0]);
        assert!(whole <= 480, "{runtime}: {whole} lines");
        // Streams of a test's own and how to listen, for the module `testing`.
        assert!(lines[5] <= 100, "{runtime}/src/testing.rs: {} lines", lines[5]);
        if let Some((file, most)) = own {
            assert!(lines[6] <= most, "{runtime}/src/{file}.rs: {} lines", lines[6]);
        }
    }
    // Where there is no runtime, its place is taken by a loop that blocks and a thread that can be woken, also
    // while it asks a name server, and TLS has no crate for its streams.
    let others = ["runtime", "socket", "reader", "lib"];
    let instead = ["park", "doorbell", "listener", "name_server", "connection", "encrypted"];
    // Calls that block, each a line or two over that of the frontend.
    let calls = ["client", "connector", "server", "session", "body", "dns", "relay", "delegate"];
    let testing = ["testing/mod", "testing/on", "testing/calls"];
    let lines =
        lines_of_files("smtp-blocking", &[&others[..], &instead, &calls, &testing].concat());
    let [others, instead, calls, testing] =
        [&lines[..4], &lines[4..10], &lines[10..18], &lines[18..]]
            .map(|part| part.iter().sum::<usize>());
    println!("smtp-blocking: {others} lines as others, {instead} instead, {calls} of calls");
    assert!(lines[0] <= 120, "smtp-blocking/src/runtime.rs: {} lines", lines[0]);
    assert!(others <= 480 && instead <= 890 && calls <= 760, "{others} {instead} {calls}");
    // Streams that block, and calls.
    assert!(testing <= 320, "smtp-blocking/src/testing: {testing} lines");
}
