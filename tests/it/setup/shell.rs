//! Shells that read the script, and a double of the Azure CLI.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::Home;

/// A POSIX shell can read it.
pub(super) fn assert_parses(script: &str) {
    let mut shell = Command::new("sh")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut stdin = shell.stdin.take().expect("a pipe");
    stdin.write_all(script.as_bytes()).expect("sh reads");
    drop(stdin);
    assert!(shell.wait().expect("sh ends").success(), "{script}");
}

/// Prints ids as the Azure CLI does, and records its arguments. A registered exchange service has its clients,
/// the id of its scope and the version of its tokens in files.
const AZ: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$HOME/az.log"
case "$*" in
login*) cat ;;
*" --query "*appId[=!]=*)
  # The list of clients has one line for each.
  APP=$(printf '%s' "$*" | sed "s/.*appId[=!]='\([^']*\)'.*/\1/")
  case "$*" in
  *"?appId!="*) printf '[%s]\n' "$(grep -v "\"$APP\"" "$HOME/clients" | paste -sd, -)" ;;
  *) sed -n "/\"$APP\"/s/.*\"delegatedPermissionIds\": \[\"\(.*\)\"\].*/\1/p" "$HOME/clients" ;;
  esac ;;
*"--query=publicClient.redirectUris"*) printf 'myapp://auth\nhttps://contoso.com/*\n' ;;
"ad app show --id api://contoso.com/exchange "*) echo dddddddd-0000-4000-8000-000000000001 ;;
"ad app show "*"oauth2PermissionScopes[?value=='"*"'].id"*"tsv") [ ! -e "$HOME/scope" ] || cat "$HOME/scope" ;;
*"--query api.requestedAccessTokenVersion"*) cat "$HOME/version" ;;
"ad user show --id wrong@"*) exit 3 ;;
"ad app permission admin-consent"*)
  # The first request comes too early.
  [ -e "$HOME/consented" ] || { : >"$HOME/consented"; exit 1; } ;;
"ad app create --display-name acspass-exchange"*) echo dddddddd-0000-4000-8000-000000000001 ;;
"ad app create"*) echo cccccccc-0000-4000-8000-000000000001 ;;
"account show"*) echo eeeeeeee-0000-4000-8000-000000000001 ;;
rest*)
  for BODY; do :; done
  case "$BODY" in
  *oauth2PermissionScopes*)
    # An enabled scope cannot be replaced.
    [ ! -e "$HOME/clients" ] || { echo CannotDeleteOrUpdateEnabledEntitlement >&2; exit 1; } ;;
  esac
  printf '%s\0' "$BODY" >>"$HOME/bodies" ;;
"ad user show --id ada@"*) echo aaaaaaaa-0000-4000-8000-000000000001 ;;
"ad user show --id ben@"*) echo aaaaaaaa-0000-4000-8000-000000000002 ;;
"ad group show"*) echo aaaaaaaa-0000-4000-8000-000000000003 ;;
"ad sp show"*) echo bbbbbbbb-0000-4000-8000-000000000001 ;;
esac
"#;

/// The part of the page with the commands.
pub(super) fn commands_of(page: &str) -> String {
    let start = page.find("sh <<'EOF'").expect("commands");
    let end = page[start..].find("\nEOF\n").expect("their end");
    page[start..start + end + 5].to_owned()
}

/// The shells of this machine that users paste into.
pub(super) fn shells() -> Vec<&'static str> {
    let all = ["sh", "bash", "zsh"].into_iter();
    let found: Vec<_> = all
        .filter(|shell| {
            ["/bin", "/usr/bin"]
                .iter()
                .any(|at| Path::new(at).join(shell).exists())
        })
        .collect();
    assert!(found.contains(&"sh"));
    found
}

/// Types commands into a shell, with doubles of the Azure CLI and of a pause. Returns the last line of
/// output, which the shell prints after them.
pub(super) fn paste(home: &Home, shell: &str, commands: &str) -> String {
    let output = paste_whole(home, shell, commands);
    format!("{}\n", output.lines().last().unwrap_or_default())
}

/// As [`paste`], with all lines of output.
pub(super) fn paste_whole(home: &Home, shell: &str, commands: &str) -> String {
    use std::os::unix::fs::PermissionsExt;

    for (name, text) in [("az", AZ), ("sleep", "#!/bin/sh\n")] {
        let double = home.path().join(name);
        std::fs::write(&double, text).expect("the double");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&double, mode).expect("its mode");
    }
    let program = Path::new(env!("CARGO_BIN_EXE_acspass"));
    let built = program.parent().expect("a folder").display();
    let path = format!("{}:{built}:/usr/bin:/bin", home.path().display());
    let folder = home.path().display().to_string();
    let mut typed = Command::new(shell)
        .env_clear()
        .envs(&home.variables)
        .envs([("PATH", &path), ("HOME", &folder)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("a shell");
    let mut stdin = typed.stdin.take().expect("a pipe");
    write!(stdin, "{commands}\necho the shell goes on with $?\n").expect("the shell reads");
    drop(stdin);
    let output = typed.wait_with_output().expect("the shell ends");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
