//! Addresses and ranges of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::MappingError;

/// An address as 128 bits; one of version 4 as the mapped one of version 6.
pub(crate) fn parse_ip(text: &str) -> Result<u128, MappingError> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => Ok(bits(address)),
        Ok(IpAddr::V6(address)) => Ok(u128::from(address)),
        Err(_) => Err(MappingError::argument(format!("'{text}' is not an IP string literal."))),
    }
}

/// An address of version 4 among those of version 6.
fn bits(address: Ipv4Addr) -> u128 {
    u128::from(address.to_ipv6_mapped())
}

/// An address as Elasticsearch prints it.
pub(crate) fn ip_text(bits: u128) -> String {
    let address = Ipv6Addr::from(bits);
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |address| address.to_string())
}

/// The first and the last address of a network, `10.0.0.0/8`.
pub(crate) fn parse_network(text: &str) -> Result<(u128, u128), MappingError> {
    let expected = || MappingError::argument(format!("Expected [ip/prefix] but was [{text}]"));
    let parts: Vec<_> = text.split('/').collect();
    let [address, prefix] = parts.as_slice() else { return Err(expected()) };
    let is_four = match address.parse::<IpAddr>() {
        Ok(address) => address.is_ipv4(),
        Err(_) => return Err(expected_literal(address)),
    };
    let first = parse_ip(address)?;
    let prefix: u32 = prefix.parse().map_err(|_| expected())?;
    let whole = if is_four { 32 } else { 128 };
    if prefix > whole {
        let reason = format!(
            "Illegal prefix length [{prefix}] in [{text}]. Must be 0-32 for IPv4 ranges, 0-128 for \
             IPv6 ranges"
        );
        return Err(MappingError::argument(reason));
    }
    let hosts = u128::MAX.checked_shr(128 - (whole - prefix)).unwrap_or(0);
    Ok((first & !hosts, first | hosts))
}

/// The part of a network that is no address.
fn expected_literal(address: &str) -> MappingError {
    MappingError::argument(format!("'{address}' is not an IP string literal."))
}

#[cfg(test)]
mod tests {
    use super::{ip_text, parse_ip, parse_network};

    #[test]
    fn addresses() {
        for text in ["1.2.3.4", "::1", "2001:db8::ff00:42:8329"] {
            assert_eq!(ip_text(parse_ip(text).unwrap()), text);
        }
        assert_eq!(parse_ip("::ffff:1.2.3.4"), parse_ip("1.2.3.4"));
        for text in ["01.2.3.4", "1.2.3", "fe80::1%eth0", " 1.2.3.4", ""] {
            assert!(parse_ip(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_is_the_range_of_its_addresses() {
        let (first, last) = parse_network("10.1.2.3/8").unwrap();
        assert_eq!(
            (ip_text(first).as_str(), ip_text(last).as_str()),
            ("10.0.0.0", "10.255.255.255")
        );
        assert!(parse_network("10.0.0.0/33").is_err());
        assert!(parse_network("10.0.0.0").is_err());
        assert_eq!(parse_network("::/0").unwrap(), (0, u128::MAX));
    }
}
