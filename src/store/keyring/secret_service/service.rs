//! The calls of the Secret Service.

use std::collections::HashMap;

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Type, Value};

use super::bus::Bus;
use crate::store::keyring::failure::KeyringFailure;
use crate::store::keyring::names::SERVICE;

const PATH: &str = "/org/freedesktop/secrets";
const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
const COLLECTION_INTERFACE: &str = "org.freedesktop.Secret.Collection";
const ITEM_INTERFACE: &str = "org.freedesktop.Secret.Item";

/// An item's bytes on the bus, in the order of the specification's `Secret` struct.
#[derive(Serialize, Deserialize, Type)]
struct Secret {
    session: OwnedObjectPath,
    parameters: Vec<u8>,
    value: Vec<u8>,
    content_type: String,
}

/// The Secret Service, with a connection that is opened by the first call.
#[derive(Default)]
pub(crate) struct SecretService {
    connection: Option<Connected>,
}

struct Connected {
    bus: Bus,
    /// The session that transfers secrets, opened by the first call that needs it.
    session: Option<OwnedObjectPath>,
}

/// The paths of items, all of them unlocked.
type Found = Vec<OwnedObjectPath>;

impl SecretService {
    /// Returns the item's bytes.
    pub(crate) fn load(&mut self, item: &str) -> Result<Vec<u8>, KeyringFailure> {
        self.call(|connected| {
            let (path, session) = connected.find_one(item)?;
            connected.bus.drive(async {
                let secret: Secret = connected
                    .bus
                    .call(&path, ITEM_INTERFACE, "GetSecret", &(&session,))
                    .await?;
                Ok(secret.value)
            })
        })
    }

    /// Creates or replaces the item.
    pub(crate) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        self.call(|connected| {
            let (path, session) = match connected.find_one(item) {
                Ok((path, session)) => (Some(path), session),
                Err(KeyringFailure::NoEntry) => (None, connected.session()?),
                Err(failure) => return Err(failure),
            };
            let secret = Secret {
                session,
                parameters: Vec::new(),
                value: value.to_vec(),
                content_type: "application/octet-stream".to_owned(),
            };
            connected.bus.drive(async {
                match path {
                    Some(path) => {
                        connected
                            .bus
                            .call(&path, ITEM_INTERFACE, "SetSecret", &(&secret,))
                            .await
                    }
                    None => connected.create(item, &secret).await,
                }
            })
        })
    }

    /// Removes all items with this name.
    pub(crate) fn delete(&mut self, item: &str) -> Result<(), KeyringFailure> {
        self.call(|connected| {
            let found = connected.bus.drive(
                connected.find(&HashMap::from([("service", SERVICE), ("username", item)])),
            )?;
            if found.is_empty() {
                return Err(KeyringFailure::NoEntry);
            }
            connected.bus.drive(async {
                for path in found {
                    let prompt: OwnedObjectPath = connected
                        .bus
                        .call(&path, ITEM_INTERFACE, "Delete", &())
                        .await?;
                    connected.bus.prompt(&prompt).await?;
                }
                Ok(())
            })
        })
    }

    /// Returns the names of all items of this program.
    pub(crate) fn items(&mut self) -> Result<Vec<String>, KeyringFailure> {
        self.call(|connected| connected.bus.drive(connected.items()))
    }

    /// Unlocks the default collection after a search without result, and returns whether it was
    /// locked. By the specification a search finds locked items too, but some services do not list
    /// the items of a locked collection (KeePassXC before its database is opened).
    ///
    /// # Errors
    /// [`KeyringFailure::Locked`] if the default collection stays locked, and
    /// [`KeyringFailure::NoCollection`] if the service has no collection.
    pub(crate) fn unlock_default_collection(&mut self) -> Result<bool, KeyringFailure> {
        self.call(|connected| connected.bus.drive(connected.show_prompt()))
    }

    /// Makes a call, and repeats it with a new session if the service was restarted. After any other
    /// failure the next call opens a new connection.
    fn call<T>(
        &mut self,
        call: impl Fn(&mut Connected) -> Result<T, KeyringFailure>,
    ) -> Result<T, KeyringFailure> {
        let mut connected = match self.connection.take() {
            Some(connected) => connected,
            None => Connected::new()?,
        };
        let mut outcome = call(&mut connected);
        if matches!(outcome, Err(KeyringFailure::SessionLost)) {
            connected.session = None;
            outcome = call(&mut connected);
        }
        if matches!(
            outcome,
            Ok(_) | Err(KeyringFailure::NoEntry | KeyringFailure::Ambiguous)
        ) {
            self.connection = Some(connected);
        }
        outcome
    }
}

impl Connected {
    fn new() -> Result<Self, KeyringFailure> {
        Ok(Connected {
            bus: Bus::connect()?,
            session: None,
        })
    }

