//! What the two clients have in common, word for word: reqwest's two have the same methods, and no trait.

/// How requests are started.
macro_rules! client_methods {
    () => {
        /// Returns this client with an `Idempotency-Key` on each request whose method is not idempotent, as
        /// [`ClientBuilder::idempotency_keys`] has it. Its clones stay as they are, and share connections and budgets with it.
        #[must_use]
        pub fn idempotency_keys(mut self, generator: impl Fn() -> HeaderValue + Send + Sync + 'static) -> Self {
            self.door_mut().keys = Keys::of(generator);
            self
        }

        /// Says that the client inside follows no redirects. Then a failure may prove that nothing was processed, and what is not
        /// idempotent is repeated where it does.
        ///
        /// For a finished client, and for one whose redirects were switched off on reqwest's own builder. Do not say it of one
        /// that may follow them: a redirected POST could then be sent twice.
        #[must_use]
        pub fn without_redirects(mut self) -> Self {
            self.door_mut().hidden_redirects = false;
            self
        }

        /// Starts a GET request.
        pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
            self.request(Method::GET, url)
        }

        /// Starts a POST request.
        pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
            self.request(Method::POST, url)
        }

        /// Starts a PUT request.
        pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
            self.request(Method::PUT, url)
        }

        /// Starts a PATCH request.
        pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
            self.request(Method::PATCH, url)
        }

        /// Starts a DELETE request.
        pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
            self.request(Method::DELETE, url)
        }

        /// Starts a HEAD request.
        pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
            self.request(Method::HEAD, url)
        }

        /// Starts a request.
        pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
            RequestBuilder::new(self.clone(), self.as_reqwest().request(method, url))
        }
    };
}

/// What is said of all calls of a client.
macro_rules! builder_methods {
    () => {
        /// Sets the policy of all hosts. Default [`Policy::default`].
        pub fn policy(mut self, policy: Policy) -> Self {
            self.policy = Some(policy);
            self
        }

        /// Sets who listens to the events. Default: `Tracing` with the feature `tracing`, else nobody.
        pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
            self.observer = Some(Listener::new(observer));
            self
        }

        /// Sets the endpoints, which may be shared with others. They have policies and an observer of their own: what
        /// [`policy`](Self::policy) and [`observer`](Self::observer) say is then not heard.
        pub fn endpoints(mut self, endpoints: impl Into<Endpoints>) -> Self {
            self.endpoints = Some(endpoints.into());
            self
        }

        /// Sets the redirect policy. Default: reqwest's.
        ///
        /// Set it here and not on reqwest's builder: one that is set there is kept but cannot be watched, and the client
        /// is as careful as one from [`Client::new`], unless you say [`Client::without_redirects`].
        pub fn redirect(mut self, policy: redirect::Policy) -> Self {
            self.redirect = Some(policy);
            self
        }

        /// Sends an `Idempotency-Key` with each request whose method is not idempotent, and repeats it as if it were.
        /// Default off.
        ///
        /// A key is made once for each call, is the same in all of its attempts, and never replaces one of the caller's. It is
        /// sent in every [`Mode`](crate::Mode), so that to observe shows what would be done, and to switch off changes no
        /// request. Who says that a request or an endpoint is not idempotent is believed, whatever its key. Use it only if all servers of this client know the header: to others a repeated POST is a second one. For some of them,
        /// set the header on the request. [`random_key`](crate::random_key) makes what any server takes.
        pub fn idempotency_keys(mut self, generator: impl Fn() -> HeaderValue + Send + Sync + 'static) -> Self {
            self.keys = Keys::of(generator);
            self
        }

        fn take_endpoints(&mut self) -> Endpoints {
            let policy = self.policy.take().unwrap_or_default();
            match (self.endpoints.take(), self.observer.take()) {
                (Some(endpoints), _) => endpoints,
                (None, Some(observer)) => Endpoints::observed(policy, observer),
                (None, None) => Endpoints::new(policy),
            }
        }
    };
}

