/// The names under which servers write a request's features in JSON logs, as they are compared: in lower case, without
/// "-", "_", "." and "@", the names of the objects they stand in before them.
enum LogNames {
    enum Field: Int, CaseIterable {
        case time, source, method, target, query, request, status, bytes, host, agent, referer, version, queryLength
    }

    /// Longest name that is compared, and room for it.
    static let limit = 48

    /// Each name with its rank: of two in one line the higher one counts, of equals the first.
    private static let names: [(Field, UInt8, StaticString)] = [
        (.time, 2, "time"), (.time, 3, "timestamp"), (.time, 3, "ts"), (.time, 3, "timelocal"),
        (.time, 4, "timeiso8601"), (.time, 5, "msec"), (.time, 2, "datetime"), (.time, 4, "startutc"),
        (.time, 3, "starttime"), (.time, 3, "startlocal"), (.time, 1, "date"),
        // A proxy's own view of the client comes before the peer, which may be another proxy.
        (.source, 4, "requestclientip"), (.source, 3, "requestremoteip"), (.source, 2, "requestremoteaddr"),
        (.source, 3, "clienthost"), (.source, 2, "clientaddr"), (.source, 3, "clientip"), (.source, 2, "remoteaddr"),
        (.source, 2, "remoteip"), (.source, 2, "remotehost"), (.source, 3, "sourceip"), (.source, 2, "sourceaddress"),
        (.source, 1, "ip"), (.source, 1, "client"), (.source, 1, "remote"), (.source, 1, "source"),
        (.method, 2, "method"), (.method, 3, "requestmethod"), (.method, 3, "httpmethod"), (.method, 1, "verb"),
        (.method, 3, "httprequestmethod"),
        (.target, 5, "requesturi"), (.target, 4, "uri"), (.target, 4, "url"), (.target, 3, "path"),
        (.target, 4, "requestpath"), (.target, 3, "target"), (.target, 3, "urlpath"), (.target, 5, "urloriginal"),
        (.target, 4, "httpurl"), (.target, 4, "requesturl"),
        (.query, 2, "args"), (.query, 2, "querystring"), (.query, 1, "query"), (.query, 2, "urlquery"),
        (.request, 1, "request"), (.request, 1, "requestline"),
        (.status, 3, "status"), (.status, 3, "statuscode"), (.status, 4, "downstreamstatus"),
        (.status, 2, "httpstatus"),
        (.status, 2, "responsestatus"), (.status, 3, "httpresponsestatuscode"), (.status, 1, "responsecode"),
        (.status, 1, "originstatus"),
        (.bytes, 2, "bytes"), (.bytes, 3, "bodybytessent"), (.bytes, 2, "bytessent"), (.bytes, 2, "size"),
        (.bytes, 2, "responsesize"), (.bytes, 3, "downstreamcontentsize"), (.bytes, 3, "bytesout"),
        (.bytes, 3, "httpresponsebodybytes"), (.bytes, 2, "responsebytes"), (.bytes, 2, "byteswritten"),
        (.host, 2, "host"), (.host, 3, "httphost"), (.host, 4, "requesthost"), (.host, 2, "servername"),
        (.host, 3, "vhost"), (.host, 3, "virtualhost"), (.host, 3, "site"), (.host, 3, "urldomain"),
        (.agent, 2, "useragent"), (.agent, 3, "httpuseragent"), (.agent, 1, "agent"),
        (.agent, 4, "requestheadersuseragent"), (.agent, 3, "requestuseragent"), (.agent, 4, "useragentoriginal"),
        (.referer, 2, "referer"), (.referer, 2, "referrer"), (.referer, 3, "httpreferer"),
        (.referer, 3, "httpreferrer"),
        (.referer, 4, "requestheadersreferer"), (.referer, 3, "requestreferer"), (.referer, 3, "httprequestreferrer"),
        (.version, 2, "protocol"), (.version, 2, "proto"), (.version, 2, "serverprotocol"),
        (.version, 3, "requestproto"), (.version, 3, "requestprotocol"), (.version, 2, "httpversion"),
        (.queryLength, 1, "querylength"),
    ]

    /// Places in `names` by the hash of the name, plus 1; 0 is none. Open addressing, at most a third full.
    static let table: [UInt8] = {
        var table = [UInt8](repeating: 0, count: 256)
        for (index, entry) in names.enumerated() {
            var hash = start
            for place in 0..<entry.2.utf8CodeUnitCount { hash = step(hash, entry.2.utf8Start[place]) }
            var slot = Int(truncatingIfNeeded: hash >> 24) & 255
            while table[slot] != 0 { slot = (slot + 1) & 255 }
            table[slot] = UInt8(index + 1)
        }
        return table
    }()

    static let start: UInt64 = 0xcbf2_9ce4_8422_2325

    @inline(__always)
    static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }

    /// The field of a name, given as the first `count` bytes of `name`; nil for other names.
    static func field(_ name: [UInt8], _ count: Int, _ table: [UInt8]) -> (field: Field, rank: UInt8)? {
        var hash = start
        for index in 0..<count { hash = step(hash, name[index]) }
        var slot = Int(truncatingIfNeeded: hash >> 24) & 255
        while table[slot] != 0 {
            let entry = names[Int(table[slot]) - 1]
            if entry.2.utf8CodeUnitCount == count {
                var index = 0
                while index < count, entry.2.utf8Start[index] == name[index] { index += 1 }
                if index == count { return (entry.0, entry.1) }
            }
            slot = (slot + 1) & 255
        }
        return nil
    }
}
