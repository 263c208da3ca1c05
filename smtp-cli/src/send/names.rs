//! Who is asked of DNS, whatever the program runs on.

use std::{net::SocketAddr, sync::Arc};

use smtp_frontend::dns::{
    AddressAnswer, HostName, MxAnswer, Resolve, Secured, SrvAnswer, TlsaAnswer,
    hickory_resolver::{
        TokioResolver,
        config::{NameServerConfig, ResolverConfig},
        net::runtime::TokioRuntimeProvider,
    },
};
use tokio::runtime::{Builder, Runtime};

use crate::exit::{Code, Failure};

/// Hickory's resolver, on a thread of its own.
pub(super) struct Names {
    resolver: Arc<TokioResolver>,
    /// None when this is dropped: a runtime must not be dropped by one.
    runtime: Option<Runtime>,
}

impl Names {
    /// Asks this name server, or those that the system is set to, and validates the answers or not.
    pub(super) fn of(server: Option<SocketAddr>, dnssec: bool) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(Code::Temporary, error);
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(|error| failed(&error))?,
            Some(server) => {
                let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut name_server.connections {
                    connection.port = server.port();
                }
                let config = ResolverConfig::from_name_servers(vec![name_server]);
                let provider = TokioRuntimeProvider::default();
                TokioResolver::builder_with_config(config, provider)
            }
        };
        builder.options_mut().validate = dnssec;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        // Its own tasks begin there.
        let resolver = {
            let _entered = runtime.enter();
            builder.build().map_err(|error| failed(&error))?
        };
        Ok(Self { resolver: resolver.into(), runtime: Some(runtime) })
    }

    /// What comes of a look-up there; none if it panicked.
    async fn ask<T, F>(&self, look_up: impl FnOnce(Arc<TokioResolver>) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let looking_up = look_up(Arc::clone(&self.resolver));
        self.runtime.as_ref()?.spawn(looking_up).await.ok()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Resolve for Names {
    async fn mx(&self, domain: &HostName) -> MxAnswer {
        self.secured_mx(domain).await.answer
    }

    async fn addresses(&self, host: &HostName) -> AddressAnswer {
        self.secured_addresses(host).await.answer
    }

    async fn srv(&self, service: &HostName) -> SrvAnswer {
        let service = service.clone();
        let answer = self.ask(|resolver| async move { resolver.srv(&service).await }).await;
        answer.unwrap_or(SrvAnswer::Failed)
    }

    async fn secured_mx(&self, domain: &HostName) -> Secured<MxAnswer> {
        let domain = domain.clone();
        let answer = self.ask(|resolver| async move { resolver.secured_mx(&domain).await }).await;
        answer.unwrap_or(Secured::insecure(MxAnswer::Failed))
    }

    async fn secured_addresses(&self, host: &HostName) -> Secured<AddressAnswer> {
        let host = host.clone();
        let look_up =
            |resolver: Arc<TokioResolver>| async move { resolver.secured_addresses(&host).await };
        self.ask(look_up).await.unwrap_or(Secured::insecure(AddressAnswer::Failed))
    }

    async fn tlsa(&self, name: &HostName) -> TlsaAnswer {
        let name = name.clone();
        let answer = self.ask(|resolver| async move { resolver.tlsa(&name).await }).await;
        answer.unwrap_or(TlsaAnswer::Failed)
    }
}
