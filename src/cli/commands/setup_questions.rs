//! Asks for settings that a command needs and that are missing.
//!
//! Each answer is checked and then saved in the profile. The command continues afterwards.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::acs::{ResourceAuth, resource_credential};
use crate::cli::context::{BuildError, Context};
use crate::cli::environment::Environment;
use crate::cli::profile::{ProfileEditor, store_description};
use crate::cli::runtime::block_on;
use crate::config::{self, GivenResource, Missing, Setting};
use crate::doctor::{self, Owner};
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::input;

/// Asks for the missing settings and builds the context again, if `may_ask` and a user is at the
/// terminal.
///
/// # Errors
/// [`Kind::Usage`] that names all missing settings, if the user cannot be asked; the error itself, if
/// it is another one.
pub(super) fn ask(error: BuildError, may_ask: bool) -> Result<Context> {
    let (context, flags, missing) = match error {
        BuildError::Failed(error) => return Err(error),
        BuildError::NotConfigured(context, flags, missing) => (context, flags, missing),
    };
    let env = context.env.clone();
    let can_save = context.session_store.is_persistent() || !missing.contains(&Missing::Resource);
    if !may_ask || !env.is_interactive() || !can_save {
        return Err(config::not_configured(&missing));
    }
    let editor = match missing.contains(&Missing::Resource) {
        // The store is checked before the user types a secret for it.
        true => context
            .session_store
            .probe()
            .and_then(|()| ProfileEditor::of(&env)),
        false => ProfileEditor::of(&env),
    };
    let mut questions = Questions {
        env: &env,
        context: &context,
        editor: editor?,
    };
    questions.ask(&missing)?;
    Context::new(&env, &flags)
}

struct Questions<'a> {
    env: &'a Arc<Environment>,
    context: &'a Context,
    editor: ProfileEditor,
}

