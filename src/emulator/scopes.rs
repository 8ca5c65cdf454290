//! The `scope` parameter.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::verify::is_guid;
use crate::emulator::world::World;
use crate::emulator::world::api::Api;

/// The OpenID Connect scopes, in the order of Entra's responses.
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];
const DEFAULT: &str = ".default";

/// The content of a `scope` parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scopes {
    /// The OpenID Connect scopes, which are among [`OPENID_SCOPES`].
    openid: BTreeSet<&'static str>,
    /// The resource scopes in the order of the request, each once: API and short name.
    on_resources: Vec<(Arc<Api>, String)>,
}

impl Scopes {
    /// Parses a `scope` parameter with at least one scope.
    pub(crate) fn parse(world: &World, text: &str) -> Result<Scopes, EntraError> {
        let mut scopes = Scopes::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            // Entra accepts scopes in any case and responds with its own spelling: AzureAD/
            // microsoft-authentication-library-for-go#214.
            let is_word = |scope: &&&str| scope.eq_ignore_ascii_case(word);
            if let Some(scope) = OPENID_SCOPES.iter().find(is_word) {
                scopes.openid.insert(scope);
                continue;
            }
            let scope = find(world, word)?;
            if !scopes.on_resources.contains(&scope) {
                scopes.on_resources.push(scope);
            }
        }
        // `.default` excludes the resource's other scopes.
        for (resource, name) in &scopes.on_resources {
            let of_resource = scopes.on_resources.iter().filter(|(r, _)| r == resource);
            if name == DEFAULT && of_resource.count() > 1 {
                let scope = format!("{}{DEFAULT}", resource.prefix);
                return Err(aadsts::INVALID_SCOPE.about(&[&scope]));
            }
        }
        match scopes == Scopes::default() {
            true => Err(aadsts::MISSING_PARAMETER.about(&["scope"])),
            false => Ok(scopes),
        }
    }

    /// Returns whether an OpenID Connect scope is in the list.
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.openid.contains(scope)
    }

    /// Returns the resource of the first resource scope.
    pub(crate) fn first_resource(&self) -> Option<&Arc<Api>> {
        self.on_resources.first().map(|(resource, _)| resource)
    }

    /// Returns the resources of the scopes. Without one, a token is for Microsoft Graph.
    pub(crate) fn apis<'s>(&'s self, world: &World) -> impl Iterator<Item = &'s Api> {
        let graph = self.on_resources.is_empty().then(|| &**world.graph());
        let apis = self.on_resources.iter().map(|(api, _)| &**api);
        apis.chain(graph)
    }

    /// Returns whether the scopes are of more than one resource.
    pub(crate) fn spans_resources(&self) -> bool {
        let first = self.first_resource();
        self.on_resources.iter().any(|(r, _)| Some(r) != first)
    }

    /// Adds the OpenID Connect scopes of another list.
    pub(crate) fn with_openid_of(mut self, other: &Scopes) -> Scopes {
        self.openid.extend(&other.openid);
        self
    }

    /// Returns the short names of one resource's scopes, with `.default` replaced by all of them.
    pub(crate) fn granted_on(&self, resource: &Api) -> Vec<String> {
        let scopes = self.on_resources.iter().filter(|(r, _)| **r == *resource);
        let names = scopes.flat_map(|(_, name)| match name == DEFAULT {
            true => &resource.scopes[..],
            false => std::slice::from_ref(name),
        });
        names.cloned().collect()
    }

    /// Returns the `scope` member of a token response: all granted scopes but `offline_access`.
    pub(crate) fn echo(&self, resource: &Api, granted: &[String]) -> String {
        let is_default = |(api, name): &(Arc<Api>, String)| **api == *resource && name == DEFAULT;
        let has_default = self.on_resources.iter().any(is_default);
        let granted = granted.iter().map(String::as_str);
        let names = granted.chain(has_default.then_some(DEFAULT));
        let mut words: Vec<String> = names
            .map(|name| format!("{}{name}", resource.prefix))
            .collect();
        // Entra adds `profile` to `openid`.
        if self.has("openid") {
            words.push("openid profile".to_owned());
        }
        if self.has("email") {
            words.push("email".to_owned());
        }
        words.join(" ")
    }

    /// Returns the parameter's text, for a refresh token.
    pub(crate) fn to_text(&self) -> String {
        let openid = OPENID_SCOPES.into_iter().filter(|scope| self.has(scope));
        let scopes = self.on_resources.iter();
        let scopes = scopes.map(|(resource, name)| format!("{}{name}", resource.prefix));
        let words: Vec<String> = openid.map(str::to_owned).chain(scopes).collect();
        words.join(" ")
    }
}

