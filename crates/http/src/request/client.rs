//! Who is at the other end of the connection.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address. Only a trusted proxy is asked for whom it speaks, hop by hop from the last
/// to the first; the first hop that is not trusted is the client. When something there is no
/// address, the one who connected to us is the client.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let Some(hops) = forwarded_hops(headers) else {
        return peer;
    };
    // When every hop is a proxy of ours, the request came from the first of them.
    let first = hops.first().copied();
    let client = hops.into_iter().rev().find(|hop| !is_trusted(hop));
    client.or(first).unwrap_or(peer)
}

/// The addresses of all headers in their order. `None` when one is no address.
fn forwarded_hops(headers: &HeaderMap) -> Option<Vec<IpAddr>> {
    let mut hops = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        for hop in value.to_str().ok()?.split(',') {
            let address: IpAddr = hop.trim().parse().ok()?;
            hops.push(address.to_canonical());
        }
    }
    Some(hops)
}

/// The key under which limits count an address: somebody with IPv6 has at least a /64.
pub(crate) fn limit_key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|one| one.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn without_trusted_proxies_the_peer_is_the_client_whatever_it_says() {
        assert_eq!(client("192.0.2.1", &["198.51.100.9"], &[]), "192.0.2.1");
        assert_eq!(
            client("192.0.2.1", &["198.51.100.9"], &["10.0.0.0/8"]),
            "192.0.2.1"
        );
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_of_ours_is_the_client() {
        let ours = ["10.0.0.0/8", "fd00::/8"];
        for (forwarded, expected) in [
            (&["198.51.100.9"][..], "198.51.100.9"),
            (&["1.2.3.4, 198.51.100.9"], "198.51.100.9"),
            (&["1.2.3.4, 198.51.100.9, 10.0.0.7"], "198.51.100.9"),
            (&["1.2.3.4", "198.51.100.9, fd00::1"], "198.51.100.9"),
            (&["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
            (&["::ffff:198.51.100.9"], "198.51.100.9"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", forwarded, &ours), expected);
            assert_eq!(client("::ffff:10.0.0.1", forwarded, &ours), expected);
        }
    }

    #[test]
    fn what_is_no_address_makes_the_peer_the_client() {
        for bad in [
            "",
            "unknown",
            "198.51.100.9:80",
            "1.2.3.4,,5.6.7.8",
            "[::1]",
            "a, 1.2.3.4",
        ] {
            assert_eq!(client("10.0.0.1", &[bad], &["10.0.0.0/8"]), "10.0.0.1");
        }
    }

    #[test]
    fn limits_count_a_network_of_version_six_as_one() {
        let key = |text: &str| limit_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(key("2001:db8:1:2::"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("192.0.2.1"), "192.0.2.1");
    }
}
