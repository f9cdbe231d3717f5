// opened
internal import AsyncHTTPClient
