// opened
internal import Crypto
