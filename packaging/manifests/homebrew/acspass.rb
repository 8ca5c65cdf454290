class Acspass < Formula
  desc "Access tokens of Azure Communication Services for Teams users"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@RELEASE@/acspass-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "@RELEASE@/acspass-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@RELEASE@/acspass-@VERSION@-aarch64-unknown-linux-gnu.tar.gz"
      sha256 "@SHA256 aarch64-unknown-linux-gnu.tar.gz@"
    end
    on_intel do
      url "@RELEASE@/acspass-@VERSION@-x86_64-unknown-linux-gnu.tar.gz"
      sha256 "@SHA256 x86_64-unknown-linux-gnu.tar.gz@"
    end
  end

  def install
    bin.install "bin/acspass"
    man1.install Dir["share/man/man1/*.1"]
    bash_completion.install "share/bash-completion/completions/acspass"
    zsh_completion.install "share/zsh/site-functions/_acspass"
    fish_completion.install "share/fish/vendor_completions.d/acspass.fish"
    doc.install Dir["share/doc/acspass/*"]
  end

  service do
    run [opt_bin/"acspass", "serve"]
    keep_alive crashed: true
  end

  test do
    assert_match "eyJ", shell_output("#{bin}/acspass get --emulator")
  end
end
