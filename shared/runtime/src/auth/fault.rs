//! What can be wrong with a token: one list for agencies' tokens and for those of identity providers.

/// What is wrong with a token. None of it repeats the token or a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("the Authorization header is not a bearer token")]
    NotBearer,
    #[error("it is not a JWT with the claims iss, sub, aud, iat and exp in their forms")]
    Malformed,
    #[error("its algorithm is not taken here")]
    Algorithm,
    #[error("nobody here trusts its issuer")]
    Issuer,
    #[error("its issuer and subject differ")]
    Subject,
    #[error("it is for others")]
    Audience,
    #[error("it is for several, and not issued to us")]
    AuthorizedParty,
    #[error("its issuer has no such key now")]
    Key,
    #[error("its signature is wrong")]
    Signature,
    #[error("it has expired")]
    Expired,
    #[error("it was issued in the future, or does not hold yet; check the clock it was made with")]
    Future,
    #[error("it lives longer than 300 seconds")]
    Lifetime,
    #[error("the pseudonym of its official is not 1 to 128 bytes of text")]
    Official,
    #[error("its issuer may not speak for officials, or its agency is no member")]
    Role,
    #[error("it is an official's, not a person's")]
    NotAPerson,
    /// The one that is not the token's fault.
    #[error("its issuer's keys cannot be had now")]
    Unavailable,
}

impl TokenFault {
    /// The stable name of the fault.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotBearer => "not_bearer",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Issuer => "issuer",
            Self::Subject => "subject",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::Future => "future",
            Self::Lifetime => "lifetime",
            Self::Official => "official",
            Self::Role => "role",
            Self::NotAPerson => "not_a_person",
            Self::Unavailable => "unavailable",
        }
    }
}
