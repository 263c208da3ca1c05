//! What is said of runtimes: a program for one is a program for another, and mail goes from one to the
//! other. That each keeps the protocol is shown by the suite of all runtimes, in `tests/suite`.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
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

/// Keeps what it is given, on any runtime.
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

/// A server on either runtime: its ports for plaintext and for TLS, and its end. A macro, as what is done
/// to the generic server of a runtime is the same, but the runtime's listeners are not.
macro_rules! serve {
    ($smtp:ident, $listener:ty, $store:expr) => {{
        let plain = <$listener>::bind("127.0.0.1:0").await.unwrap();
        let secure = <$listener>::bind("127.0.0.1:0").await.unwrap();
        let ports = [&plain, &secure].map(|listener| listener.local_addr().unwrap().port());
        let server =
            $smtp::Server::new(Config::new(Host::parse("mx.example.org").unwrap()), $store)
                .tls(tls())
                .listen_smtp(plain)
                .listen_smtps(secure);
        (ports, server)
    }};
}

/// Sends by each use of TLS from either runtime.
macro_rules! send {
    ($smtp:ident, $ports:expr) => {{
        let [plain, secure] = $ports;
        for (tls, port) in [(Tls::None, plain), (Tls::StartTls, plain), (Tls::Implicit, secure)] {
            let connector =
                $smtp::Connector::new(tls).tls_config(client_config_unverified().unwrap());
            let mut client = connector.connect("localhost", port).await.unwrap();
            assert_eq!(client.is_tls(), tls != Tls::None);
            let envelope = Envelope {
                reverse_path: ReversePath::Null,
                parameters: Parameters::EMPTY,
                recipients: &[ForwardPath::parse("<ann@example.org>").unwrap().into()],
            };
            // From a reader and from octets.
            let octets = content();
            let message = $smtp::Message::reader(&octets[..]);
            assert!(client.send(&envelope, message).await.unwrap().all_delivered());
            assert!(client.send(&envelope, content()).await.unwrap().all_delivered());
            client.quit().await.unwrap();
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

#[test]
fn a_client_on_tokio_and_a_server_on_smol() {
    let store = Store::default();
    let kept = store.clone();
    let (ports, handle, serving) = smol::block_on(async move {
        let (ports, server) = serve!(smtp_smol, smol::net::TcpListener, kept);
        let handle: Handle = server.handle();
        (ports, handle, smol::spawn(server.serve()))
    });
    tokio().block_on(async { send!(smtp_tokio, ports) });
    handle.shut_down();
    smol::block_on(serving);
    arrived(&store);
}

#[test]
fn a_client_on_smol_and_a_server_on_tokio() {
    let store = Store::default();
    let kept = store.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        tokio().block_on(async move {
            let (ports, server) = serve!(smtp_tokio, tokio::net::TcpListener, kept);
            tell.send((ports, server.handle())).unwrap();
            server.serve().await;
        });
    });
    let (ports, handle) = told.recv().unwrap();
    smol::block_on(async { send!(smtp_smol, ports) });
    handle.shut_down();
    serving.join().unwrap();
    arrived(&store);
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

#[test]
fn a_program_for_one_runtime_is_a_program_for_another() {
    let tokio = read("smtp-tokio/examples/on_tokio.rs");
    let smol = read("smtp-smol/examples/on_smol.rs");
    let (tokio, smol_main) = (
        tokio.split_once("\n#[tokio::main]").expect("the program, and how it is begun").0,
        smol.split_once("\nfn main()").expect("the program, and how it is begun").0,
    );
    assert_eq!(lines(&tokio.replace("tokio", "smol")), lines(smol_main));
}

/// Lines of code: none that is empty, nor a comment.
fn lines_of_code(text: &str) -> usize {
    let code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    text.lines().map(str::trim).filter(code).count()
}

/// How much there is to write for a runtime. What grows belongs into `smtp-frontend`.
#[test]
fn a_runtime_is_little_code() {
    for runtime in ["smtp-tokio", "smtp-smol"] {
        let driver = lines_of_code(&read(&format!("{runtime}/src/runtime.rs")));
        let whole: usize = ["runtime", "socket", "listener", "reader", "lib"]
            .map(|file| lines_of_code(&read(&format!("{runtime}/src/{file}.rs"))))
            .iter()
            .sum();
        println!("{runtime}: {driver} lines of runtime.rs, {whole} in all");
        assert!(driver <= 120, "{runtime}/src/runtime.rs: {driver} lines");
        assert!(whole <= 480, "{runtime}: {whole} lines");
        let files = fs::read_dir(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(runtime).join("src"),
        );
        assert_eq!(files.unwrap().count(), 5, "{runtime} has a file that is not counted");
    }
}