/// Finds a scope at the resource with the longest matching prefix. A scope without a resource is one
/// of Microsoft Graph.
fn find(world: &World, word: &str) -> Result<(Arc<Api>, String), EntraError> {
    let in_resource = |resource| {
        let api: &Arc<Api> = resource;
        let (start, name) = word.split_at_checked(api.prefix.len())?;
        let is_prefix = start.eq_ignore_ascii_case(&api.prefix);
        is_prefix.then_some((api, name))
    };
    let found = world.apis.iter().filter_map(in_resource);
    let found = found.max_by_key(|(resource, _)| resource.prefix.len());
    // A scope begins with a resource by URI or by application id.
    let names_resource =
        word.contains("://") || word.split_once('/').is_some_and(|(id, _)| is_guid(id));
    if found.is_none() && names_resource {
        let resource = word.rsplit_once('/').map_or(word, |(resource, _)| resource);
        return Err(aadsts::UNKNOWN_RESOURCE.about(&[resource]));
    }
    let (resource, name) = found.unwrap_or((world.graph(), word));
    let scopes = resource.scopes.iter().map(String::as_str);
    std::iter::once(DEFAULT)
        .chain(scopes)
        .find(|scope| scope.eq_ignore_ascii_case(name))
        .map(|scope| (Arc::clone(resource), scope.to_owned()))
        .ok_or_else(|| aadsts::INVALID_SCOPE.about(&[word]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::world::api::{CLIENTS_API, TEAMS_API};

    fn parse(text: &str) -> Result<Scopes, EntraError> {
        Scopes::parse(&World::published(), text)
    }

    #[test]
    fn scopes_of_several_resources_are_detected() {
        let one = "openid https://auth.msft.communication.azure.com/Teams.ManageCalls https://auth.msft.communication.azure.com/Teams.ManageChats";
        let two = format!("{one} User.Read");
        assert!(!parse(one).expect("known").spans_resources());
        assert!(parse(&two).expect("known").spans_resources());
    }

    #[test]
    fn an_unknown_scope_is_named() {
        assert_eq!(
            parse("https://auth.msft.communication.azure.com/Teams.ManageAll"),
            Err(aadsts::INVALID_SCOPE
                .about(&["https://auth.msft.communication.azure.com/Teams.ManageAll"]))
        );
        assert_eq!(
            parse("https://evil.test/x"),
            Err(aadsts::UNKNOWN_RESOURCE.about(&["https://evil.test"]))
        );
        assert!(parse("https://graph.microsoft.com/.default User.Read").is_err());
    }

    #[test]
    fn scopes_in_any_case_are_echoed_in_the_services_spelling() {
        for (requested, echoed) in [
            (
                "https://auth.msft.communication.azure.com/teams.managecalls OpenID",
                "https://auth.msft.communication.azure.com/Teams.ManageCalls openid profile",
            ),
            (
                "HTTPS://COMMUNICATION.AZURE.COM/CLIENTS/CHAT.JOIN",
                "https://communication.azure.com/clients/Chat.Join",
            ),
            ("user.read", "https://graph.microsoft.com/User.Read"),
            (
                "1FD5118E-2576-4263-8130-9503064C837A/teams.managechats",
                "1fd5118e-2576-4263-8130-9503064c837a/Teams.ManageChats",
            ),
            (
                "https://communication.azure.com/.Default",
                "https://communication.azure.com/user_impersonation \
                 https://communication.azure.com/.default",
            ),
        ] {
            let scopes = parse(requested).expect("known");
            let resource = scopes.first_resource().expect("there is one");
            let granted = scopes.granted_on(resource);
            assert_eq!(scopes.echo(resource, &granted), echoed, "{requested}");
        }
    }

    #[test]
    fn each_identifier_of_an_api_is_a_separate_audience() {
        for (scope, audience) in [
            (
                "https://communication.azure.com//.default",
                "https://communication.azure.com/",
            ),
            (
                "https://communication.azure.com/.default",
                "https://communication.azure.com",
            ),
            (
                "https://communication.azure.com/clients/.default",
                "https://communication.azure.com/clients",
            ),
            ("1fd5118e-2576-4263-8130-9503064c837a/.default", TEAMS_API),
            ("2a04943b-b6a7-4f65-8786-2bb6131b59f6/VoIP", CLIENTS_API),
        ] {
            let scopes = parse(scope).expect("known");
            let found = scopes.first_resource().map(|api| api.audience.as_str());
            assert_eq!(found, Some(audience), "{scope}");
        }
        let unknown_app = "11111111-2222-4333-8444-555555555555";
        assert_eq!(
            parse(&format!("{unknown_app}/.default")),
            Err(aadsts::UNKNOWN_RESOURCE.about(&[unknown_app]))
        );
        for wrong in [
            "https://communication.azure.com/VoIP",
            "https://communication.azure.com///.default",
            "1fd5118e-2576-4263-8130-9503064c837a/VoIP",
            "teams.managecalls",
        ] {
            let refused = Err(aadsts::INVALID_SCOPE.about(&[wrong]));
            assert_eq!(parse(wrong), refused, "{wrong}");
        }
    }

    #[test]
    fn default_grants_every_scope_and_is_echoed() {
        let scopes = parse("https://communication.azure.com/clients/.default").expect("known");
        let resource = scopes.first_resource().expect("there is one");
        let granted = scopes.granted_on(resource);
        assert_eq!(granted.len(), 5);
        assert!(
            scopes
                .echo(resource, &granted)
                .ends_with("clients/.default")
        );
    }

    #[test]
    fn the_text_of_scopes_reads_back_as_the_same() {
        let text = "openid offline_access https://communication.azure.com//.default";
        let scopes = parse(text).expect("known");
        assert_eq!(parse(&scopes.to_text()), Ok(scopes));
    }
}
