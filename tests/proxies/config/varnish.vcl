vcl 4.1;

backend application {
    .host = "127.0.0.1";
    .port = "@APPLICATION@";
    .first_byte_timeout = 1s;
}

sub vcl_recv {
    if (req.url == "/maintenance") {
        return (synth(503));
    }
}
