// opened
internal import GRDB
