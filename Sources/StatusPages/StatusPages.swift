// opened
internal import Mustache
