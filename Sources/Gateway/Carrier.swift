internal import Heads

/// What an HTTP/2 connection holds beside its record: how far its frames are, its windows, and which of its requests are
/// under way. A kilobyte or so while it is idle.
struct Carrier {
    /// A request under way: its stream, and the place of its record among the visitors.
    struct Stream {
        var id: UInt32
        var place: UInt32
    }

    /// What the connection waits for in the middle of a DATA frame: content is taken as it comes.
    struct Content {
        var stream: UInt32 = 0
        var left = 0
        var padding = 0
        var endsStream = false
    }

    /// The request that is being decided on; it has a record only once it is admitted.
    struct Candidate {
        var id: UInt32 = 0
        /// All of the request is here.
        var isWhole = true
    }

    /// Requests under way at once, as most servers allow.
    static let streamLimit = 100
    /// Content that one request, or all of one connection, may send ahead of what the origins take.
    static let streamWindow = 256 << 10
    static let window = 1 << 20
    /// Bytes of responses that are kept for one connection whose visitor is slow.
    static let keptLimit = 512 << 10
    /// Frames that leave in one piece.
    static let batchSize = 64 << 10
    /// Bytes that the socket has not taken, beyond which the visitor is not heard: more than content alone makes of
    /// them, so that who sends before it reads is not stuck.
    static let unsentLimit = 128 << 10

    var decoder = HPACKDecoder()
    var budget = HTTP2Budget()
    /// The peer's.
    var settings = HTTP2Settings()
    /// Pieces of a header block until its end, and whose it is; 0: none.
    var block = Store()
    var blockStream: UInt32 = 0
    var blockEndsStream = false
    var content = Content()
    var candidate = Candidate()
    var streams: [Stream] = []
    /// Where in `streams` content is taken next.
    var turn = 0
    var recent = RecentStreams()
    /// The highest stream that was looked at, and the highest that the peer opened: once we are leaving, more.
    var lastStream: UInt32 = 0
    var highestSeen: UInt32 = 0
    /// Frames that leave together at the end of this round.
    var batch: Ink?
    /// Content that the peer may be sent, and may send.
    var sendWindow = 65_535
    var receiveWindow = Carrier.window
    /// Content that was taken, but not yet given back as window.
    var owed = 0
    /// Content that waits in the requests' `out`.
    var kept = 0
    /// Content that was sent.
    var sent = 0
    /// How the visitor's program speaks HTTP/2: a hash of its first settings, its first window, and the order of its
    /// pseudo-header fields.
    var agent: UInt64 = 0xcbf2_9ce4_8422_2325

    var hasPreface = false
    var hasSettings = false
    /// Whole frames may lie in the visitor's `pending`.
    var hasRest = false
    /// The next header block must say that no table is used.
    var tableIsDue = false
    /// GOAWAY was sent with the last stream: no new ones.
    var isLeaving = false
    /// The peer sent GOAWAY, or ended its side.
    var peerLeaves = false
    /// The peer ended its side: nothing more comes.
    var isEnded = false
    /// It is on the worker's list of those to look after at the end of the round.
    var isDirty = false
    /// The socket broke while something was sent.
    var isBroken = false
    /// Why the connection ends, once it has to.
    var failure: HTTP2Code?
    /// Nothing is read before this time; 0: no such time.
    var slowUntil: UInt64 = 0
    /// When the peer was told that the connection is to end, without a last stream yet; 0: it was not.
    var toldToLeaveAt: UInt64 = 0
    /// When the connection's clocks are looked at next.
    var lookAt: UInt64 = 0
    /// When the head began that is still incomplete; 0: there is none.
    var headSince: UInt64 = 0
    /// When a request last came or ended.
    var activeAt: UInt64 = 0
    /// When the visitor's pace was last judged.
    var judgedAt: UInt64 = 0

    func place(of stream: UInt32) -> UInt32? {
        for entry in streams where entry.id == stream { return entry.place }
        return nil
    }
}

extension Visitor {
    /// Whether this is a request that an HTTP/2 connection carries.
    var isCarried: Bool { carriage != nil }

    /// Only of such a request.
    var carried: Carried {
        get { carriage!.pointee }
        nonmutating _modify { yield &carriage!.pointee }
    }

    /// How the visitor's program speaks HTTP/2; 0: it does not.
    var agent: UInt64 { carriage?.pointee.agent ?? carrier?.pointee.agent ?? 0 }
}

/// What a request has beside its record where a connection carries it.
struct Carried {
    /// The stream.
    var id: UInt32 = 0
    /// Where the connection's record is.
    var carrier: UInt32 = 0
    var sendWindow = 0
    var receiveWindow = 0
    /// Content that was taken, but not yet given back as window.
    var owed = 0
    /// Content that waits in `pending`, but for what was gathered.
    var taken = 0
    /// Content at the front of `pending` that was awaited, and had its window back as it came.
    var gathered = 0
    /// What of the content that Content-Length promised is still to come; nil: nothing was promised.
    var remaining: UInt64?
    /// Bytes at the end of `pending` that are the end of a chunked body, and of `out` that are the block of trailers.
    var pendingTail = 0
    var outTail = 0
    /// What of the connection's content the visitor had taken when this request's pace was last judged, and whether it was
    /// excused then though that had hardly grown.
    var takenBefore = 0
    var wasExcused = false
    /// RFC 9218: 0 goes first, 7 last.
    var urgency: UInt8 = 3
    var agent: UInt64 = 0
    /// What the peer is told if the stream ends too early.
    var code = HTTP2Code.internalError
    /// The request goes on to the origin in chunks.
    var isChunked = false
    /// All of the request is here.
    var isWhole = true
    /// The end of the response stands behind what is in `out`.
    var endsAfterOut = false
    /// The end of the response was sent.
    var isEnded = false
    /// The peer gave the stream up, or was told that it is.
    var isReset = false
}

/// The streams that ended last, and how: what still comes for one that we reset was under way, and is no error
/// (RFC 9113, section 5.1).
struct RecentStreams {
    /// More than there may be streams at once.
    private static let capacity = 128
    private static let resetFlag: UInt32 = 1 << 31
    private var places = InlineArray<128, UInt32>(repeating: 0)
    private var next = 0

    mutating func add(_ stream: UInt32, wasReset: Bool) {
        places[next] = stream | (wasReset ? Self.resetFlag : 0)
        next = (next + 1) % Self.capacity
    }

    enum Ending {
        case reset, ordinary, unknown
    }

    func ending(of stream: UInt32) -> Ending {
        for index in 0..<Self.capacity where places[index] & ~Self.resetFlag == stream {
            return places[index] & Self.resetFlag != 0 ? .reset : .ordinary
        }
        return .unknown
    }
}
