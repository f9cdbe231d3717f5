extension KeyedHash {
    /// SipHash-1-3 of two words and bytes behind them: seals what is written to a file and read again.
    package func seal(_ first: UInt64, _ second: UInt64, _ bytes: RawSpan) -> UInt64 {
        var state = State(key0, key1)
        state.absorb(first, rounds: 1)
        state.absorb(second, rounds: 1)
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            state.absorb(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian, rounds: 1)
            offset += 8
        }
        var last: UInt64 = 0
        for place in offset..<bytes.byteCount {
            last |= UInt64(bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self)) << UInt64(8 * (place - offset))
        }
        state.absorb(last, rounds: 1)
        return state.finish(length: UInt64(truncatingIfNeeded: bytes.byteCount), rounds: (1, 3))
    }
}