    /// Returns the only item of this name, and the session. Without a session, it sends both requests
    /// at once.
    fn find_one(
        &mut self,
        item: &str,
    ) -> Result<(OwnedObjectPath, OwnedObjectPath), KeyringFailure> {
        let name = HashMap::from([("service", SERVICE), ("username", item)]);
        let (found, session) = match self.session.clone() {
            Some(session) => (self.bus.drive(self.find(&name))?, session),
            None => self
                .bus
                .drive(try_join(self.find(&name), self.open_session()))?,
        };
        self.session = Some(session.clone());
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Err(KeyringFailure::NoEntry),
            (Some(path), None) => Ok((path, session)),
            (Some(_), Some(_)) => Err(KeyringFailure::Ambiguous),
        }
    }

    fn session(&mut self) -> Result<OwnedObjectPath, KeyringFailure> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.bus.drive(self.open_session())?,
        };
        self.session = Some(session.clone());
        Ok(session)
    }

    async fn open_session(&self) -> Result<OwnedObjectPath, KeyringFailure> {
        let algorithm = ("plain", Value::from(""));
        let (_, session): (OwnedValue, OwnedObjectPath) = self
            .bus
            .call(PATH, SERVICE_INTERFACE, "OpenSession", &algorithm)
            .await?;
        Ok(session)
    }

    async fn find(&self, attributes: &HashMap<&str, &str>) -> Result<Found, KeyringFailure> {
        let (mut found, locked) = self.search(attributes).await?;
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
    ) -> Result<(Found, Found), KeyringFailure> {
        self.bus
            .call(PATH, SERVICE_INTERFACE, "SearchItems", &(attributes,))
            .await
    }

    async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<(), KeyringFailure> {
        let (_, prompt): (Found, OwnedObjectPath) = self
            .bus
            .call(PATH, SERVICE_INTERFACE, "Unlock", &(objects,))
            .await?;
        self.bus.prompt(&prompt).await
    }

    async fn show_prompt(&self) -> Result<bool, KeyringFailure> {
        let Some(collection) = self.default_collection().await? else {
            let all = self.property(PATH, SERVICE_INTERFACE, "Collections");
            let all = Found::try_from(all.await?).map_err(|_| KeyringFailure::Unknown)?;
            return match all.is_empty() {
                true => Err(KeyringFailure::NoCollection),
                false => Ok(false),
            };
        };
        let locked = self.property(&collection, COLLECTION_INTERFACE, "Locked");
        let locked = bool::try_from(locked.await?).map_err(|_| KeyringFailure::Unknown)?;
        if locked {
            self.unlock(std::slice::from_ref(&collection)).await?;
        }
        Ok(locked)
    }

    /// Returns the collection for new items; `None` if there is none.
    async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, KeyringFailure> {
        let collection: OwnedObjectPath = self
            .bus
            .call(PATH, SERVICE_INTERFACE, "ReadAlias", &("default",))
            .await?;
        Ok(Some(collection).filter(|collection| collection.as_str() != "/"))
    }

    async fn property(
        &self,
        path: &str,
        interface: &str,
        name: &str,
    ) -> Result<OwnedValue, KeyringFailure> {
        let properties = "org.freedesktop.DBus.Properties";
        self.bus
            .call(path, properties, "Get", &(interface, name))
            .await
    }

    async fn create(&self, item: &str, secret: &Secret) -> Result<(), KeyringFailure> {
        let Some(collection) = self.default_collection().await? else {
            return Err(KeyringFailure::NoCollection);
        };
        let created = match self.create_in(&collection, item, secret).await {
            Err(KeyringFailure::Locked) => {
                self.unlock(std::slice::from_ref(&collection)).await?;
                self.create_in(&collection, item, secret).await
            }
            created => created,
        };
        self.bus.prompt(&created?).await
    }

    /// Creates an item, and returns the service's prompt.
    async fn create_in(
        &self,
        collection: &OwnedObjectPath,
        item: &str,
        secret: &Secret,
    ) -> Result<OwnedObjectPath, KeyringFailure> {
        let attributes = HashMap::from([("service", SERVICE), ("username", item)]);
        // The label of the `keyring` crate.
        let label = format!("keyring:{item}@{SERVICE}");
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(label)),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Value::from(attributes),
            ),
        ]);
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .bus
            .call(
                collection,
                COLLECTION_INTERFACE,
                "CreateItem",
                &(properties, secret, true),
            )
            .await?;
        Ok(prompt)
    }

    async fn items(&self) -> Result<Vec<String>, KeyringFailure> {
        let (mut found, locked) = self.search(&HashMap::from([("service", SERVICE)])).await?;
        found.extend(locked);
        let mut names = Vec::with_capacity(found.len());
        for path in found {
            let attributes = self.property(&path, ITEM_INTERFACE, "Attributes").await?;
            let attributes: HashMap<String, String> =
                attributes.try_into().map_err(|_| KeyringFailure::Unknown)?;
            names.extend(attributes.get("username").cloned());
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}
