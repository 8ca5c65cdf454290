//! The Secret Service of Linux and other desktops, over D-Bus, with few round trips.
//!
//! The session is `plain`: the session bus transfers an item's bytes unencrypted. Only the user's
//! processes can read that bus, and they can read the keyring too; see `docs/architecture.md`. For a
//! service that refuses a plain session, the `keyring` crate encrypts. Both use the same attributes,
//! label and content type, so each finds the other's items.
//!
//! `zbus` drives a connection on another thread. Here the calling thread drives it during a call.
//! That saves a thread and its wake-ups, which are a large part of the cost of reading an item.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select, try_join};
use futures_util::{StreamExt, stream};
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type, Value};
use zbus::{Connection, MatchRule, MessageStream, message};

use super::entry::{self, PROGRAM_NAME};
use super::failure::KeyringFailure;
use super::session_bus::{self, Executor};

/// The service's name on the bus.
const BUS_NAME: &str = "org.freedesktop.secrets";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
const COLLECTION_INTERFACE: &str = "org.freedesktop.Secret.Collection";
const ITEM_INTERFACE: &str = "org.freedesktop.Secret.Item";
const PROMPT_INTERFACE: &str = "org.freedesktop.Secret.Prompt";

/// The D-Bus path for "no object", for example for no prompt.
const NO_OBJECT_PATH: &str = "/";

/// The user's keyring, over an unencrypted session if the service permits it.
#[derive(Default)]
pub(super) struct SecretServiceKeyring {
    /// Connected by the first call.
    service: Option<Service>,
    /// Set once the service has refused a session without encryption.
    encrypted: bool,
}

impl SecretServiceKeyring {
    /// Returns the item's bytes. Searches again if a locked collection may have hidden the item.
    pub(super) fn load(&mut self, item: &str) -> Result<Option<Vec<u8>>, KeyringFailure> {
        match self.find_and_load(item)? {
            None if self.unlock_default_collection()? => self.find_and_load(item),
            loaded => Ok(loaded),
        }
    }

    /// Searches for the item, unlocks it if it is locked, and returns its bytes.
    fn find_and_load(&mut self, item: &str) -> Result<Option<Vec<u8>>, KeyringFailure> {
        if !self.encrypted {
            match self.call(async |service| service.load(item).await) {
                Err(KeyringFailure::PlainSessionRefused) => self.encrypted = true,
                loaded => return loaded,
            }
        }
        entry::load(item)
    }

    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        if !self.encrypted {
            match self.call(async |service| service.save(item, value).await) {
                Err(KeyringFailure::PlainSessionRefused) => self.encrypted = true,
                saved => return saved,
            }
        }
        entry::save(item, value)
    }

    /// Deletes all items with this name; `false` if there was none. This transfers no secret, so it
    /// needs no session.
    pub(super) fn delete(&mut self, item: &str) -> Result<bool, KeyringFailure> {
        let delete = async |service: &mut Service| service.delete(item).await;
        Ok(self.call(delete)? || self.unlock_default_collection()? && self.call(delete)?)
    }

    /// Returns the names of all items of this program.
    pub(super) fn items(&mut self) -> Result<Vec<String>, KeyringFailure> {
        self.call(async |service| service.items().await)
    }

    pub(super) fn removal_by_hand(item: &str) -> String {
        let quoted = shell_words::quote(item);
        format!("run `secret-tool clear service {PROGRAM_NAME} username {quoted}`")
    }

    fn unlock_default_collection(&mut self) -> Result<bool, KeyringFailure> {
        self.call(async |service| service.unlock_default_collection().await)
    }

    /// Makes a call, and repeats it with a new session if the service no longer knows the old one. After
    /// another failure of the service or the bus, the next call opens a new connection.
    fn call<T>(
        &mut self,
        call: impl AsyncFn(&mut Service) -> Result<T, KeyringFailure>,
    ) -> Result<T, KeyringFailure> {
        let mut service = match self.service.take() {
            Some(service) => service,
            None => Service {
                bus: async_io::block_on(session_bus::connect(Executor::Caller))
                    .map_err(session_bus::failure_of_connecting)?,
                session: None,
            },
        };
        let bus = service.bus.clone();
        let mut outcome = run_with_connection(&bus, call(&mut service));
        if matches!(outcome, Err(KeyringFailure::SessionLost)) {
            service.session = None;
            outcome = run_with_connection(&bus, call(&mut service));
        }
        if matches!(outcome, Ok(_) | Err(KeyringFailure::Ambiguous)) {
            self.service = Some(service);
        }
        outcome
    }
}

