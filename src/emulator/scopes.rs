//! Which permissions exist, on which resource, and what a `scope` parameter asks for.
//!
//! In comes the text of the parameter, out comes what is asked of OpenID Connect and of each
//! resource, or why it cannot be. Who consented is not asked: the app's admin has.

use super::verify::is_guid;

/// An API that tokens can be asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// What stands before a scope's short name.
    prefix: &'static str,
    /// The `aud` of its tokens.
    pub(super) audience: &'static str,
    scopes: &'static [&'static str],
}

/// The application id of the API "Azure Communication Services".
pub(super) const TEAMS_API: &str = "1fd5118e-2576-4263-8130-9503064c837a";
/// The application id of the API "Azure Communication Services Clients".
pub(super) const CLIENTS_API: &str = "2a04943b-b6a7-4f65-8786-2bb6131b59f6";

const GRAPH: &Resource = &RESOURCES[3];

const CLIENTS_SCOPES: &[&str] = &[
    "VoIP",
    "VoIP.Join",
    "Chat",
    "Chat.Join",
    "Chat.Join.Limited",
];

/// An API stands here once for each of its identifiers: tokens are for the identifier that was
/// asked for.
static RESOURCES: [Resource; 7] = [
    Resource {
        prefix: "https://auth.msft.communication.azure.com/",
        audience: "https://auth.msft.communication.azure.com",
        scopes: &[
            "Teams.ManageCalls",
            "Teams.ManageChats",
            "TeamsExtension.ManageCalls",
        ],
    },
    Resource {
        prefix: "https://communication.azure.com/clients/",
        audience: "https://communication.azure.com/clients",
        scopes: CLIENTS_SCOPES,
    },
    Resource {
        // The double slash is the service's own: its identifier ends with one.
        prefix: "https://communication.azure.com//",
        audience: "https://communication.azure.com/",
        scopes: &["user_impersonation"],
    },
    Resource {
        prefix: "https://graph.microsoft.com/",
        audience: "https://graph.microsoft.com",
        scopes: &["User.Read"],
    },
    Resource {
        prefix: "https://communication.azure.com/",
        audience: "https://communication.azure.com",
        scopes: &["user_impersonation"],
    },
    Resource {
        prefix: "1fd5118e-2576-4263-8130-9503064c837a/",
        audience: TEAMS_API,
        scopes: &[
            "Teams.ManageCalls",
            "Teams.ManageChats",
            "TeamsExtension.ManageCalls",
            "user_impersonation",
        ],
    },
    Resource {
        prefix: "2a04943b-b6a7-4f65-8786-2bb6131b59f6/",
        audience: CLIENTS_API,
        scopes: CLIENTS_SCOPES,
    },
];

/// Microsoft Graph, whose tokens are given where no resource is named.
pub(super) fn graph() -> &'static Resource {
    GRAPH
}

/// The audience of this name, as requests without scopes name a resource.
pub(super) fn audience_named(name: &str) -> Option<&'static str> {
    RESOURCES
        .iter()
        .map(|resource| resource.audience)
        .find(|audience| audience.eq_ignore_ascii_case(name))
}

/// What a `scope` parameter asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scopes {
    /// `openid`: an id_token.
    pub(super) openid: bool,
    /// `profile`: with names in it.
    pub(super) profile: bool,
    /// `email`: and the address.
    pub(super) email: bool,
    /// `offline_access`: a refresh token.
    pub(super) offline_access: bool,
    /// Resource scopes in the order asked: the resource and the scope's short name.
    pub(super) on_resources: Vec<(&'static Resource, &'static str)>,
}

/// Why a `scope` parameter cannot be granted; each holds the scope that is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BadScope {
    /// Not a scope of the resource, or no scope at all.
    Scope(String),
    /// No resource of that name.
    Resource(String),
}

const DEFAULT: &str = ".default";

