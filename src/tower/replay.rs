//! How the body of a retry is made.

/// Makes the body of an attempt of that of the one before. Closures do.
pub trait Replay<B>: Send + Sync {
    /// Returns the same body again, or `None` if it can be sent only once.
    fn replay(&self, body: &B) -> Option<B>;
}

/// Clones bodies, as of `Full<Bytes>`, `String`, `()`.
#[derive(Clone, Copy, Debug)]
pub struct CloneBody(pub(super) ());

impl<B: Clone> Replay<B> for CloneBody {
    fn replay(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl<B, F: Fn(&B) -> Option<B> + Send + Sync> Replay<B> for F {
    fn replay(&self, body: &B) -> Option<B> {
        self(body)
    }
}
