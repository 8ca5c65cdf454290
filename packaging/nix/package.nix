# nix-build -E 'with import <nixpkgs> { }; callPackage ./packaging/nix/package.nix { }'
{ lib, stdenv, rustPlatform, installShellFiles }:

let
  manifest = (lib.importTOML ../../Cargo.toml).package;
in
rustPlatform.buildRustPackage {
  pname = manifest.name;
  version = manifest.version;
  src = lib.cleanSource ../..;
  cargoLock.lockFile = ../../Cargo.lock;

  nativeBuildInputs = [ installShellFiles ];
  # The tests need a Secret Service, other users and a terminal: tests/run.sh.
  doCheck = false;

  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    $out/bin/acspass man --folder man
    installManPage man/*.1
    installShellCompletion --cmd acspass \
      --bash <($out/bin/acspass completions bash) \
      --zsh <($out/bin/acspass completions zsh) \
      --fish <($out/bin/acspass completions fish)
  '';

  meta = {
    description = manifest.description;
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "acspass";
    platforms = lib.platforms.unix;
  };
}
