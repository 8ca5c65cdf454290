//! Entra's refusal of a sign-in, as a redirect reports it.

/// Entra's refusal of a sign-in. The texts are bounded, on one line, and free of control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denial {
    /// The code of RFC 6749, such as `access_denied`.
    pub error: String,
    /// The sentence, which begins with `AADSTS` and a number.
    pub description: Option<String>,
    /// `cancel` if the user went back.
    pub subcode: Option<String>,
    /// The kind of interaction that would help.
    pub suberror: Option<String>,
    /// The request's id in Entra's logs.
    pub correlation_id: Option<String>,
    /// The id of this attempt in Entra's logs.
    pub trace_id: Option<String>,
    /// The time, by Entra's clock and in its format.
    pub timestamp: Option<String>,
    /// A claims challenge, which is JSON.
    pub claims: Option<String>,
}
