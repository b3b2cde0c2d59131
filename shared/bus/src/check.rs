//! The rules of the port that every adapter holds callers to, in the same way.
//!
//! What one transport would accept and another refuse is refused here, so that code which works on one adapter
//! works on all.

use crate::{
    AppendError, BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Batch, Error, Filter, HEADERS_BYTES_MAX, Headers,
    Message, PAYLOAD_BYTES_MAX, Stream,
};

impl Batch {
    /// Whether the batch may be appended to a stream.
    pub fn check(&self, stream: Stream) -> Result<(), AppendError> {
        self.reason_against(stream).map_or(Ok(()), |reason| Err(AppendError::Invalid { stream, reason }))
    }

    fn reason_against(&self, stream: Stream) -> Option<String> {
        if self.messages.is_empty() {
            return Some("it has no messages".into());
        }
        if self.messages.len() > BATCH_MESSAGES_MAX {
            return Some(format!("it has more than {BATCH_MESSAGES_MAX} messages"));
        }
        let bytes: usize = self.messages.iter().map(|message| message.payload.len()).sum();
        if bytes > BATCH_BYTES_MAX {
            return Some(format!("its payloads take {bytes} bytes; {BATCH_BYTES_MAX} are allowed"));
        }
        for message in &self.messages {
            if !stream.holds(&message.subject) {
                return Some(format!("{:?} is no subject of the stream", message.subject));
            }
            if let Some(reason) = reason_against(&message.subject, &message.headers, message.payload.len()) {
                return Some(format!("{:?}: {reason}", message.subject));
            }
            if message.message_id.as_ref().is_some_and(|id| !is_token(id, 128)) {
                return Some("a message id is 1 to 128 visible ASCII characters".into());
            }
        }
        match &self.expected_last {
            Some((subject, _)) if self.messages.iter().all(|message| message.subject != *subject) => {
                Some(format!("none of its messages is under {subject:?}, whose last sequence it expects"))
            }
            _ => None,
        }
    }
}

impl Message {
    /// Whether the message may be published, sent as a request or as a reply.
    pub fn check(&self) -> Result<(), Error> {
        match reason_against(&self.subject, &self.headers, self.payload.len()) {
            Some(reason) => Err(Error::Invalid { subject: self.subject.clone(), reason }),
            None => Ok(()),
        }
    }
}

impl Filter {
    /// Whether one can listen or read with this filter.
    pub fn check(&self) -> Result<(), Error> {
        let invalid = |subject: &str, reason: &str| {
            Err(Error::Invalid { subject: subject.into(), reason: reason.into() })
        };
        if self.patterns().is_empty() {
            return invalid("", "a filter needs at least one pattern");
        }
        for pattern in self.patterns() {
            let mut tokens = pattern.split('.').peekable();
            while let Some(token) = tokens.next() {
                let wild = token == "*" || (token == ">" && tokens.peek().is_none());
                if !wild && !is_subject_token(token) {
                    return invalid(pattern, "this is not a subject pattern");
                }
            }
        }
        Ok(())
    }
}

fn reason_against(subject: &str, headers: &Headers, payload_bytes: usize) -> Option<String> {
    if subject.len() > 255 || !subject.split('.').all(is_subject_token) {
        return Some("this is not a subject".into());
    }
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return Some(format!("a payload of {payload_bytes} bytes is above the limit of {PAYLOAD_BYTES_MAX}"));
    }
    let mut headers_bytes = 0;
    for (name, value) in headers.iter() {
        headers_bytes += name.len() + value.len();
        let named = is_token(name, 128) && !name.contains(':');
        if !named || name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("nats-")) {
            return Some(format!("{name:?} is not a header name of the port"));
        }
        if value.contains(['\r', '\n']) || value.trim() != value {
            return Some(format!("the value of header {name:?} has a line break, or space around it"));
        }
    }
    (headers_bytes > HEADERS_BYTES_MAX)
        .then(|| format!("{headers_bytes} bytes of headers are above the limit of {HEADERS_BYTES_MAX}"))
}

fn is_subject_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>.".contains(&byte))
}

fn is_token(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Outgoing;

    fn outgoing(subject: &str) -> Outgoing {
        Outgoing {
            subject: subject.into(),
            headers: Headers::default(),
            payload: Bytes::from_static(b"x"),
            message_id: None,
        }
    }

    fn refused(change: impl FnOnce(&mut Batch)) -> bool {
        let mut batch = Batch {
            messages: vec![outgoing("tx.property"), outgoing("tx.health")],
            expected_last: Some(("tx.health".into(), 4)),
        };
        assert!(batch.check(Stream::Transactions).is_ok());
        change(&mut batch);
        batch.check(Stream::Transactions).is_err()
    }

    #[test]
    fn what_one_transport_would_refuse_is_refused() {
        assert!(refused(|batch| batch.messages.clear()));
        assert!(refused(|batch| batch.messages = vec![outgoing("tx.health"); BATCH_MESSAGES_MAX + 1]));
        assert!(refused(|batch| batch.expected_last = Some(("tx.other".into(), 0))));
        assert!(refused(|batch| batch.messages[0].payload = vec![0; PAYLOAD_BYTES_MAX + 1].into()));
        for subject in ["block.header", "tx", "tx.", "tx.*", "tx.>", "tx.a b", "tx.ä", ""] {
            assert!(refused(|batch| batch.messages[0].subject = subject.into()), "{subject}");
        }
        for id in ["", "a b", "ä", &"a".repeat(129)] {
            assert!(refused(|batch| batch.messages[0].message_id = Some(id.into())), "{id}");
        }
        for (name, value) in
            [("", "x"), ("a:b", "x"), ("a b", "x"), ("Nats-Msg-Id", "x"), ("a", "x\r\ny"), ("a", " x")]
        {
            assert!(refused(|batch| batch.messages[0].headers.set(name, value)), "{name}: {value}");
        }
        let value = "v".repeat(HEADERS_BYTES_MAX);
        assert!(refused(|batch| batch.messages[0].headers.set("large", value)));
    }

    #[test]
    fn filters_are_patterns() {
        for pattern in ["tx.>", "tx.*", "*.property", "tx.property", ">"] {
            assert!(Filter::one(pattern).check().is_ok(), "{pattern}");
        }
        for pattern in ["", "tx.", "tx.>.x", "tx.a*", "tx. "] {
            assert!(Filter::one(pattern).check().is_err(), "{pattern}");
        }
        assert!(Filter::any(Vec::<String>::new()).check().is_err());
    }
}
