import Bytes
import FuzzerSupport
import Glibc
import Messages
import Mitigations

// The first byte says what the rest is read as. What is taken is written again as it was read: one value, one form.
private func run(_ bytes: RawSpan) {
    guard bytes.byteCount > 0 else { return }
    let rest = bytes.extracting(1..<bytes.byteCount)
    switch bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self) & 15 {
    case 0: roundTrip(Snapshot.self, rest)
    case 1: roundTrip(LaneStatus.self, rest)
    case 2: roundTrip(Hello.self, rest)
    case 3: roundTrip(FilterRequest.self, rest)
    case 4: roundTrip(LaneTraffic.self, rest)
    case 5: roundTrip(Pages.self, rest)
    case 6: book(rest)
    case 8: roundTrip(ProvenSources.self, rest)
    case 9: roundTrip(AccessList.self, rest)
    case 10: roundTrip(BotClaims.self, rest)
    case 11: roundTrip(BotVerdicts.self, rest)
    case 12: roundTrip(BusiestTraffic.self, rest)
    case 13: roundTrip(ControlBook.self, rest)
    default: frames(rest)
    }
}

private func roundTrip<Value: Message & Equatable>(_: Value.Type, _ bytes: RawSpan) {
    do throws(Malformed) {
        let value = try Value(decoding: bytes)
        let again = value.encoded()
        require(again.count == bytes.byteCount, "written in another length")
        require(Digest.of(again.span) == Digest.of(Span(_bytes: bytes)), "written in another form")
    } catch {
        require((0...bytes.byteCount).contains(error.offset), "place of the error")
    }
}

/// A book of an earlier form is written in today's, and says the same.
private func book(_ bytes: RawSpan) {
    guard bytes.byteCount >= 2,
        bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self).bigEndian < StoredBook.formVersion
    else { return roundTrip(StoredBook.self, bytes) }
    guard let book = try? StoredBook(decoding: bytes) else { return }
    let again = book.encoded()
    require((try? StoredBook(decoding: again.span.bytes)) == book, "an earlier form is written as another book")
}

/// However the stream is cut, the same frames come out of it.
private func frames(_ bytes: RawSpan) {
    let stream = bytes.withUnsafeBytes { Array($0) }
    let cut = Digest.of(stream.span).place(in: stream.count)
    var whole = FrameAssembler()
    whole.append(stream)
    let (all, refusal) = drain(&whole)
    var parts = FrameAssembler()
    parts.append(stream[..<cut])
    var (found, early) = drain(&parts)
    if early == nil {
        parts.append(stream[cut...])
        let (more, late) = drain(&parts)
        found += more
        early = late
    }
    require(found == all && early == refusal, "frames depend on where the stream is cut")
    var length = 0
    for frame in all { length += frame.encoded().count }
    require(length <= stream.count, "more came out than went in")
}

private func drain(_ assembler: inout FrameAssembler) -> ([Frame], Malformed?) {
    var found: [Frame] = []
    do throws(Malformed) {
        while let frame = try assembler.next() { found.append(frame) }
        return (found, nil)
    } catch {
        return (found, error)
    }
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
