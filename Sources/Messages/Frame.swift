package import Bytes

/// One message on the control socket between the office, its lanes and its viewers: a kind, a length, a body.
///
/// The socket is a Unix stream; descriptors (listeners, the access log, the history's memory) travel beside the first
/// byte of the frame that names them (SCM_RIGHTS).
package struct Frame: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// Lane to office, first of all: `Hello`. A lane that already serves sends its listeners' descriptors along.
        case hello = 1
        /// Office to lane: a `Snapshot`. The first one to a new lane carries the listeners' descriptors, listener by
        /// listener, one socket per worker.
        case snapshot = 2
        /// Lane to office: the snapshot's generation is in force (eight bytes).
        case inForce = 3
        /// Lane to office: a `LaneStatus`. Office to viewer: the same, of its lanes together.
        case status = 4
        /// Office to lane: the access log's descriptor, at the start and at each rotation.
        case accessLog = 5
        /// Office to lane: finish what runs, accept nothing more, end.
        case drain = 6
        /// Lane to office: one log line, level first (one byte, a severity of RFC 5424: 3 error, 4 warning, 5 notice,
        /// 6 informational, 7 debug), then text.
        case log = 7
        /// Viewer to office, first of all: send me `status`, `lane` and `filterReply` every second.
        case watch = 8
        /// Office to viewer: a `LaneState`.
        case lane = 9
        /// Office to lane: memory for the history, one descriptor; its length is in the body (eight bytes).
        case history = 10
        /// Lane to office, every second: a `LaneTraffic`.
        case traffic = 11
        /// Office to lane: `Pages`, all of them; they replace those before.
        case pages = 12
        /// To the filter's process: a `FilterRequest`. Each is answered once, in the order in which they came.
        case filterRequest = 13
        /// From the filter's process: a `FilterReply`. Office to viewer, every second where there is a filter: how it
        /// does, in the same form; refused where it does not answer.
        case filterReply = 14
        /// From the filter's process, to who asked for them: `FilterSamples`.
        case filterSamples = 15
        /// Lane to office, at once: `ProvenSources`.
        case proven = 20
        /// Office to viewer, every second where there is a filter: `HandedSources`.
        case handed = 21
        /// Lane to office, a site at a time; office to a new lane: a `LearntSite`.
        case learnt = 31
        /// Lane to office, four times a second: `RequestSamples`.
        case requestSamples = 22
        /// Office to lane: `RequestRules` of its sites, all of them; they replace those before. Office to viewer, every
        /// second where there are some: those of all sites, with what they matched.
        case requestRules = 23
        /// Office to lane: an `AccessList`; it replaces the one before.
        case access = 24
        /// Lane to office: `BotClaims`.
        case botClaims = 25
        /// Office to lane: `BotVerdicts`; they replace those before.
        case botVerdicts = 26
        /// Office to viewer, every second: a `BusiestTraffic`.
        case busiest = 27
    }

    /// Bytes before the body: kind (1), body length (4).
    package static let headerSize = 5
    /// Longest body: a snapshot with 4,096 sites and their certificates fits.
    package static let bodyLimit = 64 << 20

    package var kind: Kind
    package var body: [UInt8]

    package init(_ kind: Kind, body: [UInt8] = []) {
        self.kind = kind
        self.body = body
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter(reserving: Self.headerSize + body.count)
        writer.write(kind.rawValue)
        writer.writeBlob(body)
        return writer.bytes
    }
}

/// Takes frames out of a stream of bytes as they become whole.
package struct FrameAssembler: Sendable {
    private var pending: [UInt8] = []
    /// Where the next frame begins in `pending`. What lies before it is let go when more comes, not frame by frame:
    /// moving the rest to the front each time would cost the square of what one read brings.
    private var start = 0

    /// The longest body that is taken; a socket that carries short frames alone says so.
    private let bodyLimit: Int

    package init(bodyLimit: Int = Frame.bodyLimit) { self.bodyLimit = min(bodyLimit, Frame.bodyLimit) }

    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            pending.removeFirst(start)
            start = 0
        }
        pending.append(contentsOf: bytes)
    }

    /// The next whole frame, or nil until more bytes came. Throws for an unknown kind or a body over the limit: the
    /// peer does not speak our form, and the connection must be closed.
    package mutating func next() throws(Malformed) -> Frame? {
        guard pending.count - start >= Frame.headerSize else { return nil }
        guard let kind = Frame.Kind(rawValue: pending[start]) else { throw Malformed(.unsupported, at: 0) }
        let body = start + Frame.headerSize
        let length = pending[start + 1..<body].reduce(0) { $0 << 8 | Int($1) }
        guard length <= bodyLimit else { throw Malformed(.overBudget, at: 1) }
        guard pending.count - body >= length else { return nil }
        let frame = Frame(kind, body: Array(pending[body..<body + length]))
        start = body + length
        // A snapshot's 64 MiB are not kept for the next status.
        if start == pending.count {
            pending = []
            start = 0
        }
        return frame
    }
}

/// Who a lane is.
package struct Hello: Equatable, Sendable, Message {
    /// The form's version; an office refuses any other.
    package static let formVersion: UInt16 = 4

    /// Which of the office's lanes: the name that the office gave it when it started it.
    package var name: String
    package var process: UInt32
    /// When the lane's process started: nanoseconds since 1970.
    package var started: UInt64
    /// The snapshot in force; 0: none yet.
    package var generation: UInt64
    /// Descriptors that travel beside this frame: the listeners' sockets, then the history's memory if it has one.
    package var descriptors: UInt32

    package init(name: String, process: UInt32, started: UInt64, generation: UInt64, descriptors: UInt32) {
        self.name = name
        self.process = process
        self.started = started
        self.generation = generation
        self.descriptors = descriptors
    }

    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.writeText(name)
        writer.write(process)
        writer.write(started)
        writer.write(generation)
        writer.write(descriptors)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readUInt16() == Self.formVersion else { throw reader.malformed(.unsupported) }
        self.init(
            name: try reader.readText(limit: 64), process: try reader.readUInt32(), started: try reader.readUInt64(),
            generation: try reader.readUInt64(), descriptors: try reader.readUInt32())
    }
}

/// Whether the lanes serve, as the office tells its viewers. A reader that only asks for that may look at the first byte.
package struct LaneState: Equatable, Sendable, Message {
    /// At least one is connected to the office now.
    package var isUp: Bool
    /// How often the office started a lane anew, since the office's own start.
    package var restarts: UInt32
    /// Lanes configured.
    package var lanes: UInt16
    /// Lanes that are connected to the office now.
    package var serving: UInt16

    package init(isUp: Bool, restarts: UInt32, lanes: UInt16, serving: UInt16) {
        self.isUp = isUp
        self.restarts = restarts
        self.lanes = lanes
        self.serving = serving
    }

    package func write(to writer: inout ByteWriter) {
        writer.write(isUp)
        writer.write(restarts)
        writer.write(lanes)
        writer.write(serving)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(
            isUp: try reader.readBool(), restarts: try reader.readUInt32(), lanes: try reader.readUInt16(),
            serving: try reader.readUInt16())
    }
}
