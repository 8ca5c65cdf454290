//! The options of an emulator.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::emulator::authority::Certificates;
use crate::emulator::seed::Seed;
use crate::time::{Clock, SystemClock};

/// Options of [`Emulator::start`](super::Emulator::start). The default takes free ports and the
/// system's clock, and serves plain http only.
pub struct Options {
    /// The data that the emulator starts with.
    pub seed: Seed,
    /// The port for plain http; 0 takes a free one.
    pub http_port: u16,
    /// The port for https, if it is served as well; 0 takes a free one.
    pub https_port: Option<u16>,
    /// The source of the certificate for https.
    pub certificates: Certificates,
    /// The clock of every expiry, date check and `Date` header.
    pub clock: Arc<dyn Clock>,
    /// The life of an Entra access token and of the Communication token from it.
    pub token_life: Duration,
    /// The life of a device code.
    pub device_code_life: Duration,
    /// The interval between two polls for a device code, in whole seconds.
    pub device_interval: Duration,
    /// Each refresh token works once, and a second use revokes all tokens of its sign-in. By
    /// default old refresh tokens stay valid, as with the real service.
    pub strict_refresh: bool,
    /// Remember every secret for [`Emulator::secrets`](super::Emulator::secrets). The list only
    /// grows, so a caller that does not read it sets this to false.
    pub keep_secrets: bool,
    /// Accept the Entra tokens of every emulator on this machine; all share their keys. For a
    /// resource that outlives its authority or has another one.
    pub takes_sibling_tokens: bool,
    /// The answer about an identity that never existed or was deleted.
    pub missing_identity: MissingIdentity,
    /// The seed of faults with a probability; `None` takes a random one. The same seed and requests
    /// have the same faults.
    pub fault_seed: Option<u32>,
    /// Refuse API versions that are newer than each known one. By default they are handled as the
    /// newest stable one, with a remark in the journal.
    pub strict_versions: bool,
    /// Additional host names, at the same ports: for a proxy, a relay or a container network in
    /// front of the emulator. Its certificate covers them. Connections from other machines are
    /// refused without [`Options::listen`].
    pub host_names: Vec<String>,
    /// Answer as the hosts of Entra ID and of ACS resources themselves as well, each of which serves
    /// its own service only. For callers that resolve these names to the emulator.
    pub real_hosts: bool,
    /// An address to listen on beside loopback: that of an interface, or `0.0.0.0` or `::` for all. If
    /// it is not loopback, every machine and user that can connect to it is accepted, for the control
    /// API too, and `Host` headers may have another port than the listener's.
    pub listen: Option<IpAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: Seed::default(),
            http_port: 0,
            https_port: None,
            certificates: Certificates::default(),
            clock: Arc::new(SystemClock),
            token_life: Duration::from_secs(75 * 60),
            device_code_life: Duration::from_secs(15 * 60),
            device_interval: Duration::from_secs(5),
            strict_refresh: false,
            keep_secrets: true,
            takes_sibling_tokens: false,
            missing_identity: MissingIdentity::NotOwned,
            fault_seed: None,
            strict_versions: false,
            host_names: Vec::new(),
            real_hosts: false,
            listen: None,
        }
    }
}

/// The resource's answer about an identity that never existed or was deleted. Microsoft does not
/// publish the real service's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingIdentity {
    /// 401 `IdentityNotOwned`, as for another resource's identity.
    #[default]
    NotOwned,
    /// 404 `IdentityNotFound`.
    NotFound,
}