/// Runs `work` and the connection until `work` completes.
fn run_with_connection<T>(bus: &Connection, work: impl Future<Output = T>) -> T {
    let drive_connection = stream::repeat(()).for_each(|()| bus.executor().tick());
    async_io::block_on(async {
        match select(pin!(work), pin!(drive_connection)).await {
            Either::Left((outcome, _)) => outcome,
            // The stream does not end.
            Either::Right(_) => unreachable!("the connection stopped turning by itself"),
        }
    })
}

/// A connection to the Secret Service.
struct Service {
    bus: Connection,
    /// The session that transfers secrets, opened by the first call that needs it.
    session: Option<OwnedObjectPath>,
}

type Paths = Vec<OwnedObjectPath>;

/// An item's bytes on the bus, in the order of the specification's `Secret` struct.
#[derive(Serialize, Deserialize, Type)]
struct Secret {
    session: OwnedObjectPath,
    parameters: Vec<u8>,
    #[serde(deserialize_with = "read_bytes")]
    value: Vec<u8>,
    content_type: String,
}

/// Reads an array of bytes as a whole. Into a `Vec`, serde reads it byte by byte, which was a quarter of
/// the instructions of `get`.
fn read_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }

    from.deserialize_bytes(Bytes)
}

impl Service {
    async fn load(&mut self, item: &str) -> Result<Option<Vec<u8>>, KeyringFailure> {
        let (Some(path), session) = self.find_item_and_open_session(item).await? else {
            return Ok(None);
        };
        let secret: Secret = self
            .send(&path, ITEM_INTERFACE, "GetSecret", &(&session,))
            .await?;
        Ok(Some(secret.value))
    }

