internal import Addresses

/// What may stand after a key: its type, and the range that goes with it.
indirect enum Form: Sendable {
    case text(Syntax)
    case flag
    case choice([String])
    /// A whole number.
    case count(ClosedRange<UInt64>)
    /// Milliseconds, bytes, bytes a second.
    case amount(Units, ClosedRange<UInt64>)
    /// Address and port.
    case endpoint
    /// Address and port, or "off".
    case endpointOrOff
    case prefix
    case list(Form, ClosedRange<Int>)
    case section(Section)

    /// The kinds of text.
    enum Syntax: Sendable {
        case identifier, title, token, path, host, serverName, interface, origin
        /// The path of a page; the base URL of pages.
        case target, address
    }

    /// What a complaint and the reference call it.
    var name: String {
        switch self {
        case .text(.identifier): "name"
        case .text(.title): "text"
        case .text(.token): "word"
        case .text(.path): "path"
        case .text(.host): "host name, or \"*.\" and a host name"
        case .text(.serverName): "host name"
        case .text(.interface): "interface"
        case .text(.origin), .text(.address): "URL"
        case .text(.target): "path of a page"
        case .flag: "true or false"
        case .choice(let words): orList(words)
        case .count: "number"
        case .amount(let units, _): units.name
        case .endpoint: "address:port"
        case .endpointOrOff: "address:port, or off"
        case .prefix: "address block"
        case .list(.section, _): "list of groups"
        case .list(let element, _): "list: \(element.name)"
        case .section: "group"
        }
    }

    /// What the reference says of the range; empty where the type says it all.
    var range: String {
        switch self {
        case .text(.identifier): "1 to 64 of a-z, 0-9, - and ."
        case .text(.title): "1 to 200 characters"
        case .text(.token): "1 to 32 letters, digits and signs of an HTTP token"
        case .text(.path): "absolute, or from the folder of this file"
        case .text(.interface): "1 to 15 ASCII characters, without spaces and `/`"
        case .text(.origin): "http:// or https://, host name or address, port or none"
        case .text(.address): "http:// or https://, host name or address, port or none, no path"
        case .text(.target): "1 to 1000 characters from `/`"
        case .count(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .amount(let units, let range): "\(units.text(range.lowerBound)) to \(units.text(range.upperBound))"
        case .list(let element, let range):
            ["\(range.lowerBound) to \(range.upperBound) of them", element.range].filter { !$0.isEmpty }
                .joined(separator: "; ")
        default: ""
        }
    }
}

/// A checked value, with its place.
struct Value: Sendable {
    enum Content: Sendable {
        case text(String)
        case flag(Bool)
        case number(UInt64)
        case endpoint(Endpoint)
        case off
        case prefix(Prefix)
        case origin(OriginURL)
        case list([Value])
        case section(Values)
    }

    var content: Content
    var place: Place
}

extension Form {
    /// Checks a value against its form; nil when it was complained about.
    func read(_ node: YAMLNode, at place: Place, _ complaints: inout Complaints) -> Value? {
        switch (self, node.content) {
        case (_, .nothing):
            complaints.refuse(place, "nothing stands here; expected \(expectation)")
        case (.section(let section), _):
            guard let values = section.read(node, at: place, &complaints) else { return nil }
            return Value(content: .section(values), place: place)
        case (.list(let element, let range), .list(let items)):
            let values = items.enumerated().compactMap { index, item in
                element.read(item, at: place.element(index, item.mark), &complaints)
            }
            guard range.contains(items.count) else {
                complaints.refuse(
                    place, "\(items.count) in this list; it can have \(range.lowerBound) to \(range.upperBound)")
                return nil
            }
            return Value(content: .list(values), place: place)
        case (.list(.section, _), _):
            complaints.refuse(place, "expected a list (each group in it begins with '- '), found \(node.kind)")
        case (.list, .text(let text)):
            complaints.refuse(place, "expected a list, found one text; put it between brackets: [\(bare(text))]")
        case (_, .text(let text)):
            do throws(Misfit) {
                return Value(content: try scalar(text), place: place)
            } catch {
                complaints.refuse(place, error.reason)
            }
        default:
            complaints.refuse(place, "expected \(expectation), found \(node.kind)")
        }
        return nil
    }

    /// Reads the text of a value that is neither list nor group.
    func scalar(_ text: String) throws(Misfit) -> Value.Content {
        switch self {
        case .text(.origin):
            return .origin(try OriginURL(text))
        case .text(let syntax):
            return .text(try syntax.check(text))
        case .flag:
            guard text == "true" || text == "false" else {
                throw Misfit("expected true or false, found \(shown(text))")
            }
            return .flag(text == "true")
        case .choice(let words):
            guard words.contains(text) else {
                let hint = nearest(text, among: words).map { "; did you mean '\($0)'?" } ?? ""
                throw Misfit("expected \(orList(words)), found \(shown(text))\(hint)")
            }
            return .text(text)
        case .count(let range):
            let number = try Units.number(text, of: text)
            guard range.contains(number) else {
                throw Misfit("\(number) is out of range; it can be \(range.lowerBound) to \(range.upperBound)")
            }
            return .number(number)
        case .amount(let units, let range):
            let number = try units.parse(text)
            guard range.contains(number) else {
                throw Misfit(
                    "\(units.text(number)) is out of range; it can be \(units.text(range.lowerBound)) to "
                        + units.text(range.upperBound))
            }
            return .number(number)
        case .endpointOrOff where text == "off":
            return .off
        case .endpoint, .endpointOrOff:
            return .endpoint(try Self.endpoint(text))
        case .prefix:
            return .prefix(try Self.prefix(text))
        case .list, .section:
            throw Misfit("expected \(expectation), found the text \(shown(text))")
        }
    }

    private static func endpoint(_ text: String) throws(Misfit) -> Endpoint {
        guard let endpoint = Endpoint(text) else {
            throw Misfit(
                "\(shown(text)) is not address:port; write it like 192.0.2.1:443, 0.0.0.0:443 (all of IPv4) or "
                    + "\"[::]:443\" (all of IPv6)")
        }
        guard endpoint.port != 0 else { throw Misfit("port 0 is no place to reach; it can be 1 to 65535") }
        return endpoint
    }

    private static func prefix(_ text: String) throws(Misfit) -> Prefix {
        if let prefix = Prefix(text) { return prefix }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, let address = Address(parts[0]), let length = UInt8(parts[1]),
            length <= (address.isIPv4 ? 32 : 128), address.masked(to: Int(length)) != address
        {
            throw Misfit(
                "\(shown(text)) has bits set after its length; did you mean \(Prefix(address, length: Int(length)))?")
        }
        throw Misfit("\(shown(text)) is not an address block; write it like 192.0.2.0/24 or 2001:db8::/32")
    }

    private var expectation: String {
        switch self {
        case .section: "a group of keys"
        case .list: "a list"
        case .text(.host), .text(.serverName): "one host name"
        case .amount(let units, _): "one \(units.name), a number with \(units.choices)"
        default: "one value (\(name))"
        }
    }

    private func bare(_ text: String) -> String { shown(text).trimmed(of: "'") }
}

extension Form.Syntax {
    func check(_ text: String) throws(Misfit) -> String {
        switch self {
        case .identifier:
            return try HostName.identifier(text)
        case .title:
            let isClean = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            guard isClean, (1...200).contains(text.count), text.utf8.count <= 1000 else {
                throw Misfit("a title is one line of 1 to 200 characters")
            }
            return text
        case .token:
            let others = "!#$%&'*+-.^_`|~".utf8
            let isClean = text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || others.contains($0)
            }
            guard isClean, (1...32).contains(text.utf8.count) else {
                throw Misfit("\(shown(text)): expected \(Form.text(.token).range)")
            }
            return text
        case .path:
            guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }), (1...4000).contains(text.utf8.count) else {
                throw Misfit("\(shown(text)) is not the path of a file")
            }
            return text
        case .host:
            return try HostName.pattern(text)
        case .serverName:
            let name = try HostName.name(text)
            guard !HostName.isAddress(name) else {
                throw Misfit("\(shown(text)) is an address; a certificate is verified by name here")
            }
            return name
        case .interface:
            // As the kernel bounds it (IFNAMSIZ), and as `wasstraat-filter` takes it.
            let isClean = text.utf8.allSatisfy { (33...126).contains($0) && $0 != UInt8(ascii: "/") }
            guard isClean, (1...15).contains(text.utf8.count), text != ".", text != ".." else {
                throw Misfit("\(shown(text)) is not the name of a network interface, such as eth0")
            }
            return text
        case .origin:
            return text
        case .target:
            let isClean = text.utf8.allSatisfy { (33...126).contains($0) && $0 != UInt8(ascii: "#") }
            guard text.hasPrefix("/"), isClean, text.utf8.count <= 1_000 else {
                throw Misfit("\(shown(text)) is not the path of a page; write it like /contact, without spaces and '#'")
            }
            return text
        case .address:
            _ = try OriginURL(text)
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
    }
}

extension String {
    func trimmed(of character: Character) -> String {
        var part = self[...]
        while part.first == character { part = part.dropFirst() }
        while part.last == character { part = part.dropLast() }
        return String(part)
    }
}
