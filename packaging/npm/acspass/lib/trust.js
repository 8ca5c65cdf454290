// The emulator's certificate authority in this process.
"use strict";

const { readFileSync } = require("node:fs");
const tls = require("node:tls");

/**
 * Lets TLS clients of this process trust the last certificate of a bundle, which is the emulator's.
 * Returns the function that ends this. Does nothing if this Node is too old.
 */
function trust(bundle) {
  if (!tls.setDefaultCACertificates) return () => {};
  const certificates = readFileSync(bundle, "utf8").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const own = certificates.at(-1);
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), own]);
  return () => {
    const others = tls.getCACertificates("default").filter((certificate) => plain(certificate) !== plain(own));
    tls.setDefaultCACertificates(others);
  };
}

/** Returns a certificate without its line breaks. */
const plain = (certificate) => certificate.replace(/\s/g, "");

module.exports = { trust };
