// What the siege sends, and the origin behind it: `make siege` starts this program again and again, each time with an order
// on standard input. Load goes only to this machine or a network namespace without a way out, and has a bound in all.
import CLinux
import Glibc
import Load

func pause() { usleep(500) }

var signals = sigset_t()
sigemptyset(&signals)
sigprocmask(SIG_SETMASK, &signals, nil)
// Whoever gave the order waits for the report: without him nobody needs the load.
_ = linux_signal_on_parent_death(SIGTERM)
var files = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
files.rlim_cur = files.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)

/// Visitors and the origin go first where all share a processor core.
func stepBack() { _ = nice(10) }

do {
    let order = try LoadOrder.read()
    if !["visitors", "origin", "admission"].contains(order.kind) { stepBack() }
    switch order.kind {
    case "visitors": try VisitorsOrder.run(order)
    case "flood": try FloodOrder.run(order)
    case "slow": try CallsOrder.slow(order)
    case "calls": try CallsOrder.call(order)
    case "admission": try AdmissionOrder.run(order)
    case "origin":
        guard let site = order.origin else { throw SiegeError("no origin") }
        try SiegeOrigin(at: order.home(), site).run()
    default: throw SiegeError("no such order: \(order.kind)")
    }
} catch {
    let text = Array("siege-load: \(error)\n".utf8)
    _ = write(STDERR_FILENO, text, text.count)
    exit(1)
}
