//! The library's client of assignments, against the emulator and against odd services.

use acspass::Kind;
use acspass::acs::{
    AccessClient, AccessFamily, Assignment, Endpoint, GrantChange, IdentityClient, PrincipalType,
    RevokeChange,
};
use acspass::emulator::Emulator;
use acspass::secret::AccessKey;

use super::{block_on, client, emulator};
use crate::harness::canned::Canned;

const GROUP: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const USER: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const APP: &str = "cccccccc-0000-4000-8000-000000000001";
const OTHER_APP: &str = "cccccccc-0000-4000-8000-000000000002";

fn entra(emulator: &Emulator) -> AccessClient {
    AccessClient::new(client(emulator), AccessFamily::Entra)
}

fn extension(emulator: &Emulator) -> AccessClient {
    let tenant_id = emulator.tenant_id().to_owned();
    AccessClient::new(client(emulator), AccessFamily::TeamsExtension { tenant_id })
}

fn assignment(emulator: &Emulator, object_id: &str, apps: &[&str]) -> Assignment {
    Assignment {
        object_id: object_id.to_owned(),
        tenant_id: emulator.tenant_id().to_owned(),
        principal_type: PrincipalType::User,
        client_ids: apps.iter().map(|app| (*app).to_owned()).collect(),
    }
}

fn grants_updates_and_revokes(emulator: &Emulator, access: &AccessClient) {
    let one = assignment(emulator, USER, &[APP]);
    let both = assignment(emulator, USER, &[APP, OTHER_APP]);
    let other = assignment(emulator, USER, &[OTHER_APP]);
    let grant = |wanted: &Assignment| block_on(access.grant(wanted)).expect("a grant");
    let found = || block_on(access.find(USER)).expect("an answer");
    let revoke = |apps: &[&str]| {
        let apps: Vec<String> = apps.iter().map(|app| (*app).to_owned()).collect();
        block_on(access.revoke(USER, &apps)).expect("a revocation")
    };
    assert_eq!(found(), None);
    assert_eq!(grant(&one).change, GrantChange::Created);
    let again = grant(&one);
    assert_eq!(
        (again.change, again.assignment),
        (GrantChange::Unchanged, one.clone())
    );
    // A grant keeps the other applications.
    let added = grant(&other);
    assert_eq!(
        (added.change, &added.assignment),
        (GrantChange::Updated, &both)
    );
    assert_eq!(found(), Some(both));
    assert_eq!(revoke(&[APP]), RevokeChange::Updated);
    assert_eq!(found(), Some(other));
    assert_eq!(revoke(&[APP]), RevokeChange::Absent);
    assert_eq!(revoke(&[OTHER_APP]), RevokeChange::Deleted, "the last one");
    assert_eq!(revoke(&[]), RevokeChange::Absent);
    grant(&one);
    assert_eq!(revoke(&[]), RevokeChange::Deleted);
    assert_eq!(found(), None);
}

#[test]
fn a_user_is_granted_updated_and_revoked_in_both_families() {
    let emulator = emulator();
    grants_updates_and_revokes(&emulator, &entra(&emulator));
    grants_updates_and_revokes(&emulator, &extension(&emulator));
}

#[test]
fn groups_and_tenants_are_listed_with_the_users() {
    let emulator = emulator();
    let access = entra(&emulator);
    let before = block_on(access.list()).expect("a list").len();
    let tenant = emulator.tenant_id().to_owned();
    for (object_id, principal_type) in [
        (GROUP, PrincipalType::Group),
        (tenant.as_str(), PrincipalType::Tenant),
    ] {
        let wanted = Assignment {
            principal_type,
            ..assignment(&emulator, object_id, &[APP])
        };
        // The seed's own assignment of the tenant has another application.
        let granted = block_on(access.grant(&wanted)).expect("a grant").assignment;
        let all = block_on(access.list()).expect("a list");
        assert!(all.contains(&granted), "{all:?}");
    }
    assert!(block_on(access.list()).expect("a list").len() > before);
    let refused = block_on(extension(&emulator).list()).expect_err("no such operation");
    assert_eq!(refused.kind(), Kind::Usage);
}

