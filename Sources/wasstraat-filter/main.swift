// The kernel's side: the only process with rights to load a program. It keeps the filter's book, carries it out, and
// answers over a Unix socket in the state folder (see Messages/FilterTalk.swift). Where it ends, the kernel filters on.
import Glibc

/// One line for whoever started it.
func say(_ text: String) {
    let line = Array("wasstraat-filter: \(text)\n".utf8)
    write(STDERR_FILENO, line, line.count)
}

switch FilterArguments.parse(Array(CommandLine.arguments.dropFirst())) {
case .failure(let fault):
    say(fault.reason)
    say(FilterArguments.usage)
    exit(64)
case .success(let arguments):
    exit(FilterProcess.run(arguments))
}
