# Varnish in front of kpi-stream, as /etc/varnish/default.vcl. docs/proxies.md says why.

vcl 4.1;

backend kpi_stream {
    .host = "127.0.0.1";
    .port = "8000";
    .connect_timeout = 2s;
    .first_byte_timeout = 45s;
    # Streams are silent for KPI_HEARTBEAT_SECONDS (15) at most.
    .between_bytes_timeout = 45s;
}

sub vcl_recv {
    # The probes and counts are not for the world.
    if (req.url ~ "^/(metrics|readyz)([/?]|$)") {
        return (synth(404));
    }
    # Varnish itself adds the client to X-Forwarded-For: KPI_TRUSTED_PROXIES=127.0.0.1 lets kpi-stream
    # believe it. What the client says by other names goes.
    unset req.http.Forwarded;
    unset req.http.X-Forwarded-Proto;
    unset req.http.X-Forwarded-Prefix;
    # Bytes go both ways as they come, and a client that has gone is gone for kpi-stream too.
    if (req.url ~ "/stream([?]|$)" && req.proto != "HTTP/2.0") {
        return (pipe);
    }
    # Nothing is kept: what one caller sees is not for another.
    return (pass);
}

sub vcl_pipe {
    # The connection carries nothing but the stream.
    set bereq.http.Connection = "close";
}

sub vcl_backend_error {
    # An EventSource gives up for good on any status but 200: have it come again instead.
    if (bereq.url ~ "/stream([?]|$)") {
        set beresp.status = 200;
        set beresp.http.Content-Type = "text/event-stream";
        set beresp.http.Cache-Control = "no-store";
        synthetic({"retry: 5000

"});
        return (deliver);
    }
}
