internal import Messages

extension Keys {
    /// What is kept of a site's responses; keys of the site itself.
    enum Cache {
        static let mode = Key(
            "cache", .choice(["on", "off", "hard-times"]), .value("on"),
            "What is kept of the site's responses. `on`: as they allow (RFC 9111), and in hard times: under pressure, or "
                + "when the origin does not answer, public pages are shown as they were. `hard-times`: only that. Nothing "
                + "private is ever kept.")
        static let stale = Key(
            "stale", .amount(.time, 0...30 * 86_400_000), .value("1 day"),
            "How long after it went out of date a page may be shown in hard times, in whole seconds. Where the origin "
                + "forbids it (`must-revalidate`), never.")
        static let fallback = Key(
            "fallback", .text(.path), .otherwise("Wasstraat's own page"),
            "A page in HTML, at most 256 KiB, for visitors who can be shown nothing else: it goes out with 503 and "
                + "Retry-After. It must need nothing else of the site: no style sheet, no image.")

        static let all = [mode, stale, fallback]
    }
}

extension Keys {
    /// What is kept of responses on disk, beside memory.
    enum DiskCache {
        static let folder = Key(
            "folder", .text(.path), .required,
            "Each lane makes a folder of its own in it, `lane-` and its name, which only its user may enter. The folder is "
                + "made where it is missing; the one that it stands in must be there. On a local disk.")
        static let size = Key(
            "size", .amount(.size, 16 << 20...1024 << 30), .value("1 GiB"),
            "Bytes that the files of one lane may take; what was used longest ago goes. At most 131,072 files.")
        static let section = Key(
            "disk_cache",
            .section(
                Section(
                    path: "disk_cache",
                    meaning: "Responses that lanes keep are on disk too: a lane that starts anew has them from its "
                        + "first second, also while the origin is away, and there may be more of them than memory "
                        + "holds. What lies there are public pages and their addresses, with queries, as they were "
                        + "asked for.",
                    keys: [folder, size])), .otherwise("none: what is kept is kept in memory alone"),
            "Keeps responses on disk too.")
    }
}

extension Settings {
    /// Looks whether the folder can be used. That it cannot is no fault: lanes serve without it, and try again.
    func checkDiskCache(_ files: some Files, _ complaints: inout Complaints) {
        guard let diskCache else { return }
        if limits.cacheMemory == 0 {
            complaints.warn(diskCache.place, "'limits.cache_memory' is 0 B: nothing is kept, on disk neither")
        }
        guard let trouble = files.folderTrouble(diskCache.folder, size: diskCache.size) else { return }
        complaints.warn(diskCache.place, "\(trouble); the lanes go on without it")
    }
}

extension Settings.Site {
    /// What the lane is told of the cache; complains where the fallback page cannot be read.
    func compileCache(_ files: some Files, _ complaints: inout Complaints) -> Snapshot.Caching {
        var cache = Snapshot.Caching()
        cache.mode = self.cache.mode
        cache.stale = self.cache.stale
        guard let path = self.cache.fallback else { return cache }
        do throws(FileTrouble) {
            cache.fallback = try files.read(path, limit: Snapshot.Caching.fallbackLimit).bytes
        } catch {
            complaints.refuse(self.cache.fallbackPlace, error.reason(for: path))
            return cache
        }
        if cache.fallback.isEmpty {
            complaints.refuse(self.cache.fallbackPlace, "the file \(shownPath(path)) is empty")
        }
        return cache
    }
}

extension SettingsBuilder {
    func diskCache(_ root: Values) -> Settings.DiskCache? {
        guard let values = root.section(Keys.DiskCache.section), let folder = values.text(Keys.DiskCache.folder) else {
            return nil
        }
        return Settings.DiskCache(
            folder: path(folder), size: values.number(Keys.DiskCache.size) ?? 0,
            place: values.place(of: Keys.DiskCache.folder))
    }

    func cache(_ values: Values) -> Settings.Cache {
        var cache = Settings.Cache()
        switch values.text(Keys.Cache.mode) {
        case "off": cache.mode = .off
        case "hard-times": cache.mode = .hardTimes
        default: cache.mode = .on
        }
        cache.stale = UInt32(clamping: (values.number(Keys.Cache.stale) ?? 86_400_000) / 1000)
        cache.fallback = values.text(Keys.Cache.fallback).map(path)
        cache.fallbackPlace = values.place(of: Keys.Cache.fallback)
        return cache
    }
}
