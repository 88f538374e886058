//! Which networks may be reached on behalf of the configuration: by scrapes, by discovery, for tokens
//! (`outbound.allow`, `outbound.deny`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The networks that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outbound {
    /// Only these, where any are named.
    pub allow: Vec<Network>,
    /// Never these.
    pub deny: Vec<Network>,
}

impl Outbound {
    /// Whether everything may be reached.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether an address may be reached.
    ///
    /// # Errors
    /// The setting that forbids it.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let all = meanings(address);
        let holds = |networks: &[Network]| {
            networks.iter().any(|network| all.iter().flatten().any(|meant| network.contains(*meant)))
        };
        let setting = if holds(&self.deny) {
            "outbound.deny"
        } else if !self.allow.is_empty() && !holds(&self.allow) {
            "outbound.allow"
        } else {
            return Ok(());
        };
        Err(Forbidden { address: address.to_canonical(), setting })
    }

    /// The same of the host of a URL, where it is an address. Names are checked once they are resolved.
    ///
    /// # Errors
    /// The setting that forbids it.
    pub fn check_host(&self, host: Option<&str>) -> Result<(), Forbidden> {
        let host = host.unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.parse().map_or(Ok(()), |address| self.check(address))
    }
}

/// What an address leads to: `0.0.0.0` and `::` are this machine, and IPv4 may stand in IPv6 (RFC 4291, 2.5.5; RFC 6052).
fn meanings(address: IpAddr) -> [Option<IpAddr>; 3] {
    if address.is_unspecified() {
        return [Some(address), Some(Ipv4Addr::LOCALHOST.into()), Some(Ipv6Addr::LOCALHOST.into())];
    }
    let embedded = match address {
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            let is_embedded = matches!(bits >> 32, 0 | 0x0064_ff9b_0000_0000_0000_0000) && !v6.is_loopback();
            is_embedded.then(|| IpAddr::from(Ipv4Addr::from_bits((bits & u128::from(u32::MAX)) as u32)))
        }
        IpAddr::V4(_) => None,
    };
    [Some(address), embedded, None]
}

/// An address that may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address {address} may not be reached ({setting})")]
pub struct Forbidden {
    address: IpAddr,
    setting: &'static str,
}

/// A network: an address and how many of its first bits count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// With all other bits zero.
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it. IPv4 written as IPv6 (`::ffff:10.0.0.1`) is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && first_bits(address, self.bits) == self.address
    }
}

/// The address with all but its first bits zero.
fn first_bits(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `10.0.0.0/8`, `fd00::/8`, or an address alone.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => {
                let read =
                    bits.parse::<u8>().ok().filter(|read| *read <= most && bits.bytes().all(|b| b.is_ascii_digit()));
                read.ok_or_else(|| format!("{bits:?} is no length of a network, 0 to {most}"))?
            }
        };
        if first_bits(address, bits) != address {
            return Err(format!("{text} has bits beyond its length; write {}/{bits}", first_bits(address, bits)));
        }
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) if address.is_ipv6() => {
                let bits = bits.checked_sub(96).ok_or_else(|| format!("{text} is neither IPv4 nor IPv6 alone"))?;
                Ok(Self { address: v4, bits })
            }
            _ => Ok(Self { address, bits }),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbound(allow: &[&str], deny: &[&str]) -> Outbound {
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Outbound { allow: read(allow), deny: read(deny) }
    }

    #[test]
    fn addresses_are_let_through_by_the_lists() {
        let of_lists = outbound(&["10.0.0.0/8", "fd00::/8", "192.0.2.7"], &["10.1.0.0/16", "169.254.169.254"]);
        for (lists, address, passes) in [
            (&of_lists, "10.2.3.4", true),
            (&of_lists, "10.1.3.4", false),
            (&of_lists, "::ffff:10.1.3.4", false),
            (&of_lists, "::ffff:10.2.3.4", true),
            (&of_lists, "192.0.2.7", true),
            (&of_lists, "192.0.2.8", false),
            (&of_lists, "fd12::1", true),
            (&of_lists, "fe80::1", false),
            (&of_lists, "127.0.0.1", false),
            (&outbound(&[], &["169.254.0.0/16"]), "169.254.169.254", false),
            (&outbound(&[], &["169.254.0.0/16"]), "8.8.8.8", true),
            (&outbound(&[], &["0.0.0.0/0", "::/0"]), "8.8.8.8", false),
            (&outbound(&[], &["0.0.0.0/0", "::/0"]), "::1", false),
            (&outbound(&["::1"], &[]), "::1", true),
            (&Outbound::default(), "8.8.8.8", true),
        ] {
            assert_eq!(lists.check(address.parse().unwrap()).is_ok(), passes, "{address} {lists:?}");
        }
        let error = of_lists.check_host(Some("[fe80::1]")).unwrap_err().to_string();
        assert_eq!(error, "the address fe80::1 may not be reached (outbound.allow)");
        assert!(of_lists.check_host(Some("10.1.0.1")).is_err() && of_lists.check_host(Some("a.example")).is_ok());
    }

    #[test]
    fn what_is_no_network_is_explained() {
        for (text, expected) in [
            ("10.0.0.1/8", "write 10.0.0.0/8"),
            ("10.0.0.0/33", "0 to 32"),
            ("::/129", "0 to 128"),
            ("10.0.0.0/+8", "no length"),
            ("10.0.0.0/", "no length"),
            ("example.com", "no IP address"),
            ("10.0.0/8", "no IP address"),
            ("", "no IP address"),
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
