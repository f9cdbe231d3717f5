internal import Addresses
internal import Detection
internal import Fingerprints
internal import Heads
internal import Packets
internal import Sketches

/// Who asked one site for what since the last report, as one worker saw it: some 15 KiB, whatever the traffic. Taken with
/// a site's first request of a second, handed to the lane at the second's end.
struct SiteTally: Sendable {
    /// Networks and shapes kept at once; the report's own bound.
    private static let capacity = Traffic.limit
    private static let methodLimit = 32
    /// Ways to speak HTTP/2 that are told apart. A program may choose another for each connection: the rest are taken for
    /// none, so that a flood's route and greeting stay together.
    private static let programLimit = 16
    /// Room for one label: the method, then the route.
    private static let labelSize = methodLimit + RequestShape.routeLimit

    private struct Shape {
        var methodCount: UInt8 = 0
        var routeCount: UInt8 = 0
        var ja4: JA4?
        var http2: UInt64 = 0
    }

    private var sources = HyperLogLog()
    private var networks = HeavyKeys(capacity: capacity)
    private var networkAddresses = [Address](repeating: Address(high: 0, low: 0), count: capacity)
    private var shapes = HeavyKeys(capacity: capacity)
    private var shapeTraits = [Shape](repeating: Shape(), count: capacity)
    private var programs: [UInt64] = []
    private var labels = [UInt8](repeating: 0, count: capacity * labelSize)

    /// Counts a request: a few memory accesses, and a label only where the shape has no place yet.
    ///
    /// - Parameters:
    ///   - source: keyed hash of the subscriber.
    ///   - network: keyed hash of the subscriber's network, whose address is `address`.
    ///   - route: `RouteHash` of the request.
    ///   - http2: how the visitor's program speaks HTTP/2; 0: it does not, or nobody knows.
    mutating func count(
        source: UInt64, network: UInt64, address: Address, route: UInt64, ja4: JA4?, http2: UInt64,
        request: RequestHead, bytes: Span<UInt8>
    ) {
        sources.add(source)
        let http2 = told(http2)
        let (place, isNew) = networks.count(network)
        if isNew { networkAddresses[place] = address }
        var key = route ^ (ja4?.mixed ?? 0) ^ http2
        if request.method == .other {
            // The route's number takes all unusual methods for one.
            for index in request.methodName.range { key = (key ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
            key ^= key >> 32
        }
        let (shape, isNewShape) = shapes.count(key)
        if isNewShape { describe(shape, ja4, http2, request, bytes) }
    }

    private mutating func told(_ program: UInt64) -> UInt64 {
        if program == 0 || programs.contains(program) { return program }
        guard programs.count < Self.programLimit else { return 0 }
        programs.append(program)
        return program
    }

    private mutating func describe(
        _ place: Int, _ ja4: JA4?, _ http2: UInt64, _ request: RequestHead, _ bytes: Span<UInt8>
    ) {
        let start = place * Self.labelSize
        // The head's reader lets no longer method pass.
        let methodCount = min(Int(request.methodName.count), Self.methodLimit)
        for index in 0..<methodCount { labels[start + index] = bytes[Int(request.methodName.start) + index] }
        let routeCount = labels.withUnsafeMutableBufferPointer {
            RouteHash.label(
                bytes, path: request.path, pathLength: request.pathLength,
                into: UnsafeMutableBufferPointer(rebasing: $0[start + Self.methodLimit..<start + Self.labelSize]))
        }
        shapeTraits[place] = Shape(
            methodCount: UInt8(methodCount), routeCount: UInt8(routeCount), ja4: ja4, http2: http2)
    }

    /// The same as the office reads it. Counts are what surely came, so they may add up to less than the requests.
    var traffic: Traffic {
        var traffic = Traffic()
        traffic.sources = sources
        for place in networks.places where networks.sure(at: place) > 0 {
            let address = networkAddresses[place]
            let prefix = Prefix(address, length: address.isIPv4 ? 24 : 48)
            traffic.networks[prefix.description, default: 0] += networks.sure(at: place)
        }
        for place in shapes.places where shapes.sure(at: place) > 0 {
            let start = place * Self.labelSize
            let traits = shapeTraits[place]
            let route = start + Self.methodLimit
            let shape = RequestShape(
                method: String(decoding: labels[start..<start + Int(traits.methodCount)], as: UTF8.self),
                route: String(decoding: labels[route..<route + Int(traits.routeCount)], as: UTF8.self),
                ja4: traits.ja4?.description ?? "",
                http2: traits.http2 == 0 ? "" : RequestRule.digits(of: traits.http2))
            traffic.shapes[shape, default: 0] += shapes.sure(at: place)
        }
        return traffic
    }
}
