"""Which server a device's name belongs to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farm.fleet import hosts
from farm.sections.devices import Host
from farm.settings import Adb, Settings

HOSTS = {"": 1, "shelf": 2, "b.2": 3}


@given(serial=st.text(min_size=1, max_size=30), host=st.sampled_from(["shelf", "b.2"]))
def test_a_name_is_taken_apart_as_it_was_made(serial: str, host: str) -> None:
    assert hosts.split(hosts.join(serial, host), HOSTS) == (serial, host)


@given(serial=st.text(min_size=1, max_size=30))
def test_without_a_host_of_that_name_an_at_sign_is_part_of_the_serial(serial: str) -> None:
    assert hosts.split(hosts.join(serial, ""), {""}) == (serial, "")


def test_a_handle_is_on_the_right_server() -> None:
    settings = Settings(adb=Adb(port=5100), host=(Host(name="shelf", host="10.0.0.7", port=5200),))
    far, near = hosts.handle(settings, "X1@shelf"), hosts.handle(settings, "X1@attic")
    assert (far.server.host, far.server.port, far.serial) == ("10.0.0.7", 5200, "X1")
    assert (near.server.port, near.serial) == (5100, "X1@attic")
