import Admission
import Sketches
import Testing

/// The book of what a cache has on disk, and the disk itself as a plain set.
private final class Shelf {
    typealias Name = CacheShelf.Name

    var book: CacheShelf
    /// What lies on the disk, and how large it is.
    var disk: [UInt64: Int] = [:]
    var woken: UInt64 = 0
    var now: UInt64 = 0
    var fileSize = 1000

    init(room: Int = 1 << 30, files: [UInt64] = [], isOpen: Bool = true) {
        book = CacheShelf(room: room)
        for hash in files {
            disk[hash] = 1000
            if isOpen { book.found(Self.name(hash), size: 1000, usedAt: 0) }
        }
        if isOpen { book.open() }
    }

    static func name(_ hash: UInt64) -> Name { Name(site: hash % 3, hash: hash) }

    func keep(_ hash: UInt64) { _ = book.kept(Self.name(hash), at: now, now / 1_000_000_000) }

    /// Does one thing of what is to be done, as the disk's thread does.
    ///
    /// - Parameter meanwhile: what is said while it writes.
    func step(meanwhile: (UInt64) -> Void = { _ in }) -> CacheShelf.Task? {
        guard let task = book.next(at: now, mayWrite: true) else { return nil }
        switch task {
        case .remove(let name):
            disk[name.hash] = nil
            woken |= book.removed(name.hash)
        case .load(let name): woken |= book.loaded(name.hash, isSound: disk[name.hash] != nil)
        case .write(let name):
            meanwhile(name.hash)
            disk[name.hash] = fileSize
            book.wrote(name.hash, size: fileSize)
        }
        return task
    }

    func work() {
        while step() != nil {}
        while let victim = book.victim(at: now / 1_000_000_000) {
            book.evict(victim.hash)
            disk[victim.hash] = nil
            woken |= book.removed(victim.hash)
        }
    }

    func ask(_ hash: UInt64, worker: Int? = 0) -> Bool {
        book.ask(hash, worker: worker, at: now / 1_000_000_000)
    }

    @discardableResult
    func giveUp(_ hash: UInt64) -> Bool { book.giveUp(hash) }

    func pass(seconds: UInt64) { now += seconds * 1_000_000_000 }
}

@Suite struct `The book of the cache's folder` {
    @Test func `has what is kept written, and asked for`() {
        let shelf = Shelf()
        shelf.keep(1)
        #expect(!shelf.ask(1, worker: 0), "it is not on disk yet")
        shelf.work()
        #expect(shelf.disk.keys.sorted() == [1] && shelf.book.bytes == 4096)
        #expect(shelf.ask(1, worker: 3) && shelf.ask(1, worker: 5))
        #expect(shelf.step() == .load(Shelf.name(1)) && shelf.woken == 1 << 3 | 1 << 5)
        #expect(shelf.step() == nil)
        #expect(!shelf.ask(2, worker: 0))
    }

    @Test func `has what is given up removed before anything else, and shows it to nobody`() {
        let shelf = Shelf(files: [1, 2])
        shelf.keep(7)
        #expect(shelf.ask(1, worker: 0) && shelf.ask(2, worker: 1))
        #expect(shelf.giveUp(2))
        #expect(shelf.book.isOutdated(2) && !shelf.book.isOutdated(1) && !shelf.ask(2, worker: 2))
        #expect(shelf.step() == .remove(Shelf.name(2)))
        #expect(shelf.woken == 1 << 1, "who waited for it goes on")
        #expect(shelf.step() == .load(Shelf.name(1)))
        #expect(shelf.step() == .write(Shelf.name(7)))
        #expect(!shelf.giveUp(99))
    }

    @Test func `has a newer one written once in a while, and an older one is not read meanwhile`() {
        let shelf = Shelf()
        shelf.keep(1)
        shelf.work()
        for _ in 0..<9 {
            shelf.pass(seconds: 1)
            shelf.keep(1)
            #expect(shelf.step() == nil && !shelf.ask(1, worker: 0))
        }
        shelf.pass(seconds: 2)
        #expect(shelf.step() == .write(Shelf.name(1)) && shelf.step() == nil)
        #expect(shelf.ask(1, worker: 0))
    }

