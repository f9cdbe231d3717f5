extension Settings {
    /// Reads and checks a configuration file and the files that it names. Throws every complaint at once; warnings
    /// alone do not fail, they are in `warnings`.
    package static func load(file path: String) throws(Complaints) -> Settings {
        let contents: FileContents
        do throws(FileTrouble) {
            contents = try SystemFiles().read(path, limit: YAMLComposer.byteLimit)
        } catch {
            var complaints = Complaints()
            complaints.refuse(Place(), error.reason(for: path))
            throw complaints
        }
        return try parse(contents.bytes, folder: folder(of: path), files: SystemFiles())
    }

    /// Checks the text of a configuration. Never traps and always ends, whatever the bytes are.
    ///
    /// `folder` is where relative paths begin; `files` is how certificates and keys are looked at.
    package static func parse(
        _ bytes: [UInt8], folder: String = ".", files: some Files
    ) throws(Complaints) -> Settings {
        var complaints = Complaints()
        let tree = YAMLComposer.compose(bytes, &complaints)
        guard let tree else {
            if !complaints.hasErrors { complaints.refuse(Place(), Self.emptiness) }
            throw complaints
        }
        guard let values = Keys.root.read(tree, at: Place("", tree.mark), &complaints) else { throw complaints }
        var builder = SettingsBuilder(folder: folder, complaints: complaints)
        var settings = builder.settings(from: values)
        settings.checkFiles(files, &builder.complaints)
        builder.complaints.sort()
        guard !builder.complaints.hasErrors else { throw builder.complaints }
        settings.warnings = builder.complaints.warnings
        return settings
    }

    private static let emptiness = "the file is empty; it needs at least an organisation with a site"

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Looks at every file that the sites and the pages name, and keeps nothing of them: they are read again for each snapshot.
    private func checkFiles(_ files: some Files, _ complaints: inout Complaints) {
        if let certificate = pages?.certificate { _ = certificate.read(files, &complaints) }
        checkDiskCache(files, &complaints)
        for site in organisations.flatMap(\.sites) {
            if let certificate = site.certificate { _ = certificate.read(files, &complaints) }
            _ = site.compileCache(files, &complaints)
            var seen: Set<String> = []
            for origin in site.origins where origin.authority.map({ seen.insert($0).inserted }) == true {
                _ = origin.readAuthorities(files, &complaints)
            }
        }
    }
}
