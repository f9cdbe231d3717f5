import Bytes
import Flows
import Glibc
import TestKit
import Testing

/// Datagrams of real exporters, cut off at every byte.
@Suite struct `A recorded datagram` {
    @Test(.needsShared("data/flows"), arguments: ["akvorado-netflow", "akvorado-sflow"])
    func `that is cut off is refused whole, or tells the sets before the cut`(kind: String) throws {
        let folder = try #require(SharedData.path("data/flows/\(kind)"))
        var cuts = 0
        for name in try files(in: folder) {
            for datagram in try Recording(["\(folder)/\(name)"]).datagrams {
                let bytes = datagram.payload
                var whole = Collector()
                try whole.take(bytes)
                // NetFlow 9 says nowhere how long a message is: cut off behind a set it is a shorter one.
                let ends = Set(bytes[1] == 9 ? ends(of: bytes) : [])
                for length in 0..<bytes.count {
                    var collector = Collector()
                    let malformed = collector.refusal(Array(bytes[..<length]))
                    if kind == "akvorado-sflow" {
                        // Some have bytes behind their last sample, which say nothing.
                        #expect(
                            malformed != nil || collector.batch.samples == whole.batch.samples, "\(name): \(length)")
                    } else {
                        #expect((malformed == nil) == ends.contains(length), "\(name): \(length)")
                    }
                    if let malformed {
                        #expect(malformed.offset <= max(length, 2), "\(name): \(length)")
                        #expect(collector.flows.isEmpty && collector.batch.samples.isEmpty)
                        #expect(collector.decoder.figures.isEmpty)
                    }
                    #expect(collector.flows.count <= whole.flows.count, "\(name): \(length)")
                    cuts += 1
                }
            }
        }
        #expect(cuts > 1_000)
    }

    private func ends(of message: [UInt8]) -> [Int] {
        var ends = [20]
        while let end = ends.last, end + 4 <= message.count {
            let length = Int(message[end + 2]) << 8 | Int(message[end + 3])
            guard length >= 4 else { break }
            ends.append(end + length)
        }
        return ends
    }

    private func files(in folder: String) throws -> [String] {
        let directory = try #require(opendir(folder))
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".pcap") { names.append(name) }
        }
        return names.sorted()
    }
}
