"""Runs the fake on a free port: prints its base URL, and ends when standard input does."""

import sys

from llmock.testing import LLMockServer

with LLMockServer() as server:
    print(server.url, flush=True)
    sys.stdin.read()
