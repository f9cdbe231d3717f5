import CNIOBoringSSL
func f() { _ = SSL_CTX_new(TLS_method()) }
