/// What the organisation may have waiting at most, as one of its sites sees it.
extension SiteAdmission {
    /// At most so many may wait here, whatever the rules say: what the other sites leave of the cap.
    package var queueQuota: Int {
        get { waiting.quota }
        set { waiting.quota = newValue }
    }

    /// Requests refused for that; they are among the refused of their class, too.
    package var capped: UInt64 { waiting.capped }
}
