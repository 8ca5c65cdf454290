//! The first run: what is missing is asked for, checked as it is given, and kept as a profile.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::acs::{IdentityClient, ResourceAuth, resource_credential};
use crate::config::{self, GivenResource, Missing, Setting};
use crate::doctor::{self, Owner};
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::input;
use crate::secret::Pasted;

use super::commands::login::place;
use super::context::{Context, Environment};
use super::profile::Target;
use super::prompt::Keyboard;

/// The parts of a run that signs in, and `with_resource` also exchanges. What is missing for that
/// is asked for at the `keyboard`; without one, all of it is one error.
pub(super) fn parts<'w>(
    world: &'w Environment,
    flags: &BTreeMap<Setting, String>,
    with_resource: bool,
    keyboard: Option<&Keyboard>,
) -> Result<Context<'w>> {
    let parts = Context::new(world, flags)?;
    let missing = parts.config.missing(with_resource);
    if missing.is_empty() {
        return Ok(parts);
    }
    let keyboard = keyboard
        .filter(|_| parts.vault.is_persistent() || !missing.contains(&Missing::Resource))
        .ok_or_else(|| config::not_configured(&missing))?;
    Questions {
        world,
        keyboard,
        parts: &parts,
    }
    .ask(&missing)?;
    Context::new(world, flags)
}

/// The ACS resource as it was given.
enum Answer {
    Endpoint(String),
    ConnectionString(Zeroizing<String>),
}

struct Questions<'a> {
    world: &'a Environment,
    keyboard: &'a Keyboard,
    parts: &'a Context<'a>,
}

