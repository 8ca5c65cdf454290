//! An emulator of Entra ID and ACS Identity, for tests and for trying things out.
