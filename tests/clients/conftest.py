"""Fixtures that all client tests share."""

import pytest

import clew_server


@pytest.fixture(scope="module")
def module_server(tmp_path_factory, request):
    """A server for the tests of one file; the file's `CONFIG`, if it has one, is its configuration."""
    folder = tmp_path_factory.mktemp(request.module.__name__)
    server = clew_server.Clew(folder, getattr(request.module, "CONFIG", ""))
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.close()


@pytest.fixture
def clew(module_server):
    """The file's server; a test during which it complained of something unexpected has failed."""
    yield module_server
    module_server.check_log()
    module_server.expected_complaints.clear()


@pytest.fixture
def new_clew(tmp_path):
    """Makes servers for one test alone: `new_clew(config)`, not started yet."""
    servers = []

    def make(config="", **options):
        servers.append(clew_server.Clew(tmp_path / f"clew{len(servers)}", config, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()