impl Scopes {
    pub(super) fn parse(text: &str) -> Result<Scopes, BadScope> {
        let mut scopes = Scopes::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            // Entra takes scopes in any case and answers in its own: AzureAD/
            // microsoft-authentication-library-for-go#214.
            match word.to_ascii_lowercase().as_str() {
                "openid" => scopes.openid = true,
                "profile" => scopes.profile = true,
                "email" => scopes.email = true,
                "offline_access" => scopes.offline_access = true,
                _ => scopes.add(find(word)?),
            }
        }
        for (resource, name) in &scopes.on_resources {
            let mixed = *name == DEFAULT
                && scopes
                    .on_resources
                    .iter()
                    .any(|(other, name)| other == resource && *name != DEFAULT);
            if mixed {
                return Err(BadScope::Scope(format!("{}{DEFAULT}", resource.prefix)));
            }
        }
        Ok(scopes)
    }

    fn add(&mut self, scope: (&'static Resource, &'static str)) {
        if !self.on_resources.contains(&scope) {
            self.on_resources.push(scope);
        }
    }

    /// Nothing was asked for at all.
    pub(super) fn is_empty(&self) -> bool {
        *self == Scopes::default()
    }

    /// The resource that is asked for first.
    pub(super) fn first_resource(&self) -> Option<&'static Resource> {
        self.on_resources.first().map(|(resource, _)| *resource)
    }

    /// Whether more than one resource is asked for.
    pub(super) fn spans_resources(&self) -> bool {
        let first = self.first_resource();
        self.on_resources.iter().any(|(r, _)| Some(*r) != first)
    }

    /// What one resource's token grants: short names, with `.default` spelled out.
    pub(super) fn granted_on(&self, resource: &'static Resource) -> Vec<&'static str> {
        let mut granted = Vec::new();
        for (_, name) in self.on_resources.iter().filter(|(r, _)| *r == resource) {
            let names = match *name {
                DEFAULT => resource.scopes,
                _ => std::slice::from_ref(name),
            };
            granted.extend(
                names
                    .iter()
                    .filter(|name| !granted.contains(*name))
                    .copied()
                    .collect::<Vec<_>>(),
            );
        }
        granted
    }

    /// The `scope` member of a token answer: everything granted but `offline_access`.
    pub(super) fn echo(&self, resource: &'static Resource, granted: &[&str]) -> String {
        let mut words: Vec<String> = granted
            .iter()
            .map(|name| format!("{}{name}", resource.prefix))
            .collect();
        if self.on_resources.contains(&(resource, DEFAULT)) {
            words.push(format!("{}{DEFAULT}", resource.prefix));
        }
        if self.openid {
            words.extend(["openid".to_owned(), "profile".to_owned()]);
        }
        if self.email {
            words.push("email".to_owned());
        }
        words.join(" ")
    }

    /// The parameter's text again, for a refresh token to carry.
    pub(super) fn to_text(&self) -> String {
        [
            (self.openid, "openid"),
            (self.profile, "profile"),
            (self.email, "email"),
            (self.offline_access, "offline_access"),
        ]
        .iter()
        .filter(|(request, _)| *request)
        .map(|(_, word)| (*word).to_owned())
        .chain(
            self.on_resources
                .iter()
                .map(|(resource, name)| format!("{}{name}", resource.prefix)),
        )
        .collect::<Vec<_>>()
        .join(" ")
    }
}

/// A scope without a resource is one of Microsoft Graph.
fn find(word: &str) -> Result<(&'static Resource, &'static str), BadScope> {
    let (resource, name) = match of_resource(word) {
        Some(found) => found,
        None if names_resource(word) => return Err(BadScope::Resource(word.to_owned())),
        None => (GRAPH, word),
    };
    std::iter::once(&DEFAULT)
        .chain(resource.scopes)
        .find(|scope| scope.eq_ignore_ascii_case(name))
        .map(|scope| (resource, *scope))
        .ok_or_else(|| BadScope::Scope(word.to_owned()))
}

/// The resource whose prefix fits best, and what follows it.
fn of_resource(word: &str) -> Option<(&'static Resource, &str)> {
    let name = |resource: &Resource| {
        let (start, name) = word.split_at_checked(resource.prefix.len())?;
        start.eq_ignore_ascii_case(resource.prefix).then_some(name)
    };
    RESOURCES
        .iter()
        .filter_map(|resource| Some((resource, name(resource)?)))
        .max_by_key(|(resource, _)| resource.prefix.len())
}

/// Whether a scope begins with a resource, by URI or by application id.
fn names_resource(word: &str) -> bool {
    word.contains("://") || word.split_once('/').is_some_and(|(id, _)| is_guid(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_several_resources_are_told_apart() {
        let one = "openid https://auth.msft.communication.azure.com/Teams.ManageCalls https://auth.msft.communication.azure.com/Teams.ManageChats";
        let two = format!("{one} User.Read");
        assert!(!Scopes::parse(one).expect("known").spans_resources());
        assert!(Scopes::parse(&two).expect("known").spans_resources());
    }

    #[test]
    fn what_does_not_exist_is_named() {
        assert_eq!(
            Scopes::parse("https://auth.msft.communication.azure.com/Teams.ManageAll"),
            Err(BadScope::Scope(
                "https://auth.msft.communication.azure.com/Teams.ManageAll".to_owned()
            ))
        );
        assert_eq!(
            Scopes::parse("https://evil.test/x"),
            Err(BadScope::Resource("https://evil.test/x".to_owned()))
        );
        assert!(Scopes::parse("https://graph.microsoft.com/.default User.Read").is_err());
    }

    #[test]
    fn scopes_are_known_in_any_case_and_echoed_in_the_services() {
        for (request, echoed) in [
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
            let scopes = Scopes::parse(request).expect("known");
            let resource = scopes.first_resource().expect("there is one");
            let granted = scopes.granted_on(resource);
            assert_eq!(scopes.echo(resource, &granted), echoed, "{request}");
        }
    }

    #[test]
    fn each_identifier_of_an_api_is_an_audience_of_its_own() {
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
            let scopes = Scopes::parse(scope).expect("known");
            let found = scopes.first_resource().map(|resource| resource.audience);
            assert_eq!(found, Some(audience), "{scope}");
        }
        let unknown_app = "11111111-2222-4333-8444-555555555555/.default";
        assert_eq!(
            Scopes::parse(unknown_app),
            Err(BadScope::Resource(unknown_app.to_owned()))
        );
        for wrong in [
            "https://communication.azure.com/VoIP",
            "https://communication.azure.com///.default",
            "1fd5118e-2576-4263-8130-9503064c837a/VoIP",
            "teams.managecalls",
        ] {
            let refused = Err(BadScope::Scope(wrong.to_owned()));
            assert_eq!(Scopes::parse(wrong), refused, "{wrong}");
        }
    }

    #[test]
    fn default_grants_every_scope_and_is_echoed() {
        let scopes =
            Scopes::parse("https://communication.azure.com/clients/.default").expect("known");
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
        let scopes = Scopes::parse(text).expect("known");
        assert_eq!(Scopes::parse(&scopes.to_text()), Ok(scopes));
    }
}
