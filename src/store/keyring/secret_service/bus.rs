//! One connection to the session bus, with the calls that the Secret Service needs.
//!
//! `zbus` drives a connection on another thread. Here the calling thread drives it during a call.
//! That saves a thread and its wake-ups, which are a large part of the cost of reading an item.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type};
use zbus::{Connection, MatchRule, MessageStream, message};

use super::connect_error;
use crate::store::keyring::failure::KeyringFailure;
use crate::store::keyring::session_bus;

const SERVICE: &str = "org.freedesktop.secrets";

/// The D-Bus path for "no object", for example for no prompt.
const NONE: &str = "/";

/// A connection to the session bus.
pub(super) struct Bus(Connection);

impl Bus {
    /// Connects to the session bus of the environment.
    pub(super) fn connect() -> Result<Self, KeyringFailure> {
        async_io::block_on(session_bus::connect(false))
            .map(Bus)
            .map_err(|error| connect_error::of_connecting(&error))
    }

    /// Runs `work` and this connection until `work` completes.
    pub(super) fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let executor = self.0.executor().clone();
        let turning = stream::repeat(()).for_each(|()| executor.tick());
        async_io::block_on(async {
            match select(pin!(work), pin!(turning)).await {
                Either::Left((outcome, _)) => outcome,
                // The stream does not end.
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
        // A response of another type is not shown: it may contain the item.
        answer
            .body()
            .deserialize()
            .map_err(|_| KeyringFailure::Unknown)
    }

    /// Shows the service's prompt, if there is one, and waits for its end. A service without a
    /// display ends it at once.
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
