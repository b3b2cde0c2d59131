//! Reads an event stream (the `text/event-stream` of HTML) as it comes, in pieces cut anywhere.

/// A block is never larger; a stream without an end of line is no event stream.
const BLOCK_BYTES_MAX: usize = 4 << 20;

/// One block: what stood before an empty line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry_ms: Option<u64>,
}

/// What has come and is not a whole block yet.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return, which a line feed may still belong to.
    returned: bool,
    block: Block,
    bytes: usize,
}

/// The stream is no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Parser {
    /// Takes a piece and gives the blocks that it completes.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<Block>, Malformed> {
        let mut blocks = Vec::new();
        for byte in piece {
            let ends = match byte {
                b'\n' if self.returned => {
                    self.returned = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.returned = *byte == b'\r';
            self.bytes += 1;
            if self.bytes > BLOCK_BYTES_MAX {
                return Err(Malformed);
            }
            if !ends {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| Malformed)?;
            if line.is_empty() {
                self.bytes = 0;
                blocks.push(std::mem::take(&mut self.block));
            } else {
                self.field(&line);
            }
        }
        Ok(blocks)
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" if !value.contains('\0') => self.block.id = Some(value.to_owned()),
            "event" => self.block.event = Some(value.to_owned()),
            "retry" => self.block.retry_ms = value.parse().ok(),
            "data" => match &mut self.block.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.block.data = Some(value.to_owned()),
            },
            // A comment, or a field of a later version.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\r\nid: 1-0\r\nretry: 2000\r\n\r\nid: 1-1\ndata: {\ndata: \"a\": 1}\n\nevent: problem\rdata:x\r\rid\n\n";

    fn expected() -> Vec<Block> {
        let block = |id: Option<&str>, event: Option<&str>, data: Option<&str>, retry_ms| Block {
            id: id.map(str::to_owned),
            event: event.map(str::to_owned),
            data: data.map(str::to_owned),
            retry_ms,
        };
        vec![
            block(Some("1-0"), None, None, Some(2000)),
            block(Some("1-1"), None, Some("{\n\"a\": 1}"), None),
            block(None, Some("problem"), Some("x"), None),
            block(Some(""), None, None, None),
        ]
    }

    #[test]
    fn blocks_are_the_same_wherever_the_pieces_are_cut() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let blocks: Vec<Block> = pieces.flat_map(|piece| parser.push(piece).unwrap()).collect();
            assert_eq!(blocks, expected(), "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_event_stream_is_refused() {
        assert_eq!(Parser::default().push(b"data: \xff\n"), Err(Malformed));
        assert_eq!(Parser::default().push(&vec![b'a'; BLOCK_BYTES_MAX + 1]), Err(Malformed));
    }
}
