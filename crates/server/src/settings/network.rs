//! Where the service is reached, by whom, and how often.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::{Checked, Environment, Listen, RawSettings, SettingsError, choice, number, text};

/// How the service stands in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Where people reach the service. `None`: this machine only, at the port it listens on.
    pub named_origins: Option<Vec<String>>,
    /// Origins of other web applications that may call the API.
    pub cors_origins: Vec<String>,
    /// Proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether it is limited how often something may be done.
    pub rate_limits: bool,
    /// Where figures for Prometheus are served, if they are.
    pub metrics: Option<Listen>,
}

impl Network {
    /// Where people reach the service that listens on a port. The first is the one for links.
    #[must_use]
    pub fn public_origins(&self, port: u16) -> Vec<String> {
        self.named_origins.clone().unwrap_or_else(|| {
            ["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .filter_map(|host| normalised(&format!("http://{host}:{port}")))
                .collect()
        })
    }
}

impl RawSettings {
    /// How the service stands in the network.
    ///
    /// # Errors
    /// An address is not of its form, or what is missing is needed in production.
    pub fn network(&self) -> Checked<Network> {
        let environment = self.environment()?;
        Ok(Network {
            named_origins: self.named_origins(environment)?,
            cors_origins: self.cors_origins()?,
            trusted_proxies: self.trusted_proxies()?,
            rate_limits: self.rate_limits(environment)?,
            metrics: self.metrics()?,
        })
    }

    fn named_origins(&self, environment: Environment) -> Checked<Option<Vec<String>>> {
        const NAME: &str = "PUBLIC_ORIGINS";
        let in_production = environment == Environment::Production;
        let Some(list) = text(self.public_origins.as_deref()) else {
            return if in_production {
                Err(SettingsError::new(
                    NAME,
                    "is missing, and APP_ENV is `production`",
                    "set it to the address that people open, such as https://chat.example.org",
                ))
            } else {
                Ok(None)
            };
        };
        let origins = items(list)
            .map(|item| {
                let origin = normalised(item).ok_or_else(|| {
                    SettingsError::value(
                        NAME,
                        item,
                        "give addresses such as https://chat.example.org, without a path, \
                         separated by commas",
                    )
                })?;
                if in_production && !is_safe(&origin) {
                    return Err(SettingsError::value(
                        NAME,
                        item,
                        "give an address with https: in production only this machine itself may \
                         be reached without",
                    ));
                }
                Ok(origin)
            })
            .collect::<Checked<Vec<_>>>()?;
        Ok(Some(unique(origins)))
    }

    fn cors_origins(&self) -> Checked<Vec<String>> {
        let list = text(self.cors_origins.as_deref()).unwrap_or_default();
        let origins = items(list).map(|item| {
            normalised(item).ok_or_else(|| {
                SettingsError::value(
                    "CORS_ORIGINS",
                    item,
                    "give whole addresses such as https://app.example.org, separated by commas; \
                     patterns, `*` and `null` would let anybody in",
                )
            })
        });
        origins.collect::<Checked<Vec<_>>>().map(unique)
    }

    fn trusted_proxies(&self) -> Checked<Vec<IpNet>> {
        let list = text(self.trusted_proxies.as_deref()).unwrap_or_default();
        let networks = items(list).map(|item| {
            let network = item.parse().ok().or_else(|| {
                let address: IpAddr = item.parse().ok()?;
                Some(IpNet::from(address))
            });
            network
                .filter(|network: &IpNet| network.prefix_len() > 0)
                .ok_or_else(|| {
                    SettingsError::value(
                        "TRUSTED_PROXIES",
                        item,
                        "give the addresses or networks of your own proxies, such as 10.0.0.0/8, \
                         separated by commas",
                    )
                })
        });
        networks.collect()
    }

    fn metrics(&self) -> Checked<Option<Listen>> {
        let host = text(self.metrics_host.as_deref()).unwrap_or("127.0.0.1");
        let port = text(self.metrics_port.as_deref());
        port.map(|_| {
            Ok(Listen {
                host: host.to_owned(),
                port: number("METRICS_PORT", port, 0, (0, u16::MAX))?,
            })
        })
        .transpose()
    }

    fn rate_limits(&self, environment: Environment) -> Checked<bool> {
        let values = [("on", true), ("off", false)];
        let limits = choice("RATE_LIMIT", self.rate_limit.as_deref(), true, &values)?;
        if !limits && environment == Environment::Production {
            return Err(SettingsError::new(
                "RATE_LIMIT",
                "is `off` while APP_ENV is `production`",
                "set RATE_LIMIT=on: without limits passwords can be guessed at leisure",
            ));
        }
        Ok(limits)
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn unique(origins: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(origins.len());
    for origin in origins {
        if !kept.contains(&origin) {
            kept.push(origin);
        }
    }
    kept
}

/// The form in which browsers send an origin: lower case, and no port that the scheme implies.
/// `None` when it is no origin of a web page.
fn normalised(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let implied = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        (format!("[{address}]"), port)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (name, port) = authority.split_at(end);
        (is_name(name).then(|| name.to_owned())?, port)
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse::<u16>().ok().filter(|port| *port > 0)?
        }
        None if port.is_empty() => implied,
        _ => return None,
    };
    if port == implied {
        Some(format!("{scheme}://{host}"))
    } else {
        Some(format!("{scheme}://{host}:{port}"))
    }
}

/// Whether this can be the name of a host: labels of letters, digits and hyphens.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether nobody on the way can read or change what is sent there.
fn is_safe(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else {
        return true;
    };
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, port)| {
            if port.ends_with(']') { authority } else { host }
        });
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