    @Test func `has what was kept after it was given up written at once`() {
        let shelf = Shelf(files: [1])
        shelf.giveUp(1)
        shelf.keep(1)
        // What is not true any more does not lie there until then.
        #expect(shelf.book.isVoid(1) && shelf.step() == .remove(Shelf.name(1)) && !shelf.book.isVoid(1))
        #expect(shelf.step() == .write(Shelf.name(1)) && shelf.step() == nil)
        #expect(shelf.disk[1] != nil && shelf.book.count == 1)
        // And the other way round.
        shelf.pass(seconds: 20)
        shelf.keep(1)
        shelf.giveUp(1)
        shelf.work()
        #expect(shelf.disk.isEmpty && shelf.book.isEmpty)
    }

    @Test func `has what was given up while it was written removed, whatever was kept after that`() {
        let shelf = Shelf()
        shelf.keep(1)
        let task = shelf.step { hash in
            shelf.giveUp(hash)
            shelf.keep(hash)
        }
        #expect(task == .write(Shelf.name(1)) && shelf.book.isVoid(1) && shelf.book.isOutdated(1))
        #expect(shelf.step() == .remove(Shelf.name(1)) && shelf.disk.isEmpty)
        #expect(shelf.step() == .write(Shelf.name(1)) && !shelf.book.isOutdated(1) && shelf.step() == nil)
    }

    @Test func `shows nobody what was read while there is something newer`() {
        let shelf = Shelf(files: [1])
        #expect(shelf.ask(1) && !shelf.book.isOutdated(1))
        shelf.keep(1)
        #expect(shelf.book.isOutdated(1))
    }

    @Test func `names those who wait when the folder is gone`() {
        let shelf = Shelf(files: [1, 2])
        #expect(shelf.ask(1, worker: 3) && shelf.ask(1, worker: 5))
        let waiting = shelf.book.close()
        #expect(waiting.count == 1 && waiting.first?.hash == 1 && waiting.first?.workers == 1 << 3 | 1 << 5)
        #expect(!shelf.book.isOpen && shelf.book.close().isEmpty)
    }

    @Test func `lets a new one in, however many there are`() {
        let shelf = Shelf(room: .max, isOpen: false)
        for hash in 1...UInt64(CacheShelf.fileLimit) { shelf.book.found(Shelf.name(hash), size: 1, usedAt: 0) }
        shelf.book.open()
        shelf.work()
        #expect(shelf.book.count == CacheShelf.fileLimit - CacheShelf.newLimit)
        shelf.keep(1 << 40)
        #expect(shelf.step() == .write(Shelf.name(1 << 40)) && shelf.book.omitted == 0)
    }

    @Test func `remembers what was given up before the folder was read`() {
        let shelf = Shelf(files: [1, 2, 3], isOpen: false)
        #expect(!shelf.book.isEmpty, "nobody may think that there is nothing to give up")
        shelf.giveUp(2)
        #expect(shelf.book.isOutdated(2))
        for hash in [1, 2, 3] as [UInt64] { shelf.book.found(Shelf.name(hash), size: 1000, usedAt: 0) }
        shelf.book.open()
        #expect(!shelf.ask(2, worker: 0))
        shelf.work()
        #expect(shelf.disk.keys.sorted() == [1, 3])
        // More than can be remembered: all goes.
        let other = Shelf(files: [1, 2, 3], isOpen: false)
        for hash in 1000..<70_000 as Range<UInt64> { other.giveUp(hash) }
        for hash in [1, 2, 3] as [UInt64] { other.book.found(Shelf.name(hash), size: 1000, usedAt: 0) }
        other.book.open()
        other.work()
        #expect(other.disk.isEmpty && other.book.isEmpty)
    }

    @Test func `lets go the files of sites that keep nothing, also of those that did not in between`() {
        let shelf = Shelf(files: [0, 1, 2, 3, 4, 5])
        shelf.book.retain([0, 2])
        shelf.work()
        #expect(shelf.disk.keys.sorted() == [0, 2, 3, 5])
        let other = Shelf(files: [0, 1, 2], isOpen: false)
        other.book.retain([0, 1])
        other.book.retain([0, 1, 2])
        for hash in [0, 1, 2] as [UInt64] { other.book.found(Shelf.name(hash), size: 1000, usedAt: 0) }
        other.book.open()
        other.work()
        #expect(other.disk.keys.sorted() == [0, 1])
    }

