"""The document says what the server does."""
import re
import pathlib

from conftest import ROOT, as_base64, edges


def test_every_route_is_told_and_every_told_one_is_there(server):
    document = server.get("/openapi.json").json()
    # In the code each route is added by its method and path.
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    for method, path in told:
        here = path.replace("{id}", "no-such").replace("{number}", "0")
        for other in ("GET", "POST", "DELETE"):
            if other != method and (other, path) in told:
                continue
            import requests
            status = requests.request(other, server.url + here, timeout=30,
                                      data=b"[" if other == "POST" else None).status_code
            if other == method:
                assert status != 405 and (status != 404 or "{" in path), (method, path, status)
            else:
                assert status == 405, (other, path, status)
    for path in ("/nothing", "/api/v1", "/sdapi/v1/nothing"):
        assert server.get(path).status_code == 404
    guide = (ROOT / "docs/server.md").read_text()
    for _, path in told:
        assert path in guide or path.startswith("/sdapi/v1/") and path.split("/")[-1] in guide, f"docs/server.md lacks {path}"


def test_a_jobs_fields_are_those_of_the_document(server):
    schema = server.get("/openapi.json").json()["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = {field["name"] for field in server.get("/api/v1/fields").json()["fields"]}
    assert fields <= set(schema["properties"])
    usual = {name: one["default"] for name, one in schema["properties"].items() if "default" in one}
    job = server.submit(**{**usual, "prompt": "a", "edges": as_base64(edges()), "steps": 1})
    assert server.get(f"/api/v1/jobs/{job}").status_code == 200
    unknown = server.post("/api/v1/jobs", {"no_such_field": 1})
    assert unknown.status_code == 400 and schema["additionalProperties"] is False


def test_metrics_are_prometheus_text(server):
    text = server.get("/metrics").text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{(\w+=\"[^\"]*\",?)+\})? [-+.0-9e]+|\w+ (nan|inf)", line), line
    for name in ("drypoint_http_requests_total", "drypoint_http_request_seconds", "drypoint_pictures_in_work", "drypoint_resident_bytes"):
        assert f"# TYPE {name} " in text
