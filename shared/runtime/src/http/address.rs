//! Where a request came from: the address of the connection, or the one that a proxy before it names. Only proxies that the
//! operator named are believed; anyone else could write any address.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Set by proxies, each adding who called it (not standard, and what all proxies write).
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller's address, with every request that came over a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The last address that no trusted proxy has: what stands before it, the caller may have written himself.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> ClientAddress {
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(&address.to_canonical()));
    let mut address = peer;
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut named = lines.iter().flat_map(|line| line.split(',')).map(str::trim).rev();
    while trusted(address) {
        match named.next().map(str::parse) {
            Some(Ok(before)) => address = before,
            // Nobody is before it, or it wrote what is no address.
            _ => break,
        }
    }
    ClientAddress(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_proxies_are_believed() {
        let of = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let proxies = ["10.0.0.0/8".parse().unwrap(), "192.168.7.1/32".parse().unwrap()];
            client(peer.parse().unwrap(), &headers, &proxies).0.to_string()
        };
        assert_eq!(of("8.8.8.8", &["1.1.1.1"]), "8.8.8.8");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.1", &["9.9.9.9, 1.1.1.1, 192.168.7.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.1", &["9.9.9.9", "1.1.1.1,10.2.3.4"]), "1.1.1.1");
        assert_eq!(of("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(of("10.0.0.1", &["unknown"]), "10.0.0.1");
    }
}
