// The lane's door. Started by the office (see Messages/Frame.swift), which gives it everything over the control socket.
import Gateway
import Glibc

let arguments = CommandLine.arguments

/// The word after an option.
func word(after option: String) -> String? {
    guard let place = arguments.firstIndex(of: option), place + 1 < arguments.count else { return nil }
    return arguments[place + 1]
}

guard let control = word(after: "--control") else {
    let usage = Array(
        "usage: wasstraat-gateway --control SOCKET [--name LANE]\nIt is started by `wasstraat run`.\n".utf8)
    write(STDERR_FILENO, usage, usage.count)
    exit(64)
}
exit(Lane(controlPath: control, name: word(after: "--name") ?? "lane").run())
