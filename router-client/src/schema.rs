//! The JSON Schema of what travels, as far as a type tells it.

use std::marker::PhantomData;

use router_wire::describe::{ArgumentDescription, ValueDescription};
use schemars::JsonSchema;
use serde_json::{Value, json};

/// Describes `T` by its name alone: the schema of the types everybody knows, `true` for all others.
pub fn described_by_name<T: ?Sized>() -> ValueDescription {
    let type_name = readable(std::any::type_name::<T>());
    ValueDescription { schema: schema_of_name(&type_name), type_name, unit: None }
}

/// Describes `T` by its `JsonSchema`.
fn described_by_schema<T: JsonSchema + ?Sized>() -> ValueDescription {
    let type_name = readable(std::any::type_name::<T>());
    let mut schema = schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        // Each is a part of a larger document, and what it is called stands beside it.
        object.remove("$schema");
        object.remove("title");
    }
    ValueDescription { schema, type_name, unit: None }
}

/// Stands for `T` in generated code, where `(&Probe::<T>::new()).describe()` takes the description by
/// `JsonSchema` if `T` has one, and otherwise the one by name: method look-up finds the impl for the type
/// before the one for the reference to it.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> Probe<T> {
    #[allow(missing_docs, clippy::new_without_default, reason = "for generated code only")]
    pub fn new() -> Self {
        Probe(PhantomData)
    }
}

#[allow(missing_docs, reason = "for generated code only")]
pub trait DescribeBySchema {
    fn describe(&self) -> ValueDescription;
}

impl<T: JsonSchema + ?Sized> DescribeBySchema for Probe<T> {
    fn describe(&self) -> ValueDescription {
        described_by_schema::<T>()
    }
}

#[allow(missing_docs, reason = "for generated code only")]
pub trait DescribeByName {
    fn describe(&self) -> ValueDescription;
}

impl<T: ?Sized> DescribeByName for &Probe<T> {
    fn describe(&self) -> ValueDescription {
        described_by_name::<T>()
    }
}

/// An argument of a method; for generated code.
pub fn describe_argument(
    name: &str,
    value: ValueDescription,
    unit: Option<&str>,
    docs: &str,
    default: Option<Value>,
) -> ArgumentDescription {
    let mut value = describe_returned(value, unit);
    if !docs.is_empty() {
        if !value.schema.is_object() {
            value.schema = json!({});
        }
        value.schema["description"] = Value::from(docs);
    }
    ArgumentDescription { name: name.to_owned(), value, default }
}

/// What a method returns; for generated code.
pub fn describe_returned(mut value: ValueDescription, unit: Option<&str>) -> ValueDescription {
    value.unit = unit.map(str::to_owned);
    value
}

/// What a closure returns when all is well: of a `Result`, behind an alias or not, the value.
pub fn described_return<R>() -> ValueDescription {
    let full_name = std::any::type_name::<R>();
    let type_name = readable(full_name);
    // A type of the user's that is called `Result` too is a value like others.
    let is_result = full_name.starts_with("core::result::Result<");
    let type_name = match arguments_of(&type_name, "Result").first() {
        Some(value) if is_result => (*value).to_owned(),
        _ => type_name,
    };
    ValueDescription { schema: schema_of_name(&type_name), type_name, unit: None }
}

/// `core::option::Option<alloc::string::String>` as `Option<String>`.
fn readable(type_name: &str) -> String {
    let mut text = String::with_capacity(type_name.len());
    let mut path = String::new();
    for character in type_name.chars() {
        if character.is_alphanumeric() || character == '_' || character == ':' {
            path.push(character);
        } else {
            text.push_str(path.rsplit("::").next().unwrap_or_default());
            path.clear();
            text.push(character);
        }
    }
    text.push_str(path.rsplit("::").next().unwrap_or_default());
    text
}

fn schema_of_name(name: &str) -> Value {
    let list_of = |item: &str| json!({ "type": "array", "items": schema_of_name(item) });
    match name {
        "bool" => return json!({ "type": "boolean" }),
        "f32" => return json!({ "type": "number", "format": "float" }),
        "f64" => return json!({ "type": "number", "format": "double" }),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => return json!({ "type": "integer" }),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => return json!({ "type": "integer", "minimum": 0 }),
        "String" | "str" | "&str" | "char" | "PathBuf" => return json!({ "type": "string" }),
        "()" => return json!({ "type": "null" }),
        _ => {}
    }
    for list in ["Vec", "VecDeque", "HashSet", "BTreeSet"] {
        if let Some(item) = arguments_of(name, list).first() {
            return list_of(item);
        }
    }
    if let Some(item) = arguments_of(name, "Option").first() {
        return json!({ "anyOf": [schema_of_name(item), { "type": "null" }] });
    }
    for map in ["HashMap", "BTreeMap"] {
        if let Some(value) = arguments_of(name, map).get(1) {
            return json!({ "type": "object", "additionalProperties": schema_of_name(value) });
        }
    }
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return list_of(split_outside_brackets(inner, ';').first().unwrap_or(&inner));
    }
    if let Some(inner) = name.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let items: Vec<Value> = split_outside_brackets(inner, ',').into_iter().map(schema_of_name).collect();
        return json!({ "type": "array", "prefixItems": items, "minItems": items.len(), "maxItems": items.len() });
    }
    Value::Bool(true)
}

/// The type arguments of `name` when it is `outer<...>`.
fn arguments_of<'a>(name: &'a str, outer: &str) -> Vec<&'a str> {
    let inside = name
        .strip_prefix(outer)
        .and_then(|rest| rest.strip_prefix('<'))
        .and_then(|rest| rest.strip_suffix('>'));
    inside.map(|inside| split_outside_brackets(inside, ',')).unwrap_or_default()
}

fn split_outside_brackets(text: &str, at: char) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(|character| {
        depth += match character {
            '<' | '(' | '[' => 1,
            '>' | ')' | ']' => -1,
            _ => 0,
        };
        depth == 0 && character == at
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_types_have_a_schema() {
        fn check<T>(type_name: &str, schema: Value) {
            let described = described_by_name::<T>();
            assert_eq!((described.type_name.as_str(), described.schema), (type_name, schema));
        }
        struct Own;
        check::<f64>("f64", json!({ "type": "number", "format": "double" }));
        check::<Option<String>>(
            "Option<String>",
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        );
        check::<Vec<(bool, ())>>(
            "Vec<(bool, ())>",
            json!({ "type": "array", "items": { "type": "array", "prefixItems": [{ "type": "boolean" }, { "type": "null" }],
                    "minItems": 2, "maxItems": 2 } }),
        );
        check::<[u8; 3]>("[u8; 3]", json!({ "type": "array", "items": { "type": "integer", "minimum": 0 } }));
        check::<Own>("Own", json!(true));
    }

    #[test]
    fn a_closure_that_returns_a_result_returns_its_value() {
        assert_eq!(described_return::<Result<Vec<f64>, String>>().type_name, "Vec<f64>");
        assert_eq!(described_return::<std::io::Result<Option<f64>>>().type_name, "Option<f64>");
        assert_eq!(described_return::<Result<(f64, u8), Result<(), ()>>>().type_name, "(f64, u8)");
        assert_eq!(described_return::<()>().type_name, "()");
        assert_eq!(described_return::<Vec<Result<u8, u8>>>().type_name, "Vec<Result<u8, u8>>");
    }

    #[test]
    fn a_type_of_the_users_that_is_called_result_is_a_value() {
        struct Result<T>(T);
        let described = described_return::<Result<f64>>();
        assert_eq!((described.type_name.as_str(), described.schema), ("Result<f64>", json!(true)));
    }
}
