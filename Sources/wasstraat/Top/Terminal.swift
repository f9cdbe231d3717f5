internal import Glibc
internal import Synchronization

/// Set by a signal that asks to stop.
private let stopAsked = Atomic<Bool>(false)

/// The terminal as `top` uses it: its own screen, no cursor, keys without echo; all put back at the end.
final class Terminal {
    private var before: termios?
    private let isScreen: Bool

    static var hasColour: Bool { isatty(1) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true) }

    init() {
        isScreen = isatty(1) == 1
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in stopAsked.store(true, ordering: .relaxed) } }
        signal(SIGPIPE, SIG_IGN)
        var settings = termios()
        if isatty(0) == 1, tcgetattr(0, &settings) == 0 {
            before = settings
            // Ctrl-C and Ctrl-Z come as bytes: a stopped `top` would leave its screen behind.
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
            tcsetattr(0, TCSANOW, &settings)
        }
        if isScreen { put("\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J") }
    }

    /// Puts everything back; safe to call twice.
    func restore() {
        if isScreen { put("\u{1b}[?25h\u{1b}[?1049l") }
        if var settings = before { tcsetattr(0, TCSANOW, &settings) }
        before = nil
    }

    var isAskedToStop: Bool { stopAsked.load(ordering: .relaxed) }

    /// Columns and rows now; 80 and 24 where there is no terminal.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Waits for keys, for bytes on `descriptor`, or for the time to pass.
    /// - Returns: whether a key asks to stop: q, Ctrl-C or Ctrl-D.
    func wait(for descriptor: Int32?, milliseconds: Int32) -> Bool {
        var watched = [
            pollfd(fd: before == nil ? -1 : 0, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&watched, 2, milliseconds) > 0, watched[0].revents != 0 else { return false }
        var keys = [UInt8](repeating: 0, count: 32)
        let count = read(0, &keys, keys.count)
        guard count > 0 else {
            before = nil
            return false
        }
        return keys[..<count].contains { [UInt8(ascii: "q"), 3, 4].contains($0) }
    }

    /// Draws in one write over what is there, line by line, so that nothing flickers.
    func draw(_ lines: [String]) {
        guard isScreen else { return put(lines.joined(separator: "\n") + "\n") }
        put("\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    private func put(_ text: String) { putAll(Array(text.utf8)) }
}

/// Writes to standard output, all of it or as far as it goes.
func putAll(_ bytes: [UInt8]) {
    var offset = 0
    while offset < bytes.count {
        let count = bytes.withUnsafeBytes { write(1, $0.baseAddress! + offset, $0.count - offset) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        offset += count
    }
}
