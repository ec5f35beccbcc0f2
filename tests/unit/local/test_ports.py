"""Which port is whose."""

from __future__ import annotations

import pytest

from edge.regions import DEPLOYED
from infra.local.ports import Ports, PortTaken


def test_ports_follow_the_catalogue_from_the_base() -> None:
    ports = Ports.from_base(8000, DEPLOYED)
    assert ports.front == 8000
    assert ports.regions == {"iad1": 8001, "sfo1": 8002, "cdg1": 8003, "hnd1": 8004}
    assert ports.emulator == 8010


@pytest.mark.parametrize("base", [-5, 0, 65_530, 70_000])
def test_port_outside_tcp_is_told_in_a_line(base: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.ports._bind_error", lambda _port: 0)
    with pytest.raises(PortTaken, match=r"is not a TCP port; choose others: make up PORT=9000"):
        Ports.from_base(base, DEPLOYED).check()
