// The lane's door. Started by the office (see Messages/Frame.swift), which gives it everything over the control socket.
import Gateway
import Glibc

let arguments = CommandLine.arguments
guard let place = arguments.firstIndex(of: "--control"), place + 1 < arguments.count else {
    let usage = Array("usage: wasstraat-gateway --control SOCKET\nIt is started by `wasstraat run`.\n".utf8)
    write(STDERR_FILENO, usage, usage.count)
    exit(64)
}
exit(Lane(controlPath: arguments[place + 1]).run())
