//! JSON as FHIR needs it: numbers keep their text and members their order.
//!
//! This is [`fhirkit::Json`] with what building and changing documents needs. serde_json would turn 72.50 into 72.5, and
//! its switches that keep numbers and order hold for the whole program, so it is not used for resources.

pub(crate) use fhirkit::Json;

/// A member of an object, to change.
pub(crate) fn get_mut<'a>(json: &'a mut Json, name: &str) -> Option<&'a mut Json> {
    match json {
        Json::Object(members) => members.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value),
        _ => None,
    }
}

/// Sets a member where it stands, or as the last one.
pub(crate) fn set(json: &mut Json, name: &str, value: Json) {
    if let Some(standing) = get_mut(json, name) {
        *standing = value;
    } else if let Json::Object(members) = json {
        members.push((name.to_owned(), value));
    }
}

/// Takes a member out.
pub(crate) fn remove(json: &mut Json, name: &str) -> Option<Json> {
    let Json::Object(members) = json else { return None };
    let at = members.iter().position(|(key, _)| key == name)?;
    Some(members.remove(at).1)
}

/// A member that is a string.
pub(crate) fn text<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    json.get(name).and_then(Json::as_str)
}

/// The items of an array, or the value itself if it is none.
pub(crate) fn items(json: &Json) -> &[Json] {
    match json {
        Json::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

/// The items under a member; none if there is no such member.
pub(crate) fn list<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    json.get(name).map_or(&[], items)
}

/// An object of these members; those that are null are left out.
pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let given = members.into_iter().filter(|(_, value)| *value != Json::Null);
    Json::Object(given.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What can stand in a document.
pub(crate) trait IntoJson {
    fn into_json(self) -> Json;
}

impl IntoJson for Json {
    fn into_json(self) -> Json {
        self
    }
}

impl IntoJson for &str {
    fn into_json(self) -> Json {
        Json::String(self.to_owned())
    }
}

impl IntoJson for String {
    fn into_json(self) -> Json {
        Json::String(self)
    }
}

impl IntoJson for usize {
    fn into_json(self) -> Json {
        Json::Number(self.to_string())
    }
}

impl IntoJson for bool {
    fn into_json(self) -> Json {
        Json::Bool(self)
    }
}

impl<T: IntoJson> IntoJson for Vec<T> {
    fn into_json(self) -> Json {
        Json::Array(self.into_iter().map(T::into_json).collect())
    }
}

impl<T: IntoJson> IntoJson for Option<T> {
    fn into_json(self) -> Json {
        self.map_or(Json::Null, T::into_json)
    }
}

/// `json!` for documents of FHIR: members that come to null are left out.
macro_rules! fhir {
    ({ $($name:literal : $value:expr),* $(,)? }) => {
        $crate::json::object([$(($name, $crate::json::IntoJson::into_json($value))),*])
    };
}
pub(crate) use fhir;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_built_and_changed() {
        let mut json = fhir!({ "a": "x", "b": None::<&str>, "n": 3_usize, "l": vec!["1", "2"], "t": true });
        assert_eq!(json.to_compact(), r#"{"a":"x","n":3,"l":["1","2"],"t":true}"#);
        set(&mut json, "a", Json::Number("72.50".into()));
        set(&mut json, "z", Json::Null);
        assert_eq!(remove(&mut json, "n"), Some(Json::Number("3".into())));
        assert_eq!(json.to_compact(), r#"{"a":72.50,"l":["1","2"],"t":true,"z":null}"#);
        assert_eq!((list(&json, "l").len(), list(&json, "a").len(), list(&json, "q").len()), (2, 1, 0));
    }
}
