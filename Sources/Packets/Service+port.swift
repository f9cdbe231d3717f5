extension Service {
    /// What usually answers from a UDP port, for flow records, which have no payload to look at.
    package static func ofReflector(port: UInt16) -> Service {
        switch port {
        case 17: .qotd
        case 19: .chargen
        case 53: .dns
        case 69: .tftp
        case 111: .rpcbind
        case 123: .ntp
        case 137: .netbios
        case 161: .snmp
        case 177: .xdmcp
        case 389: .cldap
        case 500, 4500: .isakmp
        case 520: .rip
        case 623: .ipmi
        case 1194: .openvpn
        case 1434: .mssql
        case 1900: .ssdp
        case 3283: .ard
        case 3389: .rdp
        case 3478: .stun
        case 3702: .wsDiscovery
        case 5093: .sentinel
        case 5351: .natpmp
        case 5353: .mdns
        case 5683: .coap
        case 10_001: .ubiquiti
        case 10_074: .mitel
        case 11_211: .memcached
        case 27_015: .steam
        case 32_414: .plex
        case 33_848: .jenkins
        case 37_810: .dvr
        case 47_808: .bacnet
        default: .none
        }
    }
}
