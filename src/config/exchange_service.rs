//! The exchange service of a configuration.

use super::resolve::{Config, not_configured};
use super::service_settings::ExchangeService;
use crate::error::Result;
use crate::exchange::ExchangeKind;
use crate::exchange_client::ServiceUrl;

impl Config {
    /// Returns the exchange service.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if its settings are missing or wrong, or an Entra token may not
    /// be sent to it.
    pub fn exchange_service(&self) -> Result<ExchangeService> {
        let service = self.exchange_service_unchecked()?;
        service.url.check_may_receive(&self.allowed_hosts)?;
        Ok(service)
    }

    /// Returns the exchange service, for a call without an Entra token: its host is not checked.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if its settings are missing or wrong.
    pub fn exchange_service_unchecked(&self) -> Result<ExchangeService> {
        let settings = &self.service;
        let (Some(url), Some(scope)) = (&settings.url, &settings.scope) else {
            return Err(not_configured(&self.missing_of_service()));
        };
        Ok(ExchangeService {
            url: url.clone()?,
            scopes: vec![scope.clone()],
            is_on_behalf_of: settings.is_on_behalf_of,
        })
    }

    /// Returns the address of the exchange service, if a valid one is configured.
    pub fn exchange_service_url(&self) -> Option<ServiceUrl> {
        self.service.url.clone()?.ok()
    }

    /// Returns the scope of the exchange service, if it is configured.
    pub fn exchange_service_scope(&self) -> Option<&str> {
        self.service.scope.as_deref()
    }

    /// Returns whether an exchange service requests the token for ACS on behalf of the user.
    pub fn requests_on_behalf_of(&self) -> bool {
        self.service.is_on_behalf_of
    }

    /// Returns whether an exchange service gets two tokens, so that a session needs a refresh token.
    pub fn needs_two_tokens(&self) -> bool {
        self.uses_exchange_service() && !self.service.is_on_behalf_of
    }

    /// Returns whether a token comes from an exchange service.
    pub fn uses_exchange_service(&self) -> bool {
        self.exchange == ExchangeKind::Service
    }
}
