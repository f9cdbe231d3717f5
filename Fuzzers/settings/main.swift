import Addresses
import Bytes
import FuzzerSupport
import Glibc
import Messages
import Settings

/// Every path holds a certificate and a key.
private struct SomeFiles: Files {
    static let pem = Array(
        ["CERTIFICATE", "PRIVATE KEY"].map { "-----BEGIN \($0)-----\nTm90IGEgcmVhbCBvbmU=\n-----END \($0)-----\n" }
            .joined().utf8)

    func read(_ path: String, limit: Int) throws(FileTrouble) -> FileContents { FileContents(Self.pem) }
}

// A configuration is taken, and then the lane takes the snapshot made of it; or it is refused, with complaints that fit
// on a line.
private func run(_ bytes: [UInt8]) {
    do throws(Complaints) {
        let settings = try Settings.parse(bytes, folder: "/etc/wasstraat", files: SomeFiles())
        check(settings.warnings)
        var secrets = Snapshot.Secrets()
        secrets.ticketKeys = [Array(repeating: 1, count: 48)]
        let compiled = try settings.compile(generation: 1, secrets: secrets, files: SomeFiles()) { _ in
            .success([Address(ipv4: 0xc000_0201), Address(high: 0x2001_0db8_0000_0000, low: 1)])
        }
        check(compiled.warnings)
        for lane in compiled.lanes {
            let message = lane.snapshot.encoded()
            let taken = Result { () throws(Malformed) in try Snapshot(decoding: message.span.bytes) }
            require(taken == .success(lane.snapshot), "the lane does not take what the office made")
        }
    } catch {
        require(error.hasErrors && !error.list.isEmpty, "refused without a complaint")
        check(error.list)
    }
}

private func check(_ complaints: [Complaint]) {
    require(complaints.count <= Complaints.limit, "more complaints than the limit")
    for complaint in complaints {
        require(!complaint.reason.isEmpty, "a complaint without a reason")
        for scalar in complaint.description.unicodeScalars {
            require(scalar.value >= 32 && scalar.value != 127, "a control character in a complaint")
        }
    }
}

exit(
    runFuzzer { data, size in
        run(Array(UnsafeBufferPointer(start: data, count: size)))
        return 0
    })
