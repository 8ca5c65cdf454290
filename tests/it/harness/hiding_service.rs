//! A Secret Service that does not find the items of a locked database, as KeePassXC: a search comes
//! back empty, and only the default collection says that it is locked.

use std::collections::HashMap;

use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, connection, interface};

use super::secret_service::SecretService;

/// The service on a bus of its own. Both end with this.
pub(crate) struct HidingService {
    bus: SecretService,
    _connection: Connection,
}

struct Service {
    collections: Vec<&'static str>,
}

struct LockedCollection;

struct Prompt;

fn path(path: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(path).expect("a path")
}

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn open_session(&self, _algorithm: &str, _input: Value<'_>) -> (OwnedValue, OwnedObjectPath) {
        let nothing = Value::from("").try_into().expect("a value");
        (nothing, path("/session"))
    }

    fn search_items(
        &self,
        _attributes: HashMap<String, String>,
    ) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        (Vec::new(), Vec::new())
    }

    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        path(self.collections.first().unwrap_or(&"/"))
    }

    fn unlock(&self, _objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        (Vec::new(), path("/prompt"))
    }

    #[zbus(property)]
    fn collections(&self) -> Vec<OwnedObjectPath> {
        self.collections.iter().map(|name| path(name)).collect()
    }
}

#[interface(name = "org.freedesktop.Secret.Collection")]
impl LockedCollection {
    #[zbus(property)]
    fn locked(&self) -> bool {
        true
    }
}

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    /// The user closes the dialog.
    async fn prompt(&self, _window: &str, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        let told = Prompt::completed(&emitter, true, Value::from("")).await;
        told.expect("the bus is there");
    }

    #[zbus(signal)]
    async fn completed(
        emitter: &SignalEmitter<'_>,
        dismissed: bool,
        result: Value<'_>,
    ) -> zbus::Result<()>;
}

impl HidingService {
    /// With a database that is locked.
    pub(crate) fn locked() -> Self {
        HidingService::start(vec!["/collection"])
    }

    /// With no database open at all.
    pub(crate) fn without_database() -> Self {
        HidingService::start(Vec::new())
    }

    /// What a program needs in its environment to live in this world, and nothing else.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        self.bus.env()
    }

    fn start(collections: Vec<&'static str>) -> Self {
        let bus = SecretService::bus_alone();
        let serve = async {
            connection::Builder::address(bus.address())?
                .name("org.freedesktop.secrets")?
                .serve_at("/org/freedesktop/secrets", Service { collections })?
                .serve_at("/collection", LockedCollection)?
                .serve_at("/prompt", Prompt)?
                .build()
                .await
        };
        let connection = async_io::block_on(serve).expect("a service on the bus");
        HidingService {
            bus,
            _connection: connection,
        }
    }
}