/// What is said of one request.
macro_rules! request_methods {
    () => {
        /// Adds a header.
        pub fn header<K, V>(self, name: K, value: V) -> Self
        where
            HeaderName: TryFrom<K>,
            <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
            HeaderValue: TryFrom<V>,
            <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
        {
            self.map(|request| request.header(name, value))
        }

        /// Adds headers, each in place of those of the same name.
        pub fn headers(self, headers: HeaderMap) -> Self {
            self.map(|request| request.headers(headers))
        }

        /// Sets the `Authorization` header to a bearer token.
        pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
            self.map(|request| request.bearer_auth(token))
        }

        /// Sets the `Authorization` header to a name and a password.
        pub fn basic_auth<U: fmt::Display, P: fmt::Display>(self, username: U, password: Option<P>) -> Self {
            self.map(|request| request.basic_auth(username, password))
        }

        /// Sets the body. A stream can be sent only once: such a request is not retried, and the report says so. For one that
        /// can be made anew, see [`body_with`](Self::body_with).
        pub fn body(mut self, body: impl Into<Body>) -> Self {
            self.forget_body_factory();
            self.map(|request| request.body(body))
        }

        /// Sets what makes the body of each attempt, so that a stream can be sent again. Each must be the same.
        pub fn body_with(mut self, factory: impl Fn() -> Body + Send + Sync + 'static) -> Self {
            self.wishes.get_or_insert_default().body = Some(Arc::new(factory));
            self
        }

        /// Sets the body to JSON.
        #[cfg(feature = "json")]
        pub fn json<T: serde_core::Serialize + ?Sized>(mut self, json: &T) -> Self {
            self.forget_body_factory();
            self.map(|request| request.json(json))
        }

        /// Adds to the query of the URL.
        #[cfg(feature = "query")]
        pub fn query<T: serde_core::Serialize + ?Sized>(self, query: &T) -> Self {
            self.map(|request| request.query(query))
        }

        /// Sets the body to a form.
        #[cfg(feature = "form")]
        pub fn form<T: serde_core::Serialize + ?Sized>(mut self, form: &T) -> Self {
            self.forget_body_factory();
            self.map(|request| request.form(form))
        }

        /// Sets the version of HTTP.
        pub fn version(self, version: Version) -> Self {
            self.map(|request| request.version(version))
        }

        /// Sets the time of the whole call: all attempts, the waits between them, and the reading of the body.
        ///
        /// It goes before the policy's `timeout` and the reqwest client's own. [`Duration::ZERO`] sends nothing.
        pub fn timeout(self, timeout: Duration) -> Self {
            self.map(|request| request.timeout(timeout))
        }

        /// Says whether the request may be done twice. Default as its endpoint says, else by `Idempotency-Key` and method.
        pub fn idempotent(self, idempotent: bool) -> Self {
            self.overridden(|overrides| overrides.idempotent(idempotent))
        }

        /// Sets the policy of this call. Its endpoint's budget still pays for the retries.
        pub fn policy(self, policy: Policy) -> Self {
            self.overridden(|overrides| overrides.policy(policy))
        }

        /// Sets how long after the first attempt the last one may start, instead of the policy's
        /// [`max_elapsed`](Policy::max_elapsed).
        pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
            self.overridden(|overrides| overrides.max_elapsed(max_elapsed))
        }

        /// Builds the request. What [`idempotent`](Self::idempotent), [`policy`](Self::policy) and
        /// [`max_elapsed`](Self::max_elapsed) said is not part of it, nor what [`body_with`](Self::body_with) makes, and a form is
        /// a stream.
        ///
        /// # Errors
        ///
        /// If a part of it was invalid, such as its URL.
        pub fn build(self) -> Result<Request, Error> {
            self.build_split().1
        }

        /// Builds the request, as [`build`](Self::build), and returns the client with it.
        pub fn build_split(self) -> (Client, Result<Request, Error>) {
            let request = self.request.build().map_err(|error| Error::from_reqwest(error, None));
            (self.client, request)
        }

        /// Copies the builder, or returns `None` if a body that was set before is a stream.
        #[must_use]
        pub fn try_clone(&self) -> Option<Self> {
            let request = self.request.try_clone()?;
            Some(Self { client: self.client.clone(), request, wishes: self.wishes.clone() })
        }

        fn overridden(mut self, change: impl FnOnce(Overrides) -> Overrides) -> Self {
            let wishes = self.wishes.get_or_insert_default();
            wishes.overrides = change(std::mem::take(&mut wishes.overrides));
            self
        }

        /// The body that was set last is the one.
        fn forget_body_factory(&mut self) {
            if let Some(wishes) = &mut self.wishes {
                wishes.body = None;
            }
        }

        fn map(self, change: impl FnOnce(Inner) -> Inner) -> Self {
            Self { request: change(self.request), ..self }
        }
    };
}

pub(crate) use {builder_methods, client_methods, request_methods};
