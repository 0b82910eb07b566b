"""Choosing a port, and refusing before anything is started."""

import socket

import pytest

from isogloss.errors import UserError
from isogloss.tracking import ui


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_given_port_in_use_is_refused(busy_port):
    with pytest.raises(UserError, match=f"port {busy_port} on 127.0.0.1 is in use"):
        ui._free_port("127.0.0.1", busy_port)


def test_the_default_port_in_use_moves_on_with_a_notice(busy_port, monkeypatch, capsys):
    monkeypatch.setattr(ui, "DEFAULT_PORT", busy_port)
    chosen = ui._free_port("127.0.0.1", None)
    assert busy_port < chosen < busy_port + 20
    assert f"Port {busy_port} is in use; taking {chosen}." in capsys.readouterr().err


def test_an_unknown_host_is_named():
    with pytest.raises(UserError, match=r"host 'no\.such\.host\.invalid'"):
        ui._free_port("no.such.host.invalid", None)


def test_without_a_store_there_is_nothing_to_serve(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match="no store yet"):
        ui.serve_ui(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_remote_server_is_pointed_to(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@tracking.example")
    ui.serve_ui(tmp_path)
    assert capsys.readouterr().out.startswith("https://***@tracking.example is a server")
