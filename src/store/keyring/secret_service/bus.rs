//! One connection to the session bus, and the few kinds of question that are asked over it.
//!
//! `zbus` would drive a connection by a thread of its own. Here the thread that asks drives it,
//! and only while it asks: that saves a thread and its wake-ups, which are a good part of what
//! reading one item costs.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type};
use zbus::{Connection, MatchRule, MessageStream, message};

use super::super::failure::KeyringFailure;
use super::super::session_bus;
use super::connect_error;

const SERVICE: &str = "org.freedesktop.secrets";

/// How D-Bus spells "no object", for instance "no prompt is needed".
const NONE: &str = "/";

/// A connection to the session bus.
pub(super) struct Bus(Connection);

impl Bus {
    /// Connects to the bus that the environment names.
    pub(super) fn connect() -> Result<Self, KeyringFailure> {
        async_io::block_on(session_bus::connect(false))
            .map(Bus)
            .map_err(|error| connect_error::of_connecting(&error))
    }

    /// Runs what asks over this connection, and the connection with it.
    pub(super) fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let executor = self.0.executor().clone();
        let turning = stream::repeat(()).for_each(|()| executor.tick());
        async_io::block_on(async {
            match select(pin!(work), pin!(turning)).await {
                Either::Left((outcome, _)) => outcome,
                // It turns for ever: there is always one more `()`.
                Either::Right(_) => unreachable!("the connection stopped turning by itself"),
            }
        })
    }

    /// Calls a method of the Secret Service.
    pub(super) async fn call<B, R>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<R, KeyringFailure>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let answer = self
            .0
            .call_method(Some(SERVICE), path, Some(interface), method, body)
            .await
            .map_err(|error| connect_error::of_call(&error))?;
        // An answer of another shape is not shown: it may hold the item.
        answer
            .body()
            .deserialize()
            .map_err(|_| KeyringFailure::Unknown)
    }

    /// Has the user asked, where the service says that it must be, and waits for the end of it.
    /// Without anybody to ask, the service ends it at once.
    pub(super) async fn prompt(&self, prompt: &OwnedObjectPath) -> Result<(), KeyringFailure> {
        if prompt.as_str() == NONE {
            return Ok(());
        }
        let interface = "org.freedesktop.Secret.Prompt";
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .interface(interface)
            .and_then(|rule| rule.member("Completed"))
            .and_then(|rule| rule.path(prompt))
            .map_err(|error| connect_error::of_call(&error))?
            .build();
        let mut ends = MessageStream::for_match_rule(rule, &self.0, Some(1))
            .await
            .map_err(|error| connect_error::of_call(&error))?;
        let () = self.call(prompt, interface, "Prompt", &"").await?;
        let end = ends.next().await.ok_or(KeyringFailure::DiedMidway)?;
        let end = end.map_err(|error| connect_error::of_call(&error))?;
        let (dismissed, _): (bool, OwnedValue) = end
            .body()
            .deserialize()
            .map_err(|_| KeyringFailure::Unknown)?;
        if dismissed {
            Err(KeyringFailure::Locked)
        } else {
            Ok(())
        }
    }
}
