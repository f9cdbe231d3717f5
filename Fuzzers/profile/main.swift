import Addresses
import Bytes
import Detection
import FuzzerSupport
import Glibc

// The input is a profile's file. What is taken is within its bounds and is written again as what it is; it can be put
// together with another.
private let everywhere = [Prefix(Address(ipv4: 0), length: 0), Prefix(Address(high: 0, low: 0), length: 0)]
private let shipped = TrafficProfile.shipped

private func read(_ bytes: RawSpan) throws(Malformed) -> TrafficProfile {
    var reader = ByteReader(bytes)
    return try TrafficProfile(reading: &reader)
}

private func run(_ bytes: RawSpan) {
    do throws(Malformed) {
        let profile = try read(bytes)
        require(profile.ordinary.count == TrafficClass.count, "a class without its bounds")
        require(profile.known.count <= TrafficProfile.knownLimit, "too many targets")
        require(profile.samples.count <= TrafficProfile.sampleLimit, "too many packets")
        for known in profile.known.values { require(known.kind.isNamed, "a class that does not exist") }
        let written = profile.bytes(namingHostsIn: everywhere)
        require(written.count <= TrafficProfile.sizeLimit, "longer than a file may be")
        guard var again = try? read(written.span.bytes) else { return require(false, "not read again") }
        // A name of no text, or that was cut in a letter, is written as what is left of it.
        again.name = profile.name
        require(again == profile, "written as another")
        var both = profile
        both.merge(profile)
        both.merge(shipped)
        require(both.known.count == profile.known.count, "other targets")
        require(both.ordinary.allSatisfy { $0.mean >= 0 && $0.share >= 0 }, "less than nothing")
        guard let merged = try? read(both.bytes(namingHostsIn: everywhere).span.bytes) else {
            return require(false, "what was put together is refused")
        }
        require(merged.known == both.known, "put together and written as another")
    } catch {
        require((0...bytes.byteCount).contains(error.offset), "place of the error")
    }
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
