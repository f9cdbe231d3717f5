import Addresses
import Filters
import Glibc
import PacketFilter
import TestKit
import Testing

private struct Value: Equatable, BitwiseCopyable {
    var first: UInt64
    var second: UInt64 = 0
}

private func address(_ number: Int) -> Address { Address(ipv4: 0x0a63_0000 | UInt32(number)) }

@Suite(.needsBPF) struct `A map in the kernel` {
    @Test(arguments: [EBPF.Map.Kind.hash, .recentHash]) func `keeps entries by their keys`(kind: EBPF.Map.Kind) throws {
        let map = try KernelMap(creating: EBPF.Map("kept", kind, key: 16, value: 16, entries: 64))
        let (one, other) = (AddressKey(address(1)), AddressKey(address(2)))
        #expect(try map.value(of: one, as: Value.self) == nil)
        try map.set(Value(first: 7, second: 8), of: one)
        #expect(try map.value(of: one) == Value(first: 7, second: 8))
        #expect(try map.value(of: other, as: Value.self) == nil)
        #expect(try !map.insert(Value(first: 9), of: one))
        #expect(try map.insert(Value(first: 9), of: other))
        #expect(try map.value(of: one) == Value(first: 7, second: 8))
        #expect(try map.remove(one))
        #expect(try !map.remove(one))
        #expect(try map.value(of: other) == Value(first: 9))
    }

    @Test(arguments: [false, true]) func `that is full says so`(isLazy: Bool) throws {
        let map = try KernelMap(creating: EBPF.Map("full", .hash, key: 4, value: 8, entries: 4, isLazy: isLazy))
        for key in 0..<UInt32(4) { try map.set(UInt64(key), of: key) }
        let error = try #require(throws: KernelError.self) { try map.set(UInt64(4), of: UInt32(4)) }
        #expect(error.code == E2BIG && error.description == "cannot write to the map full: the map is full")
        #expect(throws: KernelError.self) { try map.set([1, 2] as [UInt64], of: [3, 5] as [UInt32]) }
        try map.set(UInt64(5), of: UInt32(3))
        #expect(try map.value(of: UInt32(3)) == UInt64(5))
    }

