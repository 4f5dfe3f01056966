"""libcurl through its multi interface, and what Debian's curl cannot say yet.

Started by `cargo xtask interop pycurl` with the plain port, the TLS port and the authority's PEM file.
Prints `PASS name` or `FAIL name: why` for each check.
"""

import io
import json
import sys
import traceback

import pycurl

HTTP = f"http://localhost:{sys.argv[1]}"
HTTPS = f"https://localhost:{sys.argv[2]}"
AUTHORITY = sys.argv[3]


def request(url, **options):
    """A handle for one request; its answer is collected in `.body` and `.head`."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, url)
    handle.setopt(pycurl.NOPROXY, "*")
    handle.setopt(pycurl.IPRESOLVE, pycurl.IPRESOLVE_V4)
    handle.setopt(pycurl.TIMEOUT, 20)
    handle.setopt(pycurl.CAINFO, AUTHORITY)
    for name, value in options.items():
        handle.setopt(getattr(pycurl, name), value)
    body, head = io.BytesIO(), io.BytesIO()
    handle.setopt(pycurl.WRITEDATA, body)
    handle.setopt(pycurl.HEADERFUNCTION, head.write)
    return handle, body, head


def fetch(url, **options):
    handle, body, head = request(url, **options)
    handle.perform()
    status = handle.getinfo(pycurl.RESPONSE_CODE)
    handle.close()
    return status, body.getvalue(), head.getvalue().decode()


def together(urls, **options):
    """Fetches all of them at once; returns their answers and how many connections were opened."""
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, 8)
    asked = [request(url, **options) for url in urls]
    for handle, _, _ in asked:
        multi.add_handle(handle)
    running = len(asked)
    while running:
        while True:
            result, running = multi.perform()
            if result != pycurl.E_CALL_MULTI_PERFORM:
                break
        multi.select(1.0)
    answers = [(h.getinfo(pycurl.RESPONSE_CODE), b.getvalue(), h.getinfo(pycurl.NUM_CONNECTS)) for h, b, _ in asked]
    for handle, _, _ in asked:
        multi.remove_handle(handle)
    return answers


def is_equal(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


def plain():
    is_equal(fetch(f"{HTTP}/hello.txt")[:2], (200, b"hello\n"))


def tls():
    is_equal(fetch(f"{HTTPS}/hello.txt")[:2], (200, b"hello\n"))


def hundred_on_eight_connections():
    answers = together([f"{HTTP}/app/size/{1000 + n}" for n in range(100)])
    is_equal([status for status, _, _ in answers], [200] * 100)
    is_equal([len(body) for _, body, _ in answers], [1000 + n for n in range(100)])
    opened = sum(connects for _, _, connects in answers)
    assert opened <= 8, f"{opened} connections for 100 requests: they are not kept"


def hundred_over_tls():
    answers = together([f"{HTTPS}/hello.txt"] * 100)
    is_equal({(status, body) for status, body, _ in answers}, {(200, b"hello\n")})
    opened = sum(connects for _, _, connects in answers)
    assert opened <= 8, f"{opened} connections for 100 requests: they are not kept"


def upload_read_from_a_function():
    content = bytes(range(256)) * 8192
    source = io.BytesIO(content)
    status, body, _ = fetch(
        f"{HTTP}/app/echo",
        UPLOAD=1,
        CUSTOMREQUEST="POST",
        READFUNCTION=source.read,
        HTTPHEADER=["Transfer-Encoding: chunked", "Expect:"],
    )
    is_equal((status, body == content), (200, True))


def refused_before_the_body_is_sent():
    sent = []

    def source(size):
        sent.append(size)
        return b"x" * size

    status, _, _ = fetch(
        f"{HTTP}/hello.txt",
        UPLOAD=1,
        READFUNCTION=source,
        INFILESIZE_LARGE=50_000_000,
        HTTPHEADER=["Expect: 100-continue"],
    )
    is_equal((status, sent), (405, []))


def proxy_header_tells_the_client():
    status, body, _ = fetch(
        f"{HTTP}/app/seen", INTERFACE="host!127.0.0.2", HAPROXYPROTOCOL=1, HAPROXY_CLIENT_IP="203.0.113.9"
    )
    is_equal(status, 200)
    fields = dict(json.loads(body)["fields"])
    is_equal(fields.get("x-forwarded-for"), "203.0.113.9")


def proxy_header_from_a_stranger_is_refused():
    status, _, _ = fetch(f"{HTTP}/app/seen", HAPROXYPROTOCOL=1, HAPROXY_CLIENT_IP="203.0.113.9")
    is_equal(status, 400)


def trailing_fields_arrive():
    _, body, head = fetch(f"{HTTP}/app/trailers", HTTPHEADER=["TE: trailers"])
    is_equal(body, b"hello")
    assert "x-checksum: 5d41402a" in head.lower(), head


CHECKS = [
    plain,
    tls,
    hundred_on_eight_connections,
    hundred_over_tls,
    upload_read_from_a_function,
    refused_before_the_body_is_sent,
    proxy_header_tells_the_client,
    proxy_header_from_a_stranger_is_refused,
    trailing_fields_arrive,
]

print(pycurl.version, file=sys.stderr)
for check in CHECKS:
    name = check.__name__.replace("_", " ")
    try:
        check()
        print(f"PASS {name}")
    except Exception as error:
        why = str(error) or traceback.format_exc(limit=1)
        print(f"FAIL {name}: {why}".replace("\n", " "))
