import Glibc
import Testing
import wasstraat

struct FilterSupervisionTests {
    @Test func `leaves a unit time to be first, starts again at once, and then waits longer each time`() {
        var supervision = FilterSupervision(at: 0)
        var now: Int64 = 0
        var delays: [Int64] = []
        for process in 1...8 {
            let asked = now
            while supervision.tick(at: now) != .start { now += 100 }
            delays.append(now - asked)
            supervision.started(pid_t(process), at: now)
            now += 100
            supervision.gone(at: now)
        }
        #expect(delays == [3_000, 0, 200, 1_000, 5_000, 15_000, 60_000, 60_000])
        #expect(supervision.restarts == 7)
    }

    @Test func `one that lived is started again at once`() {
        var supervision = FilterSupervision(at: 0)
        for process in 1...4 {
            supervision.started(pid_t(process), at: 0)
            supervision.gone(at: 1)
        }
        supervision.started(5, at: 100_000)
        supervision.gone(at: 111_000)
        #expect(supervision.tick(at: 111_000) == .start)
    }

    @Test func `one that does not answer is ended, and one that answers is not`() {
        var supervision = FilterSupervision(at: 0)
        supervision.started(7, at: 0)
        #expect(supervision.tick(at: 59_999) == nil)
        supervision.answered(at: 59_999)
        #expect(supervision.tick(at: 60_000) == nil)
        #expect(supervision.tick(at: 120_000) == .kill(7))
        #expect(supervision.tick(at: 120_001) == nil)
    }

    @Test func `someone else's is neither started, nor killed, nor ended, and found when it comes again`() {
        var supervision = FilterSupervision(at: 0)
        supervision.found(nil, at: 0)
        #expect(supervision.tick(at: 1_000_000) == nil && supervision.process == nil)
        supervision.gone(at: 1_000_000)
        #expect(supervision.tick(at: 1_000_000_000) == nil)
        supervision.found(nil, at: 1_000_000_000)
        #expect(supervision.phase == .foreign)
        #expect(supervision.stop(at: 1_000_000_001) == nil)
        #expect(supervision.phase == .ended)
    }

    @Test func `what an earlier office left is ours`() {
        var supervision = FilterSupervision(at: 0)
        supervision.found(9, at: 0)
        #expect(supervision.process == 9)
        #expect(supervision.stop(at: 10) == .end(9))
        #expect(supervision.stop(at: 11) == nil)
        #expect(supervision.tick(at: 5_009) == nil)
        #expect(supervision.tick(at: 5_010) == .kill(9))
        supervision.gone(at: 5_020)
        #expect(supervision.phase == .ended)
    }
}
