"""TLS by files, names, and commands that talk to a lab on another machine."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from farm.api.address import address
from farm.client import Client, connect
from farm.errors import DaemonError, FarmError, SettingsError
from farm.settings import Api, ClientSide, Settings, load
from tests.api.conftest import make_token
from tests.daemon.lab import daemon, submission

if TYPE_CHECKING:
    from tests.api.conftest import Start


def certificate(folder: Path, name: str = "lab") -> tuple[str, str]:
    """A self-signed certificate for localhost, 127.0.0.1 and lab.example, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.DNSName("lab.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(private)
    secret = serialization.BestAvailableEncryption(b"secret")
    (folder / f"{name}.locked").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, secret))
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return certificate(tmp_path)


def test_a_lab_with_tls_serves_its_own_commands_and_others(
    start: Start, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = start(tls_cert=files[0], tls_key=files[1])
    assert at.url.startswith("https://127.0.0.1:")
    with connect(at.settings) as client:  # by the advert
        assert not client.remote
        assert client.wait(client.submit(submission("ok", "serial=one")).job).status == "done"
    token = make_token(at, "submit")
    for url in (at.url, at.url.replace("127.0.0.1", "localhost") + "/"):
        with Client.at(url, token, ca=files[0]) as client:
            assert client.remote
            assert len(client.jobs()) == 1
    monkeypatch.setenv("FARM_URL", at.url)
    monkeypatch.setenv("FARM_TOKEN", token)
    monkeypatch.setenv("FARM_CA", files[0])
    elsewhere = Settings(data=Path("/nonexistent"))
    with connect(elsewhere) as client:
        assert client.wait(client.submit(submission("ok", "serial=two")).job).status == "done"
    monkeypatch.delenv("FARM_CA")
    with connect(elsewhere.model_copy(update={"client": ClientSide(ca=files[0])})) as client:
        assert len(client.jobs()) == 2
    with pytest.raises(DaemonError, match="certificate") as e, connect(elsewhere):
        pass
    assert "client.ca" in e.value.remedy


def test_a_command_that_becomes_the_daemon_serves_this_computer_only(files: tuple[str, str], tmp_path: Path) -> None:
    api = Api(host="0.0.0.0", tls_cert=files[0], tls_key=files[1], names=("lab.example",))  # noqa: S104
    with connect(Settings(data=tmp_path / "data", api=api), make_daemon=daemon) as client:
        assert client.embedded
        assert client._link.url.startswith("http://127.0.0.1:")
        assert client.jobs() == []


def test_the_certificate_of_another_is_not_trusted(start: Start, files: tuple[str, str], tmp_path: Path) -> None:
    at = start(tls_cert=files[0], tls_key=files[1])
    other = certificate(tmp_path, "other")
    token = make_token(at, "read")
    with pytest.raises(DaemonError, match="certificate"), Client.at(at.url, token, ca=other[0]) as client:
        client._link.renew()
    pinned = address(Api(tls_cert=other[0], tls_key=other[1]), "127.0.0.1", 1).certificate
    from farm.client.links import _pinned

    with pytest.raises(httpx2.ConnectError), httpx2.Client(verify=_pinned(pinned), trust_env=False) as http:
        http.get(f"{at.url}/api/health")


def test_plain_http_gets_nothing_from_a_tls_port_and_it_lives(start: Start, files: tuple[str, str]) -> None:
    at = start(tls_cert=files[0], tls_key=files[1])
    parts = urlsplit(at.url)
    for raw in (b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n", b"\x00" * 5000):
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as s:
            s.sendall(raw)
            with contextlib.suppress(ConnectionError):
                assert b"pid" not in s.recv(1000)
    context = ssl.create_default_context(cafile=files[0])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with httpx2.Client(verify=context, trust_env=False) as http:
        assert http.get(f"{at.url}/api/health").status_code == 200


def test_a_command_reaches_a_lab_by_the_environment_alone(start: Start, files: tuple[str, str], tmp_path: Path) -> None:
    at = start(tls_cert=files[0], tls_key=files[1])
    with connect(at.settings) as client:
        job = client.submit(submission("ok", "serial=one")).job
        client.wait(job)
    away = tmp_path / "away"
    away.mkdir()
    environment = {
        "FARM_URL": at.url, "FARM_TOKEN": make_token(at, "read"), "FARM_CA": files[0], "HOME": str(away), "PATH": "/usr/bin",
    }  # fmt: skip

    def farm(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "farm", *arguments],
            env=environment,
            cwd=away,
            capture_output=True,
            text=True,
            check=False,
        )

    assert farm("report", str(job)).stdout.strip() == str(away / f"job-{job}.html")
    assert (away / f"job-{job}.html").read_text() == "<h1>ok done</h1>"
    refused = farm("cancel", str(job))
    assert (refused.returncode, "scope submit" in refused.stderr) == (2, True)
    environment["FARM_URL"] = "https://127.0.0.1:1"
    nobody = farm("jobs")
    assert (nobody.returncode, "no lab answers" in nobody.stderr) == (3, True)
    assert not [f for f in away.rglob("*") if f.name != f"job-{job}.html"], "no data folder is made here"


@pytest.mark.parametrize(
    ("url", "token", "ca", "word"),
    [
        ("http://lab.example:8377", "t", None, "plain http"),
        ("lab.example", "t", None, "no address"),
        ("ftp://lab.example", "t", None, "no address"),
        ("https://lab.example/farm", "t", None, "no address"),
        ("https://lab.example", "", None, "token"),
        ("https://lab.example", "a\nb", None, "token"),
        ("https://lab.example", "t", "/nonexistent.pem", "cannot be read"),
        ("https://lab.example", "t", __file__, "cannot be read"),
    ],
)
def test_what_cannot_be_an_address_is_told_before_anything_is_sent(
    url: str, token: str, ca: str | None, word: str
) -> None:
    with pytest.raises(SettingsError, match=word) as e:
        Client.at(url, token, ca=ca)
    assert e.value.remedy


@given(
    url=st.one_of(
        st.text(max_size=30),
        st.builds(
            "{}://{}:{}{}".format,
            st.sampled_from(["http", "https"]),
            st.text(max_size=12),
            st.integers(),
            st.text(max_size=5),
        ),
    )
)
def test_no_text_breaks_the_reader_of_addresses(url: str) -> None:
    try:
        Client.at(url, "t").close()
    except SettingsError as e:
        assert e.remedy


@given(name=st.text(max_size=20))
def test_no_name_lets_every_host_in(name: str) -> None:
    at = address(Api(names=(name,)), "127.0.0.1", 8377)
    assert at.hosts <= {"127.0.0.1:8377", "localhost:8377", f"{name.lower()}:8377", name.lower()}
    assert "evil.example:8377" not in at.hosts


def test_handshakes_that_never_end_keep_nobody_out(start: Start, files: tuple[str, str]) -> None:
    at = start(tls_cert=files[0], tls_key=files[1], connections=8)
    parts = urlsplit(at.url)
    with contextlib.ExitStack() as held:
        for _ in range(100):
            s = held.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=30))
            s.sendall(b"\x16\x03\x01")
        with Client.at(at.url, make_token(at, "read"), ca=files[0]) as client:
            assert client.jobs() == []