#[test]
fn what_is_wrong_is_refused_before_any_request() {
    let emulator = emulator();
    let good = assignment(&emulator, USER, &[APP]);
    let of_type = |principal_type| Assignment {
        principal_type,
        ..good.clone()
    };
    let entra_errors = [
        assignment(&emulator, "ada", &[APP]),
        assignment(&emulator, USER, &["app"]),
        assignment(&emulator, USER, &[]),
        of_type(PrincipalType::Tenant),
        of_type(PrincipalType::ResourceAccount),
        Assignment {
            tenant_id: "contoso.com".to_owned(),
            ..good.clone()
        },
    ];
    for wrong in entra_errors {
        let error = block_on(entra(&emulator).grant(&wrong)).expect_err("refused");
        assert_eq!(error.kind(), Kind::Usage, "{wrong:?}");
    }
    let error = block_on(extension(&emulator).grant(&of_type(PrincipalType::Group)));
    let error = error.expect_err("refused");
    assert!(error.hint().contains("resource-account"), "{error:?}");
    let revoked = block_on(entra(&emulator).revoke("../identities", &[]));
    assert_eq!(revoked.expect_err("refused").kind(), Kind::Usage);
    for tenant_id in ["nonsense", "a/b", ".."] {
        let tenant_id = tenant_id.to_owned();
        let family = AccessFamily::TeamsExtension { tenant_id };
        let access = AccessClient::new(client(&emulator), family);
        let found = block_on(access.find(USER)).expect_err("refused");
        let revoked = block_on(access.revoke(USER, &[])).expect_err("refused");
        assert_eq!((found.kind(), revoked.kind()), (Kind::Usage, Kind::Usage));
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn another_type_or_tenant_than_the_present_one_is_an_error_and_changes_nothing() {
    let emulator = emulator();
    let access = entra(&emulator);
    let present = assignment(&emulator, USER, &[APP]);
    block_on(access.grant(&present)).expect("a grant");
    for (wrong, words) in [
        (
            Assignment {
                principal_type: PrincipalType::Group,
                ..present.clone()
            },
            "of the type user, and not group",
        ),
        (
            Assignment {
                tenant_id: GROUP.to_owned(),
                ..present.clone()
            },
            "and not aaaaaaaa-",
        ),
    ] {
        let error = block_on(access.grant(&wrong)).expect_err("another principal");
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(words), "{error}");
        assert_eq!(
            block_on(access.find(USER)).expect("an answer"),
            Some(present.clone())
        );
    }
}

#[test]
fn a_list_continues_at_the_same_resource_only() {
    let next = "http://127.0.0.1:1/access/entra/assignments";
    let body = format!(r#"{{"value":[],"nextLink":"{next}"}}"#);
    let (service, access) = canned(move |_| body.clone());
    let error = block_on(access.list()).expect_err("another host");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.message().contains("another host"), "{error}");
    assert_eq!(service.connections(), 1);
}

#[test]
fn a_list_has_all_of_its_pages_and_each_of_them_once() {
    let entry = |id: &str| {
        format!(
            r#"{{"objectId":"{id}","tenantId":"{GROUP}","principalType":"user","clientIds":["{APP}"]}}"#
        )
    };
    for (last, expected) in [("", Some(2)), (r#","nextLink":"/next?p=2""#, None)] {
        let (service, access) = canned(move |number| match number {
            0 => format!(r#"{{"value":[{}],"nextLink":"/next?p=2"}}"#, entry(USER)),
            _ => format!(r#"{{"value":[{}]{last}}}"#, entry(GROUP)),
        });
        let listed = block_on(access.list());
        match expected {
            Some(count) => assert_eq!(listed.expect("a list").len(), count),
            None => {
                let error = listed.expect_err("a circle");
                assert!(error.message().contains("a page it has had"), "{error}");
            }
        }
        assert_eq!(service.connections(), 2);
    }
}

#[test]
fn an_assignment_with_unreadable_applications_is_not_changed() {
    for ids in ["null", "7", "[7]"] {
        let (service, access) = canned(move |_| {
            format!(
                r#"{{"objectId":"{USER}","tenantId":"{GROUP}","principalType":"user","clientIds":{ids}}}"#
            )
        });
        let wanted = Assignment {
            object_id: USER.to_owned(),
            tenant_id: GROUP.to_owned(),
            principal_type: PrincipalType::User,
            client_ids: vec![APP.to_owned()],
        };
        block_on(access.grant(&wanted)).expect_err(ids);
        assert_eq!(service.connections(), 1, "{ids}");
    }
}

/// A service that responds with these bodies, and a client of it.
fn canned(body: impl Fn(usize) -> String + Send + Sync + 'static) -> (Canned, AccessClient) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let service = Canned::answering_each(move |number| {
        let body = body(number);
        let length = body.len();
        format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    });
    let endpoint = Endpoint::parse(&format!("http://{}", service.address())).expect("its own");
    let owner = IdentityClient::from_access_key(endpoint, AccessKey::new("a2V5"));
    (service, AccessClient::new(owner, AccessFamily::Entra))
}
