//! What goes wrong, in the application or in the proxy before it.

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Nothing listens on the application's port.
    Refuse,
    /// Answered one request, and then its process ended: nothing listens any more.
    Gone,
    /// Takes no connection: nothing comes back from its port.
    BlackHole,
    /// Its process is killed in its first request, and does not come back.
    Killed,
    /// Its process is killed in its second request, which may come over the connection of the first.
    KilledKept,
    /// Its process was killed, a request found nobody, and now it is back.
    Back,
    /// Each request kills its process, which comes back each time.
    CrashLoop,
    /// Takes the request and ends the connection without a word.
    Close,
    /// Answered one request, and ends the connection without a word at the next.
    CloseKept,
    /// Takes the request and resets the connection.
    Reset,
    /// Ends the connection in the middle of a header.
    HalfHead,
    /// Ends the connection in the middle of a body that its length announced.
    HalfBody,
    /// Speaks another protocol.
    Garbage,
    /// Sends a header that never ends.
    EndlessHeader,
    /// Takes the request and says nothing for longer than any proxy waits.
    Silence,
    /// Answers 500 by itself.
    Answers500,
    /// Answers 502 by itself, as a gateway to others does.
    Answers502,
    /// Answers 503 with `Retry-After` by itself.
    Answers503,
    /// Answers 429 with `Retry-After` by itself.
    Answers429,
    /// Drains for a shutdown: answered one request, takes no more connections, and answers 503 on those that are open.
    Drains,
    /// Full with one request, answers 503 to any other.
    Sheds,
    /// The proxy sends to a port where nobody ever listened; the application is well.
    WrongPort,
    /// The proxy answers with a page of its own.
    Maintenance,
    /// The proxy has a limit, which another request has reached.
    Limit,
    /// Beside one that refuses connections the proxy has a second application, which is well.
    BesideRefuse,
    /// Beside one that ends connections without a word the proxy has a second application, which is well.
    BesideClose,
    /// The proxy speaks `FastCGI`, and the application ends the connection without a word. Apache httpd only.
    FastCgi,
}

impl Case {
    pub(crate) const ALL: [Self; 27] = [
        Self::Refuse,
        Self::Gone,
        Self::BlackHole,
        Self::Killed,
        Self::KilledKept,
        Self::Back,
        Self::CrashLoop,
        Self::Close,
        Self::CloseKept,
        Self::Reset,
        Self::HalfHead,
        Self::HalfBody,
        Self::Garbage,
        Self::EndlessHeader,
        Self::Silence,
        Self::Answers500,
        Self::Answers502,
        Self::Answers503,
        Self::Answers429,
        Self::Drains,
        Self::Sheds,
        Self::WrongPort,
        Self::Maintenance,
        Self::Limit,
        Self::BesideRefuse,
        Self::BesideClose,
        Self::FastCgi,
    ];

    /// Says it in a document, where "it" is the application.
    pub(crate) const fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// Whether this proxy can be told to.
    pub(crate) fn is_for(self, proxy: &str) -> bool {
        self != Self::FastCgi || proxy == "Apache httpd"
    }

    /// What is asked for, by which the proxies know what they are to do.
    pub(crate) const fn path(self) -> &'static str {
        self.facts().1
    }

    /// How many requests were sent and have ended before the one that counts.
    pub(crate) const fn earlier(self) -> usize {
        self.facts().2
    }

    /// How many other requests are in flight beside the one that counts: one that is served, one that would wait.
    pub(crate) const fn company(self) -> usize {
        if matches!(self, Self::Sheds | Self::Limit) { 2 } else { 0 }
    }

    /// How often it is asked at most, until something fails: of two applications only one does.
    pub(crate) const fn rounds(self) -> usize {
        if matches!(self, Self::BesideRefuse | Self::BesideClose) { 4 } else { 1 }
    }

    const fn facts(self) -> (&'static str, &'static str, usize) {
        match self {
            Self::Refuse => ("refuses connections", "/orders", 0),
            Self::Gone => ("is gone after one answer", "/orders", 1),
            Self::BlackHole => ("takes no connection", "/orders", 0),
            Self::Killed => ("is killed (SIGKILL) in its first request", "/orders", 0),
            Self::KilledKept => ("is killed (SIGKILL) in its second request", "/orders", 1),
            Self::Back => ("is back after it was killed", "/orders", 2),
            Self::CrashLoop => ("is killed in each request, and comes back", "/orders", 1),
            Self::Close => ("closes without a word", "/orders", 0),
            Self::CloseKept => ("closes without a word after one answer", "/orders", 1),
            Self::Reset => ("resets after the request", "/orders", 0),
            Self::HalfHead => ("closes after half a head", "/orders", 0),
            Self::HalfBody => ("closes after half a body", "/orders", 0),
            Self::Garbage => ("speaks another protocol", "/orders", 0),
            Self::EndlessHeader => ("sends an endless header", "/orders", 0),
            Self::Silence => ("says nothing", "/orders", 0),
            Self::Answers500 => ("answers 500", "/orders", 0),
            Self::Answers502 => ("answers 502", "/orders", 0),
            Self::Answers503 => ("answers 503, Retry-After: 30", "/orders", 0),
            Self::Answers429 => ("answers 429, Retry-After: 30", "/orders", 0),
            Self::Drains => ("drains for a shutdown", "/orders", 1),
            Self::Sheds => ("is full and sheds load", "/orders", 0),
            Self::WrongPort => ("(sends to a port where nobody listens)", "/wrong", 0),
            Self::Maintenance => ("(answers with a page of its own)", "/maintenance", 0),
            Self::Limit => ("(has reached a limit of its own)", "/limited", 0),
            Self::BesideRefuse => ("refuses connections, a second one is well", "/pair", 0),
            Self::BesideClose => ("closes without a word, a second one is well", "/pair", 0),
            Self::FastCgi => ("closes without a word, asked by FastCGI", "/fastcgi/", 0),
        }
    }
}

#[test]
fn no_two_cases_have_a_name_in_common_and_none_is_named_as_its_path() {
    for (at, case) in Case::ALL.into_iter().enumerate() {
        assert_ne!(case.as_str(), case.path(), "{case:?}");
        assert!(Case::ALL[..at].iter().all(|other| other.as_str() != case.as_str()), "{case:?}");
        let of_the_proxy = matches!(case, Case::WrongPort | Case::Maintenance | Case::Limit);
        assert_eq!(case.as_str().starts_with('('), of_the_proxy, "brackets are for what the proxy does: {case:?}");
    }
}
