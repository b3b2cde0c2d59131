//! Changes to a part of a resource: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396).
//!
//! Both work on [`Json`], so that a number that no patch touches keeps its text. (The json-patch crate works on
//! serde_json's values, which lose 72.50 and the order of members.)

use crate::{
    json::{Json, get_mut, remove, set, text},
    outcome::Fault,
};

/// The most operations of one patch.
const OPERATIONS_MAX: usize = 1000;

/// Applies a merge patch: members that are null are taken out, objects are merged, all else is replaced.
pub(crate) fn merge(target: &mut Json, patch: Json) {
    let Json::Object(members) = patch else {
        *target = patch;
        return;
    };
    if !matches!(target, Json::Object(_)) {
        *target = Json::Object(Vec::new());
    }
    for (name, value) in members {
        if value == Json::Null {
            remove(target, &name);
        } else if let Some(standing) = get_mut(target, &name) {
            merge(standing, value);
        } else {
            let mut new = Json::Null;
            merge(&mut new, value);
            set(target, &name, new);
        }
    }
}

/// Applies a JSON Patch, all of it or nothing.
pub(crate) fn json_patch(target: &Json, patch: &Json) -> Result<Json, Fault> {
    let Json::Array(operations) = patch else {
        return Err(Fault::bad("A JSON Patch is an array of operations."));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(Fault::bad(format!("A JSON Patch has at most {OPERATIONS_MAX} operations.")));
    }
    let mut patched = target.clone();
    for (at, operation) in operations.iter().enumerate() {
        apply(&mut patched, operation).map_err(|fault| fault.in_operation(at))?;
    }
    Ok(patched)
}

impl Fault {
    fn in_operation(mut self, at: usize) -> Self {
        for issue in &mut self.issues {
            issue.told = format!("Operation {at}: {}", issue.told);
        }
        self
    }
}

fn apply(target: &mut Json, operation: &Json) -> Result<(), Fault> {
    let value = || operation.get("value").cloned().ok_or_else(|| Fault::bad("it has no value."));
    let path = pointer(operation, "path")?;
    match text(operation, "op") {
        Some("add") => add(target, &path, value()?),
        Some("remove") => take(target, &path).map(|_| ()),
        Some("replace") => {
            let standing = find(target, &path).ok_or_else(nothing)?;
            *standing = value()?;
            Ok(())
        }
        Some("move") => {
            let from = pointer(operation, "from")?;
            if path.len() > from.len() && path.starts_with(&from) {
                return Err(Fault::bad("nothing moves into itself."));
            }
            let moved = take(target, &from)?;
            add(target, &path, moved)
        }
        Some("copy") => {
            let from = pointer(operation, "from")?;
            let copy = find(target, &from).ok_or_else(nothing)?.clone();
            add(target, &path, copy)
        }
        Some("test") => {
            let wanted = value()?;
            if find(target, &path).is_some_and(|standing| same(standing, &wanted)) {
                return Ok(());
            }
            Err(Fault::rules(vec![crate::outcome::Issue::error("processing", "the test fails.")]))
        }
        _ => Err(Fault::bad("op is one of add, remove, replace, move, copy, test.")),
    }
}

fn nothing() -> Fault {
    Fault::rules(vec![crate::outcome::Issue::error("processing", "nothing is at its path.")])
}

