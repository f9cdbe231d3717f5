/// scripts/web-check: pages and answers as browsers, validators and HTTP's own lint see them.
package enum WebCheck {
    package static let script =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/scripts/web-check"
    package static let isReady = (try? Tool.run([script, "--ready"])) != nil
}