impl Questions<'_> {
    /// Asks for what is missing. Each answer is kept as soon as it is known to be right.
    fn ask(&self, missing: &[Missing]) -> Result<()> {
        let talk = &self.world.messages;
        if missing.contains(&Missing::Resource) {
            // Nothing is asked for a store that then keeps nothing.
            self.parts.vault.probe()?;
        }
        let mut target = Target::of(self.world)?;
        talk.print_always(&format!(
            "This needs settings that are not there yet, and asks for them now. Each answer is kept \
             in profile {} of\n\n  {}\n\n\
             Where no application is registered yet, press Ctrl-C: `acspass setup` shows how. To \
             try it without one, run `acspass get --emulator`.\n",
            target.profile,
            target.file.path().display()
        ));
        if missing.contains(&Missing::ClientId) {
            // The id belongs to a tenant's application, or to one that any tenant may use.
            if self.parts.config.is_any_tenant()
                && let Some(tenant) = self.tenant()?
            {
                self.keep(&mut target, &[(Setting::Tenant, &tenant)], None)?;
            }
            let client_id = self.client_id()?;
            self.keep(&mut target, &[(Setting::ClientId, &client_id)], None)?;
        }
        let mut secret_is_kept = false;
        if missing.contains(&Missing::Resource) {
            match self.resource()? {
                Answer::Endpoint(endpoint) => {
                    self.keep(&mut target, &[(Setting::Endpoint, &endpoint)], None)?;
                }
                Answer::ConnectionString(text) => {
                    self.keep(&mut target, &[], Some(&text))?;
                    secret_is_kept = true;
                }
            }
        }
        talk.print_always(&match secret_is_kept {
            true => format!(
                "This is kept now, the connection string in {}. `acspass config list` shows it.\n",
                place(self.parts.vault.store_name())
            ),
            false => "This is kept now. `acspass config list` shows it.\n".to_owned(),
        });
        Ok(())
    }

    /// Keeps an answer, and notes that for an interruption.
    fn keep(
        &self,
        target: &mut Target,
        values: &[(Setting, &str)],
        connection_string: Option<&str>,
    ) -> Result<()> {
        target.keep(&self.parts.vault, values, connection_string)?;
        self.world.kept.get_or_init(|| {
            let path = target.file.path().display();
            format!("profile {} of {path}", target.profile)
        });
        Ok(())
    }

    /// `None` for any tenant, which is the default.
    fn tenant(&self) -> Result<Option<String>> {
        let host = self.parts.config.authority.address().as_str();
        let question = "Tenant (GUID or domain; Enter for any): ";
        self.until_good(question, false, |text| {
            if text.is_empty() {
                return Ok(None);
            }
            let authority = Authority::new(host, text)?;
            if authority.tenant() == "organizations" {
                return Ok(None);
            }
            self.check("the tenant", async {
                authority.discover(self.parts.http()).await.map(|_| ())
            })?;
            Ok(Some(authority.tenant().to_owned()))
        })
    }

    fn client_id(&self) -> Result<String> {
        let question = "Application (client) id: ";
        self.until_good(question, false, check_client_id)
    }

    fn resource(&self) -> Result<Answer> {
        let question = "Connection string or endpoint of the ACS resource (not shown): ";
        self.until_good(question, true, |text| {
            let given = GivenResource::parse(text, &self.parts.config.allowed_hosts)?;
            self.check_resource(&given)?;
            Ok(match given {
                GivenResource::ConnectionString(_) => {
                    Answer::ConnectionString(Zeroizing::new(text.to_owned()))
                }
                GivenResource::Endpoint(endpoint) => Answer::Endpoint(endpoint.as_str().to_owned()),
            })
        })
    }

    /// Whether the resource is there, and accepts the key.
    fn check_resource(&self, given: &GivenResource) -> Result<()> {
        let endpoint = given.endpoint();
        let http = self.parts.http().clone();
        let owner = match (given, self.parts.config.exchange) {
            (GivenResource::ConnectionString(read), ExchangeKind::Key) => {
                let auth = ResourceAuth::Key(read.access_key.clone());
                let client = IdentityClient::new(endpoint.clone(), auth)
                    .with_http(http.clone())
                    .with_clock(self.world.clock.clone())
                    .with_allowed_hosts(self.parts.config.allowed_hosts.clone());
                Owner::Key(Box::new(Ok(client)))
            }
            (GivenResource::Endpoint(_), ExchangeKind::Key) => {
                resource_credential::from_environment(
                    &self.world.variables,
                    http.clone(),
                    self.world.clock.clone(),
                )?;
                Owner::Principal
            }
            (_, ExchangeKind::Entra | ExchangeKind::TeamsExtension) => Owner::User,
        };
        self.check("the resource", doctor::ask_resource(endpoint, owner, &http))
    }

    /// Checks over the network. Where there is none, that is said and it goes on: what was given
    /// may well be right.
    fn check(&self, what: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
        let talk = &self.world.messages;
        talk.status(&format!("checking {what} ..."));
        match self.parts.block_on(work) {
            Err(error) if error.kind() == Kind::Unreachable => {
                talk.warn(&format!("{what} could not be checked: {error}"));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Asks until the answer is good. Ctrl-C and the end of the input end it.
    fn until_good<T>(
        &self,
        question: &str,
        is_secret: bool,
        check: impl Fn(&str) -> Result<T>,
    ) -> Result<T> {
        loop {
            let answer = self.answer(question, is_secret)?;
            match check(input::bare(answer.expose())) {
                Err(error) if is_about_answer(error.kind()) => self
                    .world
                    .messages
                    .print_always(&format!("{error}: {}\n", error.hint())),
                outcome => return outcome,
            }
        }
    }

    fn answer(&self, question: &str, is_secret: bool) -> Result<Pasted> {
        let talk = &self.world.messages;
        let line = match is_secret {
            true => self.parts.block_on(self.keyboard.hidden(talk, question)),
            false => self.parts.block_on(self.keyboard.asked(talk, question)),
        };
        line?.ok_or_else(|| {
            let message = match self.world.kept.get() {
                Some(place) => format!("the answers ended early: those before are kept in {place}"),
                None => "the answers ended early: nothing was kept".to_owned(),
            };
            Error::new(
                Kind::Usage,
                message,
                "run the command again, or set what is missing with `acspass config set …`",
            )
        })
    }
}

/// Whether another answer can help: the value is wrong, or a service refuses it.
fn is_about_answer(kind: Kind) -> bool {
    match kind {
        Kind::Usage | Kind::Refused | Kind::SignInRefused | Kind::SignInNeeded => true,
        Kind::Internal | Kind::Unreachable | Kind::Store | Kind::Interrupted => false,
    }
}