    @Test func `takes thousands of entries at once, shows them all and takes them away`() throws {
        let map = try KernelMap(creating: EBPF.Map("many", .hash, key: 16, value: 16, entries: 20_000, isLazy: true))
        let count = 2 * KernelMap.batchLimit + 7
        let keys = (0..<count).map { AddressKey(address($0)) }
        try map.set((0..<count).map { Value(first: UInt64($0)) }, of: keys)
        #expect(try map.value(of: keys[5_000]) == Value(first: 5_000))
        var seen: [Address: UInt64] = [:]
        let number = try map.forEach(AddressKey.self, Value.self) { key, value in
            seen[key.address] = value.first
            return true
        }
        #expect(number == count)
        #expect(seen == Dictionary(uniqueKeysWithValues: (0..<count).map { (address($0), UInt64($0)) }))
        var few = 0
        #expect(
            try map.forEach(AddressKey.self, Value.self) { _, _ in
                few += 1
                return few < 3
            } == 3)
        #expect(try map.removeAll(AddressKey.self, Value.self) { _, value in value.first % 2 == 1 } == count / 2)
        #expect(try map.value(of: keys[5_001], as: Value.self) == nil)
        #expect(try map.remove(all: keys) == count - count / 2)
        #expect(try map.forEach(AddressKey.self, Value.self) { _, _ in true } == 0)
    }

    @Test(arguments: [1, 3]) func `of few entries is shown whole`(entries: UInt32) throws {
        let map = try KernelMap(creating: EBPF.Map("few", .hash, key: 4, value: 8, entries: entries))
        for key in 0..<entries { try map.set(UInt64(key), of: key) }
        var keys: Set<UInt32> = []
        try map.forEach(UInt32.self, UInt64.self) { key, _ in keys.insert(key).inserted }
        #expect(keys == Set(0..<entries))
    }

    @Test func `of prefixes finds the longest, in the kernel too`() throws {
        let shape = EBPF.Map("networks", .prefixes, key: 20, value: 8, entries: 64, isLazy: true)
        let map = try KernelMap(creating: shape)
        let prefixes = try ["10.99.0.0/16", "10.99.7.0/24", "10.99.7.9", "2001:db8::/32", "0.0.0.0/0"].map {
            try #require(Prefix($0))
        }
        try map.set((0..<5).map { UInt64($0) }, of: prefixes.map(NetworkKey.init))
        func found(_ text: String) throws -> UInt64? {
            let address = try #require(Address(text))
            return try map.value(of: NetworkKey(Prefix(address, length: 128)))
        }
        #expect(try found("10.99.1.1") == 0)
        #expect(try found("10.99.7.1") == 1)
        #expect(try found("10.99.7.9") == 2)
        #expect(try found("192.0.2.1") == 4)
        #expect(try found("2001:db8::1") == 3)
        #expect(try found("2001:db9::1") == nil)
        var seen: [Prefix: UInt64] = [:]
        try map.forEach(NetworkKey.self, UInt64.self) { key, value in
            seen[key.prefix] = value
            return true
        }
        #expect(seen == Dictionary(uniqueKeysWithValues: zip(prefixes, 0..<5)))

        let program = try KernelProgram(droppingListed(in: shape), name: "listed", maps: KernelMaps([map]))
        let frames = ["2001:db8::5", "2001:db9::5", "::ffff:10.99.7.1"].map { text in
            [UInt8](repeating: 0, count: 14) + PacketBuilder.address(text)
        }
        #expect(try program.actions(on: frames) == [.drop, .pass, .drop])
        #expect(try map.remove(NetworkKey(prefixes[4])))
        #expect(try map.remove(NetworkKey(prefixes[0])))
        #expect(try found("10.99.1.1") == nil && found("10.99.7.1") == 1)
        // Taken away while it is walked through, and more than one call shows.
        #expect(try map.removeAll(NetworkKey.self, UInt64.self) { _, value in value > 1 } == 2)
        #expect(try map.forEach(NetworkKey.self, UInt64.self) { _, _ in true } == 1)
    }

    @Test func `of hashes is what a program sees`() throws {
        let shape = EBPF.Map("addresses", .hash, key: 16, value: 8, entries: 16, isLazy: true)
        let maps = try KernelMaps(creating: [shape])
        let program = try KernelProgram(droppingListed(in: shape), name: "listed", maps: maps)
        let frame = [UInt8](repeating: 0, count: 14) + PacketBuilder.address("2001:db8::5")
        #expect(try program.run(frame).action == .pass)
        let key = AddressKey(try #require(Address("2001:db8::5")))
        try #require(maps[shape]).set(UInt64(1), of: key)
        #expect(try program.run(frame).action == .drop)
        try #require(maps[shape]).remove(key)
        #expect(try program.run(frame).action == .pass)
    }

    @Test func `of each processor is added up, and cleared`() throws {
        let shape = EBPF.Map("sums", .perProcessorArray, key: 4, value: 16, entries: 1_000)
        let maps = try KernelMaps(creating: [shape])
        let map = try #require(maps[shape])
        let counted: [Int32] = [0, 300, 999]
        for index in counted {
            let program = try KernelProgram(always(.pass, at: index, counting: shape), name: "count", maps: maps)
            let runs = [[UInt8]](repeating: [UInt8](repeating: 0, count: 14), count: Int(index) + 1)
            // Where there is more than one processor, the counts of a thread that moves lie in several.
            _ = try program.actions(on: runs)
        }
        let sums = try map.sums(ofFirst: 5_000)
        #expect(sums.count == 2_000)
        for index in 0..<1_000 {
            let expected = counted.contains(Int32(index)) ? UInt64(index + 1) : 0
            #expect(sums[2 * index] == expected && sums[2 * index + 1] == expected)
        }
        #expect(try map.sums(of: 300) == [301, 301])
        #expect(try map.sums(ofFirst: 301).suffix(2) == [301, 301])
        #expect(try map.sums(ofFirst: 0) == [])
        try map.clear(300)
        #expect(try map.sums(of: 300) == [0, 0] && map.sums(of: 999) == [1_000, 1_000])
        #expect(throws: KernelError.self) { try map.sums(of: 1_000) }
    }

    @Test func `of all kinds that the filter has can be made`() throws {
        let maps = try KernelMaps(creating: FilterMaps.all)
        #expect(Set(maps.all.map(\.shape)) == Set(FilterMaps.all))
    }

    @Test func `that the kernel refuses names it`() {
        #expect {
            try KernelMap(creating: EBPF.Map("odd", .ring, key: 0, value: 0, entries: 3))
        } throws: { error in
            let error = error as? KernelError
            return error?.code == EINVAL && error?.description.hasPrefix("cannot create the map odd: ") == true
        }
    }
}

@Suite struct `A list of processors` {
    @Test(arguments: [("0\n", 1), ("0-1\n", 2), ("0-3,8-11", 8), ("1,3,5", 3)])
    func `is counted`(list: String, count: Int) { #expect(Processors.count(in: list) == count) }

    @Test(arguments: ["", "x", "0-", "3-1", "-1", "0-1-2", "0-99999999", "9223372036854775807"])
    func `that is none is not`(list: String) { #expect(Processors.count(in: list) == nil) }
}