    async fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        let (path, session) = self.find_item_and_open_session(item).await?;
        let secret = Secret {
            session,
            parameters: Vec::new(),
            value: value.to_vec(),
            content_type: "application/octet-stream".to_owned(),
        };
        match path {
            Some(path) => {
                self.send(&path, ITEM_INTERFACE, "SetSecret", &(&secret,))
                    .await
            }
            None => self.create(item, &secret).await,
        }
    }

    async fn delete(&self, item: &str) -> Result<bool, KeyringFailure> {
        let found = self.find(item).await?;
        for path in &found {
            let prompt: OwnedObjectPath = self.send(path, ITEM_INTERFACE, "Delete", &()).await?;
            self.prompt(&prompt).await?;
        }
        Ok(!found.is_empty())
    }

    async fn items(&self) -> Result<Vec<String>, KeyringFailure> {
        let (mut found, locked) = self
            .search(&HashMap::from([("service", PROGRAM_NAME)]))
            .await?;
        found.extend(locked);
        let mut names = Vec::with_capacity(found.len());
        for path in found {
            let attributes: HashMap<String, String> =
                self.property(&path, ITEM_INTERFACE, "Attributes").await?;
            names.extend(attributes.get("username").cloned());
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Unlocks the default collection after a search without result, and returns whether it was
    /// locked. By the specification a search finds locked items too, but some services do not list
    /// the items of a locked collection (KeePassXC before its database is opened).
    ///
    /// # Errors
    /// [`KeyringFailure::Locked`] if the default collection stays locked, and
    /// [`KeyringFailure::NoCollection`] if the service has no collection.
    async fn unlock_default_collection(&self) -> Result<bool, KeyringFailure> {
        let Some(collection) = self.default_collection().await? else {
            let all: Paths = self
                .property(SERVICE_PATH, SERVICE_INTERFACE, "Collections")
                .await?;
            return match all.is_empty() {
                true => Err(KeyringFailure::NoCollection),
                false => Ok(false),
            };
        };
        let locked = self
            .property(&collection, COLLECTION_INTERFACE, "Locked")
            .await?;
        if locked {
            self.unlock(&[collection]).await?;
        }
        Ok(locked)
    }

    /// Returns the only item of this name, if there is one, and the session. Without a session, it
    /// sends both requests at once.
    async fn find_item_and_open_session(
        &mut self,
        item: &str,
    ) -> Result<(Option<OwnedObjectPath>, OwnedObjectPath), KeyringFailure> {
        let (found, session) = match self.session.clone() {
            Some(session) => (self.find(item).await?, session),
            None => try_join(self.find(item), self.open_session()).await?,
        };
        self.session = Some(session.clone());
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(KeyringFailure::Ambiguous),
            (path, None) => Ok((path, session)),
        }
    }

    async fn open_session(&self) -> Result<OwnedObjectPath, KeyringFailure> {
        let algorithm = ("plain", Value::from(""));
        let (_, session): (OwnedValue, OwnedObjectPath) = self
            .send(SERVICE_PATH, SERVICE_INTERFACE, "OpenSession", &algorithm)
            .await?;
        Ok(session)
    }

    /// Returns the items of this name, all of them unlocked.
    async fn find(&self, item: &str) -> Result<Paths, KeyringFailure> {
        let (mut found, locked) = self.search(&attributes(item)).await?;
        if !locked.is_empty() {
            self.unlock(&locked).await?;
            found.extend(locked);
        }
        Ok(found)
    }

    /// Returns the unlocked and the locked items.
    async fn search(
        &self,
        attributes: &HashMap<&str, &str>,
    ) -> Result<(Paths, Paths), KeyringFailure> {
        self.send(
            SERVICE_PATH,
            SERVICE_INTERFACE,
            "SearchItems",
            &(attributes,),
        )
        .await
    }

    async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<(), KeyringFailure> {
        let (_, prompt): (Paths, OwnedObjectPath) = self
            .send(SERVICE_PATH, SERVICE_INTERFACE, "Unlock", &(objects,))
            .await?;
        self.prompt(&prompt).await
    }

    /// Returns the collection for new items; `None` if there is none.
    async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, KeyringFailure> {
        let collection: OwnedObjectPath = self
            .send(SERVICE_PATH, SERVICE_INTERFACE, "ReadAlias", &("default",))
            .await?;
        Ok(Some(collection).filter(|collection| collection.as_str() != NO_OBJECT_PATH))
    }

    async fn create(&self, item: &str, secret: &Secret) -> Result<(), KeyringFailure> {
        let Some(collection) = self.default_collection().await? else {
            return Err(KeyringFailure::NoCollection);
        };
        // The label of the `keyring` crate.
        let label = format!("keyring:{item}@{PROGRAM_NAME}");
        let attributes = Value::from(attributes(item));
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(label)),
            ("org.freedesktop.Secret.Item.Attributes", attributes),
        ]);
        let new = (properties, secret, true);
        let create = || self.send(&collection, COLLECTION_INTERFACE, "CreateItem", &new);
        let mut created = create().await;
        if matches!(created, Err(KeyringFailure::Locked)) {
            self.unlock(std::slice::from_ref(&collection)).await?;
            created = create().await;
        }
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = created?;
        self.prompt(&prompt).await
    }

    /// Shows the service's prompt, if there is one, and waits for its end. A service without a
    /// display ends it at once.
    async fn prompt(&self, prompt: &OwnedObjectPath) -> Result<(), KeyringFailure> {
        if prompt.as_str() == NO_OBJECT_PATH {
            return Ok(());
        }
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .interface(PROMPT_INTERFACE)?
            .member("Completed")?
            .path(prompt)?
            .build();
        let mut ends = MessageStream::for_match_rule(rule, &self.bus, Some(1)).await?;
        let () = self.send(prompt, PROMPT_INTERFACE, "Prompt", &"").await?;
        let end = ends
            .next()
            .await
            .ok_or(KeyringFailure::ServiceDisconnected)??;
        let (dismissed, _): (bool, OwnedValue) = end.body().deserialize()?;
        match dismissed {
            true => Err(KeyringFailure::Locked),
            false => Ok(()),
        }
    }

    async fn property<T: TryFrom<OwnedValue>>(
        &self,
        path: &str,
        interface: &str,
        name: &str,
    ) -> Result<T, KeyringFailure> {
        let properties = "org.freedesktop.DBus.Properties";
        let value: OwnedValue = self
            .send(path, properties, "Get", &(interface, name))
            .await?;
        T::try_from(value).map_err(|_| KeyringFailure::Unknown)
    }

    /// Calls a method. A response of another type is not shown: it may contain the item.
    async fn send<R: DeserializeOwned + Type>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<R, KeyringFailure> {
        let response = self
            .bus
            .call_method(Some(BUS_NAME), path, Some(interface), method, body)
            .await?;
        Ok(response.body().deserialize()?)
    }
}

/// Returns the attributes of the item of this name.
fn attributes(item: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", PROGRAM_NAME), ("username", item)])
}
