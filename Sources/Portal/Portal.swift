// opened
internal import Hummingbird
internal import CryptoExtras
