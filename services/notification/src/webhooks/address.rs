//! Which addresses may be delivered to: those of the public internet, and networks that the operator named.
//!
//! Subscribers choose where this service connects to. Without this check they could make it call what only this
//! machine or its network should reach: other services, routers, the cloud's metadata. The ranges are those of IANA's
//! special-purpose registries (RFC 6890 and what was added to them since).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::Error;

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// Not the public internet.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 8),
    v4(10, 0, 0, 8),
    v4(100, 64, 0, 10),
    v4(127, 0, 0, 8),
    v4(169, 254, 0, 16),
    v4(172, 16, 0, 12),
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(192, 31, 196, 24),
    v4(192, 52, 193, 24),
    v4(192, 88, 99, 24),
    v4(192, 168, 0, 16),
    v4(198, 18, 0, 15),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    // Multicast, reserved, broadcast.
    v4(224, 0, 0, 3),
];
/// The only part of IPv6 from which public addresses are given.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);
/// What of that part is not: Teredo and other protocols, 6to4, documentation.
const SPECIAL_V6: [Ipv6Net; 4] =
    [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];
/// IPv4 behind a translator.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// The operator's rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed(Vec<IpNet>);

impl Allowed {
    pub(crate) fn new(networks: &[String]) -> Result<Self, Error> {
        networks.iter().map(|text| parse(text).ok_or_else(|| Error::Network(text.clone()))).collect()
    }

    /// Whether an address may be connected to. Without TLS only the operator's own networks may.
    pub(crate) fn allows(&self, address: IpAddr, tls: bool) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address)) || (tls && is_public(address))
    }

    /// Whether there is any network to which deliveries may go without TLS.
    pub(crate) fn allows_plain(&self) -> bool {
        !self.0.is_empty()
    }
}

impl FromIterator<IpNet> for Allowed {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// A network, or a single address.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_public(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|range| range.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_reached() {
        let nothing = Allowed::default();
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "192.169.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
        ] {
            assert!(nothing.allows(public.parse().unwrap(), true), "{public}");
            assert!(!nothing.allows(public.parse().unwrap(), false), "{public} without TLS");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
        ] {
            assert!(!nothing.allows(special.parse().unwrap(), true), "{special}");
        }
    }

    #[test]
    fn the_operator_may_name_networks() {
        let allowed = Allowed::new(&["10.20.0.0/16".into(), "127.0.0.1".into(), "fd00::/8".into()]).unwrap();
        for (address, allows) in [
            ("10.20.1.1", true),
            ("::ffff:10.20.1.1", true),
            ("10.21.1.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd00::5", true),
        ] {
            for tls in [true, false] {
                assert_eq!(allowed.allows(address.parse().unwrap(), tls), allows, "{address} {tls}");
            }
        }
        assert!(matches!(Allowed::new(&["10.0.0.0/33".into()]), Err(Error::Network(_))));
    }
}