def test_files_that_cannot_be_used_are_told_at_the_start(start: Start, files: tuple[str, str], tmp_path: Path) -> None:
    other = certificate(tmp_path, "other")
    for cert, key in (
        (files[0], other[1]), (files[0], "/nonexistent"), (files[1], files[1]), (files[0], files[1].replace(".key", ".locked")),
    ):  # fmt: skip
        with pytest.raises(FarmError) as e:
            start(tls_cert=cert, tls_key=key)
        assert isinstance(e.value, SettingsError)
        assert "api.tls_cert" in e.value.where


def test_only_with_tls_may_it_be_reached_from_elsewhere(files: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "farm.toml"
    file.write_text('[api]\nhost = "0.0.0.0"\n')
    with pytest.raises(SettingsError, match="loopback"):
        load(file)
    file.write_text('[api]\nhost = "0.0.0.0"\ntls_cert = "lab.pem"\n')
    with pytest.raises(SettingsError, match="go together"):
        load(file)
    file.write_text('[api]\nhost = "0.0.0.0"\ntls_cert = "lab.pem"\ntls_key = "lab.key"\n[client]\nca = "lab.pem"\n')
    loaded = load(file)
    assert (loaded.api.tls_cert, loaded.api.tls_key, loaded.client.ca) == (files[0], files[1], files[0])


@pytest.mark.parametrize(
    ("host", "port", "names", "url", "let_in", "kept_out"),
    [
        (
            "127.0.0.1",
            8377,
            (),
            "http://127.0.0.1:8377",
            {"127.0.0.1:8377", "localhost:8377"},
            {"localhost", "lab:8377"},
        ),
        ("::1", 8377, (), "http://[::1]:8377", {"[::1]:8377", "localhost:8377"}, {"[::1]"}),
        (
            "127.0.0.1",
            8377,
            ("Lab.example",),
            "http://127.0.0.1:8377",
            {"lab.example:8377"},
            {"lab.example", "lab:8377"},
        ),
        ("127.0.0.1", 8377, ("localhost:9000",), "http://127.0.0.1:8377", {"localhost:9000"}, {"localhost:9001"}),
        (
            "0.0.0.0",  # noqa: S104
            443,
            ("lab.example",),
            "http://127.0.0.1:443",
            {"lab.example", "127.0.0.1"},
            {"0.0.0.0:443"},
        ),
        ("::", 8377, ("[2001:db8::1]",), "http://[::1]:8377", {"[2001:db8::1]:8377"}, {"[2001:db8::1]"}),
    ],
)
def test_names(host: str, port: int, names: tuple[str, ...], url: str, let_in: set[str], kept_out: set[str]) -> None:
    at = address(Api(names=names), host, port)
    assert at.url == url
    assert let_in <= at.hosts
    assert not kept_out & at.hosts


def test_a_name_of_the_lab_is_let_in(start: Start) -> None:
    at = start(names=("lab.example",))
    port = urlsplit(at.url).port
    with httpx2.Client(base_url=at.url, trust_env=False) as http:
        assert http.get("/api/health", headers={"host": f"LAB.example:{port}"}).status_code == 200
        refused = http.get("/api/health", headers={"host": f"evil.example:{port}"})
        assert (refused.status_code, refused.json()["code"]) == (421, "host")
