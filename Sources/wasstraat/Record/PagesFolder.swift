internal import Glibc
internal import Messages
internal import Moments
internal import StatusPages

extension Pages {
    /// The pages in the form in which the lanes take them.
    init(_ files: [PageFile], made: Moment) {
        self.init(
            made: UInt64(max(0, made.milliseconds)),
            files: files.map { file in
                Pages.File(
                    path: file.path, contentType: file.contentType, body: file.body,
                    ages: file.ages.map { mark in
                        let form: Pages.AgeForm =
                            switch mark.form {
                            case .dutch: .dutch
                            case .english: .english
                            case .seconds: .seconds
                            }
                        return Pages.AgeMark(offset: UInt32(clamping: mark.offset), form: form)
                    })
            })
    }
}

/// The public pages as files, for a second server elsewhere that publishes them when all else is gone.
enum PagesFolder {
    /// Writes what has changed, each file in one step. A page's address that ends in "/" becomes "index.html" in it, one
    /// without an ending gets ".html".
    static func write(
        _ files: [PageFile], under folder: String, unlessIn written: inout [String: [UInt8]]
    ) throws(OfficeError) {
        for file in files where written[file.path] != file.body {
            // Addresses are made by us of names that the configuration checked; all the same, none leads out of here.
            let parts = file.path.split(separator: "/")
            guard !parts.contains("..") else { continue }
            var name = folder
            mkdir(name, 0o755)
            for part in parts.dropLast(file.path.hasSuffix("/") ? 0 : 1) {
                name += "/\(part)"
                mkdir(name, 0o755)
            }
            let last = file.path.hasSuffix("/") ? "index.html" : String(parts.last ?? "index.html")
            name += "/" + (last.contains(".") ? last : last + ".html")
            try write(file.body, to: name)
            written[file.path] = file.body
        }
    }

    private static func write(_ bytes: [UInt8], to name: String) throws(OfficeError) {
        let draft = name + ".new"
        let opened = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard opened >= 0 else { throw OfficeError(.system, "cannot write \(draft): \(OfficeError.text(errno))") }
        let descriptor = Descriptor(opened)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.write(descriptor.number, raw.baseAddress! + offset, raw.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw OfficeError(.system, "cannot write \(draft): \(OfficeError.text(errno))") }
            offset += count
        }
        guard rename(draft, name) == 0 else {
            throw OfficeError(.system, "cannot replace \(name): \(OfficeError.text(errno))")
        }
    }
}
