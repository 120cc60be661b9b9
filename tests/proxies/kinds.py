"""The proxies that people run, each with the file of deploy/ or with as little as makes it work."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@dataclass(frozen=True)
class Place:
    """Where a proxy runs, in a folder of its own, and the gateway that it leads to."""

    folder: Path
    port: int
    gateway: int

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    def write(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


Command = Callable[[Place, str | None], list[str]]
"""Writes the files of a proxy and returns what starts it; the text is the configuration."""


@dataclass(frozen=True)
class Kind:
    """One make of proxy."""

    name: str
    command: Command
    tls: bool = False
    """Whether its shipped file speaks TLS; with its defaults none does here."""
    stops_late: bool = False
    """Whether it obeys SIGTERM only after seconds: it keeps nothing, so it is killed."""


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Put this machine's ports and paths into a file; each must be in it."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is no longer in the file"
        text = text.replace(old, new)
    return text


def shipped(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def _nginx(place: Place, text: str | None) -> list[str]:
    if text is None:
        text = (
            f"server {{ listen 127.0.0.1:{place.port};"
            f" location / {{ proxy_pass http://127.0.0.1:{place.gateway}; }} }}"
        )
    else:
        text = replaced(
            text,
            {
                "listen 80;": f"listen unix:{place.folder}/plain.sock;",
                "listen 443 ssl http2;": f"listen 127.0.0.1:{place.port} ssl http2;",
                "/etc/ssl/kpi.pem": str(place.certificate),
                "/etc/ssl/kpi.key": str(place.key),
                "127.0.0.1:8000": f"127.0.0.1:{place.gateway}",
            },
        )
    folders = "".join(
        f"{name}_temp_path {place.folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root root;" if os.geteuid() == 0 else ""
    main = place.write(
        "nginx.conf",
        f"daemon off; {user} pid {place.folder}/pid; worker_processes 1; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off;\n{folders}\n{text}\n}}\n",
    )
    return ["nginx", "-e", "stderr", "-p", str(place.folder), "-c", main]


_APACHE_MODULES = (
    *("mpm_event", "authz_core", "headers", "proxy", "proxy_http"),
    *("alias", "setenvif", "deflate", "filter", "reqtimeout"),
)


def _apache(place: Place, text: str | None) -> list[str]:
    modules = list(_APACHE_MODULES)
    if text is None:
        text = (
            f"Listen 127.0.0.1:{place.port}\n"
            f"ProxyPass / http://127.0.0.1:{place.gateway}/\n"
            f"ProxyPassReverse / http://127.0.0.1:{place.gateway}/\n"
        )
    else:
        modules += ["ssl", "socache_shmcb", "http2"]
        text = f"Listen 127.0.0.1:{place.port}\n" + replaced(
            text,
            {
                "<VirtualHost *:443>": f"<VirtualHost 127.0.0.1:{place.port}>",
                "/etc/ssl/kpi.pem": str(place.certificate),
                "/etc/ssl/kpi.key": str(place.key),
                "127.0.0.1:8000": f"127.0.0.1:{place.gateway}",
            },
        )
    loaded = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules
    )
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    main = place.write(
        "apache.conf",
        f"{loaded}{user}ServerName localhost\nServerRoot {place.folder}\nPidFile pid\n"
        f"DefaultRuntimeDir {place.folder}\nErrorLog /dev/stderr\nMutex fcntl:{place.folder}\n"
        # Fewer than by default, which takes long to start; what is shipped changes none of them.
        f"StartServers 1\nThreadsPerChild 25\nMinSpareThreads 5\n{text}",
    )
    return ["apache2", "-f", main, "-D", "FOREGROUND"]


def _squid(place: Place, text: str | None) -> list[str]:
    if text is None:
        text = f"http_port 127.0.0.1:{place.port} accel defaultsite=localhost vhost\n" + (
            f"cache_peer 127.0.0.1 parent {place.gateway} 0 no-query originserver\n"
            "http_access allow all\n"
        )
    else:
        text = replaced(
            text,
            {
                "http_port 80 ": f"http_port 127.0.0.1:{place.port} ",
                "localport 80": f"localport {place.port}",
                " parent 8000 ": f" parent {place.gateway} ",
            },
        )
    main = place.write(
        "squid.conf",
        f"{text}\npid_filename none\naccess_log none\ncache_log /dev/null\ncache_store_log none\n"
        "cache_mem 8 MB\nshutdown_lifetime 0 seconds\nvisible_hostname localhost\n"
        "pinger_enable off\nnetdb_filename none\ndns_nameservers 127.0.0.1\n"
        f"coredump_dir {place.folder}\n",
    )
    return ["squid", "-N", "-n", f"kpi{place.port}", "-f", main]


def _varnish(place: Place, text: str | None) -> list[str]:
    if text is None:
        text = f'vcl 4.1; backend b {{ .host = "127.0.0.1"; .port = "{place.gateway}"; }}'
    else:
        text = replaced(text, {'.port = "8000"': f'.port = "{place.gateway}"'})
    return [
        *("varnishd", "-F", "-n", str(place.folder / "varnish"), "-j", "none"),
        *("-a", f"127.0.0.1:{place.port}", "-s", "malloc,16m", "-T", "none"),
        *("-f", place.write("default.vcl", text)),
    ]


def _caddy(place: Place, text: str | None) -> list[str]:
    if text is None:
        text = f"http://:{place.port} {{\n\treverse_proxy 127.0.0.1:{place.gateway}\n}}\n"
    else:
        text = replaced(
            text,
            {
                "kpi.example {": f"https://127.0.0.1:{place.port} {{\n"
                f"\ttls {place.certificate} {place.key}",
                "127.0.0.1:8000": f"127.0.0.1:{place.gateway}",
            },
        )
    options = "admin off\n\tauto_https disable_redirects\n\tdefault_sni 127.0.0.1"
    main = place.write("Caddyfile", f"{{\n\t{options}\n\tdefault_bind 127.0.0.1\n}}\n{text}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", main]


def _haproxy(place: Place, text: str | None) -> list[str]:
    if text is None:
        text = (
            "defaults\n mode http\n timeout connect 5s\n timeout client 50s\n timeout server 50s\n"
            f"listen all\n bind 127.0.0.1:{place.port}\n server one 127.0.0.1:{place.gateway}\n"
        )
    return ["haproxy", "-f", place.write("haproxy.cfg", text)]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("nginx.conf", _nginx, tls=True),
        Kind("haproxy.cfg", _haproxy),
        Kind("apache.conf", _apache, tls=True, stops_late=True),
        Kind("squid.conf", _squid, stops_late=True),
        Kind("varnish.vcl", _varnish),
        Kind("Caddyfile", _caddy, tls=True),
    )
}