    @Test func `keeps within its room what was used last`() {
        let shelf = Shelf(room: 40 * 4096)
        for hash in 1...40 as ClosedRange<UInt64> { shelf.keep(hash) }
        shelf.work()
        for hash in 1...5 as ClosedRange<UInt64> {
            #expect(shelf.ask(hash, worker: nil))
            shelf.work()
        }
        for hash in 41...60 as ClosedRange<UInt64> { shelf.keep(hash) }
        shelf.work()
        #expect(shelf.book.bytes == 40 * 4096 && shelf.disk.count == 40)
        #expect((1...5).allSatisfy { shelf.disk[$0] != nil } && (6...25).allSatisfy { shelf.disk[$0] == nil })
        // What memory holds is used without a word.
        shelf.book.spare(26, at: 0)
        shelf.book.room = 10 * 4096
        shelf.work()
        #expect(shelf.disk.count == 10 && shelf.disk[26] != nil)
        // What nobody asks for is not kept for ever.
        shelf.pass(seconds: CacheShelf.idleTime + 1)
        shelf.work()
        #expect(shelf.disk.isEmpty)
    }

    @Test func `leaves out what is too much, and counts it`() {
        let shelf = Shelf(files: Array(0..<1000))
        for hash in 10_000..<20_000 as Range<UInt64> { shelf.keep(hash) }
        #expect(shelf.book.omitted == UInt64(10_000 - CacheShelf.newLimit))
        let asked = (0..<1000 as Range<UInt64>).count { shelf.ask($0, worker: 0) }
        #expect(asked == CacheShelf.loadLimit)
        // Giving up is never left out.
        for hash in 0..<1000 as Range<UInt64> { shelf.giveUp(hash) }
        shelf.work()
        #expect(shelf.disk.count == CacheShelf.newLimit && shelf.disk.keys.allSatisfy { $0 >= 10_000 })
    }

    @Test func `does not keep an older file where a newer one could not be written`() {
        let shelf = Shelf(files: [1, 2])
        shelf.keep(1)
        shelf.pass(seconds: 11)
        let write = shelf.book.next(at: shelf.now, mayWrite: true)
        #expect(write == .write(Shelf.name(1)))
        shelf.book.wrote(1, size: nil)
        shelf.work()
        #expect(shelf.disk.keys.sorted() == [2])
        // One that holds something else goes too.
        #expect(shelf.ask(2, worker: 4))
        let load = shelf.book.next(at: shelf.now, mayWrite: true)
        let woken = shelf.book.loaded(2, isSound: false)
        #expect(load == .load(Shelf.name(2)) && woken == 1 << 4)
        shelf.work()
        #expect(shelf.disk.isEmpty && shelf.book.isEmpty)
    }

    /// Whatever happens in whatever order: what was given up last is gone once all is done, what was kept last is there,
    /// the book and the disk agree, and nobody waits.
    @Test(arguments: 1...40) func `agrees with the disk`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let shelf = Shelf(room: 50 * 4096)
        var last: [UInt64: Bool] = [:]
        var waits = false
        for _ in 0..<5000 {
            let hash = random.next() % 30
            switch random.next() % 12 {
            case 0...2:
                shelf.keep(hash)
                last[hash] = true
            case 3...4:
                shelf.giveUp(hash)
                last[hash] = false
            case 5...6: if shelf.ask(hash, worker: 0) { waits = true }
            case 7: shelf.pass(seconds: random.next() % 8)
            case 8:
                let isKept = random.next() % 2 == 0
                _ = shelf.step { hash in
                    if isKept { shelf.keep(hash) } else { shelf.giveUp(hash) }
                    last[hash] = isKept
                }
            default: _ = shelf.step()
            }
        }
        shelf.pass(seconds: 30)
        shelf.work()
        #expect(shelf.disk.keys.sorted() == last.filter(\.value).keys.sorted())
        #expect(shelf.book.count == shelf.disk.count && shelf.book.bytes == shelf.disk.count * 4096)
        #expect(!shelf.book.hasRemovals && shelf.step() == nil)
        #expect(!waits || shelf.woken == 1)
    }
}
