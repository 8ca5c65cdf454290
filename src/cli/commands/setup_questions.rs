//! Asks for settings that a command needs to sign in and that are missing.
//!
//! Each answer is checked and then saved in the profile. The command continues afterwards.

use zeroize::Zeroizing;

use crate::acs::{ResourceAuth, resource_credential};
use crate::cli::context::{Context, Flags, NotConfigured};
use crate::cli::profile::{ProfileEditor, store_description};
use crate::cli::runtime::block_on;
use crate::config::{self, GivenResource, MissingSetting, Setting};
use crate::doctor::{self, Owner};
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::input;
use crate::text::as_sentence;

/// Asks for the missing settings if `may_ask` and a user is at the terminal. Returns the context with
/// the answers and with `flags`.
///
/// # Errors
/// [`Kind::Usage`] that names all missing settings, if the user cannot be asked.
pub(super) fn ask(lacking: NotConfigured, flags: &Flags, may_ask: bool) -> Result<Context> {
    let NotConfigured { context, missing } = lacking;
    let env = context.env.clone();
    let lacks_resource = missing.contains(&MissingSetting::Resource);
    let lacks_service = missing.iter().any(|setting| {
        matches!(
            setting,
            MissingSetting::ExchangeService | MissingSetting::ExchangeServiceScope
        )
    });
    let can_save = context.session_store.is_persistent() || !lacks_resource;
    if lacks_service || !may_ask || !env.is_interactive() || !can_save {
        return Err(config::not_configured(&missing));
    }
    if context.session_store.is_persistent() {
        // Before the first question, since the command cannot save its result otherwise.
        context.session_store.probe()?;
    }
    let editor = ProfileEditor::of(&env)?;
    Questions { context, editor }.ask(&missing)?;
    Context::new(&env, flags)
}

/// The tenant that stands for any.
const ANY_TENANT: &str = "organizations";
/// Errors that another answer can prevent: the value is wrong, or a service refuses it.
const ABOUT_ANSWER: [Kind; 4] = [
    Kind::Usage,
    Kind::Refused,
    Kind::SignInRefused,
    Kind::SignInNeeded,
];

struct Questions {
    context: Context,
    editor: ProfileEditor,
}

impl Questions {
    fn ask(&mut self, missing: &[MissingSetting]) -> Result<()> {
        let env = self.context.env.clone();
        let place = self.editor.file.path().display();
        env.messages.print_always(&format!(
            "This command needs settings that are not configured yet. Each answer is saved at once \
             in profile {} of\n\n  {place}\n\n\
             If no application is registered yet, press Ctrl-C and run `acspass setup`. To try \
             acspass without one, run `acspass get --emulator`.\n",
            self.editor.profile,
        ));
        if missing.contains(&MissingSetting::ClientId) {
            // The id belongs to a tenant's application, or to one that any tenant may use.
            if self.context.config.is_tenant_unset
                && let Some(tenant) = self.tenant()?
            {
                self.save(Setting::Tenant, &tenant)?;
            }
            let client_id =
                self.until_valid("Application (client) id: ", false, check_client_id)?;
            self.save(Setting::ClientId, &client_id)?;
        }
        let mut secret_place = String::new();
        if missing.contains(&MissingSetting::Resource) {
            let (setting, text) = self.resource()?;
            self.save(setting, &text)?;
            if setting == Setting::ConnectionString {
                let store = store_description(&self.context.session_store);
                secret_place = format!(", the connection string in {store}");
            }
        }
        env.messages.print_always(&format!(
            "All settings are saved{secret_place}. To show them, run `acspass config list`.\n"
        ));
        Ok(())
    }

