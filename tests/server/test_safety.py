"""What strangers, pages of other sites and broken clients can do: nothing."""
import base64
import json
import re
import socket
import ssl
import subprocess
import threading
import time

import fuzz
import pytest
import requests
from conftest import MODEL, PROGRAM, as_base64, as_png, edges, photo, serving

KEY, OTHER = "k" * 32, "another-key-of-some-length"


def raw(server, text, timeout=10, end=True):
    """-> all that comes back for these bytes"""
    with socket.create_connection((server.host, int(server.port)), timeout=timeout) as connection:
        answer = b""
        try:
            connection.sendall(text if isinstance(text, bytes) else text.encode())
            if end:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass
        return answer


def test_other_addresses_need_keys():
    done = subprocess.run([PROGRAM, "serve", *MODEL, "--device", "cpu", "--host", "0.0.0.0", "--port", "0"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "keys" in done.stderr


def test_short_keys_are_refused_unseen(tmp_path):
    (tmp_path / "keys").write_text("hunter2\n")
    done = subprocess.run([PROGRAM, "serve", *MODEL, "--device", "cpu", "--keys", tmp_path / "keys"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2 and "hunter2" not in done.stderr and "at least 16" in done.stderr


def test_keys_are_bearer_or_basic_and_clients_see_their_own(tmp_path):
    (tmp_path / "keys").write_text(f"# ours\n{KEY}\nanna:{OTHER}\n")
    with serving("--keys", tmp_path / "keys", "--host", "0.0.0.0", "--log") as server:
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        for path in ("/", "/health", "/ready", "/openapi.json"):
            assert server.get(path).status_code == 200
        for path in ("/metrics", "/api/v1/jobs", "/sdapi/v1/options", "/v1/models"):
            refused = server.get(path)
            assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic")
            for wrong in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}, {"Authorization": "Basic !!"},
                          {"Authorization": "Bearer"}):
                assert server.get(path, headers=wrong).status_code == 401
            assert server.get(path, auth=("berta", OTHER)).status_code == 401
            assert server.get(path, auth=("anna", OTHER)).status_code == 200
            assert server.get(path, auth=("anybody", KEY)).status_code == 200
            assert server.get(path, headers={"Authorization": "Bearer " + KEY}).status_code == 200
        ours, theirs = {"Authorization": "Bearer " + KEY}, {"Authorization": "Bearer " + OTHER}
        job = server.post("/api/v1/jobs", {"prompt": "a", "edges": as_base64(edges()), "steps": 1}, headers=ours).json()["id"]
        assert server.get(f"/api/v1/jobs/{job}", headers=ours).status_code == 200
        assert server.get(f"/api/v1/jobs/{job}", headers=theirs).status_code == 404
        assert server.get("/api/v1/jobs", headers=theirs).json() == {"jobs": []}
        code, told = server.end()
        assert code == 0 and "key 1 POST /api/v1/jobs 202" in told
        assert KEY not in told and OTHER not in told


def test_pages_of_other_sites_can_do_nothing(server):
    own = {"Origin": server.url}
    assert server.post("/sdapi/v1/interrupt", headers=own).status_code == 200
    for headers in ({"Origin": "https://example.org"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Origin": "http://localhost:1"}):
        assert server.post("/sdapi/v1/interrupt", headers=headers).status_code == 403
    answer = server.get("/api/v1/jobs", headers={"Origin": "https://example.org"})
    assert "access-control-allow-origin" not in answer.headers
    # A name that was made to point here.
    for name, status in (("example.org", 403), ("localhost", 200), ("127.0.0.1:7860", 200), ("[::1]:80", 200)):
        assert server.get("/api/v1/jobs", headers={"Host": name}).status_code == status
    page = server.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(?:src|href)=\"(?!data:)", page.text) and page.headers["x-content-type-options"] == "nosniff"


def test_origins_that_may_ask():
    with serving("--allow-origin", "https://example.org", "--host-name", "draw.example.org") as server:
        headers = {"Origin": "https://example.org", "Host": "draw.example.org"}
        before = requests.options(server.url + "/api/v1/jobs", headers=headers, timeout=10)
        assert before.status_code == 204 and before.headers["access-control-allow-origin"] == "https://example.org"
        assert "Authorization" in before.headers["access-control-allow-headers"]
        answer = server.post("/sdapi/v1/interrupt", headers=headers)
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "https://example.org"
        other = server.get("/api/v1/jobs", headers={"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers and other.headers["vary"] == "Origin"


def test_bodies_have_limits(server):
    large = b"x" * (33 << 20)
    answer = requests.post(server.url + "/api/v1/jobs", data=large, timeout=60)
    assert answer.status_code == 413
    head = "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    assert b" 413 " in raw(server, head.encode() + 33 * chunk + b"0\r\n\r\n", timeout=60, end=False).split(b"\r\n")[0]
    deep = b'{"prompt": ' + b"[" * 100000 + b"]" * 100000 + b"}"
    for body in (deep, b"{", b"[]", b"nul", b'{"prompt": "\xff\xfe"}', b"\xff" * 100, b'{"a": 1e999999}'):
        answer = requests.post(server.url + "/api/v1/jobs", data=body, timeout=60)
        assert answer.status_code == 400 and answer.json()["error"]["message"]
    zeros = as_png(photo(16))
    bomb = zeros[:16] + (60000).to_bytes(4, "big") * 2 + zeros[24:]  # 60000 x 60000
    answer = server.post("/api/v1/jobs", {"image": base64.b64encode(bomb).decode()})
    assert answer.status_code == 400 and answer.json()["error"]["field"] == "image"


def test_paths_lead_nowhere(server):
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api/v1/jobs/..%2f..%2fetc",
                 "/api/v1/jobs/%00", "/api/v1/jobs//images/0", "/v1/models/..%2f..%2fetc%2fpasswd", "/file=/etc/passwd"):
        answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 404 " in answer.split(b"\r\n")[0] and b"root:" not in answer
    assert b" 405 " in raw(server, "PUT /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("text", [
    "GET / HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "\x00\x01\x02", "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "a" * 100000 + "\r\n\r\n",
    "GET /" + "a" * 100000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n" + "A: b\r\n" * 20000 + "\r\n",
    "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc",
])
def test_what_is_no_http_ends_nothing(server, text):
    answer = raw(server, text)
    assert answer == b"" or re.match(rb"HTTP/1\.[01] ([1-4]\d\d|505) ", answer), answer[:100]
    assert server.get("/health").status_code == 200


def test_a_client_that_goes_takes_its_job_along(server):
    before = server.metric("drypoint_pictures_total")
    body = json.dumps({"prompt": "a", "edges": as_base64(edges()), "steps": 150}).encode()
    connection = socket.create_connection((server.host, int(server.port)))
    connection.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    while server.metric("drypoint_pictures_in_work") == 0:
        time.sleep(0.01)
    connection.close()
    for _ in range(100):
        if server.metric("drypoint_pictures_in_work") == 0:
            break
        time.sleep(0.05)
    lines = server.get("/metrics").text
    assert 'drypoint_pictures_total{state="cancelled"}' in lines and server.metric("drypoint_pictures_total") == before + 1


def test_many_connections_that_say_nothing(server):
    idle = [socket.create_connection((server.host, int(server.port))) for _ in range(100)]
    for connection in idle:
        connection.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    begun = time.monotonic()
    assert server.get("/health").status_code == 200
    for connection in idle:
        connection.close()


def test_https(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem", "-out",
                    tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    with serving("--certificate", tmp_path / "cert.pem", "--private-key", tmp_path / "key.pem") as server:
        assert server.url.startswith("https://")
        assert requests.get(server.url + "/health", verify=tmp_path / "cert.pem", timeout=10).status_code == 200
    for options in (["--certificate", tmp_path / "cert.pem"],
                    ["--certificate", tmp_path / "key.pem", "--private-key", tmp_path / "key.pem"]):
        done = subprocess.run([PROGRAM, "serve", *MODEL, "--device", "cpu", "--port", "0", *options], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 2 and "certificate" in done.stderr


def test_random_requests_at_every_endpoint(server):
    counts, wrong = fuzz.fuzz(server.url, 1500, 7)
    assert not wrong, wrong[:3]
    assert counts.get(2, 0) > 200 and counts.get(4, 0) > 400, counts
    assert server.get("/health").status_code == 200
