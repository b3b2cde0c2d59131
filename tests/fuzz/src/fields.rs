//! Protobuf without its schema: a message as a tree of fields, changed and written again in the canonical way, so that a
//! strict decoder takes it and the rules behind it get to see it.

use crate::Mutator;

const DEPTH_MAX: u32 = 12;

#[derive(Clone, Debug)]
enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    Message(Vec<Field>),
}

#[derive(Clone, Debug)]
struct Field {
    number: u64,
    value: Value,
}

/// A mutant, if the input is a message.
pub(crate) fn mutant(dice: &mut Mutator, input: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut message = parse(input, 0)?;
    let lent = parse(other, 0).unwrap_or_default();
    for _ in 0..1 + dice.below(3) {
        change(dice, &mut message, &lent);
    }
    let mut out = Vec::new();
    write(&message, &mut out);
    Some(out)
}

fn change(dice: &mut Mutator, message: &mut Vec<Field>, lent: &[Field]) {
    if message.is_empty() {
        if let Some(field) = (!lent.is_empty()).then(|| dice.pick(lent).clone()) {
            message.push(field);
        }
        return;
    }
    let at = dice.below(message.len());
    if !dice.one_in(6)
        && let Value::Message(inner) = &mut message[at].value
    {
        return change(dice, inner, lent);
    }
    match dice.below(8) {
        0 => drop(message.remove(at)),
        1 => {
            let copy = message[at].clone();
            message.insert(at, copy);
        }
        2 if !lent.is_empty() => {
            let field = dice.pick(lent).clone();
            message.insert(at, field);
        }
        3 => {
            let copy = message[at].clone();
            message.extend(std::iter::repeat_n(copy, 1 + dice.below(300)));
        }
        _ => leaf(dice, &mut message[at].value),
    }
    message.sort_by_key(|field| field.number);
}

fn leaf(dice: &mut Mutator, value: &mut Value) {
    match value {
        Value::Varint(number) => {
            *number = match dice.below(4) {
                0 => number.wrapping_add(1),
                1 => number.wrapping_sub(1),
                2 => dice.number(),
                _ => dice.edge(),
            }
        }
        Value::Fixed64(bytes) => *bytes = dice.edge().to_le_bytes(),
        Value::Fixed32(bytes) => *bytes = (dice.edge() as u32).to_le_bytes(),
        Value::Bytes(bytes) => match dice.below(6) {
            0 => bytes.clear(),
            1 => *bytes = dice.piece().into(),
            2 => bytes.extend(dice.piece().bytes()),
            3 => *bytes = dice.noise(40),
            4 => *bytes = std::iter::repeat_n(b'a', dice.below(5000)).collect(),
            _ => {
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
            }
        },
        Value::Message(inner) => inner.clear(),
    }
}

fn parse(mut bytes: &[u8], depth: u32) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let (number, kind) = (key >> 3, key & 7);
        if number == 0 || number > 1000 {
            return None;
        }
        let value = match kind {
            0 => Value::Varint(varint(&mut bytes)?),
            1 => Value::Fixed64(bytes.split_off(..8)?.try_into().ok()?),
            5 => Value::Fixed32(bytes.split_off(..4)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let inner = bytes.split_off(..length)?;
                let text = inner.iter().all(|byte| (0x20..0x7f).contains(byte));
                let nested = (!text && depth < DEPTH_MAX).then(|| parse(inner, depth + 1)).flatten();
                nested.map_or_else(|| Value::Bytes(inner.to_vec()), Value::Message)
            }
            _ => return None,
        };
        fields.push(Field { number, value });
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn write(fields: &[Field], out: &mut Vec<u8>) {
    for Field { number, value } in fields {
        let key = |kind: u64| number << 3 | kind;
        match value {
            Value::Varint(value) => [key(0), *value].into_iter().for_each(|n| put(n, out)),
            Value::Fixed64(bytes) => {
                put(key(1), out);
                out.extend_from_slice(bytes);
            }
            Value::Fixed32(bytes) => {
                put(key(5), out);
                out.extend_from_slice(bytes);
            }
            Value::Bytes(bytes) => {
                put(key(2), out);
                put(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Value::Message(inner) => {
                let mut bytes = Vec::new();
                write(inner, &mut bytes);
                put(key(2), out);
                put(bytes.len() as u64, out);
                out.append(&mut bytes);
            }
        }
    }
}

fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
