"""Which network addresses are on the public internet, and which hand out the machine's own credentials."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# they answer whoever asks: AWS, Azure, Google (.254), AWS containers (170.x), Alibaba
_METADATA = {
    ipaddress.ip_address(address)
    for address in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "fd00:ec2::254", "fd00:ec2::23")
}
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_PROTOCOLS_V4 = ipaddress.IPv4Network("192.0.0.0/24")  # older Pythons call most of it global


def is_public(address: Address) -> bool:
    """True for an address on the public internet, also where it is an IPv4 address in the clothes of an IPv6 one."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_V6:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and address not in _PROTOCOLS_V4


def gives_credentials(address: Address) -> bool:
    """True for a cloud's metadata service, which nobody may be made to call."""
    return bool({address, _inner(address)} & _METADATA)


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a mapped, 6to4, Teredo or NAT64 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
