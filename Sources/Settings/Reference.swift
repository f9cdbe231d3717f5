/// The page that documents every key, made from the table that the check uses.
package enum Reference {
    /// The whole page, in Markdown; what `Documentation/configuration.md` holds.
    package static func markdown() -> String {
        var text = """
            # Configuration reference

            <!-- Made from the table of keys in Sources/Settings; a test compares. To write it anew:
                 WASSTRAAT_RECORD=1 swift test -c release --filter SettingsTests -->

            Wasstraat reads one YAML file: `wasstraat run --config FILE`. `wasstraat check FILE` says everything that is
            wrong with it at once, each with its line. A key that is not on this page is an error; so is a key that is
            there twice. `deploy/example.yaml` is a file to start from.

            - A time is a whole number with \(Units.time.choices); a size with \(Units.size.choices); a pace with
              \(Units.pace.choices).
            - A path that does not begin with `/` begins in the folder of the configuration file.
            - A text that begins with `*` or `[` needs quotes: `"*.voorbeeld.example"`, `"[::]:443"`.
            - The file has at most \(Units.size.text(UInt64(YAMLComposer.byteLimit))), \
            \(YAMLComposer.depthLimit) levels and \(YAMLComposer.nodeLimit) values. Anchors and aliases \
            may be used, merging (`<<`) may not.

            Sites, certificates, modes, limits, `disk_cache`, `fingerprints` and `rules`, `sources`, `block_time`, `detection` and `cookies` of
            `filter` are taken over at a reload (SIGHUP); a change of `state`, `listeners`, `metrics`, `console`,
            `lane`, `lanes` or of anything else in `filter` needs a new start.

            """
        for section in Keys.root.all {
            text += "\n## \(section.path.isEmpty ? "The top of the file" : "`\(section.path)`")\n"
            if !section.path.isEmpty { text += "\n\(section.meaning)\n" }
            text += "\n| Key | Type | Range | Default | Meaning |\n|---|---|---|---|---|\n"
            for key in section.keys { text += row(key) }
        }
        return text
    }

    private static func row(_ key: Key) -> String {
        let usual =
            switch key.presence {
            case .required: "**required**"
            case .value(let text): "`\(text)`"
            case .otherwise(let words): words
            }
        let cells = ["`\(key.name)`", key.form.name, key.form.range, usual, key.meaning]
        return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
}
