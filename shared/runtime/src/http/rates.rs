//! How often one caller may call: an agency and a person by who they are, everyone else by their address.
//!
//! This keeps one caller from taking the port from the others. How much work the city takes in is for ingest to say.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{Problem, address::ClientAddress};
use crate::{Metrics, SharedClock, auth::Caller, limiter::Limiter, metrics::Counter};

/// So many requests a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub per_second: NonZeroU32,
    pub burst: NonZeroU32,
}

/// What one caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateSettings {
    pub agency: Rate,
    pub person: Rate,
    /// Of callers without a token, by address; of IPv6 by the network of 64 bits, since a caller has all of one.
    pub address: Rate,
}

impl Default for RateSettings {
    fn default() -> Self {
        let rate = |per_second: u32, burst: u32| Rate {
            per_second: NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        };
        Self { agency: rate(10_000, 20_000), person: rate(50, 200), address: rate(1000, 4000) }
    }
}

/// Whoever is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Agency(String),
    Person { issuer: String, subject: String },
    Address(IpAddr),
}

/// Counts the callers of one port.
#[derive(Debug)]
pub struct Rates {
    agencies: Limiter<Who>,
    persons: Limiter<Who>,
    addresses: Limiter<Who>,
    refused: [Counter; 3],
}

impl Rates {
    pub fn new(settings: &RateSettings, clock: &SharedClock, metrics: &Metrics) -> Arc<Self> {
        let limiter = |rate: Rate| Limiter::per_second(rate.per_second, rate.burst, clock.clone());
        let refused = |caller| {
            metrics.counter(
                "hutong_http_rate_limited_total",
                "Requests refused since their caller had sent too many.",
                &[("caller", caller)],
            )
        };
        Arc::new(Self {
            agencies: limiter(settings.agency),
            persons: limiter(settings.person),
            addresses: limiter(settings.address),
            refused: [refused("agency"), refused("person"), refused("address")],
        })
    }

    fn take(&self, who: &Who) -> Result<(), Problem> {
        let (limiter, refused, whose) = match who {
            Who::Agency(_) => (&self.agencies, &self.refused[0], "agency"),
            Who::Person { .. } => (&self.persons, &self.refused[1], "person"),
            Who::Address(_) => (&self.addresses, &self.refused[2], "address"),
        };
        limiter.take(who).map_err(|wait| {
            refused.inc();
            let detail =
                format!("Too many requests of one {whose}; nothing was done. Wait, then go on slower.");
            let wait_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Problem::new("rate_limited", StatusCode::TOO_MANY_REQUESTS, detail).retry_after_s(wait_s.max(1))
        })
    }
}

/// Refuses who calls too often. Inside `identify` it counts agencies and persons by who they are. Where nobody finds out who calls, a
/// request with a token passes: the service that checks the token counts it.
pub async fn limit_rates(State(rates): State<Arc<Rates>>, request: Request, next: Next) -> Response {
    let taken = match who(&request) {
        Some(who) => rates.take(&who),
        None => Ok(()),
    };
    match taken {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn who(request: &Request) -> Option<Who> {
    match request.extensions().get::<Caller>() {
        Some(Caller::Agency { id, .. }) => return Some(Who::Agency(id.clone())),
        Some(Caller::Person(person)) => {
            let (issuer, subject) = (person.issuer.clone(), person.subject.clone());
            return Some(Who::Person { issuer, subject });
        }
        Some(Caller::Anonymous) => {}
        None if request.headers().contains_key(header::AUTHORIZATION) => return None,
        None => {}
    }
    // None: a request that came over no socket.
    request.extensions().get::<ClientAddress>().map(|client| Who::Address(network(client.0)))
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(caller: Option<Caller>, token: bool, address: &str) -> Request {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ClientAddress(address.parse().unwrap()));
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        if token {
            request.headers_mut().insert(header::AUTHORIZATION, "Bearer x".parse().unwrap());
        }
        request
    }

    #[test]
    fn callers_are_counted_by_who_they_are_and_else_by_address() {
        let address = |text: &str| Some(Who::Address(text.parse().unwrap()));
        assert_eq!(
            who(&request(Some(Caller::agency("land")), true, "10.0.0.1")),
            Some(Who::Agency("land".into()))
        );
        assert_eq!(who(&request(Some(Caller::Anonymous), false, "10.0.0.1")), address("10.0.0.1"));
        assert_eq!(who(&request(None, true, "10.0.0.1")), None);
        assert_eq!(who(&request(None, false, "::ffff:10.0.0.1")), address("10.0.0.1"));
        let one = who(&request(None, false, "2001:db8:1:2:3::4"));
        assert_eq!(one, who(&request(None, false, "2001:db8:1:2:ffff::1")));
        assert_ne!(one, who(&request(None, false, "2001:db8:1:3::4")));
        assert_eq!(who(&Request::new(Body::empty())), None);
    }
}