/// The steps of a JSON Pointer (RFC 6901).
fn pointer(operation: &Json, name: &str) -> Result<Vec<String>, Fault> {
    let path = text(operation, name).ok_or_else(|| Fault::bad(format!("it has no {name}.")))?;
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let steps =
        path.strip_prefix('/').ok_or_else(|| Fault::bad(format!("its {name} begins with no slash.")))?;
    Ok(steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// The place in an array; digits without a leading zero.
fn index(step: &str, length: usize) -> Option<usize> {
    let plain = step.bytes().all(|b| b.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    step.parse().ok().filter(|at| plain && *at < length)
}

fn find<'a>(target: &'a mut Json, path: &[String]) -> Option<&'a mut Json> {
    path.iter().try_fold(target, |json, step| match json {
        Json::Array(items) => index(step, items.len()).map(|at| &mut items[at]),
        other => get_mut(other, step),
    })
}

fn add(target: &mut Json, path: &[String], value: Json) -> Result<(), Fault> {
    let Some((last, parents)) = path.split_last() else {
        *target = value;
        return Ok(());
    };
    match find(target, parents).ok_or_else(nothing)? {
        Json::Array(items) => {
            let at = if last == "-" { Some(items.len()) } else { index(last, items.len() + 1) };
            items.insert(at.ok_or_else(nothing)?, value);
            Ok(())
        }
        object @ Json::Object(_) => {
            set(object, last, value);
            Ok(())
        }
        _ => Err(nothing()),
    }
}

fn take(target: &mut Json, path: &[String]) -> Result<Json, Fault> {
    let Some((last, parents)) = path.split_last() else {
        return Ok(std::mem::replace(target, Json::Null));
    };
    match find(target, parents).ok_or_else(nothing)? {
        Json::Array(items) => {
            let at = index(last, items.len()).ok_or_else(nothing)?;
            Ok(items.remove(at))
        }
        other => remove(other, last).ok_or_else(nothing),
    }
}

/// Equality of RFC 6902: members in any order, numbers by value.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            let found = |(name, value): &(String, Json)| b.iter().any(|(n, v)| n == name && same(value, v));
            a.len() == b.len() && a.iter().all(found)
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Number(x), Json::Number(y)) => {
            let number = crate::search::quantity::number;
            x == y || number(x).is_some_and(|x| number(y) == Some(x))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    /// The table of RFC 7396, appendix A.
    #[test]
    fn merges_as_the_rfc_says() {
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ];
        for (target, patch, expected) in cases {
            let mut target = json(target);
            merge(&mut target, json(patch));
            assert_eq!(target.to_compact(), expected);
        }
    }

    /// Examples of RFC 6902, appendix A.
    #[test]
    fn patches_as_the_rfc_says() {
        let cases = [
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/baz","value":"qux"}]"#,
                Some(r#"{"foo":"bar","baz":"qux"}"#),
            ),
            (
                r#"{"foo":["bar","baz"]}"#,
                r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                Some(r#"{"foo":["bar","qux","baz"]}"#),
            ),
            (r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, Some(r#"{"foo":"bar"}"#)),
            (
                r#"{"foo":["bar","qux","baz"]}"#,
                r#"[{"op":"remove","path":"/foo/1"}]"#,
                Some(r#"{"foo":["bar","baz"]}"#),
            ),
            (
                r#"{"baz":"qux"}"#,
                r#"[{"op":"replace","path":"/baz","value":72.50}]"#,
                Some(r#"{"baz":72.50}"#),
            ),
            (
                r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                Some(r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#),
            ),
            (
                r#"{"foo":["all","grass","cows","eat"]}"#,
                r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                Some(r#"{"foo":["all","cows","eat","grass"]}"#),
            ),
            (
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
                r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
                Some(r#"{"baz":"qux","foo":["a",2,"c"]}"#),
            ),
            (r#"{"baz":"qux"}"#, r#"[{"op":"test","path":"/baz","value":"bar"}]"#, None),
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
                Some(r#"{"foo":"bar","child":{"grandchild":{}}}"#),
            ),
            (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#, None),
            (r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, Some(r#"{"/":9,"~1":10}"#)),
            (r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":"10"}]"#, None),
            (
                r#"{"foo":["bar"]}"#,
                r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
                Some(r#"{"foo":["bar",["abc","def"]]}"#),
            ),
            (r#"{"foo":["bar"]}"#, r#"[{"op":"add","path":"/foo/01","value":1}]"#, None),
            (
                r#"{"a":{"b":1}}"#,
                r#"[{"op":"copy","from":"/a","path":"/c"}]"#,
                Some(r#"{"a":{"b":1},"c":{"b":1}}"#),
            ),
            (r#"{"a":{"b":1}}"#, r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, None),
            (r#"{"a":1}"#, r#"[{"op":"remove","path":"/b"}]"#, None),
            (r#"{"a":1}"#, r#"[{"op":"spam","path":"/a"}]"#, None),
            (r#"{"a":1}"#, r#"{"op":"remove"}"#, None),
        ];
        for (target, patch, expected) in cases {
            let patched = json_patch(&json(target), &json(patch)).ok();
            assert_eq!(patched.map(|json| json.to_compact()).as_deref(), expected, "{patch}");
        }
    }
}
