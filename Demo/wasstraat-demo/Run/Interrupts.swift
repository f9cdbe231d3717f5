internal import Glibc

/// Ctrl-C and a request to end are looked for at quiet moments, so that everything that was started is ended in order.
enum Interrupts {
    private static var signals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    static func hold() {
        var set = signals
        sigprocmask(SIG_BLOCK, &set, nil)
    }

    /// Whether one has come since the last look.
    static func came() -> Bool {
        var set = signals
        var none = timespec()
        return sigtimedwait(&set, nil, &none) > 0
    }
}