    /// Saves an answer, and its place for the message after an interruption.
    fn save(&mut self, setting: Setting, text: &str) -> Result<()> {
        let editor = &mut self.editor;
        match setting {
            Setting::ConnectionString => {
                editor.save_connection_string(&self.context.session_store, text)?;
            }
            _ => editor.file.set(&editor.profile, &[(setting, text)])?,
        }
        self.context.env.saved_answers.get_or_init(|| {
            let path = editor.file.path().display();
            format!("profile {} of {path}", editor.profile)
        });
        Ok(())
    }

    /// Asks for the tenant; `None` for any tenant, which is the default.
    fn tenant(&self) -> Result<Option<String>> {
        let host = self.context.config.authority.url().as_str();
        let question = "Tenant (GUID or domain; Enter for any): ";
        self.until_valid(question, false, |text| {
            let tenant = if text.is_empty() { ANY_TENANT } else { text };
            let authority = Authority::new(host, tenant)?;
            if authority.tenant() == ANY_TENANT {
                return Ok(None);
            }
            self.check("the tenant", async {
                authority.discover(&self.context.http).await.map(|_| ())
            })?;
            Ok(Some(authority.tenant().to_owned()))
        })
    }

    /// Asks for the resource, which must exist and accept its key.
    fn resource(&self) -> Result<(Setting, Zeroizing<String>)> {
        let question = "Connection string or endpoint of the ACS resource (not shown): ";
        let (config, http) = (&self.context.config, &self.context.http);
        self.until_valid(question, true, |text| {
            let given = GivenResource::parse(text, &config.allowed_hosts)?;
            let owner = match (&given, config.exchange) {
                (GivenResource::ConnectionString(read), ExchangeKind::Key) => {
                    let auth = ResourceAuth::Key(read.access_key.clone());
                    let endpoint = read.endpoint.clone();
                    Owner::Key(Box::new(Ok(self
                        .context
                        .identity_client_with(endpoint, auth))))
                }
                (GivenResource::Endpoint(_), ExchangeKind::Key) => {
                    let env = &self.context.env;
                    let (variables, clock) = (&env.variables, env.clock.clone());
                    resource_credential::from_environment(variables, http.clone(), clock)?;
                    Owner::Principal
                }
                (_, ExchangeKind::Entra | ExchangeKind::TeamsExtension | ExchangeKind::Service) => {
                    Owner::User
                }
            };
            let work = doctor::ask_resource(given.endpoint(), owner, http);
            self.check("the resource", work)?;
            let (setting, answer) = match &given {
                GivenResource::ConnectionString(_) => (Setting::ConnectionString, text),
                GivenResource::Endpoint(endpoint) => (Setting::Endpoint, endpoint.as_str()),
            };
            Ok((setting, Zeroizing::new(answer.to_owned())))
        })
    }

    /// Checks an answer over the network. An unreachable service is a warning only: the answer can
    /// be right.
    fn check(&self, what: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
        let (input, messages) = (&self.context.env.stdin, &self.context.env.messages);
        messages.status(&format!("Checking {what}\u{2026}"));
        match block_on(input.without_echo(work)) {
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
        let env = &self.context.env;
        let (input, messages) = (&env.stdin, &env.messages);
        loop {
            let line = match is_secret {
                true => block_on(input.ask_hidden(messages, question))?,
                false => block_on(input.ask(messages, question))?,
            };
            let answer = line.ok_or_else(|| {
                let saved = match env.saved_answers.get() {
                    Some(place) => format!("earlier answers are saved in {place}"),
                    None => "no answer was saved".to_owned(),
                };
                Error::usage(
                    format!("standard input ended before the last answer; {saved}"),
                    "Run the command again, or `acspass config set KEY VALUE`.",
                )
            })?;
            match check(input::bare(answer.expose())) {
                Err(error) if ABOUT_ANSWER.contains(&error.kind()) => {
                    let (fault, hint) = (error.message(), error.hint());
                    messages.print_always(&format!(
                        "{} {}\n",
                        as_sentence(fault),
                        as_sentence(hint)
                    ));
                }
                outcome => return outcome,
            }
        }
    }
}
