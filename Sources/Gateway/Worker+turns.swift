internal import Admission
internal import CLinux
internal import Glibc

/// A round while some sites are heavy: everyone's work first, then theirs, in turns and not for long, so that what comes for
/// the others meanwhile waits for a tenth of a millisecond.
extension Worker {
    /// Nanoseconds for heavy sites in a round.
    private static let slice: UInt64 = 100_000

    func serveInTurns(_ events: ArraySlice<epoll_event>) {
        for event in events {
            switch event.data.u64 >> Self.kindShift {
            case Self.visitorKind, Self.upstreamKind:
                guard let stream = stream(of: event.data.u64) else { continue }
                if isHeavy(stream) {
                    postpone(event.data.u64, event.events, stream)
                } else {
                    dispatch(event.data.u64, event.events)
                }
            case Self.listenerKind: continue
            default: dispatch(event.data.u64, event.events)
            }
        }
        finishRound()
        // Who comes new is unknown, and soon told apart: a heavy site's visitor costs least when turned away at once.
        for event in events where event.data.u64 >> Self.kindShift == Self.listenerKind {
            dispatch(event.data.u64, event.events)
        }
        finishRound()
    }

    /// Serves heavy sites for a while.
    func serveHeavy() {
        guard !books.turns.isEmpty else { return }
        var time = Clock.monotonic()
        let end = time + Self.slice
        while time < end, let (data, _) = books.turns.next() {
            if let stream = stream(of: data), stream.pointee.deferred != 0 {
                let events = UInt32(stream.pointee.deferred)
                stream.pointee.deferred = 0
                lapped = time
                dispatch(data, events)
                finishRound()
            }
            let begun = time
            time = Clock.monotonic()
            books.turns.spent(Int(time &- begun))
        }
    }

    /// The event waits for the site's turn. One more for the same stream joins it.
    func postpone(_ data: UInt64, _ events: UInt32, _ stream: UnsafeMutablePointer<Stream>) {
        let isWaiting = stream.pointee.deferred != 0
        stream.pointee.deferred |= UInt16(truncatingIfNeeded: events)
        guard !isWaiting, stream.pointee.deferred != 0 else { return }
        let place = Int(stream.pointee.tenant)
        books.turns.add(data, at: place, share: books.tenants.shares[books.tenants.organisations[place]])
    }

    /// What is left to do for a connection to an origin waits for the site's turn.
    func postponeUpstream(_ index: UInt32) {
        let upstream = upstreams[index]
        postpone(
            Self.name(Self.upstreamKind, index, upstream.pointee.generation), linux_epoll_in, &upstream.pointee.stream)
    }

    func postponeVisitor(_ index: UInt32) {
        let visitor = visitors[index]
        postpone(
            Self.name(Self.visitorKind, index, visitor.pointee.generation), linux_epoll_in, &visitor.pointee.stream)
    }

    private static let streamOfVisitor = MemoryLayout<Visitor>.offset(of: \.stream)!
    private static let streamOfUpstream = MemoryLayout<Upstream>.offset(of: \.stream)!

    /// The stream that an event is for; nil: it is another's by now.
    private func stream(of data: UInt64) -> UnsafeMutablePointer<Stream>? {
        let index = UInt32(truncatingIfNeeded: data)
        let generation = UInt32(truncatingIfNeeded: data >> 32) & 0x3fff_ffff
        if data >> Self.kindShift == Self.visitorKind {
            guard index < visitors.indices.upperBound, visitors[index].pointee.generation & 0x3fff_ffff == generation,
                visitors[index].pointee.phase != .free
            else { return nil }
            return UnsafeMutableRawPointer(visitors[index]).advanced(by: Self.streamOfVisitor)
                .assumingMemoryBound(to: Stream.self)
        }
        guard index < upstreams.indices.upperBound, upstreams[index].pointee.generation & 0x3fff_ffff == generation,
            upstreams[index].pointee.phase != .free
        else { return nil }
        return UnsafeMutableRawPointer(upstreams[index]).advanced(by: Self.streamOfUpstream)
            .assumingMemoryBound(to: Stream.self)
    }

    /// Other sites, or in other places: what waits goes on in its site's new line.
    func changeTenants(to new: SiteTable) {
        let places = Dictionary(
            uniqueKeysWithValues: new.sites.map { (ObjectIdentifier($0.state), Int(Self.place($0.index))) })
        let moved =
            [Tenants.nobody]
            + table.sites.map { places[ObjectIdentifier($0.state)] ?? Tenants.nobody }
        books.change(to: new.tenants, moved: moved, caps: new.caps(of: index, among: shared.workerCount))
        worksFor = UInt16(moved[Int(worksFor)])
        for index in visitors.indices where visitors[index].pointee.phase != .free {
            visitors[index].pointee.stream.tenant = UInt16(moved[Int(visitors[index].pointee.stream.tenant)])
        }
        for index in upstreams.indices where upstreams[index].pointee.phase != .free {
            upstreams[index].pointee.stream.tenant = UInt16(moved[Int(upstreams[index].pointee.stream.tenant)])
            upstreams[index].pointee.owner = UInt16(moved[Int(upstreams[index].pointee.owner)])
        }
        for data in books.turns.takeAll() {
            guard let stream = stream(of: data) else { continue }
            let events = UInt32(stream.pointee.deferred)
            stream.pointee.deferred = 0
            postpone(data, events, stream)
        }
        books.connections.capacity = Self.capacity(new, shared)
        var descriptors = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
        // What visitors do not need; a lane with fewer descriptors than its limits ask for still reaches its origins.
        books.origins.capacity = max(
            1024, Int(clamping: descriptors.rlim_cur) / shared.workerCount - books.connections.capacity)
    }
}
