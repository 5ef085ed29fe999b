vcl 4.1;

import directors;

backend application {
    .host = "127.0.0.1";
    .port = "@APPLICATION@";
    .connect_timeout = 1s;
    .first_byte_timeout = 2s;
}

backend limited {
    .host = "127.0.0.1";
    .port = "@APPLICATION@";
    .first_byte_timeout = 2s;
    .max_connections = 1;
}

backend second {
    .host = "127.0.0.1";
    .port = "@SECOND@";
}

backend wrong {
    .host = "127.0.0.1";
    .port = "1";
}

sub vcl_init {
    new pair = directors.round_robin();
    pair.add_backend(application);
    pair.add_backend(second);
}

sub vcl_recv {
    if (req.url == "/maintenance") {
        return (synth(503));
    }
    set req.backend_hint = application;
    if (req.url == "/limited") {
        set req.backend_hint = limited;
    } elsif (req.url == "/wrong") {
        set req.backend_hint = wrong;
    } elsif (req.url == "/pair") {
        set req.backend_hint = pair.backend();
    }
    return (pass);
}
