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
pub(super) fn context<'w>(
    env: &'w Environment,
    flags: &BTreeMap<Setting, String>,
    with_resource: bool,
    keyboard: Option<&Keyboard>,
) -> Result<Context<'w>> {
    let context = Context::new(env, flags)?;
    let missing = context.config.missing(with_resource);
    if missing.is_empty() {
        return Ok(context);
    }
    let keyboard = keyboard
        .filter(|_| context.sessions.is_persistent() || !missing.contains(&Missing::Resource))
        .ok_or_else(|| config::not_configured(&missing))?;
    Questions {
        env,
        keyboard,
        context: &context,
    }
    .ask(&missing)?;
    Context::new(env, flags)
}

/// The ACS resource as it was given.
enum Answer {
    Endpoint(String),
    ConnectionString(Zeroizing<String>),
}

struct Questions<'a> {
    env: &'a Environment,
    keyboard: &'a Keyboard,
    context: &'a Context<'a>,
}

impl Questions<'_> {
    /// Asks for what is missing. Each answer is kept as soon as it is known to be right.
    fn ask(&self, missing: &[Missing]) -> Result<()> {
        let messages = &self.env.messages;
        if missing.contains(&Missing::Resource) {
            // Nothing is asked for a store that then keeps nothing.
            self.context.sessions.probe()?;
        }
        let mut target = Target::of(self.env)?;
        messages.print_always(&format!(
            "This needs settings that are not there yet, and asks for them now. Each answer is kept \
             in profile {} of\n\n  {}\n\n\
             Where no application is registered yet, press Ctrl-C: `acspass setup` shows how. To \
             try it without one, run `acspass get --emulator`.\n",
            target.profile,
            target.file.path().display()
        ));
        if missing.contains(&Missing::ClientId) {
            // The id belongs to a tenant's application, or to one that any tenant may use.
            if self.context.config.is_any_tenant()
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
        messages.print_always(&match secret_is_kept {
            true => format!(
                "This is kept now, the connection string in {}. `acspass config list` shows it.\n",
                place(self.context.sessions.store_name())
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
        target.keep(&self.context.sessions, values, connection_string)?;
        self.env.saved_answers.get_or_init(|| {
            let path = target.file.path().display();
            format!("profile {} of {path}", target.profile)
        });
        Ok(())
    }

    /// `None` for any tenant, which is the default.
    fn tenant(&self) -> Result<Option<String>> {
        let host = self.context.config.authority.address().as_str();
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
                authority.discover(self.context.http()).await.map(|_| ())
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
            let given = GivenResource::parse(text, &self.context.config.allowed_hosts)?;
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
        let http = self.context.http().clone();
        let owner = match (given, self.context.config.exchange) {
            (GivenResource::ConnectionString(read), ExchangeKind::Key) => {
                let auth = ResourceAuth::Key(read.access_key.clone());
                let client = IdentityClient::new(endpoint.clone(), auth)
                    .with_http(http.clone())
                    .with_clock(self.env.clock.clone())
                    .with_allowed_hosts(self.context.config.allowed_hosts.clone());
                Owner::Key(Box::new(Ok(client)))
            }
            (GivenResource::Endpoint(_), ExchangeKind::Key) => {
                resource_credential::from_environment(
                    &self.env.variables,
                    http.clone(),
                    self.env.clock.clone(),
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
        let messages = &self.env.messages;
        messages.status(&format!("checking {what} ..."));
        match self.context.block_on(work) {
            Err(error) if error.kind() == Kind::Unreachable => {
                messages.warn(&format!("{what} could not be checked: {error}"));
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
                    .env
                    .messages
                    .print_always(&format!("{error}: {}\n", error.hint())),
                outcome => return outcome,
            }
        }
    }

    fn answer(&self, question: &str, is_secret: bool) -> Result<Pasted> {
        let messages = &self.env.messages;
        let line = match is_secret {
            true => self
                .context
                .block_on(self.keyboard.hidden(messages, question)),
            false => self
                .context
                .block_on(self.keyboard.asked(messages, question)),
        };
        line?.ok_or_else(|| {
            let message = match self.env.saved_answers.get() {
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