impl Questions<'_> {
    fn ask(&mut self, missing: &[Missing]) -> Result<()> {
        self.env.messages.print_always(&format!(
            "This needs settings that are not there yet, and asks for them now. Each answer is kept \
             in profile {} of\n\n  {}\n\n\
             Where no application is registered yet, press Ctrl-C: `acspass setup` shows how. To \
             try it without one, run `acspass get --emulator`.\n",
            self.editor.profile,
            self.editor.file.path().display()
        ));
        if missing.contains(&Missing::ClientId) {
            // The id belongs to a tenant's application, or to one that any tenant may use.
            if self.context.config.is_any_tenant
                && let Some(tenant) = self.tenant()?
            {
                self.save(&[(Setting::Tenant, &tenant)], None)?;
            }
            let client_id = self.client_id()?;
            self.save(&[(Setting::ClientId, &client_id)], None)?;
        }
        let mut secret_is_kept = String::new();
        if missing.contains(&Missing::Resource) {
            let (given, text) = self.resource()?;
            match given {
                GivenResource::Endpoint(endpoint) => {
                    self.save(&[(Setting::Endpoint, endpoint.as_str())], None)?;
                }
                GivenResource::ConnectionString(_) => {
                    self.save(&[], Some(&text))?;
                    let store = store_description(&self.context.session_store);
                    secret_is_kept = format!(", the connection string in {store}");
                }
            }
        }
        self.env.messages.print_always(&format!(
            "This is kept now{secret_is_kept}. `acspass config list` shows it.\n"
        ));
        Ok(())
    }

    /// Saves an answer, and its place for the message after an interruption.
    fn save(&mut self, values: &[(Setting, &str)], connection_string: Option<&str>) -> Result<()> {
        let editor = &mut self.editor;
        editor.save(&self.context.session_store, values, connection_string)?;
        self.env.saved_answers.get_or_init(|| {
            let path = editor.file.path().display();
            format!("profile {} of {path}", editor.profile)
        });
        Ok(())
    }

    /// Asks for the tenant; `None` for any tenant, which is the default.
    fn tenant(&self) -> Result<Option<String>> {
        let host = self.context.config.authority.address().as_str();
        let question = "Tenant (GUID or domain; Enter for any): ";
        self.until_valid(question, false, |text| {
            if text.is_empty() {
                return Ok(None);
            }
            let authority = Authority::new(host, text)?;
            if authority.tenant() == "organizations" {
                return Ok(None);
            }
            self.check("the tenant", async {
                authority.discover(&self.context.http).await.map(|_| ())
            })?;
            Ok(Some(authority.tenant().to_owned()))
        })
    }

    fn client_id(&self) -> Result<String> {
        self.until_valid("Application (client) id: ", false, check_client_id)
    }

    /// Asks for the resource. Returns it with the text of the answer.
    fn resource(&self) -> Result<(GivenResource, Zeroizing<String>)> {
        let question = "Connection string or endpoint of the ACS resource (not shown): ";
        self.until_valid(question, true, |text| {
            let given = GivenResource::parse(text, &self.context.config.allowed_hosts)?;
            self.check_resource(&given)?;
            Ok((given, Zeroizing::new(text.to_owned())))
        })
    }

    /// Checks that the resource exists and accepts the key.
    fn check_resource(&self, given: &GivenResource) -> Result<()> {
        let endpoint = given.endpoint();
        let http = &self.context.http;
        let owner = match (given, self.context.config.exchange) {
            (GivenResource::ConnectionString(read), ExchangeKind::Key) => {
                let auth = ResourceAuth::Key(read.access_key.clone());
                let client = self.context.identity_client_with(endpoint.clone(), auth);
                Owner::Key(Box::new(Ok(client)))
            }
            (GivenResource::Endpoint(_), ExchangeKind::Key) => {
                let (variables, clock) = (&self.env.variables, self.env.clock.clone());
                resource_credential::from_environment(variables, http.clone(), clock)?;
                Owner::Principal
            }
            (_, ExchangeKind::Entra | ExchangeKind::TeamsExtension) => Owner::User,
        };
        self.check("the resource", doctor::ask_resource(endpoint, owner, http))
    }

    /// Checks an answer over the network. An unreachable service is a warning only: the answer can
    /// be right.
    fn check(&self, what: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
        let messages = &self.env.messages;
        messages.status(&format!("checking {what} ..."));
        match block_on(work) {
            Err(error) if error.kind() == Kind::Unreachable => {
                messages.warn(&format!("{what} could not be checked: {error}"));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Asks until the answer is valid. Ctrl-C and the end of the input are errors.
    fn until_valid<T>(
        &self,
        question: &str,
        is_secret: bool,
        check: impl Fn(&str) -> Result<T>,
    ) -> Result<T> {
        let (input, messages) = (&self.env.stdin, &self.env.messages);
        loop {
            let line = match is_secret {
                true => block_on(input.ask_hidden(messages, question))?,
                false => block_on(input.ask(messages, question))?,
            };
            let answer = line.ok_or_else(|| self.ended_early())?;
            match check(input::bare(answer.expose())) {
                Err(error) if is_about_answer(error.kind()) => {
                    messages.print_always(&format!("{error}: {}\n", error.hint()));
                }
                outcome => return outcome,
            }
        }
    }

    fn ended_early(&self) -> Error {
        let message = match self.env.saved_answers.get() {
            Some(place) => format!("the answers ended early: those before are kept in {place}"),
            None => "the answers ended early: nothing was kept".to_owned(),
        };
        Error::usage(
            message,
            "run the command again, or set what is missing with `acspass config set …`",
        )
    }
}

/// Whether another answer can help: the value is wrong, or a service refuses it.
fn is_about_answer(kind: Kind) -> bool {
    match kind {
        Kind::Usage | Kind::Refused | Kind::SignInRefused | Kind::SignInNeeded => true,
        Kind::Internal | Kind::Unreachable | Kind::Store | Kind::Interrupted => false,
    }
}
