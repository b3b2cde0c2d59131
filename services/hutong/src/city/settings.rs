//! What a city in one process is told by its file and by the environment, beside what is typed.

use std::net::SocketAddr;

use hutong_runtime::{auth::OidcConfig, config::Settings, http::HttpSettings, telemetry::TelemetrySettings};
use serde::{Deserialize, Serialize};

/// Receivers of a city that is tried out are on this machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

/// The settings of `hutong up`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CitySettings {
    /// The address that callers know the city by, where it is not the one that is listened at.
    pub public_url: Option<String>,
    pub http: HttpSettings,
    pub telemetry: TelemetrySettings,
    /// The identity providers whose tokens are taken, beside the one of the development personas.
    pub identity: OidcConfig,
    /// Bounds of notification, and which networks its webhooks may go to.
    pub notification: hutong_notification::Config,
}

impl Default for CitySettings {
    fn default() -> Self {
        Self {
            public_url: None,
            http: HttpSettings::default(),
            telemetry: TelemetrySettings { filter: "warn".into(), ..TelemetrySettings::default() },
            identity: OidcConfig::default(),
            notification: hutong_notification::Config {
                webhooks: hutong_notification::Webhooks {
                    allow_networks: LOOPBACK.map(str::to_owned).to_vec(),
                    ..Default::default()
                },
                ..Default::default()
            },
        }
    }
}

impl CitySettings {
    /// The defaults, at this address.
    pub fn listening(listen: impl Into<SocketAddr>) -> Self {
        Self { http: HttpSettings { listen: listen.into(), ..HttpSettings::default() }, ..Self::default() }
    }
}

impl Settings for CitySettings {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(url) = &self.public_url
            && !reqwest::Url::parse(url)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        {
            faults.push(format!("public_url: {url} is no http:// or https:// address"));
        }
        let under = |part: &str, found: Vec<String>| -> Vec<String> {
            found.into_iter().map(|fault| format!("{part}.{fault}")).collect()
        };
        faults.extend(under("http", self.http.faults()));
        faults.extend(under("notification", self.notification.faults()));
        faults
    }
}
