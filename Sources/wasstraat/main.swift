import ArgumentParser
import Crypto
import Logging
import ServiceLifecycle
print("x")
